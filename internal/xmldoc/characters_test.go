package xmldoc_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// What lies at the bounds of production 2, and what others have taken for them.
func TestForeign_WhenXmllintReadsTheSame(t *testing.T) {
	t.Parallel()
	needs(t, "xmllint")
	texts := map[string]string{"a half": "\xED\xA0\x80", "the other half": "\xED\xBF\xBF", "Latin-1": "\xD1", "too long a form": "\xC0\xAF", "beyond Unicode": "\xF4\x90\x80\x80", "cut": "\xE2\x82"}
	for _, r := range []rune{0x00, 0x01, 0x08, '\t', '\n', 0x0B, 0x0C, '\r', 0x0E, 0x1F, ' ', 0x7F, 0x80, 0x85, 0x9F, 0xA0, 0x2028, 0xD7FF, 0xE000, 0xFDD0, 0xFEFF,
		0xFFFC, utf8.RuneError, 0xFFFE, 0xFFFF, 0x10000, 0x1FFFE, 0x1FFFF, 0x10FFFF} {
		texts[fmt.Sprintf("U+%04X", r)] = string(r)
	}
	dir := t.TempDir()
	var files []string
	for name, text := range texts {
		files = append(files, name)
		if err := os.WriteFile(filepath.Join(dir, name), []byte("<a>ñ"+text+"b</a>"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	judged := libxml2(t, dir, files)
	for name, text := range texts {
		at := xmldoc.Foreign("ñ" + text + "b")
		if (at < 0) != judged[name].accepted {
			t.Errorf("%s: %d, and xmllint: %s", name, at, judged[name].why)
		}
		if at >= 0 && at != len("ñ") {
			t.Errorf("%s: found at %d", name, at)
		}
		if us := ours("<a>ñ" + text + "b</a>"); us.accepted != judged[name].accepted {
			t.Errorf("%s: the reader says %s", name, us.why)
		}
	}
}
