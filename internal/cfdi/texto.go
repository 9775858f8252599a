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

// enUTF8 reads a text that is in UTF-16, which its mark says, or the zeros of its first
// character. Any other is left as it is: what its bytes mean is judged row by row.
func enUTF8(r io.Reader) (io.Reader, error) {
	var cabeza [2]byte
	n, err := io.ReadFull(r, cabeza[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	entero := io.MultiReader(bytes.NewReader(cabeza[:n]), r)
	if err != nil {
		entero = bytes.NewReader(cabeza[:n])
	}
	orden := unicode.LittleEndian
	switch {
	case n < len(cabeza):
		return entero, nil
	case cabeza == [2]byte{0xFF, 0xFE}, cabeza[0] != 0 && cabeza[1] == 0:
	case cabeza == [2]byte{0xFE, 0xFF}, cabeza[0] == 0 && cabeza[1] != 0:
		orden = unicode.BigEndian
	default:
		return entero, nil
	}
	return transform.NewReader(entero, unicode.UTF16(orden, unicode.UseBOM).NewDecoder()), nil
}

// aUTF8 makes a row valid, field by field, and says in Spanish what it had to guess. A
// field that is no UTF-8 is taken for windows-1252 (of which ISO-8859-1 is a part, as far
// as letters go), unless there is UTF-8 in it too: then it was damaged.
func aUTF8(fila []byte) (texto, aviso string) {
	if utf8.Valid(fila) {
		return string(fila), ""
	}
	var b strings.Builder
	windows, malos := false, false
	for i, campo := range bytes.Split(fila, []byte{separador}) {
		if i > 0 {
			b.WriteByte(separador)
		}
		switch {
		case utf8.Valid(campo):
			b.Write(campo)
		case dañado(campo):
			malos = true
			b.Write(bytes.ToValidUTF8(campo, []byte("�")))
		default:
			windows = true
			for _, c := range campo {
				r := charmap.Windows1252.DecodeByte(c)
				malos = malos || r == utf8.RuneError
				b.WriteRune(r)
			}
		}
	}
	switch {
	case windows && malos:
		aviso = avisoWindows + " " + avisoBytes
	case windows:
		aviso = avisoWindows
	case malos:
		aviso = avisoBytes
	}
	return b.String(), aviso
}

// dañado reports whether a field that is not valid UTF-8 has been: it has a character of
// several bytes, or ends with the beginning of one that Spanish is written with.
func dañado(campo []byte) bool {
	for i := 0; i < len(campo); {
		r, n := utf8.DecodeRune(campo[i:])
		if r != utf8.RuneError && n > 1 {
			return true
		}
		i += n
	}
	ultimo := campo[len(campo)-1]
	return ultimo == 0xC2 || ultimo == 0xC3
}
