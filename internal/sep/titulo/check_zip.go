package titulo

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// The bounds of a zip. The SEP publishes none; the largest known one for the SEP had
// 1,199 titles in 3.4 MB (sep.md §7).
const (
	maxEntries   = 20_000
	maxDirectory = 4 << 20   // about 200 bytes for each entry
	maxOpen      = 512 << 20 // all entries together, decompressed
	// A title is mostly base64 and compresses to a half or a third. A ratio of a hundred
	// is not a title's.
	maxReason      = 100
	reasonSince    = 64 << 10 // below this size a ratio says nothing
	flagEncrypted  = 1 << 0
	flagEncrypted2 = 1 << 6
)

// zip checks the directory first, and opens entries only if it is bounded.
func (v *revision) zip(r io.ReaderAt, size int64) error {
	watched := &directory{r: r, remain: maxDirectory}
	z, err := watched.open(size)
	if err != nil {
		return v.refusal(err)
	}
	e := entries{revision: v, compressed: uint64(size), names: map[string]bool{}, folios: map[[sha256.Size]byte]string{}} //nolint:gosec // a size is not negative
	for _, f := range z.File {
		if follow := e.entry(f); watched.err != nil || !follow {
			break
		}
	}
	if e.files == 0 && watched.err == nil {
		v.error("", CodigoZipVacio, "El zip no tiene archivos.")
	}
	return watched.err
}

// directory limits what zip.NewReader, which holds the whole directory in memory, may
// read, and distinguishes r's errors from the zip's.
type directory struct {
	r      io.ReaderAt
	remain int64
	free   bool // the directory has been read
	err    error
}

// open reads the directory. The error is r's, or a Problem.
func (d *directory) open(size int64) (*zip.Reader, error) {
	z, err := zip.NewReader(d, size)
	d.free = true
	switch {
	case d.err != nil:
		return nil, d.err
	case d.remain < 0, z != nil && len(z.File) > maxEntries:
		return nil, failure("", CodigoZipEntries, "El zip tiene demasiadas entradas: se admiten %d.", maxEntries)
	case err != nil && !errors.Is(err, zip.ErrInsecurePath): // named checks the names
		return nil, failure("", CodigoZipDanado, "El zip está dañado o incompleto.")
	}
	return z, nil
}

var errDirectory = errors.New("titulo: the directory of the zip is over its bound")

func (d *directory) ReadAt(p []byte, off int64) (int, error) {
	if !d.free {
		if d.remain -= int64(len(p)); d.remain < 0 {
			return 0, errDirectory
		}
	}
	if off < 0 { // the zip's offsets are wrong, r has not failed
		return 0, io.ErrUnexpectedEOF
	}
	n, err := d.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		d.err = err
	}
	return n, err
}

// entries checks the entries of one zip.
type entries struct {
	*revision
	compressed uint64
	unpacked   uint64
	files      int
	folders    bool
	names      map[string]bool
	// folios maps each folio's hash to its entry: a folio may be as long as a document.
	folios   map[[sha256.Size]byte]string
	document bytes.Buffer
}

// entry checks one entry, and reports whether to continue with the next.
func (e *entries) entry(f *zip.File) bool {
	e.file = trim(f.Name)
	defer func() { e.file = "" }()
	if !e.named(f.Name) {
		return !e.full()
	}
	e.files++
	switch {
	case e.names[f.Name]:
		e.error("", CodigoEntradaRepetida, "El zip tiene dos entradas con este nombre.")
	case !strings.EqualFold(path.Ext(f.Name), ".xml"):
		e.error("", CodigoEntradaNoXML, "La entrada no es .xml; la SEP responde «Tipo de Archivo Inválido».")
	case f.Flags&(flagEncrypted|flagEncrypted2) != 0:
		e.error("", CodigoZipCifrado, "La entrada tiene contraseña; haga el zip sin ella.")
	case f.Method != zip.Store && f.Method != zip.Deflate:
		e.error("", CodigoZipMetodo, "La entrada usa un método de compresión que no es el común (deflate); haga el zip con las opciones de siempre.")
	case f.UncompressedSize64 > reasonSince && f.UncompressedSize64/maxReason > f.CompressedSize64:
		e.error("", CodigoZipBomba, "La entrada se comprime demasiado para ser un título.")
		return false
	case f.UncompressedSize64 > maxTitulo:
		e.error("", CodigoDemasiadoGrande, "El XML de un título no pasa de %d KiB.", maxTitulo>>10)
	default:
		return e.open(f) && !e.full()
	}
	return !e.full()
}

// named reports oddities of the entry's name, and returns whether it is a file.
func (e *entries) named(name string) bool {
	if strings.Contains(name, "/") && !e.folders {
		e.folders = true
		e.aviso("", CodigoZipCarpetas, "El zip tiene carpetas, y no consta que la SEP las admita; ponga los títulos en la raíz.")
	}
	if strings.Contains(name, `\`) || path.IsAbs(name) || strings.Contains("/"+name+"/", "/../") || !printable(name) {
		e.error("", CodigoNombreInvalido, "El nombre de la entrada no es el de un archivo dentro del zip.")
	}
	return !strings.HasSuffix(name, "/")
}

// open reads and checks the entry. archive/zip returns no more than the directory
// declares, which entry has bounded.
func (e *entries) open(f *zip.File) bool {
	e.names[f.Name] = true
	err := e.read(f)
	document := e.document.Bytes()
	e.unpacked += uint64(len(document))
	switch {
	case err != nil:
		e.error("", CodigoZipDanado, "La entrada está dañada.")
	case e.unpacked > maxOpen, e.unpacked > reasonSince && e.unpacked/maxReason > e.compressed:
		e.error("", CodigoZipBomba, "El zip abierto es demasiado grande para lo que ocupa cerrado.")
		return false
	case tipoOf(document) != TipoXML:
		e.error("", CodigoEntradaNoXML, "La entrada se llama .xml y no contiene XML.")
	default:
		e.judged(f.Name, document)
	}
	return true
}

func (e *entries) read(f *zip.File) error {
	e.document.Reset()
	r, err := f.Open()
	if err != nil {
		return fmt.Errorf("opening an entry: %w", err)
	}
	defer func() { _ = r.Close() }() // it was only read
	_, err = e.document.ReadFrom(r)
	return err
}

func (e *entries) judged(name string, document []byte) {
	t, ok := e.judge(&e.list, document)
	e.documents = append(e.documents, Document{File: name, FolioControl: t.FolioControl})
	if !ok {
		return
	}
	e.titulos++
	if t.FolioControl == "" {
		return
	}
	key := sha256.Sum256([]byte(t.FolioControl))
	if other, repeated := e.folios[key]; repeated {
		e.error("folioControl", CodigoFolioDuplicado, "El folio de control «%s» también está en %s.", trim(t.FolioControl), trim(other))
		return
	}
	e.folios[key] = name
}
