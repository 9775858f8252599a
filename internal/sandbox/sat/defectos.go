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
	defVacios      = "renglones_vacios"
	defNombreLF    = "nombre_lf"
	defNombreCR    = "nombre_cr"
	defNombreCRLF  = "nombre_crlf"
	defFinSinSalto = "fin_sin_salto"
	// The XML.
	defUTF16         = "utf16"
	defAntes         = "antes_del_xml"
	defDespues       = "despues_del_xml"
	defAddendaAmp    = "addenda_amp"
	defAddendaLatin1 = "addenda_latin1"
	defCortado       = "xml_cortado"
	// The package.
	defCola        = "cola"
	defSinEntradas = "sin_entradas"
)

// nombresDefectos lists them as the documentation does.
func nombresDefectos() []string {
	return []string{
		defCRC, defDeflate64, defBzip2, defCifrada, defFaltante, defRepetida, defEnLugar, defOtroNombre, defCopiaDoble,
		defWindows1252, defMarca, defSoloLF, defVacios, defNombreLF, defNombreCR, defNombreCRLF, defFinSinSalto,
		defUTF16, defAntes, defDespues, defAddendaAmp, defAddendaLatin1, defCortado, defCola, defSinEntradas,
	}
}

// defectos are those of one delivery of a package; the zero value is a sound one.
type defectos struct {
	cuales   []string
	entradas int
}

func defectosDe(f control.Falla) defectos {
	if f.Tipo != control.ConDefectos {
		return defectos{}
	}
	return defectos{f.Defectos, max(1, f.Entradas)}
}

func (d defectos) hay() bool { return len(d.cuales) > 0 }

func (d defectos) tiene(cual string) bool { return slices.Contains(d.cuales, cual) }

// toca reports whether the n-th entry or row, counted from 1, has a defect.
func (d defectos) toca(cual string, n int) bool { return n <= d.entradas && d.tiene(cual) }

// servido yields the comprobantes of a package as this delivery has them, each with its place in the sound
// one. What takes the place of another is the first of those before it that is not itself a copy.
func (u *Universo) servido(p *paquete) iter.Seq2[int, Comprobante] {
	return func(yield func(int, Comprobante) bool) {
		var primero Comprobante
		n := 0
		for c := range u.contenido(p) {
			n++
			if n == 1 {
				primero = c
			}
			if p.defectos.toca(defEnLugar, n-1) && n > 1 {
				c = primero
			}
			if p.defectos.toca(defFaltante, n) {
				continue
			}
			if !yield(n, c) || p.defectos.toca(defRepetida, n) && !yield(n, c) {
				return
			}
		}
	}
}

// marca puts the defects of the n-th entry into its header.
func (d defectos) marca(entrada *zip.FileHeader, n int) {
	switch {
	case d.toca(defDeflate64, n):
		entrada.Method = 9
	case d.toca(defBzip2, n):
		entrada.Method = 12
	}
	if d.toca(defCifrada, n) {
		entrada.Flags |= 0x1
	}
	if d.toca(defCRC, n) {
		entrada.CRC32 ^= 0xff
	}
}

// nombreXML names the entry of the n-th XML. copia says that the entry before is of the same one.
func (d defectos) nombreXML(c *Comprobante, n int, copia bool) string {
	id := c.UUID
	if d.toca(defOtroNombre, n) {
		id[15] ^= 0xff
	}
	nombre := id.String() + ".xml"
	if copia && d.tiene(defCopiaDoble) {
		nombre += ".xml"
	}
	return nombre
}

// estropeaXML spoils the n-th XML.
func (d defectos) estropeaXML(xml []byte, n int) []byte {
	for _, cual := range d.cuales {
		if n > d.entradas {
			break
		}
		switch cual {
		case defAddendaAmp:
			xml = conAddenda(xml, "<Nota>Cobro & entrega&nbsp;de José</Nota>")
		case defAddendaLatin1:
			xml = conAddenda(xml, "<Nota>Peticiones del a\xf1o</Nota>")
		case defCortado:
			xml = xml[:len(xml)-len(xml)/4]
		}
	}
	switch declara := []byte(`encoding="UTF-8"`); {
	case d.toca(defWindows1252, n):
		xml = enLatin1(bytes.Replace(xml, declara, []byte(`encoding="windows-1252"`), 1))
	case d.toca(defUTF16, n):
		xml = enUTF16(bytes.Replace(xml, declara, []byte(`encoding="UTF-16"`), 1))
	case d.toca(defMarca, n):
		xml = append([]byte("\xef\xbb\xbf"), xml...)
	}
	if d.toca(defAntes, n) {
		xml = append([]byte("\nCFDI de prueba\n"), xml...)
	}
	if d.toca(defDespues, n) {
		xml = append(xml, "\nfin del archivo\x00"...)
	}
	return xml
}

