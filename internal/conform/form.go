package conform

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/pasarela-mx/pasarela/internal/textfold"
)

// maxMended is the longest text for which a correction is looked for; people type shorter
// ones.
const maxMended = 64

// form describes what a text that does not match the pattern should be: what to change,
// if a usual slip explains it, and the form. It repeats the text only if it is a date,
// because other texts may be secret.
func (s *Schema) form(text []byte, patient bool) string {
	said := "Debe ser " + s.words
	if s.of.Example != nil {
		said += ", como " + s.example()
	}
	said += "."
	if len(text) == 0 {
		return "No puede ir vacío. " + said
	}
	if patient {
		if how := s.slip(string(text)); how != "" {
			return how + " " + said
		}
	}
	return said
}

func (s *Schema) example() string {
	example, _ := s.of.Example.(string)
	return example
}

// mend undoes a common slip. It returns the text unchanged if the slip is not in it.
type mend struct {
	says string
	do   func(string) string
	// shows, if not empty, describes the corrected text.
	shows string
}

// slip says what to change so that the text matches; empty if unknown. It also tries two
// slips at once.
func (s *Schema) slip(text string) string {
	if len(text) > maxMended {
		return ""
	}
	all := mends()
	for _, m := range all {
		if once := m.do(text); once != text && s.pattern.MatchString(once) {
			return m.says + m.result(once)
		}
	}
	for _, m := range all {
		once := m.do(text)
		if once == text {
			continue
		}
		for _, n := range all {
			if twice := n.do(once); twice != once && s.pattern.MatchString(twice) {
				return m.says + " " + n.says + n.result(twice)
			}
		}
	}
	return ""
}

func (m mend) result(mended string) string {
	if m.shows == "" {
		return ""
	}
	return " " + fmt.Sprintf(m.shows, mended)
}

// Parts of instants as people and programs write them.
var (
	zone     = regexp.MustCompile(`(?:[Zz]|[+-]\d{2}:?\d{2})$`)
	fraction = regexp.MustCompile(`(:\d{2})[.,]\d+`)
	dayOnly  = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	noSecond = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$`)
	blankT   = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})[ t](\d{2}:)`)
	dayFirst = regexp.MustCompile(`^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})`)
	slashes  = regexp.MustCompile(`^(\d{4})/(\d{2})/(\d{2})`)
	oneDigit = regexp.MustCompile(`^\d:\d{2}`)
	bareUUID = regexp.MustCompile(`^([0-9A-Fa-f]{8})-?([0-9A-Fa-f]{4})-?([0-9A-Fa-f]{4})-?([0-9A-Fa-f]{4})-?([0-9A-Fa-f]{12})$`)
)

const wouldBe = "Quedaría %s."

func mends() []mend {
	return []mend{
		{"Quite los espacios del principio y del final.", strings.TrimSpace, ""},
		{"Va en mayúsculas.", strings.ToUpper, ""},
		{"Va en minúsculas.", strings.ToLower, ""},
		{"Quite la Z o el desfase del final: es hora de México, sin zona; si la hora está en otra, conviértala.", func(t string) string { return cut(zone, t, "") }, ""},
		{"Quite las fracciones de segundo.", func(t string) string { return cut(fraction, t, "$1") }, wouldBe},
		{"Agregue la hora.", func(t string) string { return appendTo(dayOnly, t, "T00:00:00") }, "Quedaría %s, o con T23:59:59 si es el fin de un rango."},
		{"Agregue los segundos.", func(t string) string { return appendTo(noSecond, t, ":00") }, wouldBe},
		{"Entre la fecha y la hora va una T.", func(t string) string { return cut(blankT, t, "${1}T$2") }, wouldBe},
		{"El año va primero, con guiones.", func(t string) string { return cut(slashes, t, "$1-$2-$3") }, wouldBe},
		{"El año va primero: aaaa-mm-dd.", func(t string) string { return cut(dayFirst, t, "$3-01-01") }, ""},
		{"La hora lleva dos dígitos.", func(t string) string { return appendBefore(oneDigit, t, "0") }, wouldBe},
		{"Quite los segundos.", func(t string) string { return strings.TrimSuffix(t, ":00") }, wouldBe},
		{"Quite los espacios.", withoutSpaces, ""},
		{"Quite los guiones.", func(t string) string { return strings.ReplaceAll(t, "-", "") }, ""},
		{"Lleva guiones: 8-4-4-4-12.", func(t string) string { return cut(bareUUID, t, "$1-$2-$3-$4-$5") }, ""},
		{"Quite las llaves.", func(t string) string { return strings.Trim(t, "{}") }, ""},
		{"Quite las comillas de dentro del texto.", func(t string) string { return strings.Trim(t, `"'`) }, ""},
		{"La Ñ va como un solo carácter (Unicode NFC).", norm.NFC.String, ""},
		{"Quite los acentos.", textfold.Unaccented, ""},
		{"Quite los signos que no se ven.", visible, ""},
		{"Quite los espacios y los acentos.", func(t string) string { return textfold.Unaccented(withoutSpaces(t)) }, ""},
	}
}

func cut(what *regexp.Regexp, text, with string) string { return what.ReplaceAllString(text, with) }

func appendTo(what *regexp.Regexp, text, more string) string {
	if what.MatchString(text) {
		return text + more
	}
	return text
}

func appendBefore(what *regexp.Regexp, text, more string) string {
	if what.MatchString(text) {
		return more + text
	}
	return text
}

func withoutSpaces(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}

func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, text)
}
