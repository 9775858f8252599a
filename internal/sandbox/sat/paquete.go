package sat

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	// A year is half a million XML, and compressing them is most of the work: this one takes half the time.
	"github.com/klauspost/compress/flate"
)

// paquete is one package of a request; it is made anew each time it is served, always the same.
type paquete struct {
	*solicitud
	number  int // from 1
	defects defects
}

// chosen yields what a request wants, from a position on (from its beginning when nil).
func (u *Universe) chosen(p *requested, since *position) iter.Seq2[position, Comprobante] {
	return func(yield func(position, Comprobante) bool) {
		f := p.filter
		if p.folio != nil {
			if c, ok := u.find(p.scope, *p.folio); ok && c.Fecha <= f.cut && u.pass(&c, &f) {
				yield(position{}, c)
			}
			return
		}
		start := u.start(p.scope, p.since)
		if since != nil {
			start = *since
		}
		for pos, c := range u.since(p.scope, start, p.until) {
			if u.pass(&c, &f) && !yield(pos, c) {
				return
			}
		}
	}
}

func (u *Universe) pass(c *Comprobante, f *filter) bool {
	switch {
	case f.estado == estadoVigente && c.Cancelled(f.cut),
		f.estado == estadoCancelado && !c.Cancelled(f.cut),
		f.tipo != "" && c.Tipo != f.tipo[0],
		f.complemento != "" && c.Complemento != f.complemento,
		len(f.contrapartes) > 0 && !slices.Contains(f.contrapartes, u.parts[c.Contraparte].rfc),
		f.tercero != "" && (c.Tercero == withoutTercero || u.parts[c.Tercero].rfc != f.tercero):
		return false
	}
	return true
}

// content yields the comprobantes of a package.
func (u *Universe) content(p *paquete) iter.Seq[Comprobante] {
	return func(yield func(Comprobante) bool) {
		remain := p.byPaquete
		for _, c := range u.chosen(p.requested, &p.result.starts[p.number-1]) {
			if remain == 0 || !yield(c) {
				return
			}
			remain--
		}
	}
}

// writeZip streams the package: the XML of CFDI requests, the text of metadata ones.
func (u *Universe) writeZip(w io.Writer, p *paquete) error {
	z := zip.NewWriter(w)
	var err error
	switch {
	case p.defects.contains(defSinEntradas):
	case p.tipo == tipoMetadata:
		err = u.zipMetadata(z, p)
	default:
		err = u.zipCFDI(z, p)
	}
	if err == nil && p.paqueteKnobs.within {
		err = u.foreign(z, p)
	}
	if err == nil {
		err = z.Close()
	}
	if err == nil && p.defects.contains(defCola) {
		_, err = w.Write([]byte{0, 0})
	}
	return err
}

// WritePaquete writes a package of the first n comprobantes that a taxpayer issued in 2024: what readers are measured with.
func (u *Universe) WritePaquete(w io.Writer, rfc string, n int64, metadata bool) error {
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	p := &requested{
		scope: scope{servicio: CFDI, rfc: rfc, direction: Emitidos, perDay: n/366 + 1}, tipo: tipoCFDI, byPaquete: n,
		until: start + 367*secondsDay, filter: filter{cut: start}, paqueteKnobs: paqueteKnobs{traps: true},
	}
	if metadata {
		p.tipo = tipoMetadata
	}
	first := result{starts: []position{u.start(p.scope, start)}}
	return u.writeZip(w, &paquete{solicitud: &solicitud{requested: p, id: "abc", result: first}, number: 1})
}