// conAddenda puts an Addenda at the end of the root.
func conAddenda(xml []byte, dentro string) []byte {
	corte := bytes.LastIndex(xml, []byte("</"))
	prefijo, _, _ := strings.Cut(string(xml[corte+2:]), ":")
	cierre := string(xml[corte:])
	return append(xml[:corte], "<"+prefijo+":Addenda>"+dentro+"</"+prefijo+":Addenda>"+cierre...)
}

// enLatin1 writes UTF-8 in windows-1252, for the letters that Spanish has, which are those of ISO 8859-1.
// A byte that is no UTF-8 stays.
func enLatin1(b []byte) []byte {
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

// enUTF16 writes UTF-8 as little-endian UTF-16 with its mark.
func enUTF16(b []byte) []byte {
	ancho := []byte{0xff, 0xfe}
	for _, r := range string(b) {
		ancho = append(ancho, byte(r), byte(r>>8)) //nolint:gosec // the data has no letters beyond the first plane
	}
	return ancho
}

// fin is what ends a row.
func (d defectos) fin() string {
	if d.tiene(defSoloLF) {
		return "\n"
	}
	return "\r\n"
}

// saltos are the line breaks inside the name of the n-th row.
func (d defectos) saltos(n int) string {
	var todos string
	for _, s := range [...]struct{ cual, salto string }{{defNombreLF, "\n"}, {defNombreCR, "\r"}, {defNombreCRLF, "\r\n"}} {
		if d.toca(s.cual, n) {
			todos += s.salto + "SUCURSAL"
		}
	}
	return todos
}

// texto is an entry of metadata under way: rows go in, what the delivery's defects ask comes out.
type texto struct {
	d       defectos
	n       int // the entry's place in the package
	entrada *zip.FileHeader
	cuenta  *cuentaBytes
	deflate *flate.Writer
	suma    uint32
	fin     string // of a row
	escrito bool
	cola    []byte // the end of the last row, held back
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

// nuevoTexto begins an entry whose sizes and checksum come after its data.
func nuevoTexto(z *zip.Writer, nombre string, segundos int64, n int, d defectos) (*texto, error) {
	t := &texto{d: d, n: n, fin: d.fin(), entrada: &zip.FileHeader{Name: nombre, Method: zip.Deflate, Flags: 0x8, ReaderVersion: 20, CreatorVersion: 20}}
	t.entrada.ModifiedDate, t.entrada.ModifiedTime = fechaDOS(segundos) //nolint:staticcheck // CreateRaw writes these, not Modified
	d.marca(t.entrada, n)
	w, err := z.CreateRaw(t.entrada)
	if err != nil {
		return nil, err
	}
	t.cuenta = &cuentaBytes{w: w}
	t.deflate, err = flate.NewWriter(t.cuenta, flate.BestSpeed)
	return t, err
}

// Write takes whole rows.
func (t *texto) Write(b []byte) (int, error) {
	total := len(b)
	if t.d.hay() {
		b = t.estropea(b)
	}
	t.suma = crc32.Update(t.suma, crc32.IEEETable, b)
	t.entrada.UncompressedSize64 += uint64(len(b))
	_, err := t.deflate.Write(b)
	return total, err
}

func (t *texto) estropea(b []byte) []byte {
	if t.d.tiene(defWindows1252) {
		b = enLatin1(b)
	}
	if !t.escrito {
		t.escrito = true
		if t.d.tiene(defVacios) {
			b = append([]byte(t.fin+t.fin), bytes.Replace(b, []byte(t.fin), []byte(t.fin+t.fin), 1)...)
		}
		if t.d.tiene(defMarca) {
			b = append([]byte("\xef\xbb\xbf"), b...)
		}
	}
	if t.d.tiene(defFinSinSalto) {
		b = append(t.cola, b...)
		t.cola = []byte(t.fin)
		b = bytes.TrimSuffix(b, t.cola)
	}
	return b
}

// Close writes what comes after the data.
func (t *texto) Close() error {
	if err := t.deflate.Close(); err != nil {
		return err
	}
	t.entrada.CRC32, t.entrada.CompressedSize64 = t.suma, t.cuenta.n
	t.d.marca(t.entrada, t.n)
	// The descriptor after the data has the 32-bit fields.
	t.entrada.CompressedSize = uint32(min(t.entrada.CompressedSize64, 1<<32-1))     //nolint:staticcheck // the descriptor writes these
	t.entrada.UncompressedSize = uint32(min(t.entrada.UncompressedSize64, 1<<32-1)) //nolint:staticcheck // the descriptor writes these
	return nil
}
