// Package efirma opens the e.firma of a taxpayer: the certificate (.cer) and
// the encrypted private key (.key) that the SAT hands out, or both in one
// PKCS#12 file, and keeps those of a directory at hand.
//
// It is the only package that sees private key bytes. What it hands out is a
// crypto.Signer that signs and does nothing else: the key cannot be asserted
// out of it, printed or marshalled.
//
// It refuses everything that the SAT would refuse later and less clearly: a
// CSD, an expired certificate, a key of another certificate, a wrong password;
// each with its own Problem. It does not verify that the SAT issued the
// certificate nor that it is not revoked: the SAT does that on every call
// (codes 304 and 305). Files are bounded, and so is the work that a hostile
// file can ask for.
package efirma

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"time"
)

// maxArchivo bounds every file: a certificate and a key of the SAT have about
// 1.5 KiB each.
const maxArchivo = 64 << 10

// Credential is an opened e.firma. It is not to be changed once made and may
// be shared by goroutines.
type Credential struct {
	RFC    string // upper case, as the certificate has it
	Nombre string
	CURP   string // a person's own, or that of the company's representative
	// RFCRepresentante is the RFC of a company's legal representative, empty
	// when the certificate names none.
	RFCRepresentante string
	// Serial is the SAT's "número de certificado": 20 digits, which are the
	// bytes of the serial number read as ASCII.
	Serial string
	// SerialDecimal is the same integer of 160 bits in decimal, as XML-DSig's
	// X509SerialNumber carries it.
	SerialDecimal string
	// IssuerName is the issuer for X509IssuerName: the string form of RFC 4514
	// but in the certificate's own order, "CN=…,O=…,emailAddress=…".
	IssuerName        string
	CertificateBase64 string // the certificate's DER, padded base64 in one line
	NotBefore         time.Time
	NotAfter          time.Time
	Certificate       *x509.Certificate `json:"-"`
	// Signer signs with the private key. It is nil whenever the credential
	// comes along with an error: then only the metadata may be used.
	Signer crypto.Signer `json:"-"`
}

// Load opens an e.firma from the content of its files.
//
// cer is an X.509 certificate, DER or PEM. key is PKCS#8, DER or PEM,
// encrypted with PBES2 (PBKDF2 with HMAC-SHA1 or HMAC-SHA256; DES-EDE3-CBC as
// the SAT does, or AES-CBC); an unencrypted one is taken too, for those who
// seal the file by other means, and then password is not looked at.
//
// The error is an *Error. When the certificate could be read the credential is
// returned beside it with a nil Signer, so that a list can show what it is and
// since when it is no good: above all with Vencida and AunNoVigente.
func Load(cer, key, password []byte, now time.Time) (*Credential, error) {
	nombres := archivos{cer: ".cer", key: ".key"}
	return abrePar(nombres, cer, key, password).entrega(now)
}

// LoadPKCS12 opens an e.firma from a PKCS#12 file (.p12, .pfx), with either the
// modern algorithms (PBES2, AES) or the legacy ones (3DES, RC2). A chain in it
// is passed over: the certificate that counts is the key's own. The error is
// as Load's.
func LoadPKCS12(pfx, password []byte, now time.Time) (*Credential, error) {
	nombres := archivos{pfx: ".p12"}
	return abrePKCS12(nombres, pfx, password).entrega(now)
}

// archivos are the names by which a refusal calls its files; password is empty
// when it did not come from a file.
type archivos struct{ cer, key, pfx, password string }

func (a archivos) contrasena() string {
	if a.password == "" {
		return "su contraseña"
	}
	return "su contraseña (" + a.password + ")"
}

// apertura is what opening gave, with no regard to the date, so that it can be
// kept and judged again as time passes.
type apertura struct {
	credential *Credential // nil when the certificate is unreadable
	deCer      *Error      // what is wrong with the certificate
	deKey      *Error      // what is wrong with the key
}

