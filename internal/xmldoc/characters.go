package xmldoc

import "unicode/utf8"

// foreign returns the position of the first byte that is not part of an XML character
// (production 2) or not UTF-8, or -1. b is cut between characters.
func foreign(b []byte) int {
	const high, ones = 0x8080808080808080, 0x0101010101010101
	for i := 0; i < len(b); {
		if len(b)-i >= 8 {
			// Eight bytes at once: all ASCII, none below the space.
			w := uint64(b[i]) | uint64(b[i+1])<<8 | uint64(b[i+2])<<16 | uint64(b[i+3])<<24 |
				uint64(b[i+4])<<32 | uint64(b[i+5])<<40 | uint64(b[i+6])<<48 | uint64(b[i+7])<<56
			if (w|(w-ones*0x20))&high == 0 {
				i += 8
				continue
			}
		}
		c := b[i]
		switch {
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 || !char(r) {
				return i
			}
			i += n
		case c < 0x20 && !blank(c):
			return i
		default:
			i++
		}
	}
	return -1
}

// Foreign returns where text first has what XML 1.0 cannot carry: a byte that is not
// UTF-8, or a character that is not one of its production 2. It returns -1 for neither.
func Foreign(text string) int { return foreign([]byte(text)) }

// char reports whether XML 1.0 allows a character (production 2).
func char(r rune) bool {
	switch {
	case r == '\t', r == '\n', r == '\r':
		return true
	case r < 0x20, r >= 0xD800 && r <= 0xDFFF, r == 0xFFFE, r == 0xFFFF:
		return false
	}
	return r <= utf8.MaxRune
}

// check refuses a part of the window that has characters outside XML. It is called for
// every part that was just consumed.
func (r *Reader) check(taken []byte) error {
	i := foreign(taken)
	if i < 0 {
		return nil
	}
	char, n := utf8.DecodeRune(taken[i:])
	at := r.taken + int64(i)
	if char == utf8.RuneError && n == 1 {
		return &Error{Kind: Bytes, Detail: "El texto no está en UTF-8", Offset: at}
	}
	return &Error{Kind: Malformed, Detail: "el carácter " + code(char) + " no puede estar en XML", Offset: at}
}

func code(r rune) string {
	const digits = "0123456789ABCDEF"
	hex := []byte{digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15]}
	if r > 0xFFFF {
		hex = append([]byte{digits[r>>20&15], digits[r>>16&15]}, hex...)
	}
	return "U+" + string(hex)
}

func blank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// The roles of a byte in a name (XML 1.0, productions 4 and 4a), without the colon.
const (
	nameStart = 1 << iota
	nameChar
	nameWide // part of a character over ASCII

	none8    = "\x00\x00\x00\x00\x00\x00\x00\x00"
	letters8 = "\x03\x03\x03\x03\x03\x03\x03\x03"
	wide8    = "\x04\x04\x04\x04\x04\x04\x04\x04"
	wide64   = wide8 + wide8 + wide8 + wide8 + wide8 + wide8 + wide8 + wide8

	classes = none8 + none8 + none8 + none8 +
		none8 + "\x00\x00\x00\x00\x00\x02\x02\x00" + // - .
		"\x02\x02\x02\x02\x02\x02\x02\x02" + "\x02\x02\x00\x00\x00\x00\x00\x00" + // 0 to 9
		"\x00\x03\x03\x03\x03\x03\x03\x03" + letters8 + letters8 + "\x03\x03\x03\x00\x00\x00\x00\x03" + // A to Z, _
		"\x00\x03\x03\x03\x03\x03\x03\x03" + letters8 + letters8 + "\x03\x03\x03\x00\x00\x00\x00\x00" + // a to z
		wide64 + wide64
)

// startsName is NameStartChar beyond ASCII.
func startsName(r rune) bool {
	switch {
	case r >= 0xC0 && r <= 0x2FF:
		return r != 0xD7 && r != 0xF7
	case r >= 0x370 && r <= 0x1FFF:
		return r != 0x37E
	case r == 0x200C, r == 0x200D:
		return true
	case r >= 0x2070 && r <= 0x218F, r >= 0x2C00 && r <= 0x2FEF, r >= 0x3001 && r <= 0xD7FF,
		r >= 0xF900 && r <= 0xFDCF, r >= 0xFDF0 && r <= 0xFFFD, r >= 0x10000 && r <= 0xEFFFF:
		return true
	}
	return false
}

// inName is NameChar beyond ASCII.
func inName(r rune) bool {
	return startsName(r) || r == 0xB7 || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040
}
