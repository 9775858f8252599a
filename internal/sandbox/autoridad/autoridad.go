// Package autoridad is a throw-away certificate authority that issues
// certificates of the shape the SAT issues: e.firmas and CSDs with their
// encrypted keys. The sandbox uses it to know its own taxpayers, and tests use
// it as their corpus, so that no private key is ever kept in the repository.
//
// It refuses to look real: the issuer's name says that it is a simulator, and
// nothing here reads or writes anything that the SAT issued.
package autoridad

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"sync"
	"time"
)

const (
	bits = 2048
	// age lets tests issue certificates that expired long ago and still
	// lie within the authority's own validity.
	age      = 10 * 365 * 24 * time.Hour
	vigencia = 20 * 365 * 24 * time.Hour
	// seriePrefix starts every serial, as it does in the SAT's test
	// certificates (the SAT's real ones start with 00001).
	seriePrefix = "30001000000"
	serieDigits = 9
)

// Autoridad issues certificates and remembers what it issued and revoked. It
// is safe for concurrent use.
type Autoridad struct {
	// Certificate is the authority's own, self-signed.
	Certificate *x509.Certificate

	key *rsa.PrivateKey

	mu       sync.Mutex
	emitidos map[string]bool
	revoked  map[string]bool
}

// New makes an authority with an RSA key of 2048 bits, valid from ten years
// before now to ten years after, so that expired certificates can be issued.
func New(now time.Time) (*Autoridad, error) {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, fmt.Errorf("generating the authority's key: %w", err)
	}
	subject, err := asn1.Marshal(autoridadName())
	if err != nil {
		return nil, fmt.Errorf("encoding the authority's name: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          new(big.Int).SetBytes([]byte(seriePrefix + "000000001")),
		RawSubject:            subject,
		NotBefore:             now.Add(-age).UTC(),
		NotAfter:              now.Add(vigencia - age).UTC(),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("signing the authority's certificate: %w", err)
	}
	return assemble(der, key)
}

func assemble(der []byte, key *rsa.PrivateKey) (*Autoridad, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading the authority's certificate: %w", err)
	}
	return &Autoridad{
		Certificate: cert,
		key:         key,
		emitidos:    map[string]bool{},
		revoked:     map[string]bool{},
	}, nil
}

// IsOwn reports whether this authority signed cert. The signature is really
// verified, so a certificate that merely copies the issuer's name is not its
// own; neither is the authority's own certificate, which nobody signs with.
func (a *Autoridad) IsOwn(cert *x509.Certificate) bool {
	return cert != nil && !cert.IsCA &&
		bytes.Equal(cert.RawIssuer, a.Certificate.RawSubject) &&
		a.Certificate.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

// Revoke marks the certificate with this serial (20 digits) as revoked.
func (a *Autoridad) Revoke(serial string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revoked[serial] = true
}

// Revoked reports whether the certificate with this serial was revoked.
func (a *Autoridad) Revoked(serial string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.revoked[serial]
}

// next returns a serial not issued before by this authority.
func (a *Autoridad) next() (string, error) {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(serieDigits), nil)
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		n, err := rand.Int(rand.Reader, limit)
		if err != nil {
			return "", fmt.Errorf("drawing a serial: %w", err)
		}
		serial := fmt.Sprintf("%s%0*d", seriePrefix, serieDigits, n)
		if !a.emitidos[serial] {
			a.emitidos[serial] = true
			return serial, nil
		}
	}
}

// Serial returns the SAT's "número de certificado": the ASCII digits that the
// bytes of the serial number spell.
func Serial(cert *x509.Certificate) string { return string(cert.SerialNumber.Bytes()) }

// autoridadName has the attributes of the SAT's issuer, in its order and
// with its string types, and says in each what it is.
func autoridadName() pkix.RDNSequence {
	return pkix.RDNSequence{
		attribute(oidCommonName, "AC SANDBOX PASARELA"),
		attribute(oidOrganization, "SANDBOX: NO ES EL SERVICIO DE ADMINISTRACION TRIBUTARIA"),
		attribute(oidOrganizationalUnit, "Autoridad de prueba"),
		ia5(oidEmail, "sandbox@pasarela.invalid"),
		attribute(oidStreet, "Calle Simulada 1, Col. Guerrero"),
		attribute(oidPostalCode, "06300"),
		attribute(oidCountry, "MX"),
		attribute(oidState, "CIUDAD DE MÉXICO"),
		attribute(oidLocality, "CUAUHTÉMOC"),
		attribute(oidUniqueIdentifier, "XAXX010101000"),
		attribute(oidUnstructuredName, "responsable: sandbox de Pasarela"),
	}
}
