package efirma

import (
	"cmp"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Archivos are the files of one e.firma as a person names them: Cer with Key, or
// PFX alone. An empty name says that there is no such file.
type Archivos struct {
	NombreCer, NombreKey, NombrePFX string
	Cer, Key, PFX                   []byte
	// Password opens the key; NombrePassword is the file that it came from, or empty.
	Password       []byte
	NombrePassword string
}

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
	AvisoPEM          = "pem"                // PEM, where the SAT hands out DER
	AvisoSinCifrar    = "llave_sin_cifrar"   // whoever has the file can sign
	AvisoDePruebas    = "de_pruebas"         // of the SAT's test authority
	AvisoEmisor       = "emisor_desconocido" // not the SAT, as far as the name tells
	AvisoPermisos     = "permisos"           // others of this machine can read a secret
	AvisoEspacios     = "espacios"           // the password has spaces around it
	emisorSAT         = "SERVICIO DE ADMINISTRACION TRIBUTARIA"
	serieDePruebas    = "3"
	permisosDeSecreto = 0o077
)

// Revisa looks at everything in the files. Unlike Load it goes on after a fault
// where the rest can still be judged, and knows files that were given in each
// other's place.
func Revisa(a Archivos, now time.Time) Revision {
	nombres := archivos{cer: a.NombreCer, key: a.NombreKey, pfx: a.NombrePFX, password: a.NombrePassword}
	if a.NombrePFX != "" {
		if p := equivocado(a.NombrePFX, a.PFX, esPKCS12); p != nil {
			return Revision{Problemas: []*Error{p}}
		}
		return a.juzga(abrePKCS12(nombres, a.PFX, a.Password), now)
	}
	if reconoce(a.Cer) == esLlave && reconoce(a.Key) == esCertificado {
		derecho := a
		derecho.NombreCer, derecho.NombreKey, derecho.Cer, derecho.Key = a.NombreKey, a.NombreCer, a.Key, a.Cer
		r := Revisa(derecho, now)
		alReves := falla(CerIlegible, nil, "Los archivos están al revés: %s es la llave y %s el certificado. Délos en el otro orden; en la carpeta de la pasarela, cámbieles la extensión.", a.NombreCer, a.NombreKey)
		r.Problemas = append([]*Error{alReves}, r.Problemas...)
		return r
	}
	deCer, deKey := equivocado(a.NombreCer, a.Cer, esCertificado), equivocado(a.NombreKey, a.Key, esLlave)
	abierta := abrePar(nombres, a.Cer, a.Key, a.Password)
	if deCer != nil && abierta.deCer != nil {
		abierta.deCer = deCer
	}
	if deKey != nil && (abierta.deKey != nil || abierta.deCer != nil) {
		abierta.deKey = deKey
	}
	return a.juzga(abierta, now)
}

func (a Archivos) juzga(abierta *apertura, now time.Time) Revision {
	r := Revision{Credential: abierta.credential.metadatos()}
	add := func(p *Error) {
		if p != nil {
			r.Problemas = append(r.Problemas, p)
		}
	}
	add(abierta.deCer)
	if r.Credential != nil {
		add(vigencia(r.Credential, now))
	}
	add(abierta.deKey)
	r.Avisos = a.avisos(r.Credential, abierta.deKey)
	return r
}

func (a Archivos) avisos(c *Credential, deKey *Error) []Aviso {
	var avisos []Aviso
	add := func(codigo, format string, args ...any) {
		avisos = append(avisos, Aviso{codigo, fmt.Sprintf(format, args...)})
	}
	for _, f := range []struct {
		nombre    string
		contenido []byte
	}{{a.NombreCer, a.Cer}, {a.NombreKey, a.Key}} {
		if f.nombre != "" && esPEM(f.contenido) {
			add(AvisoPEM, "%s está en PEM y el SAT lo entrega en DER. La pasarela lee ambos; otros programas quizá no.", f.nombre)
		}
	}
	if a.NombreKey != "" && sinCifrar(a.Key) {
		add(AvisoSinCifrar, "La llave (%s) no está cifrada: quien tenga el archivo puede firmar. Guarde la que entregó el SAT.", a.NombreKey)
	}
	if deKey != nil && deKey.Problem == PasswordIncorrecto && strings.TrimSpace(string(a.Password)) != string(a.Password) {
		add(AvisoEspacios, "La contraseña que se dio tiene espacios al principio o al final. Si no son suyos, quítelos.")
	}
	if c == nil {
		return avisos
	}
	switch emisor := c.Certificate.Issuer; {
	case !slices.ContainsFunc(emisor.Organization, esDelSAT):
		add(AvisoEmisor, "Lo emitió «%s», que no es el SAT. Si no es un simulador, el SAT lo rechazará con 305.", emisorDe(c.Certificate))
	case strings.HasPrefix(c.Serial, serieDePruebas) || emisor.CommonName == "AC UAT":
		add(AvisoDePruebas, "Es un certificado de pruebas del SAT: en producción lo rechaza.")
	}
	return avisos
}

