package pade

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // G505: the Hash of a contract is SHA-1, and seals may be
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// part is a party to a contract: what it is called and the codes of what can be wrong with its signature.
type part struct{ name, sello, certificado, vigencia, emisor string }

func parts() []part {
	return []part{
		{"emisor", "303", "305", "307", "311"},
		{"integrador", "304", "306", "308", "310"},
	}
}

const codContratoInvalid = "309"

// check examines hash and signatures; nil is a contract that the PAC may sign.
func (s *Server) check(c *contrato) *result {
	if c.hash != hashOf(c.text) {
		return &result{codigo: codContratoInvalid, mensaje: "El contrato no es válido: Hash no es el de Texto"}
	}
	for i, f := range c.firmas {
		if r := s.checkFirma(parts()[i], f, c.text); r != nil {
			return r
		}
	}
	return nil
}

// hashOf is SHA-1 in pairs of capitals joined by hyphens, as .NET's BitConverter writes it.
func hashOf(text string) string {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // G401: as the service does
	return strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", "-")
}

func (s *Server) checkFirma(p part, f firmante, text string) *result {
	bad := func(codigo, motivo string) *result {
		return &result{codigo: codigo, mensaje: motivo + " del " + p.name}
	}
	der, err := base64.StdEncoding.Strict().DecodeString(f["Certificado"])
	if err != nil || strings.ContainsAny(f["Certificado"], "\r\n") {
		return bad(p.certificado, "Certificado mal formado")
	}
	cert, err := x509.ParseCertificate(der)
	switch {
	case err != nil:
		return bad(p.certificado, "Certificado mal formado")
	case autoridad.Serial(cert) != f["CertificadoSerie"]:
		return bad(p.certificado, "CertificadoSerie no corresponde al certificado")
	case f["RFC"] != "" && !isOf(cert, f["RFC"], f["RepLegalRFC"]):
		return bad(p.certificado, "RFC no corresponde al certificado")
	case !s.Autoridad.IsOwn(cert):
		return bad(p.emisor, "El SAT no emitió el certificado")
	}
	now := s.Clock.Real()
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) || s.Autoridad.Revoked(autoridad.Serial(cert)) {
		return bad(p.vigencia, "Certificado no vigente")
	}
	sello, err := base64.StdEncoding.Strict().DecodeString(f["Sello"])
	if err != nil || strings.ContainsAny(f["Sello"], "\r\n") {
		return bad(p.sello, "Sello mal formado")
	}
	if !verify(cert, text, sello) {
		return bad(p.sello, "Sello inválido")
	}
	return nil
}

// isOf reports whether the certificate is of one of these RFC: a company's own, or its representative's.
func isOf(cert *x509.Certificate, rfcs ...string) bool {
	const identifier = "2.5.4.45"
	for _, n := range cert.Subject.Names {
		if text, ok := n.Value.(string); ok && n.Type.String() == identifier {
			rfc, _, _ := strings.Cut(text, " / ")
			return slices.Contains(rfcs, rfc)
		}
	}
	return false
}

// verify takes a seal of the text with either digest: which of them the service wants is not public.
func verify(cert *x509.Certificate, text string, sello []byte) bool {
	llave, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return false
	}
	long, short := sha256.Sum256([]byte(text)), sha1.Sum([]byte(text)) //nolint:gosec // G401: old seals
	return rsa.VerifyPKCS1v15(llave, crypto.SHA256, long[:], sello) == nil || rsa.VerifyPKCS1v15(llave, crypto.SHA1, short[:], sello) == nil
}
