package titulo

import (
	"bytes"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// Tipo is the kind of a file's content.
type Tipo string

// The two kinds that the SEP accepts, and the rest.
const (
	TipoXML     Tipo = "xml"
	TipoZip     Tipo = "zip"
	TipoUnknown Tipo = ""
)

// Revision is the result of checking a file.
type Revision struct {
	Tipo Tipo
	// Titulos counts the documents that could be read.
	Titulos int
	// Documents lists the checked documents, in order.
	Documents []Document
	// Problems is nil if nothing was found. HasErrors reports whether not to send the
	// file.
	Problems []Problem
}

// Document is one document of a file.
type Document struct {
	File         string // the entry of the zip; empty without one
	FolioControl string // empty if it could not be read
}

// CheckFile checks a file before it is sent: its name and content are one of the two
// kinds that the SEP accepts, it is not base64 already, and a zip is complete, bounded,
// and holds only titles, each folio once. r has size bytes. name is the name under which
// it will be sent, with its extension. Memory use is bounded whatever the size.
//
// It only checks that the titles can be read; VerifyFile checks them. The error is r's.
func CheckFile(r io.ReaderAt, size int64, name string) (Revision, error) {
	return check(r, size, name, list{}, func(l *list, document []byte) (Titulo, bool) {
		t, err := Parse(document)
		if err != nil {
			_ = l.refusal(err) // Parse fails with problems only
		}
		return t, err == nil
	})
}

// VerifyFile is CheckFile with Verify of every title.
func (c *Criterio) VerifyFile(r io.ReaderAt, size int64, name string) (Revision, error) {
	return check(r, size, name, list{criterio: c}, (*list).verify)
}

// judge checks one document, and returns what it could read.
type judge func(l *list, document []byte) (Titulo, bool)

// head is how much of a file shows its kind.
const head = 4 << 10

func check(r io.ReaderAt, size int64, name string, l list, judgeTitulo judge) (Revision, error) {
	start := make([]byte, min(size, head))
	n, err := r.ReadAt(start, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Revision{}, err
	}
	start = start[:n]
	rev := revision{list: l, tipo: tipoOf(start), judge: judgeTitulo}
	rev.name(name, rev.tipo)
	err = nil
	switch rev.tipo {
	case TipoXML:
		err = rev.xml(r, size)
	case TipoZip:
		err = rev.zip(r, size)
	default:
		rev.unknown(start)
	}
	return Revision{Tipo: rev.tipo, Titulos: rev.titulos, Documents: rev.documents, Problems: rev.problems}, err
}

type revision struct {
	list
	tipo      Tipo
	titulos   int
	documents []Document
	judge     judge
}

func (v *revision) xml(r io.ReaderAt, size int64) error {
	if size > maxTitulo {
		v.error("", CodigoDemasiadoGrande, "El XML de un título no pasa de %d KiB; para varios títulos envíe un zip.", maxTitulo>>10)
		return nil
	}
	document := make([]byte, size)
	if _, err := r.ReadAt(document, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	t, ok := v.judge(&v.list, document)
	if ok {
		v.titulos++
	}
	v.documents = append(v.documents, Document{FolioControl: t.FolioControl})
	return nil
}

// name checks nombreArchivo: 2 to 100 characters (sep.md §3) and the extension for the
// file's content.
func (v *revision) name(name string, tipo Tipo) {
	const where = "nombreArchivo"
	if n := utf8.RuneCountInString(name); n < 2 || n > 100 {
		v.error(where, CodigoNombreLongitud, "El nombre del archivo tiene %d caracteres y debe tener de 2 a 100.", n)
	}
	if !printable(name) || strings.ContainsAny(name, "/\\\t\r\n") {
		v.error(where, CodigoNombreInvalido, "El nombre del archivo no lleva carpetas ni caracteres de control.")
	}
	extensions := []string{".xml", ".zip"}
	extension := strings.ToLower(path.Ext(name))
	switch {
	case !slices.Contains(extensions, extension):
		p := failure(where, CodigoExtension, "El nombre del archivo debe terminar en .xml (un título) o .zip (varios).")
		p.ValoresValidos = extensions
		v.set(p)
	case tipo != TipoUnknown && extension != "."+string(tipo):
		v.error(where, CodigoExtensionDifferent, "El archivo se llama %s y contiene %s; corrija el nombre.", extension, tipo)
	}
}

// unknown names what the content seems to be.
func (v *revision) unknown(start []byte) {
	text := bytes.TrimSpace(start)
	switch {
	case len(text) == 0:
		v.error("", CodigoArchivoVacio, "El archivo está vacío.")
	case tipoOf(unwrap(text)) != TipoUnknown:
		v.error("", CodigoEnBase64, "El archivo ya viene en base64, y se codifica una sola vez: envíelo tal cual, sin codificar.")
	case tipoOf(unwrap(unwrap(text))) != TipoUnknown:
		v.error("", CodigoEnBase64Doble, "El archivo viene dos veces en base64, y se codifica una sola vez: envíelo tal cual, sin codificar.")
	default:
		v.error("", CodigoContent, "El contenido no es un XML ni un zip (tampoco sirven RAR, 7z, gzip ni PDF).")
	}
}