// zipCFDI writes one entry for each XML, with sizes and checksum ahead of the data, as the service
// does and some readers need. With filler the entry is stored, so that gigabytes come at the speed of
// copying.
func (u *Universe) zipCFDI(z *zip.Writer, p *paquete) error {
	comp, err := newCompressor()
	if err != nil {
		return err
	}
	var b []byte
	var before UUID
	for n, c := range u.served(p) {
		var queue []byte
		b, queue = u.writeXML(b[:0], &c, p.paqueteKnobs)
		entry := &zip.FileHeader{Name: p.defects.xmlName(&c, n, c.UUID == before), ReaderVersion: 20, CreatorVersion: 20}
		before = c.UUID
		mark := func() { p.defects.mark(entry, n) }
		entry.ModifiedDate, entry.ModifiedTime = fechaDOS(c.Fecha) //nolint:staticcheck // CreateRaw writes these, not Modified
		if p.paqueteKnobs.padding > 0 {
			err = save(z, entry, padding{b, queue, c.random, p.paqueteKnobs.padding}, mark)
		} else {
			if p.paqueteKnobs.within {
				b = xmlTrap(entry, b, n)
			}
			b = p.defects.spoilXML(b, n)
			err = comp.save(z, entry, b, mark)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compressor deflates entries one after another in the same memory.
type compressor struct {
	output  bytes.Buffer
	deflate *flate.Writer
}

func newCompressor() (*compressor, error) {
	d, err := flate.NewWriter(nil, flate.BestSpeed)
	return &compressor{deflate: d}, err
}

// save writes an entry whose header mark may change once it is known.
func (c *compressor) save(z *zip.Writer, entry *zip.FileHeader, b []byte, mark func()) error {
	c.output.Reset()
	c.deflate.Reset(&c.output)
	if _, err := c.deflate.Write(b); err != nil {
		return err
	}
	if err := c.deflate.Close(); err != nil {
		return err
	}
	entry.Method = zip.Deflate
	entry.CRC32 = crc32.ChecksumIEEE(b)
	entry.UncompressedSize64, entry.CompressedSize64 = uint64(len(b)), uint64(c.output.Len()) //nolint:gosec // lengths
	mark()
	e, err := z.CreateRaw(entry)
	if err != nil {
		return err
	}
	_, err = e.Write(c.output.Bytes())
	return err
}

// padding is an XML with filler between its two parts.
type padding struct {
	head, queue []byte
	random      uint64
	bytes       int64
}

// save stores an XML with filler as one entry. The filler is made twice, once for the checksum,
// which costs less than holding it.
func save(z *zip.Writer, entry *zip.FileHeader, x padding, mark func()) error {
	sum := crc32.NewIEEE()
	write := func(w io.Writer) error {
		if _, err := w.Write(x.head); err != nil {
			return err
		}
		if err := pad(w, x.random, x.bytes); err != nil {
			return err
		}
		_, err := w.Write(x.queue)
		return err
	}
	if err := write(sum); err != nil {
		return err
	}
	entry.Method = zip.Store
	entry.CRC32 = sum.Sum32()
	entry.UncompressedSize64 = uint64(len(x.head)+len(x.queue)) + uint64(x.bytes) //nolint:gosec // lengths
	entry.CompressedSize64 = entry.UncompressedSize64
	mark()
	e, err := z.CreateRaw(entry)
	if err != nil {
		return err
	}
	return write(e)
}

// zipMetadata writes <ID>_NN.txt and, when third parties appear, <ID>_tercero.txt.
func (u *Universe) zipMetadata(z *zip.Writer, p *paquete) error {
	hasTerceros := false
	err := u.zipText(z, p, 1, p.paqueteKnobs.header(), func(b []byte, c *Comprobante, n int) []byte {
		hasTerceros = hasTerceros || c.Tercero != withoutTercero
		return u.addRow(b, c, p, n)
	})
	if err != nil || !hasTerceros {
		return err
	}
	return u.zipText(z, p, 2, headerTerceros, func(b []byte, c *Comprobante, _ int) []byte {
		return u.addTercero(b, c, p)
	})
}

// zipText writes the first or the second text of a package of metadata, a row for each comprobante.
func (u *Universe) zipText(z *zip.Writer, p *paquete, which int, header string, row func(b []byte, c *Comprobante, n int) []byte) error {
	name := fmt.Sprintf("_%02d.txt", p.number)
	if which == 2 {
		name = "_tercero.txt"
	}
	t, err := newText(z, strings.ToUpper(p.id)+name, p.filter.cut, which, p.defects)
	if err != nil {
		return err
	}
	b := append(make([]byte, 0, block+4<<10), header+p.defects.end()...)
	for n, c := range u.served(p) {
		if b = row(b, &c, n); len(b) >= block {
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
func fechaDOS(seconds int64) (fecha, hour uint16) {
	t := fechaOf(seconds)
	return uint16(t.Day() + int(t.Month())<<5 + (t.Year()-1980)<<9), uint16(t.Second()/2 + t.Minute()<<5 + t.Hour()<<11) //nolint:gosec // MS-DOS's fields, from 1980 to 2107
}

// block is how many bytes are written at once.
const block = 48 << 10

// pad writes n characters of filler, letters and digits, whose order depends on random.
func pad(w io.Writer, random uint64, n int64) error {
	since := int64(random % periodoPadding)
	for n > 0 {
		part := paddingText[since:min(int64(len(paddingText)), since+n)]
		if _, err := io.WriteString(w, part); err != nil {
			return err
		}
		n -= int64(len(part))
		since = 0
	}
	return nil
}

const periodoPadding = 4093

// paddingText is long so that few writes carry much.
var paddingText = makePadding(16 * block)

func makePadding(n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ."
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[mix(uint64(i))%uint64(len(letters))]
	}
	return string(b)
}

// encoder is base64 whose text is written in big blocks; Close writes what is left.
type encoder struct {
	io.WriteCloser
	text *bufio.Writer
}

func newEncoder(w io.Writer) encoder {
	text := bufio.NewWriterSize(w, block)
	return encoder{base64.NewEncoder(base64.StdEncoding, text), text}
}

func (c encoder) Close() error { return errors.Join(c.WriteCloser.Close(), c.text.Flush()) }
