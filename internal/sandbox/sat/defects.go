package sat

import (
	"archive/zip"
	"bytes"
	"hash/crc32"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"
	"golang.org/x/text/encoding/unicode"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// What the fault control.ConDefectos may do to a package.
const (
	// The entries, of XML and of text.
	defCRC       = "crc"       // the checksum is another's
	defDeflate64 = "deflate64" // the method says 9
	defBzip2     = "bzip2"     // the method says 12
	defCifrada   = "cifrada"   // the flag of encryption is set
	// The comprobantes, as entries or as rows.
	defFaltante   = "faltante"    // it is not there
	defRepetida   = "repetida"    // it is there twice
	defEnLugar    = "en_lugar"    // the one before is there in its place
	defOtroNombre = "otro_nombre" // the file is named with a UUID that is not its timbre's
	defCopiaDoble = "copia_doble" // the copy's name ends in .xml.xml
	// The writing of any text.
	defWindows1252 = "windows1252"
	defMarca       = "marca" // a byte order mark
	// The texts of metadata.
	defSoloLF      = "solo_lf"
	defEmpty       = "renglones_vacios"
	defNombreLF    = "nombre_lf"
	defNombreCR    = "nombre_cr"
	defNombreCRLF  = "nombre_crlf"
	defFinSinSalto = "fin_sin_salto"
	// The XML.
	defUTF16         = "utf16"
	defBefore        = "antes_del_xml"
	defAfter         = "despues_del_xml"
	defAddendaAmp    = "addenda_amp"
	defAddendaLatin1 = "addenda_latin1"
	defCut           = "xml_cortado"
	// The package.
	defCola        = "cola"
	defSinEntradas = "sin_entradas"
)

// defectsNames lists them as the documentation does.
func defectsNames() []string {
	return []string{
		defCRC, defDeflate64, defBzip2, defCifrada, defFaltante, defRepetida, defEnLugar, defOtroNombre, defCopiaDoble,
		defWindows1252, defMarca, defSoloLF, defEmpty, defNombreLF, defNombreCR, defNombreCRLF, defFinSinSalto,
		defUTF16, defBefore, defAfter, defAddendaAmp, defAddendaLatin1, defCut, defCola, defSinEntradas,
	}
}

// defects are those of one delivery of a package; the zero value is a sound one.
type defects struct {
	which   []string
	entries int
}

func defectsOf(f control.Falla) defects {
	if f.Tipo != control.ConDefectos {
		return defects{}
	}
	return defects{f.Defectos, max(1, f.Entradas)}
}

func (d defects) present() bool { return len(d.which) > 0 }

func (d defects) contains(which string) bool { return slices.Contains(d.which, which) }

// touch reports whether the n-th entry or row, counted from 1, has a defect.
func (d defects) touch(which string, n int) bool { return n <= d.entries && d.contains(which) }

// served yields the comprobantes of a package as this delivery has them, each with its place in the sound
// package. The first comprobante is the one that replaces others.
func (u *Universe) served(p *paquete) iter.Seq2[int, Comprobante] {
	return func(yield func(int, Comprobante) bool) {
		var first Comprobante
		n := 0
		for c := range u.content(p) {
			n++
			if n == 1 {
				first = c
			}
			if p.defects.touch(defEnLugar, n-1) && n > 1 {
				c = first
			}
			if p.defects.touch(defFaltante, n) {
				continue
			}
			if !yield(n, c) || p.defects.touch(defRepetida, n) && !yield(n, c) {
				return
			}
		}
	}
}

// mark puts the defects of the n-th entry into its header.
func (d defects) mark(entry *zip.FileHeader, n int) {
	switch {
	case d.touch(defDeflate64, n):
		entry.Method = 9
	case d.touch(defBzip2, n):
		entry.Method = 12
	}
	if d.touch(defCifrada, n) {
		entry.Flags |= 0x1
	}
	if d.touch(defCRC, n) {
		entry.CRC32 ^= 0xff
	}
}

// xmlName names the entry of the n-th XML. clone says that the entry before is of the same one.
func (d defects) xmlName(c *Comprobante, n int, clone bool) string {
	id := c.UUID
	if d.touch(defOtroNombre, n) {
		id[15] ^= 0xff
	}
	name := id.String() + ".xml"
	if clone && d.contains(defCopiaDoble) {
		name += ".xml"
	}
	return name
}

// spoilXML spoils the n-th XML.
func (d defects) spoilXML(xml []byte, n int) []byte {
	for _, which := range d.which {
		if n > d.entries {
			break
		}
		switch which {
		case defAddendaAmp:
			xml = withAddenda(xml, "<Nota>Cobro & entrega&nbsp;de José</Nota>")
		case defAddendaLatin1:
			xml = withAddenda(xml, "<Nota>Peticiones del a\xf1o</Nota>")
		case defCut:
			xml = xml[:len(xml)-len(xml)/4]
		}
	}
	switch declare := []byte(`encoding="UTF-8"`); {
	case d.touch(defWindows1252, n):
		xml = inLatin1(bytes.Replace(xml, declare, []byte(`encoding="windows-1252"`), 1))
	case d.touch(defUTF16, n):
		xml = inUTF16(bytes.Replace(xml, declare, []byte(`encoding="UTF-16"`), 1))
	case d.touch(defMarca, n):
		xml = append([]byte("\xef\xbb\xbf"), xml...)
	}
	if d.touch(defBefore, n) {
		xml = append([]byte("\nCFDI de prueba\n"), xml...)
	}
	if d.touch(defAfter, n) {
		xml = append(xml, "\nfin del archivo\x00"...)
	}
	return xml
}

// withAddenda puts an Addenda at the end of the root.
func withAddenda(xml []byte, within string) []byte {
	cut := bytes.LastIndex(xml, []byte("</"))
	prefix, _, _ := strings.Cut(string(xml[cut+2:]), ":")
	closing := string(xml[cut:])
	return append(xml[:cut], "<"+prefix+":Addenda>"+within+"</"+prefix+":Addenda>"+closing...)
}

// inLatin1 writes UTF-8 in windows-1252. It knows the letters of ISO 8859-1, which Spanish needs, and leaves
// a byte that is not UTF-8 as it is.
func inLatin1(b []byte) []byte {
	latin := make([]byte, 0, len(b))
	for i, r := range string(b) {
		switch {
		case r == '\ufffd':
			latin = append(latin, b[i])
		case r < 0x100:
			latin = append(latin, byte(r)) //nolint:gosec // G115: looked at above
		default:
			latin = append(latin, '?')
		}
	}
	return latin
}

// inUTF16 writes UTF-8 as little-endian UTF-16 with its mark.
func inUTF16(b []byte) []byte {
	wide, _ := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes(b) // it takes any text
	return wide
}

// end is what ends a row.
func (d defects) end() string {
	if d.contains(defSoloLF) {
		return "\n"
	}
	return "\r\n"
}

// jumps are the line breaks inside the name of the n-th row.
func (d defects) jumps(n int) string {
	var all string
	for _, s := range [...]struct{ which, jump string }{{defNombreLF, "\n"}, {defNombreCR, "\r"}, {defNombreCRLF, "\r\n"}} {
		if d.touch(s.which, n) {
			all += s.jump + "SUCURSAL"
		}
	}
	return all
}

// text is an entry of metadata under way: rows go in, what the delivery's defects ask comes out.
type text struct {
	d       defects
	n       int // the entry's place in the package
	entry   *zip.FileHeader
	cuenta  *cuentaBytes
	deflate *flate.Writer
	sum     uint32
	end     string // of a row
	written bool
	queue   []byte // the end of the last row, held back
}

type cuentaBytes struct {
	w io.Writer
	n uint64
}

func (c *cuentaBytes) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += uint64(n) //nolint:gosec // a length
	return n, err
}

