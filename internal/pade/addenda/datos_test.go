package addenda

import (
	"strings"
	"testing"
)

func TestData_WhenAccepted(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"one line":          {"a|b", "a|b"},
		"LF":                {"a\nb\n", "a\nb\n"},
		"CRLF":              {"a\r\nb\r\n", "a\nb\n"},
		"CR":                {"a\rb\r\r\nc", "a\nb\n\nc"},
		"marked":            {"\ufeffa\ufeff", "a\ufeff"},
		"spaces and tabs":   {"  a\t ", "  a\t "},
		"markup is opaque":  {"<a>&amp;]]></a>", "<a>&amp;]]></a>"},
		"accents and emoji": {"ñ € — 𝒳 e\u0301", "ñ € — 𝒳 e\u0301"},
		"C1 and U+FFFD":     {"\u0085\ufffd", "\u0085\ufffd"},
	} {
		got, fields := Data(tt.in)
		if got != tt.want || fields != nil {
			t.Errorf("%s: %q %v, want %q", name, got, fields, tt.want)
		}
	}
}

func TestData_WhenRefused(t *testing.T) {
	for name, tt := range map[string]struct{ in, detail string }{
		"empty":            {"", "No hay datos"},
		"blank":            {" \r\n\t", "No hay datos"},
		"only a mark":      {"\ufeff", "No hay datos"},
		"NUL":              {"\x00", "U+0000 no se puede mandar en XML: quítelo (línea 1, columna 1)"},
		"control":          {"año\r\nñ\x01", "U+0001 no se puede mandar en XML: quítelo (línea 2, columna 2)"},
		"escape":           {"a\n\nab\x1b[0m", "(línea 3, columna 3)"},
		"no character":     {"a\uffff", "U+FFFF"},
		"not UTF-8":        {"a\nni\xf1o", "no está en UTF-8 (línea 2, columna 3)"},
		"half a surrogate": {"a\xed\xa0\x80", "no está en UTF-8"},
	} {
		got, fields := Data(tt.in)
		if got != "" || len(fields) != 1 || fields[0].Campo != "datos" || !strings.Contains(fields[0].Detalle, tt.detail) {
			t.Errorf("%s: %q %v, want a refusal with %q", name, got, fields, tt.detail)
		}
	}
}
