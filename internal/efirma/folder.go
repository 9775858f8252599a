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

const passwordFile = "password.txt"

// folder lists one taxpayer's folder. The contents are not read yet.
type folder struct {
	path     string
	info     os.FileInfo // of the folder itself
	cer, key []os.FileInfo
	pfx      []os.FileInfo
	password os.FileInfo // nil if absent
	// texts are the names of other text files, one of which may be meant as the password.
	texts []string
}

// readFolder lists a folder. It skips names that start with a dot, which are unfinished
// files or the links by which Kubernetes mounts secrets, and everything that is not a
// file after following links.
func readFolder(path string) (*folder, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	c := &folder{path: path, info: info}
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
		// Stat through a link keeps the link's name, whose extension counts.
		switch strings.ToLower(filepath.Ext(name)) {
		case ".cer":
			c.cer = append(c.cer, info)
		case ".key":
			c.key = append(c.key, info)
		case ".p12", ".pfx":
			c.pfx = append(c.pfx, info)
		case ".txt":
			c.text(info)
		}
	}
	return c, nil
}

// text records a file that may hold the password. Windows may write the name in any case;
// the exact spelling has priority.
func (c *folder) text(info os.FileInfo) {
	name := info.Name()
	switch {
	case name == passwordFile, c.password == nil && strings.EqualFold(name, passwordFile):
		c.password = info
	case !strings.EqualFold(name, passwordFile):
		c.texts = append(c.texts, name)
	}
}

// files returns the files of the e.firma in a fixed order.
func (c *folder) files() []os.FileInfo {
	all := slices.Concat(c.cer, c.key, c.pfx)
	if c.password != nil {
		all = append(all, c.password)
	}
	return all
}

// same reports whether nothing changed between two listings: the same files by name,
// identity, size, mode and modification time.
func (c *folder) same(other *folder) bool {
	return c.path == other.path && c.info.Mode() == other.info.Mode() && slices.EqualFunc(c.files(), other.files(), same)
}

// intact reports the same from a few calls to stat. The folder's own time reveals added
// and removed files; so does a link to another folder.
func (c *folder) intact() bool {
	info, err := os.Stat(c.path)
	if err != nil || !same(info, c.info) {
		return false
	}
	for _, before := range c.files() {
		now, err := os.Stat(filepath.Join(c.path, before.Name()))
		if err != nil || !same(now, before) {
			return false
		}
	}
	return true
}

func same(a, b os.FileInfo) bool {
	return a.Name() == b.Name() && a.Size() == b.Size() && a.Mode() == b.Mode() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

// open opens the e.firma in the folder. rfc is the folder's name.
func (c *folder) open(rfc string, autoridades *Autoridades) *opening {
	files, problem := c.contents()
	if problem != nil {
		return &opening{ofCer: problem.with(rfc)}
	}
	a := files.open(autoridades)
	if a.ofCer == nil {
		a.ofCer = ofOther(a.credential, rfc)
	}
	a.ofCer, a.ofEmisor, a.ofKey = a.ofCer.with(rfc), a.ofEmisor.with(rfc), a.ofKey.with(rfc)
	return a
}

// ofOther refuses an e.firma in another taxpayer's folder.
func ofOther(c *Credential, rfc string) *Error {
	if c.RFC == rfc {
		return nil
	}
	return falla(OtroRFC, nil, "La carpeta es de %s y la e.firma que contiene es de %s. Mueva los archivos a la carpeta de su RFC.", rfc, c.RFC)
}

// contents reads the folder's files, which must be one e.firma.
func (c *folder) contents() (Files, *Error) {
	var a Files
	problem := c.complete()
	if problem != nil {
		return a, problem
	}
	a.PasswordName = passwordFile
	if c.password != nil {
		a.PasswordName = c.password.Name()
	} else {
		a.Texts = c.texts
	}
	if a.Password, problem = c.read(c.password, PasswordAusente); problem != nil {
		return a, problem
	}
	if len(c.pfx) == 1 {
		a.PFXName = c.pfx[0].Name()
		a.PFX, problem = c.read(c.pfx[0], KeyIlegible)
		return a, problem
	}
	a.CerName, a.KeyName = c.cer[0].Name(), c.key[0].Name()
	if a.Cer, problem = c.read(c.cer[0], CerIlegible); problem != nil {
		return a, problem
	}
	a.Key, problem = c.read(c.key[0], KeyIlegible)
	return a, problem
}

// complete refuses a folder without exactly one e.firma: a .cer with a .key, or one
// PKCS#12.
func (c *folder) complete() *Error {
	var missing []string
	switch alterable := c.alterable(); {
	case alterable != "":
		return falla(PermisosAbiertos, nil, "Cualquier usuario de esta máquina puede cambiar %s, y con ello con qué se firma. Quítele el permiso con chmod o-w.", alterable)
	case len(c.pfx) > 1, len(c.cer) > 1, len(c.key) > 1, len(c.pfx) == 1 && len(c.cer)+len(c.key) > 0:
		var names []string
		for _, f := range slices.Concat(c.cer, c.key, c.pfx) {
			names = append(names, f.Name())
		}
		return falla(ArchivosAmbiguos, nil, "La carpeta contiene más de una e.firma (%s). Deje un solo .cer con su .key, o un solo .p12.", strings.Join(names, ", "))
	case len(c.pfx) == 1:
		return nil
	case len(c.cer) == 0 && len(c.key) == 0:
		return falla(ArchivosFaltantes, nil, "La carpeta no contiene una e.firma. Ponga en ella el .cer y el .key con %s, o un .p12.", passwordFile)
	}
	if len(c.cer) == 0 {
		missing = append(missing, "el .cer")
	}
	if len(c.key) == 0 {
		missing = append(missing, "el .key")
	}
	if len(missing) > 0 {
		return falla(ArchivosFaltantes, nil, "Falta %s en la carpeta de la e.firma.", strings.Join(missing, " y "))
	}
	return nil
}

// alterable returns the name of a file, or of the folder, that any user of this machine
// may replace. In a folder with the sticky bit nobody can remove another user's file.
func (c *folder) alterable() string {
	for _, f := range c.files() {
		if open(f) {
			return f.Name()
		}
	}
	if open(c.info) {
		return "la carpeta de la e.firma"
	}
	return ""
}

func open(info os.FileInfo) bool {
	sticky := info.IsDir() && info.Mode()&os.ModeSticky != 0
	return runtime.GOOS != "windows" && info.Mode().Perm()&0o002 != 0 && !sticky // modes mean nothing on Windows
}

// read reads one file of the folder, or nothing if info is nil.
func (c *folder) read(info os.FileInfo, p Problem) ([]byte, *Error) {
	if info == nil {
		return nil, nil
	}
	content, err := readFile(filepath.Join(c.path, info.Name()))
	switch {
	case err != nil:
		return nil, falla(p, err, "No se pudo leer un archivo (%s). Revise sus permisos.", info.Name())
	case len(content) > maxFile:
		return nil, tooMany(info.Name())
	}
	return content, nil
}

// readFile stops reading as soon as a file is known to be too large.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // found by listing the directory, never made of input
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	return content, errors.Join(err, f.Close())
}
