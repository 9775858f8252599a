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

// The bounds of a zip. The SEP publishes none; the largest known to have been
// made for it had 1,199 titles in 3.4 MB (sep.md §7).
const (
	maxEntradas   = 20_000
	maxDirectorio = 4 << 20   // about 200 bytes for each entry
	maxAbierto    = 512 << 20 // all entries together, opened
	// A title is mostly base64 and shrinks to a half or a third; what shrinks a
	// hundredfold is no title.
	maxRazon     = 100
	razonDesde   = 64 << 10 // below this size a ratio says nothing
	flagCifrado  = 1 << 0
	flagCifrado2 = 1 << 6
)

// zip checks the directory first, and opens entries only if it is bounded.
func (v *revision) zip(r io.ReaderAt, size int64) error {
	vigilado := &directorio{r: r, quedan: maxDirectorio}
	z, err := vigilado.abre(size)
	if err != nil {
		return v.rechazo(err)
	}
	e := entradas{revision: v, comprimido: uint64(size), nombres: map[string]bool{}, folios: map[[sha256.Size]byte]string{}} //nolint:gosec // a size is not negative
	for _, f := range z.File {
		if seguir := e.entrada(f); vigilado.err != nil || !seguir {
			break
		}
	}
	if e.archivos == 0 && vigilado.err == nil {
		v.error("", CodigoZipVacio, "El zip no tiene archivos.")
	}
	return vigilado.err
}

// directorio lets zip.NewReader, which holds every entry of the directory in
// memory, read only so much of the file, and tells r's errors from the zip's.
type directorio struct {
	r      io.ReaderAt
	quedan int64
	libre  bool // the directory has been read
	err    error
}

// abre reads the directory. The error is r's, or a Problema.
func (d *directorio) abre(size int64) (*zip.Reader, error) {
	z, err := zip.NewReader(d, size)
	d.libre = true
	switch {
	case d.err != nil:
		return nil, d.err
	case d.quedan < 0, z != nil && len(z.File) > maxEntradas:
		return nil, fallo("", CodigoZipEntradas, "El zip tiene demasiadas entradas: se admiten %d.", maxEntradas)
	case err != nil && !errors.Is(err, zip.ErrInsecurePath): // nombrada judges the names
		return nil, fallo("", CodigoZipDanado, "El zip está dañado o incompleto.")
	}
	return z, nil
}

var errDirectorio = errors.New("titulo: the directory of the zip is over its bound")

func (d *directorio) ReadAt(p []byte, off int64) (int, error) {
	if !d.libre {
		if d.quedan -= int64(len(p)); d.quedan < 0 {
			return 0, errDirectorio
		}
	}
	if off < 0 { // a zip that lies about its places, not a failing r
		return 0, io.ErrUnexpectedEOF
	}
	n, err := d.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		d.err = err
	}
	return n, err
}

// entradas goes through the entries of one zip.
type entradas struct {
	*revision
	comprimido uint64
	abierto    uint64
	archivos   int
	carpetas   bool
	nombres    map[string]bool
	// folios has the entry of each folio, by its hash: a folio may be as long as
	// a document.
	folios    map[[sha256.Size]byte]string
	documento bytes.Buffer
}

// entrada checks one entry, and tells whether to go on with the next.
func (e *entradas) entrada(f *zip.File) bool {
	e.archivo = recorta(f.Name)
	defer func() { e.archivo = "" }()
	if !e.nombrada(f.Name) {
		return !e.lleno()
	}
	e.archivos++
	switch {
	case e.nombres[f.Name]:
		e.error("", CodigoEntradaRepetida, "El zip tiene dos entradas con este nombre.")
	case !strings.EqualFold(path.Ext(f.Name), ".xml"):
		e.error("", CodigoEntradaNoXML, "La entrada no es .xml; la SEP responde «Tipo de Archivo Inválido».")
	case f.Flags&(flagCifrado|flagCifrado2) != 0:
		e.error("", CodigoZipCifrado, "La entrada tiene contraseña; haga el zip sin ella.")
	case f.Method != zip.Store && f.Method != zip.Deflate:
		e.error("", CodigoZipMetodo, "La entrada usa un método de compresión que no es el común (deflate); haga el zip con las opciones de siempre.")
	case f.UncompressedSize64 > razonDesde && f.UncompressedSize64/maxRazon > f.CompressedSize64:
		e.error("", CodigoZipBomba, "La entrada se comprime demasiado para ser un título.")
		return false
	case f.UncompressedSize64 > maxTitulo:
		e.error("", CodigoDemasiadoGrande, "El XML de un título no pasa de %d KiB.", maxTitulo>>10)
	default:
		return e.abre(f) && !e.lleno()
	}
	return !e.lleno()
}

// nombrada reports what is odd in the entry's name, and tells whether it is a
// file at all.
func (e *entradas) nombrada(nombre string) bool {
	if strings.Contains(nombre, "/") && !e.carpetas {
		e.carpetas = true
		e.aviso("", CodigoZipCarpetas, "El zip tiene carpetas, y no consta que la SEP las admita; ponga los títulos en la raíz.")
	}
	if strings.Contains(nombre, `\`) || path.IsAbs(nombre) || strings.Contains("/"+nombre+"/", "/../") || !imprimible(nombre) {
		e.error("", CodigoNombreInvalido, "El nombre de la entrada no es el de un archivo dentro del zip.")
	}
	return !strings.HasSuffix(nombre, "/")
}

// abre reads the entry and judges it. archive/zip gives no more of it than the
// directory says, which entrada has bounded.
func (e *entradas) abre(f *zip.File) bool {
	e.nombres[f.Name] = true
	err := e.lee(f)
	documento := e.documento.Bytes()
	e.abierto += uint64(len(documento))
	switch {
	case err != nil:
		e.error("", CodigoZipDanado, "La entrada está dañada.")
	case e.abierto > maxAbierto, e.abierto > razonDesde && e.abierto/maxRazon > e.comprimido:
		e.error("", CodigoZipBomba, "El zip abierto es demasiado grande para lo que ocupa cerrado.")
		return false
	case tipoDe(documento) != TipoXML:
		e.error("", CodigoEntradaNoXML, "La entrada se llama .xml y no contiene XML.")
	default:
		e.juzgada(f.Name, documento)
	}
	return true
}

func (e *entradas) lee(f *zip.File) error {
	e.documento.Reset()
	r, err := f.Open()
	if err != nil {
		return fmt.Errorf("opening an entry: %w", err)
	}
	defer func() { _ = r.Close() }() // it was only read
	_, err = e.documento.ReadFrom(r)
	return err
}

func (e *entradas) juzgada(nombre string, documento []byte) {
	t, ok := e.juzga(&e.lista, documento)
	e.documentos = append(e.documentos, Documento{Archivo: nombre, FolioControl: t.FolioControl})
	if !ok {
		return
	}
	e.titulos++
	if t.FolioControl == "" {
		return
	}
	clave := sha256.Sum256([]byte(t.FolioControl))
	if otra, repetido := e.folios[clave]; repetido {
		e.error("folioControl", CodigoFolioDuplicado, "El folio de control «%s» también está en %s.", recorta(t.FolioControl), recorta(otra))
		return
	}
	e.folios[clave] = nombre
}
