package sat

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// publicDigests returns the SHA-256 fingerprints of the e.firmas that the SAT publishes for tests,
// with their RFC; people's clients carry them in their own test suites.
func publicDigests() map[string]string {
	return map[string]string{
		"256432344c27b1e0d7884913abec66441871ad297faf5819999a68b18a6556b0": "EKU9003173C9",
		"e6c36e36446e53401ebb68d87d2f1f6a0eb81e20072f980acb0904899662e28c": "EWE1709045U0",
	}
}

// oidRFC is x500UniqueIdentifier, where the SAT writes "RFC" or "RFC / RFC of the representative".
const oidRFC = "2.5.4.45"

// certificadoRFC returns the taxpayer of a certificate, or "".
func certificadoRFC(cert *x509.Certificate) string {
	for _, n := range cert.Subject.Names {
		if text, ok := n.Value.(string); ok && n.Type.String() == oidRFC {
			rfc, _, _ := strings.Cut(text, "/")
			return strings.ToUpper(strings.TrimSpace(rfc))
		}
	}
	return ""
}

func (s *Server) isPublic(cert *x509.Certificate) bool {
	sum := sha256.Sum256(cert.Raw)
	_, ok := s.public[hex.EncodeToString(sum[:])]
	return ok
}

// isCSD tells a certificate that seals invoices from an e.firma: it names a branch, or its key may
// not encipher nor agree.
func isCSD(cert *x509.Certificate) bool {
	const ofEFirma = x509.KeyUsageDataEncipherment | x509.KeyUsageKeyAgreement
	return len(cert.Subject.OrganizationalUnit) > 0 || cert.KeyUsage&ofEFirma != ofEFirma
}

// judge returns "" for a certificate that may act, or the code that refuses it. Validity is judged
// by the real clock: the client's keys live in it.
func (s *Server) judge(cert *x509.Certificate, now time.Time) string {
	public := s.isPublic(cert)
	switch {
	case !public && (!s.Autoridad.IsOwn(cert) || isCSD(cert) || certificadoRFC(cert) == ""):
		return codCertificado
	case now.Before(cert.NotBefore) || now.After(cert.NotAfter):
		return codExpired
	case !public && s.Autoridad.Revoked(autoridad.Serial(cert)):
		return codExpired
	}
	return ""
}

// judgeOperation is judge for the operations after Autentica, where production refuses the public
// test certificates that Autentica took.
func (s *Server) judgeOperation(cert *x509.Certificate, now time.Time) string {
	if s.isPublic(cert) && s.Knobs.Bool(certificadosPrueba305) {
		return codCertificado
	}
	return s.judge(cert, now)
}
