package addenda

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

const utf8Mark = "\ufeff"

// Data checks a packet of plain text and returns it as it has to be sent: without a byte
// order mark and with LF line ends, because the PAC would read a CR as part of the line
// (pade.md §2.3). It is otherwise unchanged.
//
// It refuses the field "datos" if it is empty, not UTF-8, or has a character that XML 1.0
// cannot carry (§2.2). The fault has the line and column, both from 1, in characters.
func Data(s string) (string, []gateway.Field) {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(s, utf8Mark))
	if strings.TrimSpace(s) == "" {
		return "", field("datos", "No hay datos: mande el texto de la addenda.")
	}
	if problem := foreign(s); problem != nil {
		return "", field("datos", problem.Error())
	}
	return s, nil
}

func field(name, detail string) []gateway.Field {
	return []gateway.Field{{Campo: name, Detalle: detail}}
}

// foreign returns an error for the first character that XML 1.0 cannot carry, or nil.
func foreign(s string) error {
	i := xmldoc.Foreign(s)
	if i < 0 {
		return nil
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	if r == utf8.RuneError && n == 1 {
		return defectIn(s, i, "El texto no está en UTF-8")
	}
	return defectIn(s, i, fmt.Sprintf("El carácter U+%04X no se puede mandar en XML: quítelo", r))
}

func defectIn(s string, offset int, detail string) error {
	line, column := xmldoc.Position(s, int64(offset))
	return refusal{detail: fmt.Sprintf("%s (línea %d, columna %d).", detail, line, column)}
}
