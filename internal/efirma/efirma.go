// Package efirma opens a taxpayer's e.firma: the certificate (.cer) and the encrypted
// private key (.key) that the SAT hands out, or both in one PKCS#12 file. A Keyring
// serves the e.firmas of a directory.
//
// It is the only package that sees private key bytes. It returns a crypto.Signer that
// only signs: the key cannot be asserted out of it, printed or marshalled.
//
// It refuses what the SAT would refuse later and less clearly, each with its own Problem:
// a CSD, an expired certificate, a key of another certificate, a wrong password. It
// verifies the issuer only against configured authorities (Autoridades), and never checks
// revocation; the SAT checks both on every call (codes 304 and 305). The size of files is
// bounded, and so is the work that a hostile file can cause.
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

// maxFile bounds every file. The SAT's certificates and keys have about 1.5 KiB each.
const maxFile = 64 << 10

// Credential is an opened e.firma. It is immutable and may be shared by goroutines.
type Credential struct {
	RFC    string // in upper case, as in the certificate
	Nombre string
	CURP   string // the person's, or that of the company's representative
	// RFCRepresentante is the RFC of a company's legal representative; empty if the
	// certificate names none.
	RFCRepresentante string
	// Serial is the SAT's "número de certificado": 20 digits, the bytes of the serial
	// number read as ASCII.
	Serial string
	// SerialDecimal is the same integer of 160 bits in decimal, for XML-DSig's
	// X509SerialNumber.
	SerialDecimal string
	// IssuerName is the issuer for X509IssuerName: RFC 4514's string form, but in the
	// certificate's own order, "CN=…,O=…,emailAddress=…".
	IssuerName        string
	CertificateBase64 string // the certificate's DER, padded base64 in one line
	NotBefore         time.Time
	NotAfter          time.Time
	Certificate       *x509.Certificate `json:"-"`
	// Signer signs with the private key. It is nil if an error came with the credential:
	// then only the metadata may be used.
	Signer crypto.Signer `json:"-"`
}

// Load opens an e.firma from the contents of its files.
//
// cer is an X.509 certificate. key is an RSA private key in any common form: DER or PEM,
// PKCS#8 or PKCS#1, encrypted as by the SAT, by OpenSSL today or by old OpenSSL. An
// unencrypted key is accepted too, for people who protect the file by other means;
// password is then ignored. password is the content of its file: secretfile.Variants
// lists what is tried.
//
// The error is an *Error. If the certificate could be read, the credential is returned
// with the error and has a nil Signer, so a list can show the certificate and its dates.
func Load(cer, key, password []byte, now time.Time) (*Credential, error) {
	a := Files{CerName: ".cer", KeyName: ".key", Cer: cer, Key: key, Password: password}
	return a.open(nil).entrega(now)
}

// LoadPKCS12 opens an e.firma from a PKCS#12 file (.p12, .pfx) with the modern algorithms
// (PBES2, AES) or the legacy ones (3DES, RC2). It ignores a chain in the file and uses
// the key's own certificate. The error is as Load's.
func LoadPKCS12(pfx, password []byte, now time.Time) (*Credential, error) {
	return Files{PFXName: ".p12", PFX: pfx, Password: password}.open(nil).entrega(now)
}

// Files are the files of one e.firma: Cer with Key, or PFX alone. An empty name means
// that there is no such file.
type Files struct {
	CerName, KeyName, PFXName string
	Cer, Key, PFX             []byte
	// Password is the content of the file PasswordName, with byte order mark and line
	// ends. PasswordName is empty if there is no file.
	Password     []byte
	PasswordName string
	// Texts are the names of other text files in the folder.
	Texts []string
}

func (a Files) password() string {
	if a.PasswordName == "" {
		return "su contraseña"
	}
	return "su contraseña (" + a.PasswordName + ")"
}

// similar names the other text files that may hold the password, as a sentence with a
// leading space.
func (a Files) similar() string {
	const show = 3
	if len(a.Texts) == 0 {
		return ""
	}
	return " Junto a ella está " + strings.Join(a.Texts[:min(len(a.Texts), show)], ", ") + ": si ahí está la contraseña, llame al archivo " + passwordFile + "."
}

// opening is the result of opening the files, whatever the date, so that it can be kept
// and judged again later.
type opening struct {
	credential *Credential // nil if the certificate is unreadable
	ofCer      *Error      // the problem of the certificate
	ofEmisor   *Error      // the problem of its issuer
	ofKey      *Error      // the problem of the key
	avisos     []Aviso     // about what other programs may not read
}

// problem returns the most helpful problem: an expired e.firma is reported as such even
// if its password is wrong too.
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

// metadatos returns a copy that cannot sign.
func (c *Credential) metadatos() *Credential {
	if c == nil {
		return nil
	}
	clone := *c
	clone.Signer = nil
	return &clone
}

// vigencia refuses an e.firma outside its dates, both inclusive (RFC 5280, 4.1.2.5).
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

// open opens the files and checks the issuer, unless autoridades is nil.
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

// openPair reads a certificate and its key. A file that is clearly something else is
// reported, whatever the other one is.
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

// signWith sets the credential's signer if the key belongs to the certificate.
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
