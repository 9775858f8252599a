package efirma

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"

	"github.com/pasarela-mx/pasarela/internal/secretfile"
)

// maxLlave bounds the DER of a private key: one of 8192 bits has 4.7 KiB,
// and checking grows with the cube of the size.
const maxLlave = 8 << 10

// tipoLlave is how a private key is written.
type tipoLlave int

const (
	llavePKCS8        tipoLlave = iota + 1 // RFC 5208, section 5
	llaveCifrada                           // RFC 5208, section 6
	llavePKCS1                             // RFC 8017, A.1.2
	llaveEnPEMCifrado                      // RFC 1421's encryption, as OpenSSL wrote PKCS#1 before 1.0
	llaveCurva                             // RFC 5915
	llaveOpenSSH
)

// abierta reports whether a key can be used by whoever has its file.
func (p pieza) abierta() bool { return p.llave == llavePKCS8 || p.llave == llavePKCS1 }

// privateKeyInfo is RFC 5208, section 5, as far as needed to recognise one.
type privateKeyInfo struct {
	Version   int
	Algorithm pkix.AlgorithmIdentifier
	Key       []byte
}

// noSeAbre is why a key cannot be opened whatever the password: what it is, in
// Spanish, and the command that converts it, where one does.
type noSeAbre struct {
	que     string
	comando string
	err     error
}

func (e *noSeAbre) Error() string { return e.err.Error() }

// abreLlave opens a private key. Everything about the file that can be judged
// without the password is judged first, so that what fails afterwards is the
// password and not the file.
func (a Archivos) abreLlave(abierta *apertura, f forma, p pieza) (*rsa.PrivateKey, *Error) {
	if p.abierta() {
		private, err := llaveRSA(p)
		return private, a.llaveIlegible(f, err)
	}
	e, err := p.esquema()
	if err != nil {
		return nil, a.llaveIlegible(f, err)
	}
	return a.conEsquema(abierta, f, e)
}

// conEsquema opens a key with the first of the passwords that fits.
func (a Archivos) conEsquema(abierta *apertura, f forma, e *esquema) (*rsa.PrivateKey, *Error) {
	variantes := secretfile.Variants(a.Password)
	if len(variantes[0].Secret) == 0 {
		return nil, falla(PasswordAusente, nil, "La llave (%s) está cifrada y falta %s.%s", a.NombreKey, a.contrasena(), a.parecidos())
	}
	if e.bmp {
		variantes = variantesBMP(variantes)
	}
	for _, v := range variantes {
		private, cabe, err := e.prueba(v.Secret)
		if !cabe && err == nil {
			continue
		}
		if err != nil {
			return nil, a.llaveIlegible(f, err)
		}
		abierta.notaVariante(a, v)
		if e.debil != "" {
			abierta.avisa(AvisoCifradoDebil, "La llave (%s) está cifrada con %s, que ya no protege. Cífrela de nuevo con: %s", a.NombreKey, e.debil, f.comando(a.NombreKey, true))
		}
		return private, nil
	}
	return nil, falla(PasswordIncorrecto, nil, "No se pudo abrir la llave (%s): %s no es correcta. Corríjala, o reemplace la llave si está dañada.", a.NombreKey, a.contrasena())
}

// prueba decrypts with one password and reports whether it fits. Garbage may pass for
// padded text one time in 256, but not for a key.
func (e *esquema) prueba(password []byte) (private *rsa.PrivateKey, cabe bool, err error) {
	plano, err := e.descifra(password)
	if err != nil {
		return nil, false, err
	}
	defer clear(plano)
	dentro := clasifica(sinRelleno(plano))
	if dentro.clase != esLlave {
		return nil, false, nil
	}
	private, err = llaveRSA(dentro)
	return private, true, err
}

// llaveRSA does not wrap the parser's errors: they tell of the content of
// a private key.
func llaveRSA(p pieza) (*rsa.PrivateKey, error) {
	if len(p.der) > maxLlave {
		return nil, errors.New("the key is too long")
	}
	var parsed any
	var err error
	switch p.llave {
	case llavePKCS8:
		parsed, err = x509.ParsePKCS8PrivateKey(p.der)
	case llavePKCS1:
		parsed, err = x509.ParsePKCS1PrivateKey(p.der)
	default:
		if _, err = p.esquema(); err == nil {
			err = errors.New("an encrypted key within an encrypted key")
		}
		return nil, err
	}
	if err != nil {
		return nil, errors.New("not a sound private key")
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, noRSA(fmt.Sprintf("%T", parsed))
	}
	return private, nil
}

func noRSA(tipo string) error {
	return &noSeAbre{que: "no es RSA, y las del SAT lo son", err: errors.New("a key of type " + tipo)}
}

// llaveIlegible is nil for no error.
func (a Archivos) llaveIlegible(f forma, err error) *Error {
	if err == nil {
		return nil
	}
	var no *noSeAbre
	if !errors.As(err, &no) {
		return falla(KeyIlegible, err, "No se puede leer la llave (%s): está dañada. Use el .key tal como lo entregó el SAT.", a.NombreKey)
	}
	detalle := fmt.Sprintf("No se puede abrir la llave (%s): %s. Use el .key tal como lo entregó el SAT", a.NombreKey, no.que)
	switch no.comando {
	case "":
		detalle += "."
	case conOpenSSL, conOpenSSLViejo:
		detalle += ", o conviértala con: " + f.comando(a.NombreKey, no.comando == conOpenSSLViejo)
	default:
		detalle += ", o conviértala con: " + fmt.Sprintf(no.comando, entreComillas(a.NombreKey))
	}
	return falla(KeyIlegible, err, "%s", detalle)
}
