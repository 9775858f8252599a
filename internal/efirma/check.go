package efirma

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/secretfile"
)

// Revision holds every finding about an e.firma. Load and the Keyring stop at the first
// fault.
type Revision struct {
	// Credential has metadata only; nil if no certificate could be read.
	Credential *Credential
	// Problems make the e.firma unusable; empty if it is usable.
	Problems []*Error
	// Avisos do not make it unusable.
	Avisos []Aviso
}

// Aviso is a finding that the holder should know. Codigo is stable. Text is in Spanish
// and may be shown.
type Aviso struct{ Codigo, Text string }

// The codes of the findings about a usable e.firma.
const (
	AvisoPEM          = "pem"                   // PEM; the SAT hands out DER
	AvisoSurplus      = "bytes_de_mas"          // bytes after the DER
	AvisoNames        = "nombre_mal_codificado" // the certificate's names are not of the types that they declare
	AvisoEncoding     = "password_codificacion" // the password opened the key in another encoding than the file's
	AvisoCifradoDebil = "cifrado_debil"         // the key's encryption no longer protects it
	AvisoUnencrypted  = "llave_sin_cifrar"      // anyone who has the file can sign
	AvisoDePruebas    = "de_pruebas"            // issued by the SAT's test authority
	AvisoEmisor       = "emisor_desconocido"    // by its name, the issuer is not the SAT
	AvisoUnchecked    = "emisor_sin_comprobar"  // there are no authorities to check the issuer against
	AvisoPermisos     = "permisos"              // other users of this machine can read a secret
	AvisoEspacios     = "espacios"              // the password has spaces around it
	emisorSAT         = "SERVICIO DE ADMINISTRACION TRIBUTARIA"
	trialsSerie       = "3"
	secretPermissions = 0o077
)

// Check reports everything that it finds in the files. Unlike Load, it goes on after a
// fault if the rest can still be judged, and recognizes swapped files. It checks the
// issuer unless autoridades is nil.
func Check(a Files, autoridades *Autoridades, now time.Time) Revision {
	if a.PFXName == "" && len(a.Cer) <= maxFile && len(a.Key) <= maxFile &&
		examine(a.Cer).class(a.Cer) == isLlave && examine(a.Key).class(a.Key) == isCertificado {
		right := a
		right.CerName, right.KeyName, right.Cer, right.Key = a.KeyName, a.CerName, a.Key, a.Cer
		r := Check(right, autoridades, now)
		reversed := falla(CerIlegible, nil, "Los archivos están al revés: %s es la llave y %s el certificado. Délos en el otro orden; en la carpeta de la pasarela, cámbieles la extensión.", a.CerName, a.KeyName)
		r.Problems = append([]*Error{reversed}, r.Problems...)
		return r
	}
	open := a.open(autoridades)
	return Revision{
		Credential: open.credential.metadatos(),
		Problems:   open.problems(now),
		Avisos:     a.avisos(open, autoridades),
	}
}

func (a Files) avisos(open *opening, autoridades *Autoridades) []Aviso {
	avisos := slices.Clone(open.avisos)
	add := func(codigo, format string, args ...any) {
		avisos = append(avisos, Aviso{codigo, fmt.Sprintf(format, args...)})
	}
	for _, ofKey := range []*Error{open.ofCer, open.ofKey} { // a PKCS#12's problem is in ofCer
		text := secretfile.Text(a.Password)
		if ofKey != nil && ofKey.Problem == PasswordIncorrecto && strings.TrimSpace(text) != text {
			add(AvisoEspacios, "La contraseña que se dio tiene espacios al principio o al final. Si no son suyos, quítelos.")
		}
	}
	c := open.credential
	if c == nil {
		return avisos
	}
	emisor := c.Certificate.Issuer
	switch {
	case !slices.ContainsFunc(emisor.Organization, isOfSAT):
		add(AvisoEmisor, "Lo emitió «%s», que no es el SAT. Si no es un simulador, el SAT lo rechazará con 305.", emisorOf(c.Certificate))
	case strings.HasPrefix(c.Serial, trialsSerie) || emisor.CommonName == "AC UAT":
		add(AvisoDePruebas, "Es un certificado de pruebas del SAT: en producción lo rechaza con 305, aunque le dé un token.")
	}
	if autoridades == nil {
		add(AvisoUnchecked, "No se comprobó que lo haya emitido el SAT, solo que lo dice. Para comprobarlo sin conexión, configure GATEWAY_EFIRMA_CA_FILE.")
	}
	return avisos
}

func isOfSAT(organization string) bool {
	return strings.ReplaceAll(strings.ToUpper(strings.TrimSpace(organization)), "Ó", "O") == emisorSAT
}

func emisorOf(cert *x509.Certificate) string {
	return cmp.Or(cert.Issuer.CommonName, strings.Join(cert.Issuer.Organization, ", "), "nadie que se nombre")
}

// CheckFolder checks one taxpayer's folder, whose name is the RFC. The error is about
// reading the folder.
func CheckFolder(path string, autoridades *Autoridades, now time.Time) (Revision, error) {
	c, err := readFolder(path)
	if err != nil {
		return Revision{}, err
	}
	var r Revision
	if a, problem := c.contents(); problem == nil {
		r = Check(a, autoridades, now)
	} else {
		r.Problems = append(r.Problems, problem)
	}
	rfc := normalise(filepath.Base(path))
	if r.Credential != nil && r.Credential.RFC != "" && r.Credential.RFC != rfc {
		r.Problems = append(r.Problems, ofOther(r.Credential, rfc))
	}
	if c.password != nil && c.password.Mode().Perm()&secretPermissions != 0 {
		r.Avisos = append(r.Avisos, Aviso{AvisoPermisos, "Otros usuarios de esta máquina pueden leer " + c.password.Name() + ": quíteles el permiso con chmod 600."})
	}
	return r, nil
}

// Folders lists the folders of a directory of e.firmas as a Keyring does: paths by RFC.
// More than one path for an RFC is a fault.
func Folders(dir string) (map[string][]string, error) { return NewKeyring(dir, nil, nil).folders() }

// IsFolder reports whether dir itself holds an e.firma's files, rather than folders of
// them.
func IsFolder(dir string) (bool, error) {
	c, err := readFolder(dir)
	return err == nil && len(c.files()) > 0, err
}
