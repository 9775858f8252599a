package xmldoc

import "bytes"

// These functions read the most common markup: ASCII, without references, completely in
// the window. For anything else they read nothing, and the rest of the package reads it.

// quickName returns the length of the name at the start of b and the position of its
// colon, or -1. The length is 0 if the name is not plain or may continue after b.
func quickName(b []byte) (n, colon int) {
	colon = -1
	if len(b) == 0 || classes[b[0]]&nameStart == 0 {
		return 0, -1
	}
	for n = 1; n < len(b) && n < maxQuickName; n++ {
		c := b[n]
		switch {
		case classes[c]&nameChar != 0:
		case c == ':' && colon < 0 && n+1 < len(b) && classes[b[n+1]]&nameStart != 0:
			colon = n
		case c == ':' || c >= 0x80:
			return 0, -1
		default:
			return n, colon
		}
	}
	return 0, -1
}

// maxQuickName is below every MaxName.
const maxQuickName = 100

// quickAttribute reads a name with its value and returns their length in b, or 0 if they
// are not plain.
func quickAttribute(b []byte) (name, value []byte, colon, taken int) {
	n, colon := quickName(b)
	if n == 0 || n+2 >= len(b) || b[n] != '=' || b[n+1] != '"' && b[n+1] != '\'' {
		return nil, nil, 0, 0
	}
	v := b[n+2:]
	end := quickValue(v, b[n+1])
	if end < 0 {
		return nil, nil, 0, 0
	}
	return b[:n], v[:end], colon, n + 2 + end + 1
}

// quickValue returns the end of a value that needs no processing, or -1.
func quickValue(v []byte, quote byte) int {
	const high, ones = 0x8080808080808080, 0x0101010101010101
	quotes := ones * uint64(quote)
	i := 0
	for ; len(v)-i >= 8; i += 8 {
		w := uint64(v[i]) | uint64(v[i+1])<<8 | uint64(v[i+2])<<16 | uint64(v[i+3])<<24 |
			uint64(v[i+4])<<32 | uint64(v[i+5])<<40 | uint64(v[i+6])<<48 | uint64(v[i+7])<<56
		// The high bit of each byte that is not ASCII, below the space, a &, a < or the
		// quote. A byte after one of these may be marked wrongly.
		q, a, l := w^quotes, w^ones*'&', w^ones*'<'
		if (w|(w-ones*0x20)|(q-ones)&^q|(a-ones)&^a|(l-ones)&^l)&high != 0 {
			break
		}
	}
	for ; i < len(v); i++ {
		switch c := v[i]; {
		case c == quote:
			return i
		case c < 0x20 || c >= 0x80 || c == '&' || c == '<':
			return -1
		}
	}
	return -1
}

// quickEnd reads the end tag of the innermost element, after its </.
func (r *Reader) quickEnd() bool {
	name, b := r.Name(), r.buf[r.pos:r.end]
	if len(b) <= len(name) || b[len(name)] != '>' || !bytes.Equal(b[:len(name)], name) {
		return false
	}
	r.pos += len(name) + 1
	return true
}
