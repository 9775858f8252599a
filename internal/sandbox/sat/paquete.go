package sat

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"slices"
	"strings"

	// A year is half a million XML, and compressing them is most of the work: this one takes half the time.
	"github.com/klauspost/compress/flate"
	"github.com/segmentio/asm/base64"
)

// paquete is one package of a request; it is made anew each time it is served, always the same.
type paquete struct {
	*solicitud
	numero   int // from 1
	defectos defectos
}

// elegidos yields what a request wants, from a position on (from its beginning when nil).
func (u *Universo) elegidos(p *pedido, desde *posicion) iter.Seq2[posicion, Comprobante] {
	return func(yield func(posicion, Comprobante) bool) {
		f := p.filtro
		if p.folio != nil {
			if c, ok := u.busca(p.ambito, *p.folio); ok && c.Fecha <= f.corte && u.pasa(&c, &f) {
				yield(posicion{}, c)
			}
			return
		}
		inicio := u.inicio(p.ambito, p.desde)
		if desde != nil {
			inicio = *desde
		}
		for pos, c := range u.desde(p.ambito, inicio, p.hasta) {
			if u.pasa(&c, &f) && !yield(pos, c) {
				return
			}
		}
	}
}

func (u *Universo) pasa(c *Comprobante, f *filtro) bool {
	switch {
	case f.estado == estadoVigente && c.Cancelado(f.corte),
		f.estado == estadoCancelado && !c.Cancelado(f.corte),
		f.tipo != "" && c.Tipo != f.tipo[0],
		f.complemento != "" && c.Complemento != f.complemento,
		len(f.contrapartes) > 0 && !slices.Contains(f.contrapartes, u.partes[c.Contraparte].rfc),
		f.tercero != "" && (c.Tercero == sinTercero || u.partes[c.Tercero].rfc != f.tercero):
		return false
	}
	return true
}

// contenido yields the comprobantes of a package.
func (u *Universo) contenido(p *paquete) iter.Seq[Comprobante] {
	return func(yield func(Comprobante) bool) {
		quedan := p.porPaquete
		for _, c := range u.elegidos(p.pedido, &p.resultado.inicios[p.numero-1]) {
			if quedan == 0 || !yield(c) {
				return
			}
			quedan--
		}
	}
}

// escribeZip streams the package: the XML of CFDI requests, the text of metadata ones.
func (u *Universo) escribeZip(w io.Writer, p *paquete) error {
	z := zip.NewWriter(w)
	var err error
	switch {
	case p.defectos.tiene(defSinEntradas):
	case p.tipo == tipoMetadata:
		err = u.zipMetadata(z, p)
	default:
		err = u.zipCFDI(z, p)
	}
	if err == nil && p.perillasPaquete.dentro {
		err = u.ajenos(z, p)
	}
	if err == nil {
		err = z.Close()
	}
	if err == nil && p.defectos.tiene(defCola) {
		_, err = w.Write([]byte{0, 0})
	}
	return err
}