func esDelSAT(organizacion string) bool {
	return strings.ReplaceAll(strings.ToUpper(strings.TrimSpace(organizacion)), "Ó", "O") == emisorSAT
}

func emisorDe(cert *x509.Certificate) string {
	return cmp.Or(cert.Issuer.CommonName, strings.Join(cert.Issuer.Organization, ", "), "nadie que se nombre")
}

// clase of content, as far as its outermost layer tells.
type contenido string

const (
	esCertificado contenido = "un certificado"
	esLlave       contenido = "una llave privada"
	esPKCS12      contenido = "un PKCS#12, que trae el certificado y la llave"
	esPeticion    contenido = "un requerimiento de certificado, no lo que el SAT entrega después"
	esNada        contenido = "un archivo vacío"
	esOtro        contenido = ""
)

// reconoce tells what a file is without opening anything in it.
func reconoce(archivo []byte) contenido {
	if len(archivo) == 0 {
		return esNada
	}
	if len(archivo) > maxArchivo {
		return esOtro
	}
	if _, err := certificado(archivo); err == nil {
		return esCertificado
	}
	if _, err := x509.ParseCertificateRequest(archivo); err == nil {
		return esPeticion
	}
	if der, err := llaveDER(archivo); err == nil {
		var cifrada encryptedPrivateKeyInfo
		if _, err := asn1.Unmarshal(der, &cifrada); err == nil {
			return esLlave
		}
		if sinCifrar(archivo) {
			return esLlave
		}
	}
	if _, err := capasPKCS12(archivo); err == nil {
		return esPKCS12
	}
	return esOtro
}

func sinCifrar(key []byte) bool {
	der, err := llaveDER(key)
	if err != nil {
		return false
	}
	var info privateKeyInfo
	_, err = asn1.Unmarshal(der, &info)
	return err == nil
}

// equivocado says what a file is when it is known to be something else.
func equivocado(nombre string, archivo []byte, debido contenido) *Error {
	es := reconoce(archivo)
	if es == esOtro || es == debido {
		return nil
	}
	problema, consejo := KeyIlegible, "Dé el .key que el SAT entregó con el .cer."
	switch {
	case es == esPKCS12:
		consejo = "Dé ese archivo solo."
	case debido == esCertificado:
		consejo = "Dé el .cer tal como lo entregó el SAT."
	case debido == esPKCS12:
		consejo = "Dé el .p12 o .pfx, o el .cer y el .key."
	}
	if debido == esCertificado {
		problema = CerIlegible
	}
	return falla(problema, nil, "%s es %s, y debía ser %s. %s", nombre, es, debido, consejo)
}

// RevisaCarpeta looks at the folder of one taxpayer, whose name is its RFC. It
// fails when the folder cannot be read.
func RevisaCarpeta(path string, now time.Time) (Revision, error) {
	c, err := leeCarpeta(path)
	if err != nil {
		return Revision{}, err
	}
	var r Revision
	if a, problema := c.contenidos(); problema == nil {
		r = Revisa(a, now)
	} else {
		r.Problemas = append(r.Problemas, problema)
	}
	rfc := normaliza(filepath.Base(path))
	if r.Credential != nil && r.Credential.RFC != "" && r.Credential.RFC != rfc {
		r.Problemas = append(r.Problemas, falla(OtroRFC, nil, "La carpeta es de %s y la e.firma que contiene es de %s. Mueva los archivos a la carpeta de su RFC.", rfc, r.Credential.RFC))
	}
	if c.password != nil && c.password.Mode().Perm()&permisosDeSecreto != 0 {
		r.Avisos = append(r.Avisos, Aviso{AvisoPermisos, "Otros usuarios de esta máquina pueden leer " + archivoPassword + ": quíteles el permiso con chmod 600."})
	}
	return r, nil
}

func (c *carpeta) contenidos() (Archivos, *Error) {
	var a Archivos
	if problema := c.completa(); problema != nil {
		return a, problema
	}
	password, problema := c.lee(c.password, PasswordAusente)
	if problema != nil {
		return a, problema
	}
	a.Password, a.NombrePassword = limpia(password), archivoPassword
	if len(c.pfx) == 1 {
		a.NombrePFX = c.pfx[0].Name()
		a.PFX, problema = c.lee(c.pfx[0], KeyIlegible)
		return a, problema
	}
	a.NombreCer, a.NombreKey = c.cer[0].Name(), c.key[0].Name()
	if a.Cer, problema = c.lee(c.cer[0], CerIlegible); problema != nil {
		return a, problema
	}
	a.Key, problema = c.lee(c.key[0], KeyIlegible)
	return a, problema
}

// Carpetas lists the folders of a directory of e.firmas, as a Keyring sees them:
// paths by RFC, where more than one is a fault.
func Carpetas(dir string) (map[string][]string, error) { return NewKeyring(dir, nil).carpetas() }

// EsCarpeta tells whether a directory holds an e.firma's files itself, and not
// folders that do.
func EsCarpeta(dir string) (bool, error) {
	c, err := leeCarpeta(dir)
	return err == nil && len(c.archivos()) > 0, err
}
