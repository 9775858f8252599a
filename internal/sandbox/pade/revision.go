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

// parte is a party to a contract: what it is called and the codes of what can be wrong with its signature.
type parte struct{ nombre, sello, certificado, vigencia, emisor string }

func partes() []parte {
	return []parte{
		{"emisor", "303", "305", "307", "311"},
		{"integrador", "304", "306", "308", "310"},
	}
}

const codContratoInvalido = "309"

// revisa examines hash and signatures; nil is a contract that the PAC may sign.
func (s *Servidor) revisa(c *contrato) *resultado {
	if c.hash != hashDe(c.texto) {
		return &resultado{codigo: codContratoInvalido, mensaje: "El contrato no es válido: Hash no es el de Texto"}
	}
	for i, f := range c.firmas {
		if r := s.revisaFirma(partes()[i], f, c.texto); r != nil {
			return r
		}
	}
	return nil
}

// hashDe is SHA-1 in pairs of capitals joined by hyphens, as .NET's BitConverter writes it.
func hashDe(texto string) string {
	suma := sha1.Sum([]byte(texto)) //nolint:gosec // G401: as the service does
	return strings.ReplaceAll(fmt.Sprintf("% X", suma), " ", "-")
}

func (s *Servidor) revisaFirma(p parte, f firmante, texto string) *resultado {
	mal := func(codigo, motivo string) *resultado {
		return &resultado{codigo: codigo, mensaje: motivo + " del " + p.nombre}
	}
	der, err := base64.StdEncoding.Strict().DecodeString(f["Certificado"])
	if err != nil || strings.ContainsAny(f["Certificado"], "\r\n") {
		return mal(p.certificado, "Certificado mal formado")
	}
	cert, err := x509.ParseCertificate(der)
	switch {
	case err != nil:
		return mal(p.certificado, "Certificado mal formado")
	case autoridad.Serial(cert) != f["CertificadoSerie"]:
		return mal(p.certificado, "CertificadoSerie no corresponde al certificado")
	case f["RFC"] != "" && !esDe(cert, f["RFC"], f["RepLegalRFC"]):
		return mal(p.certificado, "RFC no corresponde al certificado")
	case !s.o.Autoridad.EsPropio(cert):
		return mal(p.emisor, "El SAT no emitió el certificado")
	}
	ahora := s.o.Reloj.Real()
	if ahora.Before(cert.NotBefore) || ahora.After(cert.NotAfter) || s.o.Autoridad.Revocado(autoridad.Serial(cert)) {
		return mal(p.vigencia, "Certificado no vigente")
	}
	sello, err := base64.StdEncoding.Strict().DecodeString(f["Sello"])
	if err != nil || strings.ContainsAny(f["Sello"], "\r\n") {
		return mal(p.sello, "Sello mal formado")
	}
	if !verifica(cert, texto, sello) {
		return mal(p.sello, "Sello inválido")
	}
	return nil
}

// esDe tells whether the certificate is of one of these RFC: a company's own, or its representative's.
func esDe(cert *x509.Certificate, rfcs ...string) bool {
	const identificador = "2.5.4.45"
	for _, n := range cert.Subject.Names {
		if texto, ok := n.Value.(string); ok && n.Type.String() == identificador {
			rfc, _, _ := strings.Cut(texto, " / ")
			return slices.Contains(rfcs, rfc)
		}
	}
	return false
}

// verifica takes a seal of the text with either digest: which of them the service wants is not public.
func verifica(cert *x509.Certificate, texto string, sello []byte) bool {
	llave, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return false
	}
	larga, corta := sha256.Sum256([]byte(texto)), sha1.Sum([]byte(texto)) //nolint:gosec // G401: old seals
	return rsa.VerifyPKCS1v15(llave, crypto.SHA256, larga[:], sello) == nil || rsa.VerifyPKCS1v15(llave, crypto.SHA1, corta[:], sello) == nil
}
