package sep

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"unicode/utf16"
)

// The records written here, [MS-XLS] 2.3.
const (
	regEOF         = 0x000A
	regFont        = 0x0031
	regContinue    = 0x003C
	regWindow1     = 0x003D
	regCodePage    = 0x0042
	regWriteAccess = 0x005C
	regBoundSheet  = 0x0085
	regXF          = 0x00E0
	regSST         = 0x00FC
	regLabelSST    = 0x00FD
	regDimensions  = 0x0200
	regNumber      = 0x0203
	regRow         = 0x0208
	regWindow2     = 0x023E
	regStyle       = 0x0293
	regBOF         = 0x0809

	maxRecord  = 8224
	maxTextXLS = 32_767
	rowsBlock  = 32
	sheet      = "Resultado"
	// xfCell is the format of every cell: the first after those of the styles.
	xfCell = 15
)

// Libro is a BIFF8 workbook with one sheet: texts (string) in shared strings and numbers (float64). It is
// made after what the service's library writes, not by it.
func Libro(rows [][]any) []byte {
	t := &texts{place: make(map[string]uint32)}
	cells := writeSheet(rows, t)
	global := record1(regBOF, le16(0x0600), le16(5), make([]byte, 12))
	global = append(global, record1(regWriteAccess, access())...)
	global = append(global, record1(regCodePage, le16(1200))...)
	global = append(global, record1(regWindow1, le16(0, 0, 0x4000, 0x2000, 0x38, 0, 0, 1, 600))...)
	for range 4 {
		global = append(global, record1(regFont, le16(200, 0, 0x7FFF, 400, 0, 0, 0), []byte{5, 0}, []byte("Arial"))...)
	}
	for i := range xfCell + 1 {
		tipoXF := uint16(0xFFF5)
		if i == xfCell {
			tipoXF = 1
		}
		global = append(global, record1(regXF, le16(0, 0, tipoXF, 0x20, 0, 0, 0, 0, 0, 0x20C0))...)
	}
	global = append(global, record1(regStyle, le16(0x8000), []byte{0, 0xFF})...)
	end := t.sst()
	end = append(end, record1(regEOF)...)
	const boundSheetLength = 4 + 4 + 2 + 2 + len(sheet)
	start := uint32(len(global) + boundSheetLength + len(end)) //nolint:gosec // G115: far below four gigabytes
	global = append(global, record1(regBoundSheet, le32(start), le16(0), []byte{byte(len(sheet)), 0}, []byte(sheet))...)
	return container(slices.Concat(global, end, cells))
}

// access is the name of the user who wrote the book, padded with blanks; the service's says weblogic.
func access() []byte {
	const user = "sandbox de Pasarela"
	b := append(le16(uint16(len(user))), 0)
	b = append(b, user...)
	return append(b, bytes.Repeat([]byte{' '}, 112-len(b))...)
}

// writeSheet writes the rows in blocks: the heads of thirty-two, then their cells.
func writeSheet(rows [][]any, t *texts) []byte {
	b := record1(regBOF, le16(0x0600), le16(0x10), make([]byte, 12))
	columns := 0
	for _, f := range rows {
		columns = max(columns, len(f))
	}
	b = append(b, record1(regDimensions, le32(0), le32(uint32(len(rows))), le16(0, uint16(columns), 0))...) //nolint:gosec // G115: a sheet has 65,536 rows
	for since := 0; since < len(rows); since += rowsBlock {
		block := rows[since:min(since+rowsBlock, len(rows))]
		for i, f := range block {
			b = append(b, record1(regRow, le16(uint16(since+i), 0, uint16(len(f)), 255, 0, 0, 0x100, xfCell))...) //nolint:gosec // G115: as above
		}
		for i, f := range block {
			for j, value := range f {
				place := le16(uint16(since+i), uint16(j), xfCell)
				switch v := value.(type) {
				case string:
					if v != "" {
						b = append(b, record1(regLabelSST, place, le32(t.index(v)))...)
					}
				case float64:
					b = append(b, record1(regNumber, place, binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)))...)
				}
			}
		}
	}
	b = append(b, record1(regWindow2, le16(0x06B6, 0, 0, 0x40, 0, 0, 0, 0, 0))...)
	return append(b, record1(regEOF)...)
}

// texts are the shared strings.
type texts struct {
	place map[string]uint32
	all   []string
	uses  uint32
}

func (t *texts) index(text string) uint32 {
	t.uses++
	i, ya := t.place[text]
	if !ya {
		i = uint32(len(t.all)) //nolint:gosec // G115: bounded by the cells of a sheet
		t.place[text] = i
		t.all = append(t.all, text)
	}
	return i
}

// sst writes the shared strings over as many CONTINUEs as they need. A string that is broken off goes on
// after a byte of flags; its first character stays with its head.
func (t *texts) sst() []byte {
	e := &split{tipo: regSST}
	e.add(le32(t.uses))
	e.add(le32(uint32(len(t.all)))) //nolint:gosec // G115: as above
	for _, text := range t.all {
		e.text(text)
	}
	return append(e.done, record1(e.tipo, e.body)...)
}

// split is a record that goes on in others when it is full.
type split struct {
	tipo uint16
	body []byte
	done []byte
}

func (e *split) add(b []byte) { e.body = append(e.body, b...) }

func (e *split) close() {
	e.done = append(e.done, record1(e.tipo, e.body)...)
	e.tipo, e.body = regContinue, e.body[:0]
}

func (e *split) text(text string) {
	units := utf16.Encode([]rune(text))
	units = units[:min(len(units), maxTextXLS)]
	width, mark := 1, byte(0)
	if slices.ContainsFunc(units, func(u uint16) bool { return u > 0xFF }) {
		width, mark = 2, 1
	}
	if len(e.body)+3+width > maxRecord {
		e.close()
	}
	e.add(le16(uint16(len(units)))) //nolint:gosec // G115: cut above
	e.add([]byte{mark})
	for _, u := range units {
		if len(e.body)+width > maxRecord {
			e.close()
			e.add([]byte{mark})
		}
		e.add(le16(u)[:width])
	}
}

func record1(tipo uint16, parts ...[]byte) []byte {
	length := 0
	for _, p := range parts {
		length += len(p)
	}
	b := make([]byte, 0, 4+length)
	b = binary.LittleEndian.AppendUint16(b, tipo)
	b = binary.LittleEndian.AppendUint16(b, uint16(length))
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func le16(values ...uint16) []byte {
	b := make([]byte, 0, 2*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return b
}

func le32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
