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

// maxFile bounds every file: a certificate and a key of the SAT have about
// 1.5 KiB each.
const maxFile = 64 << 10

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
	a := Files{CerName: ".cer", KeyName: ".key", Cer: cer, Key: key, Password: password}
	return a.open(nil).entrega(now)
}

// LoadPKCS12 opens an e.firma from a PKCS#12 file (.p12, .pfx), with either the
// modern algorithms (PBES2, AES) or the legacy ones (3DES, RC2). A chain in it
// is passed over: the certificate that counts is the key's own. The error is
// as Load's.
func LoadPKCS12(pfx, password []byte, now time.Time) (*Credential, error) {
	return Files{PFXName: ".p12", PFX: pfx, Password: password}.open(nil).entrega(now)
}

// Files are the files of one e.firma as a person names them: Cer with Key, or
// PFX alone. An empty name says that there is no such file.
type Files struct {
	CerName, KeyName, PFXName string
	Cer, Key, PFX             []byte
	// Password opens the key, as its file holds it: with marks and line ends.
	// PasswordName is that file, or empty.
	Password     []byte
	PasswordName string
	// Texts are the names of other texts beside them.
	Texts []string
}

func (a Files) password() string {
	if a.PasswordName == "" {
		return "su contraseña"
	}
	return "su contraseña (" + a.PasswordName + ")"
}

// similar names the texts beside the e.firma that may be its password, as a
// sentence with a blank before it.
func (a Files) similar() string {
	const show = 3
	if len(a.Texts) == 0 {
		return ""
	}
	return " Junto a ella está " + strings.Join(a.Texts[:min(len(a.Texts), show)], ", ") + ": si ahí está la contraseña, llame al archivo " + passwordFile + "."
}

// opening is what opening gave, with no regard to the date, so that it can be
// kept and judged again as time passes.
type opening struct {
	credential *Credential // nil when the certificate is unreadable
	ofCer      *Error      // what is wrong with the certificate
	ofEmisor   *Error      // what is wrong with who issued it
	ofKey      *Error      // what is wrong with the key
	avisos     []Aviso     // what was read although others may not
}

// problem judges in the order that helps most: an expired e.firma is reported
// as such even though its password is wrong as well.
func (a *opening) problem(now time.Time) *Error {
	problems := a.problems(now)
	if len(problems) == 0 {
		return nil
	}
	return problems[0]
}

func (a *opening) problems(now time.Time) []*Error {
	all := []*Error{a.ofCer, nil, a.ofEmisor, a.ofKey}
	if a.credential != nil {
		all[1] = vigencia(a.credential, now)
	}
	return slices.DeleteFunc(all, func(p *Error) bool { return p == nil })
}

func (a *opening) notify(codigo, format string, args ...any) {
	a.avisos = append(a.avisos, Aviso{codigo, fmt.Sprintf(format, args...)})
}

func (a *opening) entrega(now time.Time) (*Credential, error) {
	problem := a.problem(now)
	if problem == nil {
		return a.credential, nil
	}
	if a.credential == nil {
		return nil, problem
	}
	return a.credential.metadatos(), problem.with(a.credential.RFC)
}

// metadatos is a copy that cannot sign.
func (c *Credential) metadatos() *Credential {
	if c == nil {
		return nil
	}
	clone := *c
	clone.Signer = nil
	return &clone
}

// vigencia refuses an e.firma out of its dates, both of which are inclusive
// (RFC 5280, 4.1.2.5).
func vigencia(c *Credential, now time.Time) *Error {
	que, renew := "La e.firma", "Renuévela en el SAT y reemplace sus archivos."
	if isCSD(c.Certificate) {
		que, renew = "El certificado de sello digital (CSD)", "Para esta pasarela hace falta la e.firma, no otro sello."
	} else if c.RFC == "" || c.Certificate.KeyUsage&useEfirma != useEfirma {
		que, renew = "El certificado", "Ponga el de la e.firma."
	}
	switch {
	case now.Before(c.NotBefore):
		return falla(AunNoVigente, nil, "%s aún no es vigente: empieza el %s. Revise también el reloj del servidor.", que, fecha(c.NotBefore)).with(c.RFC)
	case now.After(c.NotAfter):
		return falla(Vencida, nil, "%s venció el %s. %s", que, fecha(c.NotAfter), renew).with(c.RFC)
	}
	return nil
}

