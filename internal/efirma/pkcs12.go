package efirma

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/pasarela-mx/pasarela/internal/secretfile"
)

// abrePKCS12 opens a PKCS#12 file in steps whose cost is known beforehand,
// because the library takes any number of rounds a file asks for.
func (a Archivos) abrePKCS12(abierta *apertura) {
	f := examina(a.PFX)
	p, hay := f.busca(esPKCS12)
	if !hay {
		abierta.deCer = equivocado(a.NombrePFX, a.PFX, f, esPKCS12)
		return
	}
	abierta.notaForma(a.NombrePFX, f)
	capas, err := capasPKCS12(p.der)
	if err != nil {
		abierta.deCer = pfxIlegible(a.NombrePFX, porqueNo(err), err)
		return
	}
	password, problema := a.claveDe(abierta, p.der)
	if problema != nil {
		abierta.deCer = problema
		return
	}
	for _, capa := range capas {
		if err := sinLlave(capa, password); err != nil {
			abierta.deCer = pfxIlegible(a.NombrePFX, sinEntender, err)
			return
		}
	}
	key, cert, otros, err := pkcs12.DecodeChain(p.der, password)
	if err != nil {
		abierta.deCer = pfxIlegible(a.NombrePFX, sinEntender, errors.New("not a sound PKCS#12"))
		return
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		abierta.deCer = pfxIlegible(a.NombrePFX, ": su llave no es RSA, y las del SAT lo son", errors.New("not an RSA key"))
		return
	}
	cert = elDeLaLlave(append([]*x509.Certificate{cert}, otros...), private)
	abierta.credential = describe(cert)
	if abierta.deCer = clase(cert, abierta.credential, a.NombrePFX); abierta.deCer == nil {
		abierta.firmaCon(private, a.NombrePFX, a.NombrePFX)
	}
}

// sinEntender is all that is known of a PKCS#12 with the right structure that the
// library does not read.
const sinEntender = ": su contenido o su cifrado no se entiende"

func porqueNo(err error) string {
	var no *noSeAbre
	if errors.As(err, &no) {
		return ": " + no.que
	}
	return sinEntender
}

// claveDe is the first of the passwords that verifies the file's MAC.
func (a Archivos) claveDe(abierta *apertura, der []byte) (string, *Error) {
	variantes := secretfile.Variants(a.Password)
	ausente := len(variantes[0].Secret) == 0
	textos := variantesDeTexto(variantes)
	if len(textos) == 0 {
		return "", falla(PasswordIncorrecto, nil, "La contraseña del archivo (%s) usa caracteres que no se admiten en un PKCS#12, como los emojis. Expórtelo de nuevo con otra.", a.NombrePFX)
	}
	for _, v := range textos {
		// A trust store has no keys, so this opens none; it verifies the MAC first.
		if _, err := pkcs12.DecodeTrustStore(der, string(v.Secret)); !errors.Is(err, pkcs12.ErrIncorrectPassword) {
			abierta.notaVariante(a, v)
			return string(v.Secret), nil
		}
	}
	if ausente {
		return "", falla(PasswordAusente, nil, "El archivo (%s) está cifrado y falta %s.%s", a.NombrePFX, a.contrasena(), a.parecidos())
	}
	return "", falla(PasswordIncorrecto, nil, "No se pudo abrir el archivo (%s): %s no es correcta.", a.NombrePFX, a.contrasena())
}

// elDeLaLlave picks the key's own certificate out of a chain, and the first if
// there is none: that one will be refused.
func elDeLaLlave(certs []*x509.Certificate, key *rsa.PrivateKey) *x509.Certificate {
	i := slices.IndexFunc(certs, func(c *x509.Certificate) bool { return key.PublicKey.Equal(c.PublicKey) })
	return certs[max(i, 0)]
}