// zipCFDI writes one entry for each XML, with sizes and checksum ahead of the data, as the service
// does and some readers need. With filler the entry is stored, so that gigabytes come at the speed of
// copying.
func (u *Universo) zipCFDI(z *zip.Writer, p *paquete) error {
	comp, err := nuevoCompresor()
	if err != nil {
		return err
	}
	var b []byte
	var antes UUID
	for n, c := range u.servido(p) {
		var cola []byte
		b, cola = u.escribeXML(b[:0], &c, p.perillasPaquete)
		entrada := &zip.FileHeader{Name: p.defectos.nombreXML(&c, n, c.UUID == antes), ReaderVersion: 20, CreatorVersion: 20}
		antes = c.UUID
		marca := func() { p.defectos.marca(entrada, n) }
		entrada.ModifiedDate, entrada.ModifiedTime = fechaDOS(c.Fecha) //nolint:staticcheck // CreateRaw writes these, not Modified
		if p.perillasPaquete.relleno > 0 {
			err = guarda(z, entrada, relleno{b, cola, c.azar, p.perillasPaquete.relleno}, marca)
		} else {
			if p.perillasPaquete.dentro {
				b = trampaXML(entrada, b, n)
			}
			b = p.defectos.estropeaXML(b, n)
			err = comp.guarda(z, entrada, b, marca)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compresor deflates entries one after another in the same memory.
type compresor struct {
	salida  bytes.Buffer
	deflate *flate.Writer
}

func nuevoCompresor() (*compresor, error) {
	d, err := flate.NewWriter(nil, flate.BestSpeed)
	return &compresor{deflate: d}, err
}

// guarda writes an entry whose header marca may change once it is known.
func (c *compresor) guarda(z *zip.Writer, entrada *zip.FileHeader, b []byte, marca func()) error {
	c.salida.Reset()
	c.deflate.Reset(&c.salida)
	if _, err := c.deflate.Write(b); err != nil {
		return err
	}
	if err := c.deflate.Close(); err != nil {
		return err
	}
	entrada.Method = zip.Deflate
	entrada.CRC32 = crc32.ChecksumIEEE(b)
	entrada.UncompressedSize64, entrada.CompressedSize64 = uint64(len(b)), uint64(c.salida.Len()) //nolint:gosec // lengths
	marca()
	e, err := z.CreateRaw(entrada)
	if err != nil {
		return err
	}
	_, err = e.Write(c.salida.Bytes())
	return err
}

// relleno is an XML with filler between its two parts.
type relleno struct {
	cabeza, cola []byte
	azar         uint64
	bytes        int64
}

// guarda stores an XML with filler as one entry. The filler is made twice, once for the checksum,
// which costs less than holding it.
func guarda(z *zip.Writer, entrada *zip.FileHeader, x relleno, marca func()) error {
	suma := crc32.NewIEEE()
	escribe := func(w io.Writer) error {
		if _, err := w.Write(x.cabeza); err != nil {
			return err
		}
		if err := rellena(w, x.azar, x.bytes); err != nil {
			return err
		}
		_, err := w.Write(x.cola)
		return err
	}
	if err := escribe(suma); err != nil {
		return err
	}
	entrada.Method = zip.Store
	entrada.CRC32 = suma.Sum32()
	entrada.UncompressedSize64 = uint64(len(x.cabeza)+len(x.cola)) + uint64(x.bytes) //nolint:gosec // lengths
	entrada.CompressedSize64 = entrada.UncompressedSize64
	marca()
	e, err := z.CreateRaw(entrada)
	if err != nil {
		return err
	}
	return escribe(e)
}

// zipMetadata writes <ID>_NN.txt and, when third parties appear, <ID>_tercero.txt.
func (u *Universo) zipMetadata(z *zip.Writer, p *paquete) error {
	hayTerceros := false
	err := u.zipTexto(z, p, 1, p.perillasPaquete.cabecera(), func(b []byte, c *Comprobante, n int) []byte {
		hayTerceros = hayTerceros || c.Tercero != sinTercero
		return u.agregaFila(b, c, p, n)
	})
	if err != nil || !hayTerceros {
		return err
	}
	return u.zipTexto(z, p, 2, cabeceraTerceros, func(b []byte, c *Comprobante, _ int) []byte {
		return u.agregaTercero(b, c, p)
	})
}

// zipTexto writes the first or the second text of a package of metadata, a row for each comprobante.
func (u *Universo) zipTexto(z *zip.Writer, p *paquete, cual int, cabecera string, fila func(b []byte, c *Comprobante, n int) []byte) error {
	nombre := fmt.Sprintf("_%02d.txt", p.numero)
	if cual == 2 {
		nombre = "_tercero.txt"
	}
	t, err := nuevoTexto(z, strings.ToUpper(p.id)+nombre, p.filtro.corte, cual, p.defectos)
	if err != nil {
		return err
	}
	b := append(make([]byte, 0, bloque+4<<10), cabecera+p.defectos.fin()...)
	for n, c := range u.servido(p) {
		if b = fila(b, &c, n); len(b) >= bloque {
			if _, err := t.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	if _, err := t.Write(b); err != nil {
		return err
	}
	return t.Close()
}

// fechaDOS writes a wall clock as ZIP does; the same comprobante has the same one for ever.
func fechaDOS(segundos int64) (fecha, hora uint16) {
	t := fechaDe(segundos)
	return uint16(t.Day() + int(t.Month())<<5 + (t.Year()-1980)<<9), uint16(t.Second()/2 + t.Minute()<<5 + t.Hour()<<11) //nolint:gosec // MS-DOS's fields, from 1980 to 2107
}

// bloque is how many bytes are encoded or written at once: whole groups of three for base64.
const bloque = 48 << 10

// rellena writes n characters of filler, letters and digits, whose order depends on azar.
func rellena(w io.Writer, azar uint64, n int64) error {
	desde := int64(azar % periodoRelleno)
	for n > 0 {
		parte := textoRelleno[desde:min(int64(len(textoRelleno)), desde+n)]
		if _, err := io.WriteString(w, parte); err != nil {
			return err
		}
		n -= int64(len(parte))
		desde = 0
	}
	return nil
}

const periodoRelleno = 4093

// textoRelleno is long so that few writes carry much.
var textoRelleno = hazRelleno(16 * bloque)

func hazRelleno(n int) string {
	const letras = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ."
	b := make([]byte, n)
	for i := range b {
		b[i] = letras[mezcla(uint64(i))%uint64(len(letras))]
	}
	return string(b)
}

// codificador is base64 in big blocks; Close writes what is left.
type codificador struct {
	w     io.Writer
	junto []byte
	texto []byte
}

func nuevoCodificador(w io.Writer) *codificador {
	return &codificador{w: w, junto: make([]byte, 0, bloque), texto: make([]byte, base64.StdEncoding.EncodedLen(bloque))}
}

func (c *codificador) Write(b []byte) (int, error) {
	total := len(b)
	for len(b) > 0 {
		var entero []byte
		if len(c.junto) > 0 || len(b) < bloque {
			n := min(bloque-len(c.junto), len(b))
			c.junto, b = append(c.junto, b[:n]...), b[n:]
			if len(c.junto) < bloque {
				break
			}
			entero, c.junto = c.junto, c.junto[:0]
		} else {
			entero, b = b[:bloque], b[bloque:]
		}
		if err := c.emite(entero); err != nil {
			return 0, err
		}
	}
	return total, nil
}

func (c *codificador) emite(b []byte) error {
	n := base64.StdEncoding.EncodedLen(len(b))
	base64.StdEncoding.Encode(c.texto[:n], b)
	_, err := c.w.Write(c.texto[:n])
	return err
}

func (c *codificador) Close() error {
	if len(c.junto) == 0 {
		return nil
	}
	return c.emite(c.junto)
}
