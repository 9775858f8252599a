package xls

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

func u16(v int) []byte    { return binary.LittleEndian.AppendUint16(nil, uint16(v)) }
func u32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }

func record(kind int, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	return slices.Concat(u16(kind), u16(len(body)), body)
}

// at is the place of a cell and a format.
func at(row, column int) []byte { return slices.Concat(u16(row), u16(column), u16(15)) }

func wide(text string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// book puts globals and cells where they belong.
func book(globals, cells []byte) []byte {
	bof := func(kind int) []byte { return record(recBOF, u16(versionBIFF8), u16(kind), make([]byte, 12)) }
	const boundSheet = 4 + 4 + 2 + 2 + 1
	start := bof(5)
	position := uint32(len(start) + boundSheet + len(globals) + 4)
	return slices.Concat(start, record(recBoundSheet, u32(position), u16(0), []byte{1, 0, 'R'}), globals, record(recEOF),
		bof(substreamSheet), cells, record(recEOF))
}

func sst(parts ...[]byte) []byte { return record(recSST, parts...) }

func read(t *testing.T, stream []byte) ([][]string, error) {
	t.Helper()
	sheets, err := readBIFF(stream)
	if err != nil {
		return nil, err
	}
	var all [][]string
	for _, s := range sheets {
		all = slices.AppendSeq(all, s.Rows)
	}
	return all, nil
}

func TestSheets_OfABookWithSeveral(t *testing.T) {
	bof := func(kind int) []byte { return record(recBOF, u16(versionBIFF8), u16(kind), make([]byte, 12)) }
	one := func(text string) []byte {
		return slices.Concat(bof(substreamSheet), record(recLabel, at(0, 0), u16(len(text)), []byte{0}, []byte(text)), record(recEOF))
	}
	first, empty, second := one("a"), slices.Concat(bof(substreamSheet), record(recEOF)), one("bc")
	list := func(from int) []byte {
		return slices.Concat(
			record(recBoundSheet, u32(uint32(from)), u16(0), []byte{1, 0, 'A'}),
			record(recBoundSheet, u32(uint32(from)), u16(0x0200), []byte{1, 0, 'G'}), // a chart
			record(recBoundSheet, u32(uint32(from+len(first))), u16(0), []byte{1, 0, 'V'}),
			record(recBoundSheet, u32(uint32(from+len(first)+len(empty))), u16(1), []byte{2, 1}, wide("日ñ"))) // hidden
	}
	start := bof(5)
	from := len(start) + len(list(0)) + 4
	sheets, err := readBIFF(slices.Concat(start, list(from), record(recEOF), first, empty, second))
	if err != nil || len(sheets) != 2 || sheets[0].Name != "A" || sheets[1].Name != "日ñ" {
		t.Fatalf("%+v, %v", sheets, err)
	}
	if got := slices.Collect(sheets[1].Rows); len(got) != 1 || got[0][0] != "bc" {
		t.Errorf("%q", got)
	}
	many := slices.Repeat(record(recBoundSheet, u32(0), u16(0), []byte{1, 0, 'A'}), MaxSheets+1)
	if _, err := readBIFF(slices.Concat(start, many, record(recEOF))); !errors.Is(err, ErrLimit) {
		t.Errorf("too many: %v", err)
	}
}

func TestSheet_EveryKindOfCell(t *testing.T) {
	double := func(v float64) []byte { return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)) }
	cells := slices.Concat(
		record(0x0208, make([]byte, 16)), // ROW
		record(recLabelSST, at(0, 0), u32(1)),
		record(recNumber, at(0, 1), double(2)),
		record(recLabel, at(0, 2), u16(2), []byte{0, 0xC1, 'b'}),
		record(recLabel, at(0, 3), u16(2), []byte{1}, wide("日ñ")),
		record(recRK, at(2, 0), u32(2|303<<2)),
		record(recMulRK, u16(2), u16(1), u16(15), u32(uint32(0x40590000)), u16(15), u32(3|12345<<2), u16(15), u32(0xFFFFFFFC|2), u16(3)),
		record(0x0201, at(2, 4)),                                                                             // BLANK
		record(0x00BE, u16(2), u16(5), u16(15), u16(15), u16(60)),                                            // MULBLANK
		record(recBOF, u16(versionBIFF8), u16(0x20)), record(recNumber, at(9, 9), double(9)), record(recEOF), // a chart
		record(recNumber, at(3, 0), double(1.5)), record(recNumber, at(3, 1), double(-7)),
		record(recNumber, at(3, 2), double(12345678901)), record(recNumber, at(3, 3), double(math.Copysign(0, -1))),
		record(recNumber, at(1, 3), double(1e300)), // out of order
	)
	got, err := read(t, book(sst(u32(2), u32(2), u16(0), []byte{0}, u16(4), []byte{0}, []byte("0001")), cells))
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"0001", "2", "Áb", "日ñ"},
		{"", "", "", "1e+300"},
		{"303", "100", "123.45", "-1"},
		{"1.5", "-7", "12345678901", "0"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSharedStrings_AcrossContinues(t *testing.T) {
	head := func(n int) []byte { return slices.Concat(u32(uint32(n)), u32(uint32(n))) }
	cont := func(parts ...[]byte) []byte { return record(recContinue, parts...) }
	for name, c := range map[string]struct {
		globals []byte
		want    []string
	}{
		"narrow, then wide": {slices.Concat(
			sst(head(2), u16(5), []byte{0}, []byte("ab")), cont([]byte{1}, wide("ñ日z"), u16(1), []byte{0, 'q'})), []string{"abñ日z", "q"}},
		"wide, then narrow": {slices.Concat(
			sst(head(1), u16(4), []byte{1}, wide("日本")), cont([]byte{0}, []byte("yz"))), []string{"日本yz"}},
		"three pieces": {slices.Concat(
			sst(head(1), u16(6), []byte{0}, []byte("ab")), cont([]byte{0}, []byte("cd")), cont([]byte{0}, []byte("ef"))), []string{"abcdef"}},
		"break between strings has no flags": {slices.Concat(
			sst(head(2), u16(2), []byte{0}, []byte("ab")), cont(u16(2), []byte{0}, []byte("cd"))), []string{"ab", "cd"}},
		"break after the header": {slices.Concat(
			sst(head(1), u16(2), []byte{0}), cont([]byte{1}, wide("ñ日"))), []string{"ñ日"}},
		"break within the header": {slices.Concat(
			sst(head(1), u16(2)), cont([]byte{0}, []byte("cd"))), []string{"cd"}},
		"break within and after the header": {slices.Concat(
			sst(head(1), u16(2)), cont([]byte{0}), cont([]byte{1}, wide("日本"))), []string{"日本"}},
		"rich and phonetic, broken off": {slices.Concat(
			sst(head(2), u16(3), []byte{flagRich | flagPhonetic}, u16(2), u32(5), []byte("abc"), make([]byte, 6)), cont(make([]byte, 7), u16(1), []byte{0, 'z'})), []string{"abc", "z"}},
		"half a pair of surrogates in each": {slices.Concat(
			sst(head(1), u16(2), []byte{1}, wide("𝄞")[:2]), cont([]byte{1}, wide("𝄞")[2:])), []string{"𝄞"}},
	} {
		var cells []byte
		for i := range c.want {
			cells = append(cells, record(recLabelSST, at(0, i), u32(uint32(i)))...)
		}
		got, err := read(t, book(c.globals, cells))
		if err != nil || len(got) != 1 || !slices.Equal(got[0], c.want) {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}

func TestSheet_RefusesWhatIsDamaged(t *testing.T) {
	ok := record(recLabelSST, at(0, 0), u32(0))
	text := sst(u32(1), u32(1), u16(1), []byte{0, 'x'})
	whole := book(text, ok)
	for name, stream := range map[string][]byte{
		"nothing":                    nil,
		"no BOF":                     whole[20:],
		"cut record":                 whole[:len(whole)-2],
		"sheet without end":          whole[:len(whole)-4],
		"globals without end":        whole[:30],
		"no sheet":                   slices.Concat(record(recBOF, u16(versionBIFF8), u16(5)), record(recEOF)),
		"encrypted":                  book(slices.Concat(record(recFilePass, make([]byte, 6)), text), ok),
		"announces too many strings": book(sst(u32(1), u32(1<<30), u16(1), []byte{0, 'x'}), ok),
		"short SST":                  book(sst(u32(1)), ok),
		"string cut":                 book(sst(u32(1), u32(1), u16(9), []byte{0, 'x'}), ok),
		"wide string cut in a unit":  book(slices.Concat(sst(u32(1), u32(1), u16(2), []byte{1, 'x', 0, 'y'}), record(recContinue, []byte{0, 'z'})), ok),
		"phonetics of gigabytes":     book(sst(u32(1), u32(1), u16(0), []byte{flagPhonetic}, u32(math.MaxUint32), make([]byte, 9)), ok),
		"formatting cut":             book(sst(u32(1), u32(1), u16(0), []byte{flagRich}, u16(50), make([]byte, 9)), ok),
		"string that is not there":   book(text, record(recLabelSST, at(0, 0), u32(1))),
		"cell without value":         book(text, record(recLabelSST, at(0, 0))),
		"cell without place":         book(text, record(recNumber, u16(0))),
		"half a number":              book(text, record(recNumber, at(0, 0), u32(0))),
		"LABEL cut":                  book(text, record(recLabel, at(0, 0), u16(9), []byte{0, 'x'})),
		"LABEL without text":         book(text, record(recLabel, at(0, 0))),
		"MULRK cut":                  book(text, record(recMulRK, u16(0), u16(0), u16(15), u32(0))),
		"formula cut":                book(text, record(recFormula, at(0, 0), make([]byte, 7))),
		"formula without its text":   book(text, slices.Concat(formula(0, 0, []byte{0, 0, 0, 0, 0, 0, 0xFF, 0xFF}), ok)),
		"formula's text cut":         book(text, slices.Concat(formula(0, 0, []byte{0, 0, 0, 0, 0, 0, 0xFF, 0xFF}), record(recString, u16(9), []byte{0, 'x'}))),
		"half an error value":        book(text, record(recBoolErr, at(0, 0), []byte{1})),
	} {
		rows, err := read(t, stream)
		if rows != nil || !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %q %v", name, rows, err)
		}
		if err != nil && strings.Contains(err.Error(), "%!") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := read(t, book(text, record(recLabelSST, at(0, MaxColumns), u32(0)))); !errors.Is(err, ErrLimit) {
		t.Errorf("too wide: %v", err)
	}
	many := make([]byte, 0, 22<<20)
	for row := range MaxCells/MaxColumns + 1 {
		pairs := make([]byte, 0, 6*MaxColumns)
		for range MaxColumns {
			pairs = append(pairs, 15, 0, 2, 0, 0, 0)
		}
		many = append(many, record(recMulRK, u16(row), u16(0), pairs, u16(MaxColumns-1))...)
	}
	if _, err := read(t, book(text, many)); !errors.Is(err, ErrLimit) {
		t.Errorf("too many: %v", err)
	}
}

func formula(row, column int, value []byte) []byte {
	return record(recFormula, at(row, column), value, u16(0), make([]byte, 4), u16(0))
}

// What people see of a formula is the value that was saved with it.
func TestSheet_WhenACellIsAFormulaItIsItsValue(t *testing.T) {
	special := func(kind, code byte) []byte { return []byte{kind, 0, code, 0, 0, 0, 0xFF, 0xFF} }
	cells := slices.Concat(
		formula(0, 0, special(valueString, 0)), record(recString, u16(3), []byte{0, 'a', 0xD1, 'b'}),
		formula(0, 1, binary.LittleEndian.AppendUint64(nil, math.Float64bits(2))),
		formula(0, 2, special(valueString, 0)), record(recShared, make([]byte, 10)), record(recString, u16(4), []byte{1}, wide("日ñ")), record(recContinue, []byte{0, 'x', 'y'}),
		formula(0, 3, special(valueBool, 1)),
		formula(1, 0, special(valueError, 0x2A)),
		formula(1, 1, special(3, 0)),
		formula(1, 2, binary.LittleEndian.AppendUint64(nil, math.Float64bits(20260001))),
		record(recBoolErr, at(1, 3), []byte{0, 0}),
		record(recRString, at(2, 0), u16(2), []byte{0, 'r', 's'}, u16(1), u32(7)), record(recBoolErr, at(2, 1), []byte{0x63, 1}),
	)
	got, err := read(t, book(sst(u32(0), u32(0)), cells))
	want := [][]string{{"aÑb", "2", "日ñxy", "TRUE"}, {"#N/A", "", "20260001", "FALSE"}, {"rs", "#ERROR 99", "", ""}}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Error(err, d)
	}
}
