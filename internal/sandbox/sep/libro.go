package sep

import (
	"bytes"
	"encoding/binary"
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
	global := slices.Concat(
		record1(regBOF, words{0x0600, 5}, make([]byte, 12)),
		record1(regWriteAccess, access()),
		record1(regCodePage, words{1200}),
		record1(regWindow1, words{0, 0, 0x4000, 0x2000, 0x38, 0, 0, 1, 600}),
		slices.Repeat(record1(regFont, words{200, 0, 0x7FFF, 400, 0, 0, 0, 5}, []byte("Arial")), 4),
		slices.Repeat(record1(regXF, words{0, 0, 0xFFF5, 0x20, 0, 0, 0, 0, 0, 0x20C0}), xfCell),
		record1(regXF, words{0, 0, 1, 0x20, 0, 0, 0, 0, 0, 0x20C0}),
		record1(regStyle, words{0x8000, 0xFF00}),
	)
	end := append(t.sst(), record1(regEOF)...)
	const boundSheetLength = 4 + 4 + 2 + 2 + len(sheet)
	start := u32(len(global) + boundSheetLength + len(end))
	bound := record1(regBoundSheet, start, words{0, u16(len(sheet))}, []byte(sheet))
	return container(slices.Concat(global, bound, end, cells))
}

// access is the name of the user who wrote the book, padded with blanks; the service's says weblogic.
func access() []byte {
	const user = "sandbox de Pasarela"
	return le(u16(len(user)), byte(0), []byte(user), bytes.Repeat([]byte{' '}, 112-3-len(user)))
}

// writeSheet writes the rows in blocks: the heads of thirty-two, then their cells.
func writeSheet(rows [][]any, t *texts) []byte {
	b := record1(regBOF, words{0x0600, 0x10}, make([]byte, 12))
	columns := 0
	for _, f := range rows {
		columns = max(columns, len(f))
	}
	b = append(b, record1(regDimensions, uint32(0), u32(len(rows)), words{0, u16(columns), 0})...)
	for since := 0; since < len(rows); since += rowsBlock {
		block := rows[since:min(since+rowsBlock, len(rows))]
		for i, f := range block {
			b = append(b, record1(regRow, words{u16(since + i), 0, u16(len(f)), 255, 0, 0, 0x100, xfCell})...)
		}
		for i, f := range block {
			for j, value := range f {
				place := words{u16(since + i), u16(j), xfCell}
				switch v := value.(type) {
				case string:
					if v != "" {
						b = append(b, record1(regLabelSST, place, t.index(v))...)
					}
				case float64:
					b = append(b, record1(regNumber, place, v)...)
				}
			}
		}
	}
	b = append(b, record1(regWindow2, words{0x06B6, 0, 0, 0x40, 0, 0, 0, 0, 0})...)
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
		i = u32(len(t.all))
		t.place[text] = i
		t.all = append(t.all, text)
	}
	return i
}

// sst writes the shared strings over as many CONTINUEs as they need. A string that is broken off goes on
// after a byte of flags; its first character stays with its head.
func (t *texts) sst() []byte {
	e := &split{tipo: regSST, body: le(t.uses, u32(len(t.all)))}
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
	e.body = append(e.body, le(u16(len(units)), mark)...)
	for _, u := range units {
		if len(e.body)+width > maxRecord {
			e.close()
			e.body = append(e.body, mark)
		}
		e.body = append(e.body, le(u)[:width]...)
	}
}

// record1 is a record of these values, in the order of bytes of the format.
func record1(tipo uint16, values ...any) []byte {
	body := le(values...)
	return slices.Concat(le(tipo, u16(len(body))), body)
}

// le writes numbers and bytes, the low byte first.
func le(values ...any) (b []byte) {
	for _, v := range values {
		b, _ = binary.Append(b, binary.LittleEndian, v) // of sized values and slices of them, which it takes
	}
	return b
}

type words = []uint16

// u16 and u32 are sizes and places, which are far below what their fields hold.
func u16(n int) uint16 { return uint16(n) } //nolint:gosec // G115: see above

func u32(n int) uint32 { return uint32(n) } //nolint:gosec // G115: see above