// newText begins an entry whose sizes and checksum come after its data.
func newText(z *zip.Writer, name string, seconds int64, n int, d defects) (*text, error) {
	t := &text{d: d, n: n, end: d.end(), entry: &zip.FileHeader{Name: name, Method: zip.Deflate, Flags: 0x8, ReaderVersion: 20, CreatorVersion: 20}}
	t.entry.ModifiedDate, t.entry.ModifiedTime = fechaDOS(seconds) //nolint:staticcheck // CreateRaw writes these, not Modified
	d.mark(t.entry, n)
	w, err := z.CreateRaw(t.entry)
	if err != nil {
		return nil, err
	}
	t.cuenta = &cuentaBytes{w: w}
	t.deflate, err = flate.NewWriter(t.cuenta, flate.BestSpeed)
	return t, err
}

// Write takes whole rows.
func (t *text) Write(b []byte) (int, error) {
	total := len(b)
	if t.d.present() {
		b = t.spoil(b)
	}
	t.sum = crc32.Update(t.sum, crc32.IEEETable, b)
	t.entry.UncompressedSize64 += uint64(len(b))
	_, err := t.deflate.Write(b)
	return total, err
}

func (t *text) spoil(b []byte) []byte {
	if t.d.contains(defWindows1252) {
		b = inLatin1(b)
	}
	if !t.written {
		t.written = true
		if t.d.contains(defEmpty) {
			b = append([]byte(t.end+t.end), bytes.Replace(b, []byte(t.end), []byte(t.end+t.end), 1)...)
		}
		if t.d.contains(defMarca) {
			b = append([]byte("\xef\xbb\xbf"), b...)
		}
	}
	if t.d.contains(defFinSinSalto) {
		b = append(t.queue, b...)
		t.queue = []byte(t.end)
		b = bytes.TrimSuffix(b, t.queue)
	}
	return b
}

// Close writes what comes after the data.
func (t *text) Close() error {
	if err := t.deflate.Close(); err != nil {
		return err
	}
	t.entry.CRC32, t.entry.CompressedSize64 = t.sum, t.cuenta.n
	t.d.mark(t.entry, t.n)
	// The descriptor after the data has the 32-bit fields.
	t.entry.CompressedSize = uint32(min(t.entry.CompressedSize64, 1<<32-1))     //nolint:staticcheck // the descriptor writes these
	t.entry.UncompressedSize = uint32(min(t.entry.UncompressedSize64, 1<<32-1)) //nolint:staticcheck // the descriptor writes these
	return nil
}
