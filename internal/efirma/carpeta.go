package efirma

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

const archivoPassword = "password.txt"

// carpeta is what one taxpayer's folder holds, by name; the content is not
// read yet.
type carpeta struct {
	path     string
	info     os.FileInfo // of the folder itself
	cer, key []os.FileInfo
	pfx      []os.FileInfo
	password os.FileInfo // nil when absent
	// textos are the names of other texts, one of which may be meant for it.
	textos []string
}

// leeCarpeta lists a folder. Names that start with a dot are passed over: they
// are files half written, or the links by which Kubernetes mounts secrets; and
// so is whatever is not a file after following links.
func leeCarpeta(path string) (*carpeta, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	c := &carpeta{path: path, info: info}
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") {
			continue
		}
		info, err := os.Stat(filepath.Join(path, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			continue
		}
		// Stat through a link keeps the link's name, which is the one to read.
		switch strings.ToLower(filepath.Ext(name)) {
		case ".cer":
			c.cer = append(c.cer, info)
		case ".key":
			c.key = append(c.key, info)
		case ".p12", ".pfx":
			c.pfx = append(c.pfx, info)
		case ".txt":
			c.texto(info)
		}
	}
	return c, nil
}

// texto takes a file that may hold the password: Windows writes the name in any
// case, and the one that is written exactly so goes before.
func (c *carpeta) texto(info os.FileInfo) {
	name := info.Name()
	switch {
	case name == archivoPassword, c.password == nil && strings.EqualFold(name, archivoPassword):
		c.password = info
	case !strings.EqualFold(name, archivoPassword):
		c.textos = append(c.textos, name)
	}
}

// archivos are the files that matter, in a fixed order.
func (c *carpeta) archivos() []os.FileInfo {
	todos := slices.Concat(c.cer, c.key, c.pfx)
	if c.password != nil {
		todos = append(todos, c.password)
	}
	return todos
}

// igual tells whether nothing changed between two listings: the same files, by
// name, identity, size, mode and time of change.
func (c *carpeta) igual(otra *carpeta) bool {
	return c.path == otra.path && c.info.Mode() == otra.info.Mode() && slices.EqualFunc(c.archivos(), otra.archivos(), mismo)
}

// intacta tells the same from a few stats alone. The folder's own time tells
// of files that came or went; so do links to another folder.
func (c *carpeta) intacta() bool {
	info, err := os.Stat(c.path)
	if err != nil || !mismo(info, c.info) {
		return false
	}
	for _, antes := range c.archivos() {
		ahora, err := os.Stat(filepath.Join(c.path, antes.Name()))
		if err != nil || !mismo(ahora, antes) {
			return false
		}
	}
	return true
}

func mismo(a, b os.FileInfo) bool {
	return a.Name() == b.Name() && a.Size() == b.Size() && a.Mode() == b.Mode() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

// abre opens what the folder holds; rfc is what its name says.
func (c *carpeta) abre(rfc string, autoridades *Autoridades) *apertura {
	archivos, problema := c.contenidos()
	if problema != nil {
		return &apertura{deCer: problema.con(rfc)}
	}
	a := archivos.abre(autoridades)
	if a.deCer == nil {
		a.deCer = deOtro(a.credential, rfc)
	}
	a.deCer, a.deEmisor, a.deKey = a.deCer.con(rfc), a.deEmisor.con(rfc), a.deKey.con(rfc)
	return a
}

// deOtro refuses an e.firma that lies in another taxpayer's folder.
func deOtro(c *Credential, rfc string) *Error {
	if c.RFC == rfc {
		return nil
	}
	return falla(OtroRFC, nil, "La carpeta es de %s y la e.firma que contiene es de %s. Mueva los archivos a la carpeta de su RFC.", rfc, c.RFC)
}

// contenidos reads the files of the folder, which must hold one e.firma.
func (c *carpeta) contenidos() (Archivos, *Error) {
	var a Archivos
	problema := c.completa()
	if problema != nil {
		return a, problema
	}
	a.NombrePassword = archivoPassword
	if c.password != nil {
		a.NombrePassword = c.password.Name()
	} else {
		a.Textos = c.textos
	}
	if a.Password, problema = c.lee(c.password, PasswordAusente); problema != nil {
		return a, problema
	}
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

// completa wants exactly one e.firma: a .cer with a .key, or one PKCS#12.
func (c *carpeta) completa() *Error {
	var faltan []string
	switch alterable := c.alterable(); {
	case alterable != "":
		return falla(PermisosAbiertos, nil, "Cualquier usuario de esta máquina puede cambiar %s, y con ello con qué se firma. Quítele el permiso con chmod o-w.", alterable)
	case len(c.pfx) > 1, len(c.cer) > 1, len(c.key) > 1, len(c.pfx) == 1 && len(c.cer)+len(c.key) > 0:
		var nombres []string
		for _, f := range slices.Concat(c.cer, c.key, c.pfx) {
			nombres = append(nombres, f.Name())
		}
		return falla(ArchivosAmbiguos, nil, "La carpeta contiene más de una e.firma (%s). Deje un solo .cer con su .key, o un solo .p12.", strings.Join(nombres, ", "))
	case len(c.pfx) == 1:
		return nil
	case len(c.cer) == 0 && len(c.key) == 0:
		return falla(ArchivosFaltantes, nil, "La carpeta no contiene una e.firma. Ponga en ella el .cer y el .key con %s, o un .p12.", archivoPassword)
	}
	if len(c.cer) == 0 {
		faltan = append(faltan, "el .cer")
	}
	if len(c.key) == 0 {
		faltan = append(faltan, "el .key")
	}
	if len(faltan) > 0 {
		return falla(ArchivosFaltantes, nil, "Falta %s en la carpeta de la e.firma.", strings.Join(faltan, " y "))
	}
	return nil
}

// alterable names what any user of this machine may replace: a file of the folder, or the
// folder. In one with the sticky bit nobody takes away a file of another's.
func (c *carpeta) alterable() string {
	for _, f := range c.archivos() {
		if abierto(f) {
			return f.Name()
		}
	}
	if abierto(c.info) {
		return "la carpeta de la e.firma"
	}
	return ""
}

func abierto(info os.FileInfo) bool {
	sticky := info.IsDir() && info.Mode()&os.ModeSticky != 0
	return runtime.GOOS != "windows" && info.Mode().Perm()&0o002 != 0 && !sticky // Windows' modes say nothing
}

// lee reads one file of the folder; none when info is nil.
func (c *carpeta) lee(info os.FileInfo, p Problem) ([]byte, *Error) {
	if info == nil {
		return nil, nil
	}
	content, err := leeArchivo(filepath.Join(c.path, info.Name()))
	switch {
	case err != nil:
		return nil, falla(p, err, "No se pudo leer un archivo (%s). Revise sus permisos.", info.Name())
	case len(content) > maxArchivo:
		return nil, demasiado(info.Name())
	}
	return content, nil
}

// leeArchivo reads no more than it takes to see that a file is too large.
func leeArchivo(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // found by listing the directory, never made of input
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, maxArchivo+1))
	return content, errors.Join(err, f.Close())
}
