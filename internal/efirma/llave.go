package efirma

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"

	"github.com/pasarela-mx/pasarela/internal/secretfile"
)

// maxLlave bounds the DER of a private key. A key of 8192 bits has 4.7 KiB, and the cost
// of checking grows with the cube of the size.
const maxLlave = 8 << 10

// tipoLlave is the format of a private key.
type tipoLlave int

const (
	llavePKCS8          tipoLlave = iota + 1 // RFC 5208, section 5
	llaveEncrypted                           // RFC 5208, section 6
	llavePKCS1                               // RFC 8017, A.1.2
	llaveInEncryptedPEM                      // RFC 1421's encryption, as OpenSSL wrote PKCS#1 before 1.0
	llaveCurve                               // RFC 5915
	llaveOpenSSH
)

// current reports whether a key is unencrypted: anyone who has its file can use it.
func (p piece) current() bool { return p.llave == llavePKCS8 || p.llave == llavePKCS1 }

// privateKeyInfo is RFC 5208, section 5, as far as needed to recognize one.
type privateKeyInfo struct {
	Version   int
	Algorithm pkix.AlgorithmIdentifier
	Key       []byte
}

// unopenable describes a key that no password opens: its kind, in Spanish, and the
// command that converts it, if there is one.
type unopenable struct {
	que     string
	command string
	err     error
}

func (e *unopenable) Error() string { return e.err.Error() }

// openLlave opens a private key. It first checks everything that does not need the
// password, so a later failure is the password's and not the file's.
func (a Files) openLlave(open *opening, f form, p piece) (*rsa.PrivateKey, *Error) {
	if p.current() {
		private, err := llaveRSA(p)
		return private, a.unreadableLlave(f, err)
	}
	e, err := p.schema()
	if err != nil {
		return nil, a.unreadableLlave(f, err)
	}
	return a.withSchema(open, f, e)
}

// withSchema opens a key with the first password that fits.
func (a Files) withSchema(open *opening, f form, e *schema) (*rsa.PrivateKey, *Error) {
	variants := secretfile.Variants(a.Password)
	if len(variants[0].Secret) == 0 {
		return nil, falla(PasswordAusente, nil, "La llave (%s) está cifrada y falta %s.%s", a.KeyName, a.password(), a.similar())
	}
	if e.bmp {
		variants = bmpVariants(variants)
	}
	for _, v := range variants {
		private, fit, err := e.trial(v.Secret)
		if !fit && err == nil {
			continue
		}
		if err != nil {
			return nil, a.unreadableLlave(f, err)
		}
		open.variantNote(a, v)
		if e.weak != "" {
			open.notify(AvisoCifradoDebil, "La llave (%s) está cifrada con %s, que ya no protege. Cífrela de nuevo con: %s", a.KeyName, e.weak, f.command(a.KeyName, true))
		}
		return private, nil
	}
	return nil, falla(PasswordIncorrecto, nil, "No se pudo abrir la llave (%s): %s no es correcta. Corríjala, o reemplace la llave si está dañada.", a.KeyName, a.password())
}

// trial decrypts with one password and reports whether it fits. Garbage passes for padded
// text one time in 256, but not for a key.
func (e *schema) trial(password []byte) (private *rsa.PrivateKey, fit bool, err error) {
	flat, err := e.decrypt(password)
	if err != nil {
		return nil, false, err
	}
	defer clear(flat)
	within := classify(withoutPadding(flat))
	if within.class != isLlave {
		return nil, false, nil
	}
	private, err = llaveRSA(within)
	return private, true, err
}

// llaveRSA does not wrap the parser's errors: they may reveal content of a private key.
func llaveRSA(p piece) (*rsa.PrivateKey, error) {
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
		if _, err = p.schema(); err == nil {
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
	return &unopenable{que: "no es RSA, y las del SAT lo son", err: errors.New("a key of type " + tipo)}
}

// unreadableLlave returns nil for a nil error.
func (a Files) unreadableLlave(f form, err error) *Error {
	if err == nil {
		return nil
	}
	var no *unopenable
	if !errors.As(err, &no) {
		return falla(KeyIlegible, err, "No se puede leer la llave (%s): está dañada. Use el .key tal como lo entregó el SAT.", a.KeyName)
	}
	detail := fmt.Sprintf("No se puede abrir la llave (%s): %s. Use el .key tal como lo entregó el SAT", a.KeyName, no.que)
	switch no.command {
	case "":
		detail += "."
	case conOpenSSL, withOpenSSLOld:
		detail += ", o conviértala con: " + f.command(a.KeyName, no.command == withOpenSSLOld)
	default:
		detail += ", o conviértala con: " + fmt.Sprintf(no.command, betweenQuotes(a.KeyName))
	}
	return falla(KeyIlegible, err, "%s", detail)
}
