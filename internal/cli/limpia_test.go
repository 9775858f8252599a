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

func TestLimpio_WhenOthersWroteIt(t *testing.T) {
	t.Parallel()
	for texto, want := range map[string]string{
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
		n, err := limpia{&out}.Write([]byte(texto))
		if out.String() != want || n != len(texto) || err != nil {
			t.Errorf("%q: %q, %d, %v; want %q", texto, out.String(), n, err, want)
		}
	}
}

// What stands for a control in JSON stands for the same to a program.
func TestLimpio_WhenItIsJSON(t *testing.T) {
	t.Parallel()
	dicho := "uno\x1b\u009b\u202e\x7fdos"
	var out bytes.Buffer
	if err := escribeJSON(limpia{&out}, dicho); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got != dicho || strings.ContainsFunc(out.String(), func(c rune) bool { return c != '\n' && (c < ' ' || c == 0x9b) }) {
		t.Errorf("%q, %v, read as %q", out.String(), err, got)
	}
}

// A gateway that is not ours writes nothing into a terminal but text.
func TestDescargar_WhenTheGatewayIsHostile(t *testing.T) {
	t.Parallel()
	hostil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, `{"type":"x","title":"t","status":403,"detail":"no\u001b[2J\u001b]0;suya\u0007","errores":[{"campo":"\u009b1A","detalle":"\u202e"}]}`) //nolint:errcheck // a test's
	}))
	defer hostil.Close()
	for _, opcion := range [][]string{nil, {"-v"}, {"--json"}} {
		var out, errores bytes.Buffer
		args := append([]string{"descargar", "--gateway", hostil.URL, "--rfc", "PRU010101AB1", "--desde", "2026-01-01", "--hasta", "2026-01-02", "--carpeta", filepath.Join(t.TempDir(), "c")}, opcion...)
		corre(t.Context(), args, Streams{In: strings.NewReader(""), Out: &out, Err: &errores}, func() time.Time { return hoy })
		dicho := out.String() + errores.String()
		if !strings.Contains(dicho, `\u001b[2J`) || strings.ContainsAny(dicho, "\x1b\a\u009b\u202e") {
			t.Errorf("%v: %q", opcion, dicho)
		}
	}
}
