package autoridad

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"time"

	"github.com/youmark/pkcs8"
)

// Tipo is the kind of certificate.
type Tipo int

const (
	// EFirma is the taxpayer's own signature (FIEL).
	EFirma Tipo = iota
	// CSD is a "certificado de sello digital": it seals invoices and must not
	// be accepted by the download service.
	CSD
)

// Encrypted is how the issued key is encrypted. All are PKCS#8 with PBES2.
type Encrypted int

const (
	// TripleDES is DES-EDE3-CBC with PBKDF2-HMAC-SHA1 and 2048 rounds, as all
	// of the SAT's test keys are.
	TripleDES Encrypted = iota
	// AES256 is AES-256-CBC with PBKDF2-HMAC-SHA256, as OpenSSL 3 writes it.
	AES256
)

const (
	rondasTripleDES = 2048
	rondasAES256    = 10000
	duration        = 4 * 365 * 24 * time.Hour
)

// Request says what to issue. RFC and Password are required.
type Request struct {
	RFC  string // upper case, 12 characters for a company, 13 for a person
	Name string // name or company name; RFC when empty
	CURP string // a person's own, or that of the company's representative
	// RFCRepresentante names a company's legal representative; with it the
	// certificate carries "RFC / RFC" as the SAT writes it.
	RFCRepresentante string
	Tipo             Tipo
	// NotBefore is by default one day before the authority was made, and
	// NotAfter four years after NotBefore.
	NotBefore, NotAfter time.Time
	Password            string
	Encrypted           Encrypted
	// Key is the key to certify; nil makes a new one of 2048 bits, which takes
	// tenths of a second.
	Key *rsa.PrivateKey
}

// Emitido is what a taxpayer takes home from the SAT, and the open key besides
// since it is for tests.
type Emitido struct {
	RFC         string
	Certificate *x509.Certificate
	CerDER      []byte // the .cer file
	KeyDER      []byte // the .key file: encrypted PKCS#8
	Password    string
	Key         *rsa.PrivateKey
}

// validRFC also keeps path separators out of the folder names of WriteTo.
var validRFC = regexp.MustCompile(`^[A-ZÑ&]{3,4}[0-9]{6}[A-Z0-9]{3}$`)

// Issue issues a certificate and its encrypted key. It may be called from
// several goroutines at once.
func (a *Autoridad) Issue(p Request) (*Emitido, error) {
	if err := p.complete(a); err != nil {
		return nil, err
	}
	serial, err := a.next()
	if err != nil {
		return nil, err
	}
	subject, err := asn1.Marshal(p.name())
	if err != nil {
		return nil, fmt.Errorf("encoding the subject: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          new(big.Int).SetBytes([]byte(serial)),
		RawSubject:            subject,
		NotBefore:             p.NotBefore.UTC(),
		NotAfter:              p.NotAfter.UTC(),
		KeyUsage:              p.uses(),
		BasicConstraintsValid: true,
		SignatureAlgorithm:    x509.SHA256WithRSA,
	}
	if p.Tipo == EFirma {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection, x509.ExtKeyUsageClientAuth}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.Certificate, p.Key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("signing the certificate of %s: %w", p.RFC, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate of %s back: %w", p.RFC, err)
	}
	encrypted, err := encrypt(p.Key, p.Password, p.Encrypted)
	if err != nil {
		return nil, err
	}
	return &Emitido{
		RFC: p.RFC, Certificate: cert, CerDER: der,
		KeyDER: encrypted, Password: p.Password, Key: p.Key,
	}, nil
}

// complete checks p and fills its defaults in.
func (p *Request) complete(a *Autoridad) error {
	if !validRFC.MatchString(p.RFC) {
		return fmt.Errorf("issuing: RFC %q has not the form of an RFC", p.RFC)
	}
	if p.Password == "" {
		return errors.New("issuing: the password is empty")
	}
	if p.Name == "" {
		p.Name = p.RFC
	}
	if p.NotBefore.IsZero() {
		p.NotBefore = a.Certificate.NotBefore.Add(age).Add(-24 * time.Hour)
	}
	if p.NotAfter.IsZero() {
		p.NotAfter = p.NotBefore.Add(duration)
	}
	if p.Key == nil {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			return fmt.Errorf("generating the key of %s: %w", p.RFC, err)
		}
		p.Key = key
	}
	return nil
}

// uses are the key usages that tell an e.firma from a CSD.
func (p *Request) uses() x509.KeyUsage {
	uses := x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	if p.Tipo == EFirma {
		uses |= x509.KeyUsageDataEncipherment | x509.KeyUsageKeyAgreement
	}
	return uses
}

// name is the subject in the SAT's order: a CSD ends with the OU of the
// branch it seals for; an e.firma has none.
func (p *Request) name() pkix.RDNSequence {
	rfc, curp := p.RFC, p.CURP
	if p.RFCRepresentante != "" {
		rfc += " / " + p.RFCRepresentante
		curp = " / " + p.CURP
	}
	name := pkix.RDNSequence{
		attribute(oidCommonName, p.Name),
		attribute(oidName, p.Name),
		attribute(oidOrganization, p.Name),
		attribute(oidCountry, "MX"),
		ia5(oidEmail, "contribuyente@pasarela.invalid"),
		attribute(oidUniqueIdentifier, rfc),
	}
	if curp != "" {
		name = append(name, attribute(oidSerialNumber, curp))
	}
	if p.Tipo == CSD {
		name = append(name, attribute(oidOrganizationalUnit, "Sucursal 1"))
	}
	return name
}

func encrypt(key *rsa.PrivateKey, password string, encrypted Encrypted) ([]byte, error) {
	if encrypted == TripleDES {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, fmt.Errorf("encoding the key: %w", err)
		}
		return encryptTripleDES(der, password)
	}
	der, err := pkcs8.MarshalPrivateKey(key, []byte(password), &pkcs8.Opts{
		Cipher:  pkcs8.AES256CBC,
		KDFOpts: pkcs8.PBKDF2Opts{SaltSize: 16, IterationCount: rondasAES256, HMACHash: crypto.SHA256},
	})
	if err != nil {
		return nil, fmt.Errorf("encrypting the key: %w", err)
	}
	return der, nil
}
