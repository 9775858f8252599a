package efirma

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxAutoridades bounds the file of authorities; the SAT has a few dozen.
const maxAutoridades = 1 << 20

// Autoridades are the authorities that may issue e.firmas, as configured by the operator.
// Each is trusted directly: the SAT hands out no chain with an e.firma. A nil value
// checks nothing.
type Autoridades struct{ certs []*x509.Certificate }

// ReadAutoridades reads a file of concatenated certificates, each in PEM or DER. An empty
// path returns nil.
func ReadAutoridades(path string) (*Autoridades, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path) //nolint:gosec // the operator's own setting
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, maxAutoridades+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	a, err := NewAutoridades(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// NewAutoridades returns the authorities among the certificates in content and ignores
// the others: a taxpayer's certificate in the file must not become an issuer.
func NewAutoridades(content []byte) (*Autoridades, error) {
	if len(content) > maxAutoridades {
		return nil, fmt.Errorf("over %d bytes", maxAutoridades)
	}
	f := examine(content)
	a := &Autoridades{}
	for _, p := range f.pieces {
		if p.err != nil {
			return nil, fmt.Errorf("a certificate cannot be read: %w", p.err)
		}
		if p.cert != nil && isAutoridad(p.cert) {
			a.certs = append(a.certs, p.cert)
		}
	}
	switch {
	case f.missing > 0:
		return nil, errors.New("a certificate is cut")
	case len(f.pieces) == maxPieces:
		return nil, fmt.Errorf("over %d certificates", maxPieces-1)
	case len(a.certs) == 0:
		return nil, errors.New("no certificate of an authority, in PEM or DER")
	}
	return a, nil
}

// isAutoridad reports whether cert may issue others. A certificate without basic
// constraints, which are newer, may if it issued itself.
func isAutoridad(cert *x509.Certificate) bool {
	if cert.BasicConstraintsValid {
		return cert.IsCA
	}
	return bytes.Equal(cert.RawIssuer, cert.RawSubject) && signedBy(cert, cert)
}

// signedBy verifies the signature and nothing else. x509's chains are too strict for the
// SAT's certificates: many are signed with SHA-1, and its authorities expire before what
// they issued.
func signedBy(cert, autoridad *x509.Certificate) bool {
	return autoridad.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

// issued refuses a certificate that no authority in a issued.
func (a *Autoridades) issued(cert *x509.Certificate) *Error {
	if a == nil {
		return nil
	}
	named := false
	for _, autoridad := range a.certs {
		// Successive authorities of the SAT have the same name, so several may have to be
		// tried.
		if !bytes.Equal(autoridad.RawSubject, cert.RawIssuer) && autoridad.Subject.String() != cert.Issuer.String() {
			continue
		}
		named = true
		if signedBy(cert, autoridad) {
			return nil
		}
	}
	if named {
		return falla(EmisorNoReconocido, nil, "El certificado dice que lo emitió «%s» y no lleva su firma: no es auténtico, o en GATEWAY_EFIRMA_CA_FILE falta la autoridad del mismo nombre que lo emitió. Use el .cer que entregó el SAT.", emisorOf(cert))
	}
	return falla(EmisorNoReconocido, nil, "El certificado lo emitió «%s», que no está entre las autoridades de GATEWAY_EFIRMA_CA_FILE. Use la e.firma del SAT; si es de una autoridad suya que falta, añádala a ese archivo.", emisorOf(cert))
}
