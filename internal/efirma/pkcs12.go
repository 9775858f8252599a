package efirma

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/pasarela-mx/pasarela/internal/secretfile"
)

// openPKCS12 opens a PKCS#12 file in steps of known cost, because the library accepts any
// number of rounds.
func (a Files) openPKCS12(open *opening) {
	f := examine(a.PFX)
	p, has := f.find(isPKCS12)
	if !has {
		open.ofCer = wrong(a.PFXName, a.PFX, f, isPKCS12)
		return
	}
	open.formNote(a.PFXName, f)
	layers, err := pkcs12Layers(p.der)
	if err != nil {
		open.ofCer = unreadablePFX(a.PFXName, whyNot(err), err)
		return
	}
	password, problem := a.keyOf(open, p.der)
	if problem != nil {
		open.ofCer = problem
		return
	}
	for _, layer := range layers {
		if err := withoutLlave(layer, password); err != nil {
			open.ofCer = unreadablePFX(a.PFXName, notUnderstood, err)
			return
		}
	}
	key, cert, other, err := pkcs12.DecodeChain(p.der, password)
	if err != nil {
		open.ofCer = unreadablePFX(a.PFXName, notUnderstood, errors.New("not a sound PKCS#12"))
		return
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		open.ofCer = unreadablePFX(a.PFXName, ": su llave no es RSA, y las del SAT lo son", errors.New("not an RSA key"))
		return
	}
	cert = certificadoOfLlave(append([]*x509.Certificate{cert}, other...), private)
	open.credential = describe(cert)
	if open.ofCer = class(cert, open.credential, a.PFXName); open.ofCer == nil {
		open.signWith(private, a.PFXName, a.PFXName)
	}
}

// notUnderstood describes a PKCS#12 of the right structure that the library does not
// read.
const notUnderstood = ": su contenido o su cifrado no se entiende"

func whyNot(err error) string {
	var no *unopenable
	if errors.As(err, &no) {
		return ": " + no.que
	}
	return notUnderstood
}

// keyOf returns the first password that verifies the file's MAC.
func (a Files) keyOf(open *opening, der []byte) (string, *Error) {
	variants := secretfile.Variants(a.Password)
	absent := len(variants[0].Secret) == 0
	texts := textVariants(variants)
	if len(texts) == 0 {
		return "", falla(PasswordIncorrecto, nil, "La contraseña del archivo (%s) usa caracteres que no se admiten en un PKCS#12, como los emojis. Expórtelo de nuevo con otra.", a.PFXName)
	}
	for _, v := range texts {
		// A trust store has no keys, so this decrypts none; it verifies the MAC first.
		if _, err := pkcs12.DecodeTrustStore(der, string(v.Secret)); !errors.Is(err, pkcs12.ErrIncorrectPassword) {
			open.variantNote(a, v)
			return string(v.Secret), nil
		}
	}
	if absent {
		return "", falla(PasswordAusente, nil, "El archivo (%s) está cifrado y falta %s.%s", a.PFXName, a.password(), a.similar())
	}
	return "", falla(PasswordIncorrecto, nil, "No se pudo abrir el archivo (%s): %s no es correcta.", a.PFXName, a.password())
}

// certificadoOfLlave returns the key's own certificate from a chain, or else the first,
// which will be refused.
func certificadoOfLlave(certs []*x509.Certificate, key *rsa.PrivateKey) *x509.Certificate {
	i := slices.IndexFunc(certs, func(c *x509.Certificate) bool { return key.PublicKey.Equal(c.PublicKey) })
	return certs[max(i, 0)]
}
