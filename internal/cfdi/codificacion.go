package cfdi

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// defecto is why a CFDI cannot be read, in Spanish.
type defecto string

func (d defecto) Error() string { return string(d) }

const (
	errCaracter     defecto = "Tiene bytes que no son caracteres de su codificación."
	errCodificacion defecto = "Su codificación no se reconoce: se leen UTF-8, ISO-8859-1 y windows-1252."
	errUTF16        defecto = "Está en UTF-16: un CFDI va en UTF-8."
)

const (
	marcaUTF16LE, marcaUTF16BE = "\xFF\xFE", "\xFE\xFF"
	// maxDeclaracion bounds where a declaration is looked for.
	maxDeclaracion = 256
)

// declarada finds the encoding that a declaration names (XML 1.0, production 80).
var declarada = regexp.MustCompile(`^<\?xml[ \t\r\n][^>]*?encoding[ \t\r\n]*=[ \t\r\n]*["']([A-Za-z][A-Za-z0-9._-]*)["']`)

// decodifica returns the document as UTF-8, without its mark. A document of
// single bytes that says UTF-16, as .NET writes them, is read as UTF-8.
func decodifica(cabeza []byte, resto io.Reader) (io.Reader, error) {
	todo := io.MultiReader(bytes.NewReader(cabeza), resto)
	inicio := string(cabeza[:min(len(cabeza), maxDeclaracion)])
	switch {
	case strings.HasPrefix(inicio, marcaUTF8):
		return io.MultiReader(bytes.NewReader(cabeza[len(marcaUTF8):]), resto), nil
	case strings.HasPrefix(inicio, marcaUTF16LE), strings.HasPrefix(inicio, marcaUTF16BE),
		strings.HasPrefix(inicio, "<\x00"), strings.HasPrefix(inicio, "\x00<"), strings.HasPrefix(inicio, "\x00\x00"):
		return nil, errUTF16
	}
	m := declarada.FindStringSubmatch(inicio)
	if m == nil {
		return todo, nil
	}
	switch strings.ToLower(m[1]) {
	case "utf-8", "utf8", "us-ascii", "ascii", "utf-16", "unicode":
		return todo, nil
	case "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1":
		return charmap.ISO8859_1.NewDecoder().Reader(todo), nil
	case "windows-1252", "cp1252":
		return charmap.Windows1252.NewDecoder().Reader(todo), nil
	}
	return nil, errCodificacion
}

// caracteres lets UTF-8 through that has only characters of XML 1.0 (production
// 2), and whole ones.
type caracteres struct {
	r    io.Reader
	cola [utf8.UTFMax]byte // of a character that was cut between two reads
	n    int
	err  error
}

func (c *caracteres) Read(p []byte) (int, error) {
	if len(p) <= utf8.UTFMax {
		return 0, io.ErrShortBuffer
	}
	if c.err != nil {
		return 0, c.err
	}
	n := copy(p, c.cola[:c.n])
	leidos, err := c.r.Read(p[n:])
	n += leidos
	c.n, c.err = 0, err
	entero, ok := revisa(p[:n])
	if !ok {
		c.err = errCaracter
		return 0, c.err
	}
	if entero < n {
		if err != nil {
			if errors.Is(err, io.EOF) {
				c.err = errCaracter
			}
			return 0, c.err
		}
		c.n = copy(c.cola[:], p[entero:n])
	}
	return entero, c.err
}

// revisa tells up to where b is whole characters of XML, and whether what it has is.
func revisa(b []byte) (entero int, ok bool) {
	const altos, unos = 0x8080808080808080, 0x0101010101010101
	for i := 0; i < len(b); {
		if len(b)-i >= 8 {
			// Eight bytes at once: all ASCII, none below the space.
			w := uint64(b[i]) | uint64(b[i+1])<<8 | uint64(b[i+2])<<16 | uint64(b[i+3])<<24 |
				uint64(b[i+4])<<32 | uint64(b[i+5])<<40 | uint64(b[i+6])<<48 | uint64(b[i+7])<<56
			if (w|(w-unos*0x20))&altos == 0 {
				i += 8
				continue
			}
		}
		c := b[i]
		switch {
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 {
				return i, !utf8.FullRune(b[i:])
			}
			if r == 0xFFFE || r == 0xFFFF {
				return i, false
			}
			i += n
		case c < 0x20 && c != '\t' && c != '\n' && c != '\r':
			return i, false
		default:
			i++
		}
	}
	return len(b), true
}
