package addenda

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
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

// ajeno finds the first character that XML 1.0 cannot carry; nil when there is none.
func ajeno(s string) error {
	for i, r := range s {
		if _, n := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && n == 1 {
			return defectoEn(s, i, "El texto no está en UTF-8")
		}
		if !xmldoc.Char(r) {
			return defectoEn(s, i, fmt.Sprintf("El carácter U+%04X no se puede mandar en XML: quítelo", r))
		}
	}
	return nil
}

func defectoEn(s string, offset int, detalle string) error {
	linea, columna := xmldoc.Position(s, int64(offset))
	return rechazo{detalle: fmt.Sprintf("%s (línea %d, columna %d).", detalle, linea, columna)}
}
