package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestClean_WhenOthersWroteIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"ÑANDÚ, S.A. «uno»\tdos\n": "ÑANDÚ, S.A. «uno»\tdos\n",
		"\x1b[2Jborra":             `\u001b[2Jborra`,
		"\x1b]0;t\a":               `\u001b]0;t\u0007`,
		"a\rb":                     `a\u000db`,
		"\u009b31m":                `\u009b31m`,
		"\x9b31m":                  `\u009b31m`,
		"\u202egpj.exe":            `\u202egpj.exe`,
		"\u2066x\u2069":            `\u2066x\u2069`,
		"\x7f":                     `\u007f`,
		"\ufffd":                   "\ufffd",
	} {
		var out bytes.Buffer
		n, err := cleanWriter{&out}.Write([]byte(text))
		if out.String() != want || n != len(text) || err != nil {
			t.Errorf("%q: %q, %d, %v; want %q", text, out.String(), n, err, want)
		}
	}
}

// What stands for a control in JSON stands for the same to a program.
func TestClean_WhenItIsJSON(t *testing.T) {
	t.Parallel()
	said := "uno\x1b\u009b\u202e\x7fdos"
	var out bytes.Buffer
	if err := writeJSON(cleanWriter{&out}, said); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got != said || strings.ContainsFunc(out.String(), func(c rune) bool { return c != '\n' && (c < ' ' || c == 0x9b) }) {
		t.Errorf("%q, %v, read as %q", out.String(), err, got)
	}
}

// A gateway that is not ours writes nothing into a terminal but text.
func TestDownload_WhenTheGatewayIsHostile(t *testing.T) {
	t.Parallel()
	hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, `{"type":"x","title":"t","status":403,"detail":"no\u001b[2J\u001b]0;suya\u0007","errores":[{"campo":"\u009b1A","detalle":"\u202e"}]}`) //nolint:errcheck // a test's
	}))
	defer hostile.Close()
	for _, option := range [][]string{nil, {"-v"}, {"--json"}} {
		var out, errors bytes.Buffer
		args := append([]string{"descargar", "--gateway", hostile.URL, "--rfc", "PRU010101AB1", "--desde", "2026-01-01", "--hasta", "2026-01-02", "--carpeta", filepath.Join(t.TempDir(), "c")}, option...)
		run(t.Context(), args, Streams{In: strings.NewReader(""), Out: &out, Err: &errors}, func() time.Time { return today })
		said := out.String() + errors.String()
		if !strings.Contains(said, `\u001b[2J`) || strings.ContainsAny(said, "\x1b\a\u009b\u202e") {
			t.Errorf("%v: %q", option, said)
		}
	}
}