func fecha(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// open opens what the files hold and checks the issuer, unless autoridades is nil.
func (a Files) open(autoridades *Autoridades) *opening {
	if big := a.sizes(); big != nil {
		return &opening{ofCer: big}
	}
	open := &opening{}
	if a.PFXName != "" {
		a.openPKCS12(open)
	} else {
		a.openPair(open)
	}
	if open.credential != nil {
		open.ofEmisor = autoridades.issued(open.credential.Certificate)
	}
	return open
}

func (a Files) sizes() *Error {
	for _, f := range []struct {
		name string
		n    int
	}{{a.CerName, len(a.Cer)}, {a.KeyName, len(a.Key)}, {a.PFXName, len(a.PFX)}, {a.password(), len(a.Password)}} {
		if f.n > maxFile {
			return tooMany(f.name)
		}
	}
	return nil
}

func tooMany(name string) *Error {
	return falla(DemasiadoGrande, nil, "Un archivo (%s) pasa de %d KiB, y nada en una e.firma es tan grande. Revise que sea el correcto.", name, maxFile>>10)
}

// openPair reads a certificate and its key. A file that is plainly something else is
// told of, whatever the other one is.
func (a Files) openPair(open *opening) {
	ofCer, ofKey := examine(a.Cer), examine(a.Key)
	cer, hasCer := ofCer.find(isCertificado)
	key, hasKey := ofKey.find(isLlave)
	if !hasKey {
		open.ofKey = wrong(a.KeyName, a.Key, ofKey, isLlave)
	}
	if !hasCer {
		open.ofCer = wrong(a.CerName, a.Cer, ofCer, isCertificado)
		return
	}
	if open.ofCer = badCertificado(a.CerName, cer); open.ofCer != nil {
		return
	}
	open.credential = describe(cer.cert)
	open.formNote(a.CerName, ofCer)
	if len(cer.repaired) > 0 {
		open.notify(AvisoNames, "El certificado (%s) tiene textos mal codificados (%s). Se leen de todos modos; otros programas quizá no.", a.CerName, strings.Join(cer.repaired, ", "))
	}
	if hasKey {
		open.formNote(a.KeyName, ofKey)
		if key.current() {
			open.notify(AvisoUnencrypted, "La llave (%s) no está cifrada: quien tenga el archivo puede firmar. Guarde la que entregó el SAT.", a.KeyName)
		}
	}
	if open.ofCer = class(cer.cert, open.credential, a.CerName); open.ofCer != nil || !hasKey {
		return
	}
	private, ofLlave := a.openLlave(open, ofKey, key)
	if open.ofKey = ofLlave; ofLlave == nil {
		open.signWith(private, a.KeyName, a.CerName)
	}
}

// signWith gives the credential its signer if the key is the certificate's.
func (a *opening) signWith(key *rsa.PrivateKey, keyName, cerName string) {
	if !key.PublicKey.Equal(a.credential.Certificate.PublicKey) {
		a.ofKey = falla(LlaveNoCorresponde, nil, "La llave (%s) no es la del certificado (%s). Use los dos archivos de la misma e.firma.", keyName, cerName)
		return
	}
	a.credential.Signer = newSigner(key)
}

func describe(cert *x509.Certificate) *Credential {
	rfc, representante := rfcs(cert)
	return &Credential{
		RFC:               rfc,
		RFCRepresentante:  representante,
		Nombre:            name(cert),
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
