package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// cleanWriter writes text that others may have written, such as names in certificates or
// a gateway's answers, to a terminal. It escapes what would move the cursor, set the
// title or reverse the text (ECMA-48 §8.3; Unicode's bidirectional controls). In JSON the
// escape means the same character.
type cleanWriter struct{ w io.Writer }

func (l cleanWriter) Write(p []byte) (int, error) {
	if _, err := l.w.Write([]byte(cleanText(string(p)))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// raw returns the writer under l, for programs that draw.
func raw(w io.Writer) io.Writer {
	if l, ok := w.(cleanWriter); ok {
		return l.w
	}
	return w
}

// cleanText returns a text without what a terminal obeys.
func cleanText(text string) string {
	if strings.IndexFunc(text, obeyed) < 0 {
		return text
	}
	var b strings.Builder
	for i, c := range text {
		switch {
		case !obeyed(c):
			b.WriteRune(c)
		case c == utf8.RuneError:
			// A byte that is not UTF-8 may be a control of an older terminal.
			_, n := utf8.DecodeRuneInString(text[i:])
			if n > 1 {
				b.WriteRune(c)
			} else {
				fmt.Fprintf(&b, `\u%04x`, text[i])
			}
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	return b.String()
}

func obeyed(c rune) bool {
	return c != '\n' && c != '\t' && (unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c)) || c == utf8.RuneError
}
