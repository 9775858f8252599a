package addenda

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

const marcaUTF8 = "\ufeff"

// Datos checks a packet of plain text and returns it as it has to be sent:
// without a byte order mark, lines ended by LF alone, since a CR would reach the
// PAC as part of the line (pade.md §2.3), and otherwise untouched.
//
// It is refused, as the field "datos", when there is nothing in it, when it is
// not UTF-8, and when it has a character that XML 1.0 cannot carry (§2.2), with
// the line and column, both from 1, columns in characters.
func Datos(s string) (string, []gateway.Campo) {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(s, marcaUTF8))
	if strings.TrimSpace(s) == "" {
		return "", campo("datos", "No hay datos: mande el texto de la addenda.")
	}
	if problema := ajeno(s); problema != nil {
		return "", campo("datos", problema.Error())
	}
	return s, nil
}

func campo(nombre, detalle string) []gateway.Campo {
	return []gateway.Campo{{Campo: nombre, Detalle: detalle}}
}

// defecto is what is wrong with a text, in Spanish, and where.
type defecto struct {
	linea, columna int
	detalle        string
}

func (d *defecto) Error() string {
	return fmt.Sprintf("%s (línea %d, columna %d).", d.detalle, d.linea, d.columna)
}

// defectoEn makes a defecto of the place in s where offset points.
func defectoEn(s string, offset int, format string, args ...any) *defecto {
	antes := s[:min(offset, len(s))]
	return &defecto{
		linea:   strings.Count(antes, "\n") + 1,
		columna: utf8.RuneCountInString(antes[strings.LastIndexByte(antes, '\n')+1:]) + 1,
		detalle: fmt.Sprintf(format, args...),
	}
}

// ajeno finds the first character that XML 1.0 cannot carry; nil when there is none.
func ajeno(s string) *defecto {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return defectoEn(s, i, "El texto no está en UTF-8")
			}
		}
		if !caracterXML(r) {
			return defectoEn(s, i, "El carácter U+%04X no se puede mandar en XML: quítelo", r)
		}
	}
	return nil
}

// caracterXML is the production Char of XML 1.0 §2.2.
func caracterXML(r rune) bool {
	switch {
	case r == '\t', r == '\n', r == '\r':
		return true
	case r < 0x20, r >= 0xD800 && r <= 0xDFFF, r == 0xFFFE, r == 0xFFFF:
		return false
	}
	return r <= 0x10FFFF
}
