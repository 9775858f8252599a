package xls

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The values of a formula that is not a number, [MS-XLS] 2.5.133.
const (
	valueString = 0
	valueBool   = 1
	valueError  = 2
	notNumber   = 0xFFFF
)

// takeFormula reads the saved value of a formula, which is what people see. A text
// follows in a STRING record, after the records that say which formula it belongs to.
func (s *sheet) takeFormula(body []byte, r *records) error {
	if len(body) < 14 {
		return malformed("a formula of %d bytes", len(body))
	}
	row, column, value := binary.LittleEndian.Uint16(body), binary.LittleEndian.Uint16(body[2:]), body[6:14]
	if binary.LittleEndian.Uint16(value[6:]) != notNumber {
		return s.put(row, column, number(math.Float64frombits(binary.LittleEndian.Uint64(value))))
	}
	switch value[0] {
	case valueString:
		text, err := formulaString(r)
		if err != nil {
			return err
		}
		return s.put(row, column, text)
	case valueBool, valueError:
		return s.put(row, column, boolErr(value[2], value[0] == valueError))
	}
	return nil // an empty text
}

func formulaString(r *records) (string, error) {
	for {
		kind, body, ok, err := r.next()
		switch {
		case err != nil:
			return "", err
		case ok && (kind == recShared || kind == recArray || kind == recTable):
		case !ok || kind != recString || len(body) < minString:
			return "", malformed("a formula without its text")
		default:
			more, err := r.continued()
			if err != nil {
				return "", err
			}
			rest := &segments{list: append([][]byte{body[minString:]}, more...)}
			return rest.characters(int(binary.LittleEndian.Uint16(body)), body[2])
		}
	}
}

// boolErr writes a boolean or an error by the format's own names, whatever the language
// of Excel.
func boolErr(code byte, isError bool) string {
	switch {
	case !isError && code != 0:
		return "TRUE"
	case !isError:
		return "FALSE"
	}
	names := map[byte]string{0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}
	if name, ok := names[code]; ok {
		return name
	}
	return fmt.Sprintf("#ERROR %d", code)
}
