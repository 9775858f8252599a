package efirma

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

// abrePKCS12 opens a PKCS#12 file in steps whose cost is known beforehand,
// because the library takes any number of rounds a file asks for.
func abrePKCS12(nombres archivos, pfx, password []byte) *apertura {
	if len(pfx) > maxArchivo {
		return &apertura{deCer: demasiado(nombres.pfx)}
	}
	if len(password) > maxArchivo {
		return &apertura{deCer: demasiado(nombres.contrasena())}
	}
	ilegible := func(err error) *apertura {
		return &apertura{deCer: falla(KeyIlegible, err, "No se puede leer el archivo (%s): no es un PKCS#12 con un certificado y su llave. Expórtelo de nuevo, o use el .cer y el .key del SAT.", nombres.pfx)}
	}
	if strings.ContainsFunc(string(password), func(r rune) bool { return r > 0xffff }) {
		return &apertura{deCer: falla(PasswordIncorrecto, nil, "La contraseña del archivo (%s) usa caracteres que no se admiten en un PKCS#12, como los emojis. Expórtelo de nuevo con otra.", nombres.pfx)}
	}
	capas, err := capasPKCS12(pfx)
	if err != nil {
		return ilegible(err)
	}
	// A trust store has no keys, so this opens none; it verifies the MAC first.
	_, err = pkcs12.DecodeTrustStore(pfx, string(password))
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword) && len(password) == 0:
		return &apertura{deCer: falla(PasswordAusente, nil, "El archivo (%s) está cifrado y falta %s.", nombres.pfx, nombres.contrasena())}
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return &apertura{deCer: falla(PasswordIncorrecto, nil, "No se pudo abrir el archivo (%s): %s no es correcta.", nombres.pfx, nombres.contrasena())}
	}
	for _, capa := range capas {
		if err := sinLlave(capa, string(password)); err != nil {
			return ilegible(err)
		}
	}
	key, cert, otros, err := pkcs12.DecodeChain(pfx, string(password))
	if err != nil {
		return ilegible(errors.New("not a sound PKCS#12"))
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return ilegible(errors.New("not an RSA key"))
	}
	cert = elDeLaLlave(append([]*x509.Certificate{cert}, otros...), private)
	a := &apertura{credential: describe(cert)}
	if a.deCer = clase(cert, a.credential, nombres.pfx); a.deCer == nil {
		a.firmaCon(private, nombres.pfx, nombres.pfx)
	}
	return a
}

// elDeLaLlave picks the key's own certificate out of a chain, and the first if
// there is none: that one will be refused.
func elDeLaLlave(certs []*x509.Certificate, key *rsa.PrivateKey) *x509.Certificate {
	i := slices.IndexFunc(certs, func(c *x509.Certificate) bool { return key.PublicKey.Equal(c.PublicKey) })
	return certs[max(i, 0)]
}
