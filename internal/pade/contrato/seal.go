package contrato

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // one of the two digests that a Sello may need
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Digest is the hash under a Sello. The PAC does not publish which one it expects
// (pade.md §5): e.firmas are used with SHA-256 today, and SHA-1 fits the age of its
// document.
type Digest string

// The digests, by their names in the REST contract.
const (
	SHA256 Digest = "sha256"
	SHA1   Digest = "sha1"
)

// Digests returns them, the default first.
func Digests() []Digest { return []Digest{SHA256, SHA1} }

// maxBits bounds the work that a hostile certificate can cause. The SAT's keys have 2048.
const maxBits = 8192

// Seal signs the Contrato's text for f: RSA PKCS#1 v1.5 over its UTF-8 bytes. It fills
// Sello, Certificado and CertificadoSerie, and nothing else. An empty digest means
// SHA256.
//
// The error is a *gateway.Error of KindInvalida if the digest is unknown, or if f has an
// RFC and the e.firma is neither of that RFC nor of its representative. f is then
// unchanged.
func Seal(f *Firma, text string, cred *efirma.Credential, digest Digest) error {
	if cred == nil || cred.Signer == nil {
		return errors.New("contrato: sealing without an e.firma that can sign")
	}
	if _, ok := cred.Signer.Public().(*rsa.PublicKey); !ok {
		return errors.New("contrato: the e.firma is not RSA")
	}
	if digest == "" {
		digest = SHA256
	}
	hash, sum := resume(digest, text)
	if hash == 0 {
		return &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnDigestDesconocido, Detail: "No se conoce ese digest.",
			Fields: []gateway.Field{{Campo: "digest", Detalle: "No se conoce.", ValoresValidos: []string{string(SHA256), string(SHA1)}}}}
	}
	if f.RFC != "" && cred.RFC != f.RFC && cred.RFC != f.RepLegalRFC {
		return &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnFirmanteAjeno,
			Detail: fmt.Sprintf("La e.firma es de %s y la parte que firma es %s. Firme con la de esa parte o la de su representante.", cred.RFC, trim(f.RFC))}
	}
	sello, err := cred.Signer.Sign(rand.Reader, sum, hash)
	if err != nil {
		return fmt.Errorf("contrato: sealing: %w", err)
	}
	f.Sello = base64.StdEncoding.EncodeToString(sello)
	f.Certificado = cred.CertificateBase64
	f.CertificadoSerie = cred.Serial
	return nil
}

// resume returns the digest of text; the hash is 0 if it is unknown.
func resume(d Digest, text string) (crypto.Hash, []byte) {
	switch d {
	case SHA256:
		sum := sha256.Sum256([]byte(text))
		return crypto.SHA256, sum[:]
	case SHA1:
		sum := sha1.Sum([]byte(text)) //nolint:gosec // as above
		return crypto.SHA1, sum[:]
	}
	return 0, nil
}

// Match is how a Sello was computed.
type Match struct {
	Digest Digest
	// OfHash reports that it is over the Hash string and not over Text.
	OfHash bool
}

// String describes it in Spanish, for a warning: "sha256 del texto".
func (c Match) String() string {
	if c.OfHash {
		return string(c.Digest) + " del hash"
	}
	return string(c.Digest) + " del texto"
}

// Confirm returns which signature by f's Certificado its Sello is: over text, or over its
// Hash string, with either digest. A mismatch, or an unreadable certificate, does not
// prove a bad Sello: the PAC does not say what it expects (pade.md §5). Base64 may have
// several lines.
func Confirm(f Firma, text string) (Match, bool) {
	cert, _, ok := certificado(f)
	if !ok {
		return Match{}, false
	}
	llave, ok := cert.PublicKey.(*rsa.PublicKey)
	sello, err := decode(f.Sello)
	if !ok || llave.N.BitLen() > maxBits || err != nil {
		return Match{}, false
	}
	for _, ofHash := range []bool{false, true} {
		signed := text
		if ofHash {
			signed = Hash(text)
		}
		for _, d := range Digests() {
			hash, sum := resume(d, signed)
			if rsa.VerifyPKCS1v15(llave, hash, sum, sello) == nil {
				return Match{Digest: d, OfHash: ofHash}, true
			}
		}
	}
	return Match{}, false
}

func decode(s string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
}

// certificado parses f's certificate and its holder. A CSD is accepted: the PAC does not
// say that it refuses one.
func certificado(f Firma) (*x509.Certificate, *efirma.Credential, bool) {
	der, err := decode(f.Certificado)
	if err != nil {
		return nil, nil, false
	}
	cert, err := efirma.ParseCertificate(der)
	if err != nil {
		return nil, nil, false
	}
	// Without a key this describes the certificate; the error is about the key.
	titular, _ := efirma.Load(cert.Raw, nil, nil, cert.NotBefore)
	return cert, titular, titular != nil
}
