package gateway

import "strings"

// Clip keeps what a Detail quotes of others valid and short: so many characters at most.
func Clip(text string, most int) string {
	text = strings.ToValidUTF8(text[:min(len(text), 4*(most+1))], "\uFFFD")
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
