package xmldoc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// transcoder converts another encoding to UTF-8. Bytes without a character are an *Error,
// after everything before them.
type transcoder struct {
	src io.Reader
	// decode appends the characters of in to out. It returns how much of in it has used,
	// and the fault of what follows. last reports that in is the end.
	decode func(in, out []byte, last bool) (used int, decoded []byte, wrong string)

	in       [4 << 10]byte
	held     int
	out      []byte
	rest     []byte // of out, not read yet
	produced int64
	err      error
}

func (t *transcoder) Read(p []byte) (int, error) {
	for len(t.rest) == 0 {
		if t.err != nil {
			return 0, t.err
		}
		n, err := t.src.Read(t.in[t.held:])
		t.held += n
		used, out, wrong := t.decode(t.in[:t.held], t.out[:0], errors.Is(err, io.EOF))
		t.out, t.rest, t.err = out, out, err
		t.produced += int64(len(out))
		if wrong != "" {
			t.err = &Error{Kind: Bytes, Detail: wrong, Offset: t.produced}
		}
		t.held = copy(t.in[:], t.in[used:t.held])
	}
	n := copy(p, t.rest)
	t.rest = t.rest[n:]
	return n, nil
}

// single decodes an encoding of single bytes.
func single(in, out []byte, page *charmap.Charmap) (int, []byte, string) {
	for i, c := range in {
		if c < utf8.RuneSelf {
			out = append(out, c)
			continue
		}
		r := page.DecodeByte(c)
		if r == utf8.RuneError {
			return i, out, fmt.Sprintf("El byte %02X no es un carácter de la codificación declarada", c)
		}
		out = utf8.AppendRune(out, r)
	}
	return len(in), out, ""
}

// double decodes UTF-16.
func double(in, out []byte, order binary.ByteOrder, last bool) (int, []byte, string) {
	i := 0
	for ; i+1 < len(in); i += 2 {
		r := rune(order.Uint16(in[i:]))
		if !utf16.IsSurrogate(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		if i+3 >= len(in) && !last {
			return i, out, ""
		}
		var low rune
		if i+3 < len(in) {
			low = rune(order.Uint16(in[i+2:]))
		}
		pair := utf16.DecodeRune(r, low)
		if pair == utf8.RuneError {
			return i, out, "El documento está en UTF-16 y tiene media pareja de un carácter"
		}
		out = utf8.AppendRune(out, pair)
		i += 2
	}
	if last && i < len(in) {
		return i, out, "El documento está en UTF-16 y le falta un byte"
	}
	return i, out, ""
}
