package titulo

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// entidadForm matches an HTML or XML character reference in a value, also in capitals:
// MU&#209;OZ, MU&ntilde;OZ.
var entidadForm = regexp.MustCompile(`&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});`)

// lostForm matches a ? in place of a letter, MU?OZ, or the sign with the letter's number
// in another code page, MU¥OZ.
var lostForm = regexp.MustCompile(`\p{L}\?|\?\p{L}|\p{L}[\p{Sc}\p{So}\p{Sk}±¬§¶]+\p{L}`)

// damages looks for traces of other programs in a text: references, bytes read in another
// encoding, lost letters, and placeholders. All are avisos, because the title may mean
// what it says.
func (l *list) damages(n node, a attribute) {
	path, value := n.en(a.name), *a.value
	if a.class != upper && a.class != free || strings.HasPrefix(a.name, "correo") {
		return
	}
	if padding(a.name, value) {
		l.aviso(path, CodigoPadding, "«%s» parece ponerse donde no hay dato; si no lo hay, omita el campo.", trim(value))
		return
	}
	if damage := whatItHas(value); damage != "" {
		l.aviso(path, CodigoTextoDanado, "«%s» %s.", trim(value), damage)
		return
	}
	if persona(n, a) && strings.ContainsFunc(value, outsideOfName) {
		l.aviso(path, CodigoNombreCaracteres, "«%s» tiene caracteres que los nombres no llevan, como «%s».", trim(value), string([]rune(value)[index(value)]))
	}
}

// whatItHas describes the damage of a text; "" if there seems to be none.
func whatItHas(value string) string {
	if entidad := entidadForm.FindString(value); entidad != "" {
		return fmt.Sprintf("lleva una entidad de HTML o XML (%s) en lugar de la letra", entidad)
	}
	if well, bad := crossed(value); bad {
		return fmt.Sprintf("parece UTF-8 leído en otra codificación: sería «%s»", trim(well))
	}
	if lostForm.MatchString(value) || strings.ContainsRune(value, utf8.RuneError) {
		return "perdió una letra: donde va Ñ o un acento quedó un signo"
	}
	return ""
}

// crossed restores UTF-8 text whose bytes were read as Latin-1, windows-1252 or a DOS
// code page: Ã‘ or ├æ for Ñ. It reports whether the text was damaged in this way.
func crossed(value string) (string, bool) {
	for _, table := range []*charmap.Charmap{charmap.Windows1252, charmap.ISO8859_1, charmap.CodePage850, charmap.CodePage437} {
		var b strings.Builder
		change := false
		for i, tramo := range tramos(value) {
			if i%2 == 1 {
				data, ok := inTable(table, tramo)
				if two, other := inTable(table, string(data)); ok && utf8.Valid(data) && !letters(data) && other {
					data = two // damaged twice
				}
				if ok && utf8.Valid(data) && letters(data) {
					tramo, change = string(data), true
				}
			}
			b.WriteString(tramo)
		}
		if change {
			return b.String(), true
		}
	}
	return "", false
}

// tramos splits a text into ASCII and other parts, ASCII first.
func tramos(value string) []string {
	parts := []string{""}
	for _, r := range value {
		if (r >= utf8.RuneSelf) != (len(parts)%2 == 0) {
			parts = append(parts, "")
		}
		parts[len(parts)-1] += string(r)
	}
	return parts
}

// inTable returns the bytes of a text in a code page. An unassigned byte stands for its
// own number.
func inTable(table *charmap.Charmap, text string) ([]byte, bool) {
	var data []byte
	for _, r := range text {
		b, ok := table.EncodeRune(r)
		if !ok {
			if r > unicode.MaxLatin1 {
				return nil, false
			}
			b = byte(r) //nolint:gosec // G115: of Latin-1
		}
		data = append(data, b)
	}
	return data, true
}

// letters reports whether UTF-8 bytes are letters of our alphabet only.
func letters(data []byte) bool {
	return !slices.ContainsFunc([]rune(string(data)), func(r rune) bool { return !unicode.Is(unicode.Latin, r) })
}

// padding reports whether a value is a placeholder: NULL, N/A, ----, and 0 as a number of
// RVOE or cédula.
func padding(name, value string) bool {
	clean := strings.ToUpper(strings.Trim(collapse(value), `()[]<>{}"' `))
	if slices.Contains([]string{
		"NULL", "NULO", "NIL", "NONE", "NAN", "UNDEFINED", `\N`, "N/A", "#N/A", "N.A.", "N/D", "S/N", "S/D", "SIN DATO", "SIN DATOS",
		"SIN INFORMACION", "SIN INFORMACIÓN", "NO APLICA", "NO DISPONIBLE", "NINGUNO", "NINGUNA", "VACIO", "VACÍO", "PENDIENTE",
		"SIN APELLIDO", "SIN SEGUNDO APELLIDO", "SIN NOMBRE", "NO TIENE",
	}, clean) || len(clean) > 1 && strings.Trim(clean, "X") == "" {
		return true
	}
	number := name == "numeroRvoe" || name == "noCedula"
	if number && slices.Contains([]string{"NA", "ND", "SN", "NO", "X"}, clean) {
		return true
	}
	return !strings.ContainsFunc(value, func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) && (!number || r != '0')
	})
}

// persona reports whether the attribute is part of a person's name.
func persona(n node, a attribute) bool {
	return (n.name == "Profesionista" || n.name == "FirmaResponsable") && slices.Contains([]string{"nombre", "primerApellido", "segundoApellido"}, a.name)
}

// outsideOfName reports whether RENAPO has no such character in names. It has letters,
// blanks, and these signs: MA. DEL CARMEN, D'ANGELO, PEREZ-GIL.
func outsideOfName(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsSpace(r) && !strings.ContainsRune(".'’-/", r)
}

func index(value string) int { return slices.IndexFunc([]rune(value), outsideOfName) }
