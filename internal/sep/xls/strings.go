package xls

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// The flags of a string, [MS-XLS] 2.5.293.
const (
	flagWide     = 0x01 // two bytes a character; without it, the low bytes of UTF-16
	flagPhonetic = 0x04
	flagRich     = 0x08

	minString = 3 // bytes of an empty one
	runSize   = 4 // bytes of a run of formatting
)

// readSST reads the shared strings. Their declared number is capped by the size of the
// record.
func readSST(bodies [][]byte) ([]string, error) {
	s := &segments{list: bodies}
	head, err := s.bytes(8)
	if err != nil {
		return nil, err
	}
	count := int64(binary.LittleEndian.Uint32(head[4:]))
	if count > int64(s.left()/minString) {
		return nil, malformed("%d shared strings in %d bytes", count, s.left())
	}
	all := make([]string, 0, count)
	for range count {
		text, err := s.sharedString()
		if err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, nil
}

// sharedString reads one string and skips its formatting and phonetics.
func (s *segments) sharedString() (string, error) {
	head, err := s.bytes(minString)
	if err != nil {
		return "", err
	}
	count, flags := int(binary.LittleEndian.Uint16(head)), head[2]
	after := 0
	if flags&flagRich != 0 {
		b, err := s.bytes(2)
		if err != nil {
			return "", err
		}
		after += runSize * int(binary.LittleEndian.Uint16(b))
	}
	if flags&flagPhonetic != 0 {
		b, err := s.bytes(4)
		if err != nil {
			return "", err
		}
		extra := binary.LittleEndian.Uint32(b)
		if extra > MaxBytes {
			return "", malformed("phonetics of %d bytes", extra)
		}
		after += int(extra)
	}
	text, err := s.characters(count, flags)
	if err != nil {
		return "", err
	}
	return text, s.skip(after)
}

// characters reads count characters. If a CONTINUE interrupts them, it begins with a byte
// of flags: a string may have two widths.
func (s *segments) characters(count int, flags byte) (string, error) {
	if count == 0 {
		return "", nil
	}
	units := make([]uint16, 0, count)
	for {
		here := s.list[0] // the header was read from it, so it exists
		size := 1 + int(flags&flagWide)
		take := min(count-len(units), len(here)/size)
		units = appendUnits(units, here[:take*size], flags)
		s.list[0] = here[take*size:]
		if len(units) == count {
			break
		}
		if len(s.list[0]) > 0 || len(s.list) < 2 || len(s.list[1]) == 0 {
			return "", malformed("a shared string breaks in the middle of a character")
		}
		flags, s.list = s.list[1][0], s.list[1:]
		s.list[0] = s.list[0][1:]
	}
	return decode(units), nil
}

func appendUnits(units []uint16, b []byte, flags byte) []uint16 {
	if flags&flagWide == 0 {
		for _, c := range b {
			units = append(units, uint16(c))
		}
		return units
	}
	for ; len(b) >= 2; b = b[2:] {
		units = append(units, binary.LittleEndian.Uint16(b))
	}
	return units
}

func decode(units []uint16) string {
	var b strings.Builder
	b.Grow(len(units))
	for _, r := range utf16.Decode(units) {
		b.WriteRune(r)
	}
	return b.String()
}

// ownString reads the string of a LABEL, within its record.
func ownString(b []byte) (string, error) {
	if len(b) < minString {
		return "", malformed("a LABEL without its text")
	}
	count, flags := int(binary.LittleEndian.Uint16(b)), b[2]
	size := count * (1 + int(flags&flagWide))
	if len(b)-minString < size {
		return "", malformed("a LABEL of %d characters is cut", count)
	}
	return decode(appendUnits(nil, b[minString:minString+size], flags)), nil
}
