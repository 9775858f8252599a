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
// each with its own Problem. That the SAT issued the certificate it verifies only
// against authorities that it is given (Autoridades), and that it is not revoked
// never: the SAT does both on every call (codes 304 and 305). Files are bounded,
// and so is the work that a hostile file can ask for.
package efirma

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
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
// cer is an X.509 certificate and key an RSA private key in any of the forms that
// people have them in: DER or PEM, PKCS#8 or PKCS#1, with the encryption of the SAT,
// of OpenSSL today or of OpenSSL long ago. A key that is not encrypted is taken too,
// for those who seal the file by other means, and then password is not looked at.
// password is what a file holds: see secretfile.Variants for what is tried.
//
// The error is an *Error. When the certificate could be read the credential is
// returned beside it with a nil Signer, so that a list can show what it is and
// since when it is no good: above all with Vencida and AunNoVigente.
func Load(cer, key, password []byte, now time.Time) (*Credential, error) {
	a := Archivos{NombreCer: ".cer", NombreKey: ".key", Cer: cer, Key: key, Password: password}
	return a.abre(nil).entrega(now)
}

// LoadPKCS12 opens an e.firma from a PKCS#12 file (.p12, .pfx), with either the
// modern algorithms (PBES2, AES) or the legacy ones (3DES, RC2). A chain in it
// is passed over: the certificate that counts is the key's own. The error is
// as Load's.
func LoadPKCS12(pfx, password []byte, now time.Time) (*Credential, error) {
	return Archivos{NombrePFX: ".p12", PFX: pfx, Password: password}.abre(nil).entrega(now)
}

// Archivos are the files of one e.firma as a person names them: Cer with Key, or
// PFX alone. An empty name says that there is no such file.
type Archivos struct {
	NombreCer, NombreKey, NombrePFX string
	Cer, Key, PFX                   []byte
	// Password opens the key, as its file holds it: with marks and line ends.
	// NombrePassword is that file, or empty.
	Password       []byte
	NombrePassword string
	// Textos are the names of other texts beside them.
	Textos []string
}

func (a Archivos) contrasena() string {
	if a.NombrePassword == "" {
		return "su contraseña"
	}
	return "su contraseña (" + a.NombrePassword + ")"
}

// parecidos names the texts beside the e.firma that may be its password, as a
// sentence with a blank before it.
func (a Archivos) parecidos() string {
	const muestra = 3
	if len(a.Textos) == 0 {
		return ""
	}
	return " Junto a ella está " + strings.Join(a.Textos[:min(len(a.Textos), muestra)], ", ") + ": si ahí está la contraseña, llame al archivo " + archivoPassword + "."
}

// apertura is what opening gave, with no regard to the date, so that it can be
// kept and judged again as time passes.
type apertura struct {
	credential *Credential // nil when the certificate is unreadable
	deCer      *Error      // what is wrong with the certificate
	deEmisor   *Error      // what is wrong with who issued it
	deKey      *Error      // what is wrong with the key
	avisos     []Aviso     // what was read although others may not
}

// problema judges in the order that helps most: an expired e.firma is reported
// as such even though its password is wrong as well.
func (a *apertura) problema(now time.Time) *Error {
	problemas := a.problemas(now)
	if len(problemas) == 0 {
		return nil
	}
	return problemas[0]
}

func (a *apertura) problemas(now time.Time) []*Error {
	todos := []*Error{a.deCer, nil, a.deEmisor, a.deKey}
	if a.credential != nil {
		todos[1] = vigencia(a.credential, now)
	}
	return slices.DeleteFunc(todos, func(p *Error) bool { return p == nil })
}

func (a *apertura) avisa(codigo, format string, args ...any) {
	a.avisos = append(a.avisos, Aviso{codigo, fmt.Sprintf(format, args...)})
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
	que, renueva := "La e.firma", "Renuévela en el SAT y reemplace sus archivos."
	if esCSD(c.Certificate) {
		que, renueva = "El certificado de sello digital (CSD)", "Para esta pasarela hace falta la e.firma, no otro sello."
	} else if c.RFC == "" || c.Certificate.KeyUsage&usoEfirma != usoEfirma {
		que, renueva = "El certificado", "Ponga el de la e.firma."
	}
	switch {
	case now.Before(c.NotBefore):
		return falla(AunNoVigente, nil, "%s aún no es vigente: empieza el %s. Revise también el reloj del servidor.", que, fecha(c.NotBefore)).con(c.RFC)
	case now.After(c.NotAfter):
		return falla(Vencida, nil, "%s venció el %s. %s", que, fecha(c.NotAfter), renueva).con(c.RFC)
	}
	return nil
}

func fecha(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// abre opens what the files hold and checks the issuer, unless autoridades is nil.
func (a Archivos) abre(autoridades *Autoridades) *apertura {
	if grande := a.tamanos(); grande != nil {
		return &apertura{deCer: grande}
	}
	abierta := &apertura{}
	if a.NombrePFX != "" {
		a.abrePKCS12(abierta)
	} else {
		a.abrePar(abierta)
	}
	if abierta.credential != nil {
		abierta.deEmisor = autoridades.emitio(abierta.credential.Certificate)
	}
	return abierta
}

func (a Archivos) tamanos() *Error {
	for _, f := range []struct {
		nombre string
		n      int
	}{{a.NombreCer, len(a.Cer)}, {a.NombreKey, len(a.Key)}, {a.NombrePFX, len(a.PFX)}, {a.contrasena(), len(a.Password)}} {
		if f.n > maxArchivo {
			return demasiado(f.nombre)
		}
	}
	return nil
}

func demasiado(nombre string) *Error {
	return falla(DemasiadoGrande, nil, "Un archivo (%s) pasa de %d KiB, y nada en una e.firma es tan grande. Revise que sea el correcto.", nombre, maxArchivo>>10)
}

// abrePar reads a certificate and its key. A file that is plainly something else is
// told of, whatever the other one is.
func (a Archivos) abrePar(abierta *apertura) {
	deCer, deKey := examina(a.Cer), examina(a.Key)
	cer, hayCer := deCer.busca(esCertificado)
	key, hayKey := deKey.busca(esLlave)
	if !hayKey {
		abierta.deKey = equivocado(a.NombreKey, a.Key, deKey, esLlave)
	}
	if !hayCer {
		abierta.deCer = equivocado(a.NombreCer, a.Cer, deCer, esCertificado)
		return
	}
	if abierta.deCer = malCertificado(a.NombreCer, cer); abierta.deCer != nil {
		return
	}
	abierta.credential = describe(cer.cert)
	abierta.notaForma(a.NombreCer, deCer)
	if len(cer.reparados) > 0 {
		abierta.avisa(AvisoNombres, "El certificado (%s) tiene textos mal codificados (%s). Se leen de todos modos; otros programas quizá no.", a.NombreCer, strings.Join(cer.reparados, ", "))
	}
	if hayKey {
		abierta.notaForma(a.NombreKey, deKey)
		if key.abierta() {
			abierta.avisa(AvisoSinCifrar, "La llave (%s) no está cifrada: quien tenga el archivo puede firmar. Guarde la que entregó el SAT.", a.NombreKey)
		}
	}
	if abierta.deCer = clase(cer.cert, abierta.credential, a.NombreCer); abierta.deCer != nil || !hayKey {
		return
	}
	private, deLlave := a.abreLlave(abierta, deKey, key)
	if abierta.deKey = deLlave; deLlave == nil {
		abierta.firmaCon(private, a.NombreKey, a.NombreCer)
	}
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
