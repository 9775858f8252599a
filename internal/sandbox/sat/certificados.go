package sat

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// huellasPublicas returns the SHA-256 fingerprints of the e.firmas that the SAT publishes for tests,
// with their RFC; people's clients carry them in their own test suites.
func huellasPublicas() map[string]string {
	return map[string]string{
		"256432344c27b1e0d7884913abec66441871ad297faf5819999a68b18a6556b0": "EKU9003173C9",
		"e6c36e36446e53401ebb68d87d2f1f6a0eb81e20072f980acb0904899662e28c": "EWE1709045U0",
	}
}

// oidRFC is x500UniqueIdentifier, where the SAT writes "RFC" or "RFC / RFC of the representative".
const oidRFC = "2.5.4.45"

// rfcDeCertificado returns the taxpayer of a certificate, or "".
func rfcDeCertificado(cert *x509.Certificate) string {
	for _, n := range cert.Subject.Names {
		if texto, ok := n.Value.(string); ok && n.Type.String() == oidRFC {
			rfc, _, _ := strings.Cut(texto, "/")
			return strings.ToUpper(strings.TrimSpace(rfc))
		}
	}
	return ""
}

func (s *Servidor) esPublico(cert *x509.Certificate) bool {
	suma := sha256.Sum256(cert.Raw)
	_, ok := s.publicos[hex.EncodeToString(suma[:])]
	return ok
}

// esCSD tells a certificate that seals invoices from an e.firma: it names a branch, or its key may
// not encipher nor agree.
func esCSD(cert *x509.Certificate) bool {
	const deEFirma = x509.KeyUsageDataEncipherment | x509.KeyUsageKeyAgreement
	return len(cert.Subject.OrganizationalUnit) > 0 || cert.KeyUsage&deEFirma != deEFirma
}

// juzga returns "" for a certificate that may act, or the code that refuses it. Validity is judged
// by the real clock: the client's keys live in it.
func (s *Servidor) juzga(cert *x509.Certificate, ahora time.Time) string {
	publico := s.esPublico(cert)
	switch {
	case !publico && (!s.autoridad.EsPropio(cert) || esCSD(cert) || rfcDeCertificado(cert) == ""):
		return codCertificado
	case ahora.Before(cert.NotBefore) || ahora.After(cert.NotAfter):
		return codCaduco
	case !publico && s.autoridad.Revocado(autoridad.Serial(cert)):
		return codCaduco
	}
	return ""
}

// juzgaOperacion is juzga for the operations after Autentica, where production refuses the public
// test certificates that Autentica took.
func (s *Servidor) juzgaOperacion(cert *x509.Certificate, ahora time.Time) string {
	if s.esPublico(cert) && s.perillas.Bool(certificadosPrueba305) {
		return codCertificado
	}
	return s.juzga(cert, ahora)
}
