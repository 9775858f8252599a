package ref

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"strings"
)

const (
	nsDescarga    = "http://DescargaMasivaTerceros.sat.gob.mx"
	envelopeStart = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header></s:Header><s:Body>`
	envelopeEnd   = `</s:Body></s:Envelope>`
	signedInfo    = `<CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></CanonicalizationMethod>` +
		`<SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1"></SignatureMethod><Reference URI=""><Transforms>` +
		`<Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></Transform></Transforms>` +
		`<DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"></DigestMethod><DigestValue>`
	signedInfoEnd = `</DigestValue></Reference></SignedInfo>`
	xmldsig       = ` xmlns="http://www.w3.org/2000/09/xmldsig#"`
)

// Signer signs requests by gluing strings: nothing could do less but the RSA.
type Signer struct {
	key     *rsa.PrivateKey
	keyInfo string
}

// NewSigner returns a signer with the certificate's KeyInfo made in advance.
func NewSigner(key *rsa.PrivateKey, cert *x509.Certificate) *Signer {
	return &Signer{key: key, keyInfo: `</SignatureValue><KeyInfo><X509Data><X509IssuerSerial><X509IssuerName>` + escaped(cert.Issuer.String()) +
		`</X509IssuerName><X509SerialNumber>` + cert.SerialNumber.String() + `</X509SerialNumber></X509IssuerSerial><X509Certificate>` +
		base64.StdEncoding.EncodeToString(cert.Raw) + `</X509Certificate></X509Data></KeyInfo></Signature>`}
}

// RSA makes one RSA-SHA1 signature of digest and nothing else.
func (s *Signer) RSA(digest [sha1.Size]byte) ([]byte, error) {
	return rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA1, digest[:])
}

// Verify returns the signed envelope of VerificaSolicitudDescarga (family A).
func (s *Signer) Verify(idSolicitud, rfc string) (string, error) {
	return s.envelope("VerificaSolicitudDescarga", "solicitud", `IdSolicitud="`+escaped(idSolicitud)+`" RfcSolicitante="`+escaped(rfc)+`"`)
}

// Download returns the signed envelope of Download (family A).
func (s *Signer) Download(idPaquete, rfc string) (string, error) {
	return s.envelope("PeticionDescargaMasivaTercerosEntrada", "peticionDescarga", `IdPaquete="`+escaped(idPaquete)+`" RfcSolicitante="`+escaped(rfc)+`"`)
}

func (s *Signer) envelope(wrapper, node, attrs string) (string, error) {
	start := `<des:` + wrapper + ` xmlns:des="` + nsDescarga + `"><des:` + node + ` ` + attrs + `>`
	end := `</des:` + node + `></des:` + wrapper + `>`
	digest := sha1.Sum([]byte(start + end))
	info := signedInfo + base64.StdEncoding.EncodeToString(digest[:]) + signedInfoEnd
	value, err := s.RSA(sha1.Sum([]byte(`<SignedInfo` + xmldsig + `>` + info)))
	if err != nil {
		return "", err
	}
	return envelopeStart + start + `<Signature` + xmldsig + `><SignedInfo>` + info + `<SignatureValue>` +
		base64.StdEncoding.EncodeToString(value) + s.keyInfo + end + envelopeEnd, nil
}

func escaped(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) //nolint:errcheck // a Builder never fails
	return b.String()
}
