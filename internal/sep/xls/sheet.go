package xls

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
)

// sheet holds the non-empty cells of a worksheet.
type sheet struct {
	strings []string
	cells   []cell
	columns int // one more than the last one with a value
	left    int // how many more cells the book may have
}

type cell struct {
	row, column uint16
	text        string
}

// exact is the range in which a double is certainly a whole number and is written without
// an exponent.
const exact = 1e21

// read reads the cells up to the end of the sheet and skips embedded parts such as
// charts.
func (s *sheet) read(r *records) error {
	for depth := 1; depth > 0; {
		kind, body, ok, err := r.next()
		switch {
		case err != nil:
			return err
		case !ok:
			return malformed("the worksheet has no end")
		case kind == recBOF:
			depth++
		case kind == recEOF:
			depth--
		case depth == 1 && kind == recFormula:
			if err := s.takeFormula(body, r); err != nil {
				return err
			}
		case depth == 1:
			if err := s.take(kind, body); err != nil {
				return err
			}
		}
	}
	s.sort()
	return nil
}

// sort sorts the cells. Every writer sorts them, but the formats do not require it.
func (s *sheet) sort() {
	slices.SortStableFunc(s.cells, func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.row, b.row), cmp.Compare(a.column, b.column))
	})
}

// take reads a record if it is a cell other than a formula. It skips blank cells and
// other records.
func (s *sheet) take(kind uint16, body []byte) error {
	switch kind {
	case recLabelSST, recLabel, recRString, recNumber, recRK, recMulRK, recBoolErr:
	default:
		return nil
	}
	if len(body) < 6 {
		return malformed("a cell of %d bytes", len(body))
	}
	row, column, value := binary.LittleEndian.Uint16(body), binary.LittleEndian.Uint16(body[2:]), body[6:]
	switch kind {
	case recMulRK:
		return s.takeMulRK(row, column, body[4:])
	case recBoolErr:
		if len(value) < 2 {
			return malformed("a cell of %d bytes", len(body))
		}
		return s.put(row, column, boolErr(value[0], value[1] != 0))
	case recLabel, recRString: // RString has formatting after its text
		text, err := ownString(value)
		if err != nil {
			return err
		}
		return s.put(row, column, text)
	}
	if len(value) < 4 || (kind == recNumber && len(value) < 8) {
		return malformed("a cell of %d bytes", len(body))
	}
	switch kind {
	case recLabelSST:
		index := binary.LittleEndian.Uint32(value)
		if int64(index) >= int64(len(s.strings)) {
			return malformed("shared string %d of %d", index, len(s.strings))
		}
		return s.put(row, column, s.strings[index])
	case recRK:
		return s.put(row, column, number(fromRK(binary.LittleEndian.Uint32(value))))
	default:
		return s.put(row, column, number(math.Float64frombits(binary.LittleEndian.Uint64(value))))
	}
}

// takeMulRK reads the pairs of format and number for consecutive columns; the last column
// ends the record.
func (s *sheet) takeMulRK(row, first uint16, pairs []byte) error {
	if len(pairs) < 8 || len(pairs)%6 != 2 {
		return malformed("numbers in %d bytes", len(pairs))
	}
	for ; len(pairs) > 2; pairs = pairs[6:] {
		if err := s.put(row, first, number(fromRK(binary.LittleEndian.Uint32(pairs[2:])))); err != nil {
			return err
		}
		first++
	}
	return nil
}

func (s *sheet) put(row, column uint16, text string) error {
	if text == "" {
		return nil
	}
	if column >= MaxColumns {
		return tooLarge("something in column %d, the bound is %d", column+1, MaxColumns)
	}
	if s.left--; s.left < 0 {
		return tooLarge("more than %d cells", MaxCells)
	}
	s.cells = append(s.cells, cell{row, column, text})
	s.columns = max(s.columns, int(column)+1)
	return nil
}

// each yields the rows, including blank ones.
func (s *sheet) each(yield func([]string) bool) {
	left := s.cells
	for n := 0; len(left) > 0; n++ {
		row := make([]string, s.columns)
		for len(left) > 0 && int(left[0].row) == n {
			row[left[0].column] = left[0].text
			left = left[1:]
		}
		if !yield(row) {
			return
		}
	}
}

// fromRK decodes a short number, [MS-XLS] 2.5.217: a double without its lower half or an
// integer of 30 bits, either of them possibly in hundredths.
func fromRK(rk uint32) float64 {
	var v float64
	if rk&2 != 0 {
		v = float64(int32(rk) >> 2) //nolint:gosec // G115: the sign bit is meant
	} else {
		v = math.Float64frombits(uint64(rk&^3) << 32)
	}
	if rk&1 != 0 {
		v /= 100
	}
	return v
}

// number writes a number as a person would type it.
func number(v float64) string {
	if v == 0 {
		return "0" // not "-0"
	}
	if math.Abs(v) < exact {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
