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
	// Problemas keep it from serving; none when it serves.
	Problemas []*Error
	// Avisos do not.
	Avisos []Aviso
}

// Aviso is something that the holder should know. Codigo is stable, Texto is in
// Spanish and may be shown.
type Aviso struct{ Codigo, Texto string }

// The codes of what is told about an e.firma that serves.
const (
	AvisoPEM          = "pem"                   // PEM, where the SAT hands out DER
	AvisoSobra        = "bytes_de_mas"          // bytes behind the DER
	AvisoNombres      = "nombre_mal_codificado" // the certificate's names are not of the types that they say
	AvisoCodificacion = "password_codificacion" // the password opened the key in another encoding than the file's
	AvisoCifradoDebil = "cifrado_debil"         // the key's encryption protects no more
	AvisoSinCifrar    = "llave_sin_cifrar"      // whoever has the file can sign
	AvisoDePruebas    = "de_pruebas"            // of the SAT's test authority
	AvisoEmisor       = "emisor_desconocido"    // not the SAT, as far as the name tells
	AvisoSinComprobar = "emisor_sin_comprobar"  // there are no authorities to check the issuer against
	AvisoPermisos     = "permisos"              // others of this machine can read a secret
	AvisoEspacios     = "espacios"              // the password has spaces around it
	emisorSAT         = "SERVICIO DE ADMINISTRACION TRIBUTARIA"
	serieDePruebas    = "3"
	permisosDeSecreto = 0o077
)

// Revisa looks at everything in the files. Unlike Load it goes on after a fault
// where the rest can still be judged, and knows files that were given in each
// other's place. The issuer is checked unless autoridades is nil.
func Revisa(a Archivos, autoridades *Autoridades, now time.Time) Revision {
	if a.NombrePFX == "" && len(a.Cer) <= maxArchivo && len(a.Key) <= maxArchivo &&
		examina(a.Cer).clase(a.Cer) == esLlave && examina(a.Key).clase(a.Key) == esCertificado {
		derecho := a
		derecho.NombreCer, derecho.NombreKey, derecho.Cer, derecho.Key = a.NombreKey, a.NombreCer, a.Key, a.Cer
		r := Revisa(derecho, autoridades, now)
		alReves := falla(CerIlegible, nil, "Los archivos están al revés: %s es la llave y %s el certificado. Délos en el otro orden; en la carpeta de la pasarela, cámbieles la extensión.", a.NombreCer, a.NombreKey)
		r.Problemas = append([]*Error{alReves}, r.Problemas...)
		return r
	}
	abierta := a.abre(autoridades)
	return Revision{
		Credential: abierta.credential.metadatos(),
		Problemas:  abierta.problemas(now),
		Avisos:     a.avisos(abierta, autoridades),
	}
}

func (a Archivos) avisos(abierta *apertura, autoridades *Autoridades) []Aviso {
	avisos := slices.Clone(abierta.avisos)
	add := func(codigo, format string, args ...any) {
		avisos = append(avisos, Aviso{codigo, fmt.Sprintf(format, args...)})
	}
	for _, deKey := range []*Error{abierta.deCer, abierta.deKey} { // of a PKCS#12 it is in the former
		texto := secretfile.Text(a.Password)
		if deKey != nil && deKey.Problem == PasswordIncorrecto && strings.TrimSpace(texto) != texto {
			add(AvisoEspacios, "La contraseña que se dio tiene espacios al principio o al final. Si no son suyos, quítelos.")
		}
	}
	c := abierta.credential
	if c == nil {
		return avisos
	}
	emisor := c.Certificate.Issuer
	switch {
	case !slices.ContainsFunc(emisor.Organization, esDelSAT):
		add(AvisoEmisor, "Lo emitió «%s», que no es el SAT. Si no es un simulador, el SAT lo rechazará con 305.", emisorDe(c.Certificate))
	case strings.HasPrefix(c.Serial, serieDePruebas) || emisor.CommonName == "AC UAT":
		add(AvisoDePruebas, "Es un certificado de pruebas del SAT: en producción lo rechaza con 305, aunque le dé un token.")
	}
	if autoridades == nil {
		add(AvisoSinComprobar, "No se comprobó que lo haya emitido el SAT, solo que lo dice. Para comprobarlo sin conexión, configure GATEWAY_EFIRMA_CA_FILE.")
	}
	return avisos
}

func esDelSAT(organizacion string) bool {
	return strings.ReplaceAll(strings.ToUpper(strings.TrimSpace(organizacion)), "Ó", "O") == emisorSAT
}

func emisorDe(cert *x509.Certificate) string {
	return cmp.Or(cert.Issuer.CommonName, strings.Join(cert.Issuer.Organization, ", "), "nadie que se nombre")
}

// RevisaCarpeta looks at the folder of one taxpayer, whose name is its RFC. It
// fails when the folder cannot be read.
func RevisaCarpeta(path string, autoridades *Autoridades, now time.Time) (Revision, error) {
	c, err := leeCarpeta(path)
	if err != nil {
		return Revision{}, err
	}
	var r Revision
	if a, problema := c.contenidos(); problema == nil {
		r = Revisa(a, autoridades, now)
	} else {
		r.Problemas = append(r.Problemas, problema)
	}
	rfc := normaliza(filepath.Base(path))
	if r.Credential != nil && r.Credential.RFC != "" && r.Credential.RFC != rfc {
		r.Problemas = append(r.Problemas, deOtro(r.Credential, rfc))
	}
	if c.password != nil && c.password.Mode().Perm()&permisosDeSecreto != 0 {
		r.Avisos = append(r.Avisos, Aviso{AvisoPermisos, "Otros usuarios de esta máquina pueden leer " + c.password.Name() + ": quíteles el permiso con chmod 600."})
	}
	return r, nil
}

// Carpetas lists the folders of a directory of e.firmas, as a Keyring sees them:
// paths by RFC, where more than one is a fault.
func Carpetas(dir string) (map[string][]string, error) { return NewKeyring(dir, nil, nil).carpetas() }

// EsCarpeta tells whether a directory holds an e.firma's files itself, and not
// folders that do.
func EsCarpeta(dir string) (bool, error) {
	c, err := leeCarpeta(dir)
	return err == nil && len(c.archivos()) > 0, err
}
