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

// Tipo is what a file turned out to hold.
type Tipo string

// The two that the SEP takes, and the rest.
const (
	TipoXML         Tipo = "xml"
	TipoZip         Tipo = "zip"
	TipoDesconocido Tipo = ""
)

// Revision is what was found in a file.
type Revision struct {
	Tipo Tipo
	// Titulos counts the documents that could be read.
	Titulos int
	// Documentos lists the documents that were looked at, in their order.
	Documentos []Documento
	// Problemas is nil when nothing was found. HayErrores tells whether to send.
	Problemas []Problema
}

// Documento is one document of a file.
type Documento struct {
	Archivo      string // the entry of the zip, empty outside one
	FolioControl string // empty when it could not be read
}

// RevisaArchivo checks a file before it is sent: that name and content are one
// of the two kinds the SEP takes, that it is not base64 already, and of a zip
// that it is whole, bounded, and holds titles alone, each folio once. r has
// size bytes; nombre is the name under which it will be sent, with its
// extension. Memory is bounded by the bounds of a title and of a zip's
// directory, whatever the size.
//
// The titles themselves are not judged beyond being readable: that is
// VerificaArchivo. The error is r's.
func RevisaArchivo(r io.ReaderAt, size int64, nombre string) (Revision, error) {
	return revisa(r, size, nombre, lista{}, func(l *lista, documento []byte) (Titulo, bool) {
		t, err := Parse(documento)
		if err != nil {
			_ = l.rechazo(err) // Parse fails with problems alone
		}
		return t, err == nil
	})
}

// VerificaArchivo is RevisaArchivo with Verifica of every title.
func (c *Criterio) VerificaArchivo(r io.ReaderAt, size int64, nombre string) (Revision, error) {
	return revisa(r, size, nombre, lista{criterio: c}, (*lista).verifica)
}

// juez judges one document, and returns what it read of it if it could.
type juez func(l *lista, documento []byte) (Titulo, bool)

// cabeza is how much of a file tells its kind.
const cabeza = 4 << 10

func revisa(r io.ReaderAt, size int64, nombre string, l lista, juzga juez) (Revision, error) {
	inicio := make([]byte, min(size, cabeza))
	n, err := r.ReadAt(inicio, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Revision{}, err
	}
	inicio = inicio[:n]
	rev := revision{lista: l, tipo: tipoDe(inicio), juzga: juzga}
	rev.nombre(nombre, rev.tipo)
	err = nil
	switch rev.tipo {
	case TipoXML:
		err = rev.xml(r, size)
	case TipoZip:
		err = rev.zip(r, size)
	default:
		rev.desconocido(inicio)
	}
	return Revision{Tipo: rev.tipo, Titulos: rev.titulos, Documentos: rev.documentos, Problemas: rev.problemas}, err
}

type revision struct {
	lista
	tipo       Tipo
	titulos    int
	documentos []Documento
	juzga      juez
}

func (v *revision) xml(r io.ReaderAt, size int64) error {
	if size > maxTitulo {
		v.error("", CodigoDemasiadoGrande, "El XML de un título no pasa de %d KiB; para varios títulos envíe un zip.", maxTitulo>>10)
		return nil
	}
	documento := make([]byte, size)
	if _, err := r.ReadAt(documento, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	t, ok := v.juzga(&v.lista, documento)
	if ok {
		v.titulos++
	}
	v.documentos = append(v.documentos, Documento{FolioControl: t.FolioControl})
	return nil
}

// nombre checks nombreArchivo: 2 to 100 characters (sep.md §3) and the
// extension of what the file holds.
func (v *revision) nombre(nombre string, tipo Tipo) {
	const ruta = "nombreArchivo"
	if n := utf8.RuneCountInString(nombre); n < 2 || n > 100 {
		v.error(ruta, CodigoNombreLongitud, "El nombre del archivo tiene %d caracteres y debe tener de 2 a 100.", n)
	}
	if !imprimible(nombre) || strings.ContainsAny(nombre, "/\\\t\r\n") {
		v.error(ruta, CodigoNombreInvalido, "El nombre del archivo no lleva carpetas ni caracteres de control.")
	}
	extensiones := []string{".xml", ".zip"}
	extension := strings.ToLower(path.Ext(nombre))
	switch {
	case !slices.Contains(extensiones, extension):
		p := fallo(ruta, CodigoExtension, "El nombre del archivo debe terminar en .xml (un título) o .zip (varios).")
		p.ValoresValidos = extensiones
		v.pon(p)
	case tipo != TipoDesconocido && extension != "."+string(tipo):
		v.error(ruta, CodigoExtensionDistinta, "El archivo se llama %s y contiene %s; corrija el nombre.", extension, tipo)
	}
}

// desconocido says what it looks like instead.
func (v *revision) desconocido(inicio []byte) {
	texto := bytes.TrimSpace(inicio)
	switch {
	case len(texto) == 0:
		v.error("", CodigoArchivoVacio, "El archivo está vacío.")
	case tipoDe(desenvuelve(texto)) != TipoDesconocido:
		v.error("", CodigoEnBase64, "El archivo ya viene en base64, y se codifica una sola vez: envíelo tal cual, sin codificar.")
	case tipoDe(desenvuelve(desenvuelve(texto))) != TipoDesconocido:
		v.error("", CodigoEnBase64Doble, "El archivo viene dos veces en base64, y se codifica una sola vez: envíelo tal cual, sin codificar.")
	default:
		v.error("", CodigoContenido, "El contenido no es un XML ni un zip (tampoco sirven RAR, 7z, gzip ni PDF).")
	}
}
