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

// Revision is everything that can be said about an e.firma, where Load and the
// Keyring stop at the first fault.
type Revision struct {
	// Credential has the metadata alone; nil when no certificate could be read.
	Credential *Credential
	// Problems keep it from serving; none when it serves.
	Problems []*Error
	// Avisos do not.
	Avisos []Aviso
}

// Aviso is something that the holder should know. Codigo is stable, Text is in
// Spanish and may be shown.
type Aviso struct{ Codigo, Text string }

// The codes of what is told about an e.firma that serves.
const (
	AvisoPEM          = "pem"                   // PEM, where the SAT hands out DER
	AvisoSurplus      = "bytes_de_mas"          // bytes behind the DER
	AvisoNames        = "nombre_mal_codificado" // the certificate's names are not of the types that they say
	AvisoEncoding     = "password_codificacion" // the password opened the key in another encoding than the file's
	AvisoCifradoDebil = "cifrado_debil"         // the key's encryption protects no more
	AvisoUnencrypted  = "llave_sin_cifrar"      // whoever has the file can sign
	AvisoDePruebas    = "de_pruebas"            // of the SAT's test authority
	AvisoEmisor       = "emisor_desconocido"    // not the SAT, as far as the name tells
	AvisoUnchecked    = "emisor_sin_comprobar"  // there are no authorities to check the issuer against
	AvisoPermisos     = "permisos"              // others of this machine can read a secret
	AvisoEspacios     = "espacios"              // the password has spaces around it
	emisorSAT         = "SERVICIO DE ADMINISTRACION TRIBUTARIA"
	trialsSerie       = "3"
	secretPermissions = 0o077
)

// Check looks at everything in the files. Unlike Load it goes on after a fault
// where the rest can still be judged, and knows files that were given in each
// other's place. The issuer is checked unless autoridades is nil.
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
	for _, ofKey := range []*Error{open.ofCer, open.ofKey} { // of a PKCS#12 it is in the former
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

// CheckFolder looks at the folder of one taxpayer, whose name is its RFC. It
// fails when the folder cannot be read.
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

// Folders lists the folders of a directory of e.firmas, as a Keyring sees them:
// paths by RFC, where more than one is a fault.
func Folders(dir string) (map[string][]string, error) { return NewKeyring(dir, nil, nil).folders() }

// IsFolder tells whether a directory holds an e.firma's files itself, and not
// folders that do.
func IsFolder(dir string) (bool, error) {
	c, err := readFolder(dir)
	return err == nil && len(c.files()) > 0, err
}
