package integration

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// A password is sent unchanged: with XML's special characters, a colon, and blanks at
// both ends. The sandbox's parser reads the same password from the bytes.
func TestPADE_WhenThePasswordHasOddCharacters(t *testing.T) {
	t.Parallel()
	const password = " a:b&<>\"']]>ñ "
	var mu sync.Mutex
	sent := ""
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.PADE.Usuario, c.PADE.PasswordFile = "", "" }, Sandbox: func(c *sandbox.Config) {
		c.Capture = func(s sandbox.Capture) {
			mu.Lock()
			defer mu.Unlock()
			sent = string(s.Body)
		}
	}})
	if err := g.Sandbox.Knobs().Change(map[string]any{"pade_password": password}); err != nil {
		t.Fatal(err)
	}
	auth := "Basic " + base64.StdEncoding.EncodeToString([]byte("sandbox:"+password))
	wantStatus(t, g.Post("/v1/pade/addendas", map[string]any{"datos": "a|1", "codigoContrato": "sandbox"}, "Backend-Authorization", auth), http.StatusOK)
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(sent, "<passwd> a:b&amp;&lt;&gt;") || !strings.Contains(sent, "ñ </passwd>") {
		t.Errorf("what left: %s", sent)
	}
	if strings.Contains(g.Log(), "a:b&") {
		t.Error("the password is in the log")
	}
}

// A password file saved by a Windows editor works too.
func TestPADE_WhenThePasswordFileIsOfWindows(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{"marked": "\ufeffsandbox", "marked, CRLF": "\ufeffsandbox\r\n", "LF": "sandbox\n"} {
		file := filepath.Join(t.TempDir(), "password.txt")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		g := gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.PADE.PasswordFile = file }})
		if r := g.Post("/v1/pade/addendas", map[string]any{"datos": "a|1"}); r.Status != http.StatusOK {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
}

// An answer of another kind is reported as what it is. A signature may have been made,
// unless it is certain that none was.
func TestPADE_WhenSomethingComesInThePlaceOfAnAnswer(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: production})
	page := func(status int) sandbox.Falla { return sandbox.Falla{Tipo: control.Pagina, HTTP: status} }
	for name, tt := range map[string]struct {
		falla           sandbox.Falla
		addenda, signed int
	}{
		"a page with 200":     {page(200), 502, 504},
		"a redirection":       {page(302), 502, 502},
		"a page with 401":     {page(401), 502, 502},
		"a page with 403":     {page(403), 502, 502},
		"a page with 404":     {page(404), 502, 502},
		"a page with 503":     {page(503), 503, 503},
		"nothing":             {sandbox.Falla{Tipo: control.Vacio}, 502, 504},
		"a fault":             {sandbox.Falla{Tipo: control.Fault}, 503, 504},
		"no return":           {sandbox.Falla{Tipo: "return_ausente"}, 502, 504},
		"an empty return":     {sandbox.Falla{Tipo: "return_vacio"}, 502, 504},
		"a maintenance page":  {sandbox.Falla{Tipo: "html200"}, 502, 504},
		"half of the answer":  {sandbox.Falla{Tipo: control.Corte, Bytes: 120}, 504, 504},
		"a code nobody knows": {sandbox.Falla{Tipo: control.Codigo, Codigo: "77"}, 502, 502},
	} {
		for _, call := range []struct {
			operation, path string
			body            map[string]any
			want            int
		}{
			{"procesarAddenda", "/v1/pade/addendas", map[string]any{"datos": "a|1"}, tt.addenda},
			{"firmar", "/v1/pade/contratos", contratoBy("En lugar: "+name, true), tt.signed},
		} {
			f := tt.falla
			f.Servicio, f.Operacion = "pade", call.operation
			if _, err := g.Sandbox.Fallas().Add(f); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			r := g.Post(call.path, call.body)
			if r.Status != call.want || strings.Contains(string(r.Body), "<html") || r.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s, %s: %d, want %d: %.400s", name, call.operation, r.Status, call.want, r.Body)
			}
			g.Sandbox.Fallas().Reset()
		}
	}
}

// Only true and false are accepted as modoPrueba.
func TestPADE_WhenModoPruebaIsNoBoolean(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	for _, value := range []any{"true", "TRUE", "", 1, 0, nil, []any{true}} {
		body := contratoBy("modoPrueba", true)
		body["modoPrueba"] = value
		if r := g.Post("/v1/pade/contratos", body); r.Status != http.StatusUnprocessableEntity || !strings.Contains(string(r.Body), "modoPrueba") {
			t.Errorf("%s: %d %s", fmt.Sprintf("%#v", value), r.Status, r.Body)
		}
	}
	body := contratoBy("modoPrueba", false)
	if r := g.Post("/v1/pade/contratos", body); r.Status != http.StatusForbidden {
		t.Errorf("false, out of production: %d %s", r.Status, r.Body)
	}
	if n := calls(g, "firmar"); n != 0 {
		t.Errorf("%d calls left", n)
	}
}
