package integration

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

// The operations of the SEP, as the contract names them.
const (
	opUpload            = "cargaTituloElectronico"
	opQuery             = "consultaProcesoTituloElectronico"
	opDescarga          = "descargaTituloElectronico"
	opCancel            = "cancelaTituloElectronico"
	opCancelInstitucion = "cancelarTituloInstitucion"
)

const sepPassword = `canario & <contraseña> "'`

// sepWire makes one call of each operation of the SEP and returns what was sent,
// and the file that was uploaded.
func sepWire(t *testing.T) (map[string]seen, []byte) {
	t.Helper()
	var mu sync.Mutex
	calls := map[string]seen{}
	g := gatewaytest.Start(t, gatewaytest.Options{
		Sandbox: func(c *sandbox.Config) {
			c.Capture = func(s sandbox.Capture) {
				mu.Lock()
				defer mu.Unlock()
				calls[s.Operation] = seen{s.Header, string(s.Body)}
			}
		},
		Configure: func(c *config.Config) { overwrite(t, c.SEP.PasswordFile, sepPassword+"\n") },
	})
	if err := g.Sandbox.Knobs().Change(map[string]any{"sep_password": sepPassword}); err != nil {
		t.Fatal(err)
	}
	file := zipped(t, issue(t, g, devstack.Titulos(1, "C", gatewaytest.Persona)...)...)
	r, err := upload(t, g, "/v1/sep/lotes?nombreArchivo="+url.QueryEscape("título Ñ&'.zip"), bytes.NewReader(file), "Content-Type", "application/zip")
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, r, http.StatusCreated)
	rows(t, g, r)
	wantStatus(t, g.Post("/v1/sep/titulos/C00001/cancelacion", map[string]any{"motCancelacion": "R5", "cveInstitucion": "010033"}), http.StatusOK)
	wantStatus(t, g.Post("/v1/sep/titulos/C00001/cancelacion", map[string]any{"motCancelacion": "C1"}), http.StatusOK)
	mu.Lock()
	defer mu.Unlock()
	if len(calls) != 5 {
		t.Fatalf("%d operations were seen, want 5", len(calls))
	}
	return calls, file
}

func TestSEPWire_WhenSentTheHeadersAreTheProtocols(t *testing.T) {
	t.Parallel()
	calls, _ := sepWire(t)
	for operation, s := range calls {
		for name, want := range map[string]string{"SOAPAction": `""`, "Content-Type": "text/xml; charset=utf-8", "Authorization": ""} {
			if values := s.header.Values(name); strings.Join(values, "|") != want {
				t.Errorf("%s: %s %q, want %q", operation, name, values, want)
			}
		}
		if got := s.header.Get("Accept-Encoding"); operation == opDescarga && strings.Contains(got, "gzip") {
			t.Errorf("%s: Accept-Encoding %q", operation, got)
		}
		if !strings.HasPrefix(s.header.Get("User-Agent"), "pasarela/") || s.header.Get("Transfer-Encoding") != "" || s.header.Get("Expect") != "" {
			t.Errorf("%s: %v", operation, s.header)
		}
	}
}

var (
	fileForm     = regexp.MustCompile(`(archivoBase64>)([^<]+)`)
	passwordForm = regexp.MustCompile(`(password>)([^<]+)`)
)

func TestSEPWire_WhenSentTheBytesAreThese(t *testing.T) {
	t.Parallel()
	calls, file := sepWire(t)
	for operation, s := range calls {
		if sent := fileForm.FindStringSubmatch(s.body); operation == opUpload && (sent == nil || sent[2] != base64.StdEncoding.EncodeToString(file)) {
			t.Error("what was sent is not the base64 of the file, once and in one line")
		}
		if sent := passwordForm.FindStringSubmatch(s.body); sent == nil || !strings.Contains(s.body, "canario &amp; &lt;contraseña&gt;") {
			t.Errorf("%s: the password is not there, or not as text", operation)
		}
		got := passwordForm.ReplaceAllString(fileForm.ReplaceAllString(s.body, "${1}ARCHIVO"), "${1}CONTRASEÑA")
		golden := filepath.Join("testdata", "TestSEPWire_"+operation+".xml")
		if *update {
			overwrite(t, golden, got)
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-golden +sent):\n%s", operation, diff)
		}
	}
}

// Every body is valid by another's validator against the schema inside the
// contract, and the forms of the published guide are not.
func TestSEPWire_WhenXmllintReadsARequestItIsValid(t *testing.T) {
	t.Parallel()
	tool(t, "xmllint")
	calls, _ := sepWire(t)
	const namespace = "http://ws.web.mec.sep.mx/schemas"
	for operation, s := range calls {
		dir := t.TempDir()
		schema := extractSchemas(t, dir, "sep/titulos.wsdl")
		body := wrapper(t, s.body)
		opened := regexp.MustCompile(`</?(?:\w+:)?autenticacion>`)
		beans := regexp.MustCompile(`(</?)(?:\w+:)?(usuario|password)>`)
		if !opened.MatchString(body) || !beans.MatchString(body) {
			t.Fatalf("%s: there is nothing to spoil in %s", operation, body)
		}
		for name, text := range map[string]string{
			"as sent": body,
			"flat":    opened.ReplaceAllString(body, ""),
			"beans":   strings.Replace(beans.ReplaceAllString(body, "${1}min:${2}>"), ">", ` xmlns:min="`+namespace+`/beans">`, 1),
			"ajeno":   strings.Replace(body, ">", ` Ajeno="1">`, 1),
		} {
			path := filepath.Join(dir, name+".xml")
			overwrite(t, path, text)
			if _, err := run(t, "xmllint", "--noout", "--nonet", "--huge", "--schema", schema, path); (err == nil) != (name == "as sent") {
				t.Errorf("%s, %s: %v", operation, name, err)
			}
		}
	}
}
