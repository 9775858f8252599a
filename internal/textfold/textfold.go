// Package textfold compares texts that systems spell in varying ways. It ignores case,
// accents and repeated spaces, and nothing else.
package textfold

import (
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// Fold returns s in lower case, without accents (ñ becomes n) and with single
// spaces between its words.
func Fold(s string) string {
	return strings.Join(strings.Fields(strings.ToLower(Unaccented(s))), " ")
}

// Unaccented returns s without accents (Ñ becomes N).
func Unaccented(s string) string {
	stripped, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), s)
	if err != nil {
		return s
	}
	return stripped
}
