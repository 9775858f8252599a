package cfdi

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

const (
	avisoBytes   = "La fila tiene bytes que no son UTF-8: se cambiaron por «�»."
	avisoWindows = "La fila no está en UTF-8: se leyó como windows-1252."
)

// inUTF8 reads a text that is in UTF-16, which its mark says, or the zeros of its first
// character. Any other is left as it is: what its bytes mean is judged row by row.
func inUTF8(r io.Reader) (io.Reader, error) {
	var head [2]byte
	n, err := io.ReadFull(r, head[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	whole := io.MultiReader(bytes.NewReader(head[:n]), r)
	if err != nil {
		whole = bytes.NewReader(head[:n])
	}
	order := unicode.LittleEndian
	switch {
	case n < len(head):
		return whole, nil
	case head == [2]byte{0xFF, 0xFE}, head[0] != 0 && head[1] == 0:
	case head == [2]byte{0xFE, 0xFF}, head[0] == 0 && head[1] != 0:
		order = unicode.BigEndian
	default:
		return whole, nil
	}
	return transform.NewReader(whole, unicode.UTF16(order, unicode.UseBOM).NewDecoder()), nil
}

// aUTF8 makes a row valid, field by field, and says in Spanish what it had to guess. A
// field that is no UTF-8 is taken for windows-1252 (of which ISO-8859-1 is a part, as far
// as letters go), unless there is UTF-8 in it too: then it was damaged.
func aUTF8(row []byte) (text, aviso string) {
	if utf8.Valid(row) {
		return string(row), ""
	}
	var b strings.Builder
	windows, bad := false, false
	for i, field := range bytes.Split(row, []byte{separator}) {
		if i > 0 {
			b.WriteByte(separator)
		}
		switch {
		case utf8.Valid(field):
			b.Write(field)
		case wasGarbled(field):
			bad = true
			b.Write(bytes.ToValidUTF8(field, []byte("�")))
		default:
			windows = true
			for _, c := range field {
				r := charmap.Windows1252.DecodeByte(c)
				bad = bad || r == utf8.RuneError
				b.WriteRune(r)
			}
		}
	}
	switch {
	case windows && bad:
		aviso = avisoWindows + " " + avisoBytes
	case windows:
		aviso = avisoWindows
	case bad:
		aviso = avisoBytes
	}
	return b.String(), aviso
}

// dañado reports whether a field that is not valid UTF-8 has been: it has a character of
// several bytes, or ends with the beginning of one that Spanish is written with.
func wasGarbled(field []byte) bool {
	for i := 0; i < len(field); {
		r, n := utf8.DecodeRune(field[i:])
		if r != utf8.RuneError && n > 1 {
			return true
		}
		i += n
	}
	last := field[len(field)-1]
	return last == 0xC2 || last == 0xC3
}