// problema judges in the order that helps most: an expired e.firma is reported
// as such even though its password is wrong as well.
func (a *apertura) problema(now time.Time) *Error {
	switch {
	case a.deCer != nil:
		return a.deCer
	case vigencia(a.credential, now) != nil:
		return vigencia(a.credential, now)
	default:
		return a.deKey
	}
}

func (a *apertura) entrega(now time.Time) (*Credential, error) {
	problema := a.problema(now)
	if problema == nil {
		return a.credential, nil
	}
	if a.credential == nil {
		return nil, problema
	}
	return a.credential.metadatos(), problema.con(a.credential.RFC)
}

// metadatos is a copy that cannot sign.
func (c *Credential) metadatos() *Credential {
	if c == nil {
		return nil
	}
	copia := *c
	copia.Signer = nil
	return &copia
}

// vigencia refuses an e.firma out of its dates, both of which are inclusive
// (RFC 5280, 4.1.2.5).
func vigencia(c *Credential, now time.Time) *Error {
	switch {
	case now.Before(c.NotBefore):
		return falla(AunNoVigente, nil, "La e.firma aún no es vigente: lo será a partir del %s. Revise también el reloj del servidor.", fecha(c.NotBefore)).con(c.RFC)
	case now.After(c.NotAfter):
		return falla(Vencida, nil, "La e.firma venció el %s. Renuévela en el SAT y reemplace sus archivos.", fecha(c.NotAfter)).con(c.RFC)
	}
	return nil
}

func fecha(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// abrePar reads a certificate and its key.
func abrePar(nombres archivos, cer, key, password []byte) *apertura {
	if grande := tamanos(nombres, cer, key, password); grande != nil {
		return &apertura{deCer: grande}
	}
	cert, err := certificado(cer)
	if err != nil {
		return &apertura{deCer: falla(CerIlegible, err, "No se puede leer el certificado (%s): no es X.509 en DER ni en PEM. Use el .cer tal como lo entregó el SAT.", nombres.cer)}
	}
	a := &apertura{credential: describe(cert)}
	if a.deCer = clase(cert, a.credential, nombres.cer); a.deCer != nil {
		return a
	}
	private, deKey := llave(nombres, key, password)
	if a.deKey = deKey; deKey == nil {
		a.firmaCon(private, nombres.key, nombres.cer)
	}
	return a
}

func tamanos(nombres archivos, cer, key, password []byte) *Error {
	for _, f := range []struct {
		nombre string
		n      int
	}{{nombres.cer, len(cer)}, {nombres.key, len(key)}, {nombres.contrasena(), len(password)}} {
		if f.n > maxArchivo {
			return demasiado(f.nombre)
		}
	}
	return nil
}

func demasiado(nombre string) *Error {
	return falla(DemasiadoGrande, nil, "Un archivo (%s) pasa de %d KiB, y nada en una e.firma es tan grande. Revise que sea el correcto.", nombre, maxArchivo>>10)
}

// firmaCon gives the credential its signer if the key is the certificate's.
func (a *apertura) firmaCon(key *rsa.PrivateKey, nombreKey, nombreCer string) {
	if !key.PublicKey.Equal(a.credential.Certificate.PublicKey) {
		a.deKey = falla(LlaveNoCorresponde, nil, "La llave (%s) no es la del certificado (%s). Use los dos archivos de la misma e.firma.", nombreKey, nombreCer)
		return
	}
	a.credential.Signer = newSigner(key)
}

func describe(cert *x509.Certificate) *Credential {
	rfc, representante := rfcs(cert)
	return &Credential{
		RFC:               rfc,
		RFCRepresentante:  representante,
		Nombre:            nombre(cert),
		CURP:              curp(cert),
		Serial:            serial(cert),
		SerialDecimal:     cert.SerialNumber.String(),
		IssuerName:        issuerName(cert),
		CertificateBase64: base64.StdEncoding.EncodeToString(cert.Raw),
		NotBefore:         cert.NotBefore,
		NotAfter:          cert.NotAfter,
		Certificate:       cert,
	}
}
