package integration

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/pade"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

// firmas are the signing operations, by route.
func firmas() map[string]string {
	return map[string]string{"/v1/pade/contratos": "firmar", "/v1/pade/contratos/manifiesto": "firmarManifiesto", "/v1/pade/contratos/adhesion": "firmarContratoAdhesion"}
}

// byPath is a contract that the route takes.
func byPath(route, text string, modoPrueba bool) map[string]any {
	body := contratoBy(text, modoPrueba)
	if strings.HasSuffix(route, "adhesion") {
		body["contrato"].(map[string]any)["firmas"] = []any{map[string]any{"quien": "Cliente", "nombre": "JUANA", "repLegal": "JUANA", "facultad": "Apoderada",
			"calleNumero": "Calle 1", "colonia": "Centro", "ciudad": "México", "estado": "CDMX", "codigoPostal": "06000", "firmarCon": gatewaytest.Persona}}
	}
	return body
}

// padeWire makes each call of the PAC, the signatures in both modes, and returns
// what was sent by operation, the real ones with a +.
func padeWire(t *testing.T) map[string]seen {
	t.Helper()
	var mu sync.Mutex
	calls := map[string]seen{}
	real := false
	g := gatewaytest.Start(t, gatewaytest.Options{
		Sandbox: func(c *sandbox.Config) {
			c.Capture = func(s sandbox.Capture) {
				mu.Lock()
				defer mu.Unlock()
				name := s.Operation
				if real {
					name += "+"
				}
				calls[name] = seen{s.Header, string(s.Body)}
			}
		},
		Configure: production,
	})
	wantStatus(t, g.Post("/v1/pade/addendas", map[string]any{"datos": "pedido|ñ & <1>\ntienda|9"}), http.StatusOK)
	wantStatus(t, g.Post("/v1/pade/addendas/adjunta", map[string]any{"datos": "pedido|1", "xmlCfdi": cfdiSealed}), http.StatusOK)
	for _, modoPrueba := range []bool{true, false} {
		mu.Lock()
		real = !modoPrueba
		mu.Unlock()
		for route := range firmas() {
			wantStatus(t, g.Post(route, byPath(route, "Contrato de "+route, modoPrueba)), http.StatusOK)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(calls) != 8 {
		t.Fatalf("%d operations were seen, want 8", len(calls))
	}
	return calls
}

var (
	contractForm   = regexp.MustCompile(`(<xml>)([^<]+)`)
	formTrialMode  = regexp.MustCompile(`<modoPrueba>([^<]*)</modoPrueba>`)
	qualifiedChild = regexp.MustCompile(`<(?:\w+:)(contrato|usuario|passwd|datos|xmlcfdi|xml|modoPrueba)\b|<(?:contrato|usuario|passwd|datos|xmlcfdi|xml|modoPrueba)\s[^>]*xmlns`)
)

func TestPADEWire_WhenSentTheBytesAreThese(t *testing.T) {
	t.Parallel()
	for name, s := range padeWire(t) {
		operation, real := strings.CutSuffix(name, "+")
		if s.header.Get("SOAPAction") != `""` || s.header.Get("Content-Type") != "text/xml; charset=utf-8" || s.header.Get("Authorization") != "" {
			t.Errorf("%s: headers %v", name, s.header)
		}
		if bad := qualifiedChild.FindString(s.body); bad != "" {
			t.Errorf("%s: the parameter %s has a namespace", name, bad)
		}
		if strings.HasPrefix(operation, "firmar") {
			if got := formTrialMode.FindStringSubmatch(s.body); got == nil || got[1] != strconv.FormatBool(!real) {
				t.Errorf("%s: modoPrueba %q", name, got)
			}
		}
		body := contractForm.ReplaceAllString(s.body, "${1}CONTRATO")
		if real {
			body = formTrialMode.ReplaceAllString(body, "<modoPrueba>true</modoPrueba>")
		}
		golden := filepath.Join("testdata", "TestPADEWire_"+operation+".xml")
		if *update {
			overwrite(t, golden, body)
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), body); diff != "" {
			t.Errorf("%s (-golden +sent):\n%s", name, diff)
		}
	}
}

// The vectors were computed outside this project, by SHA-1 over the UTF-8 of the
// text as it is sent.
func TestPADE_WhenAContractIsBuiltItsHashIsTheDocumentations(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	for text, want := range map[string]string{
		"abc": "A9-99-3E-36-47-06-81-6A-BA-3E-25-71-78-50-C2-6C-9C-D0-D8-9D",
		"Contrato de adhesión — ñ Ñ € prueba": "E9-C6-D6-72-35-62-52-8B-BC-61-97-AA-47-AB-7F-EE-91-D6-46-DA",
		"linea 1\nlinea 2":                    "ED-22-CB-39-2C-4E-6B-B4-43-C5-90-83-28-56-00-33-09-51-D2-EE",
		"linea 1\r\nlinea 2":                  "ED-22-CB-39-2C-4E-6B-B4-43-C5-90-83-28-56-00-33-09-51-D2-EE", // settled before it is hashed
		"Jos\u00e9":                           "8F-72-D2-0B-63-70-AD-3D-02-B6-3B-BE-E5-2B-FA-7B-5D-75-AA-15",
		"Jose\u0301":                          "B8-EC-C4-D5-21-7D-AF-E7-D7-6A-18-2C-EC-08-84-8D-9C-AB-73-CE",
	} {
		r := g.Post("/v1/pade/contratos", contratoBy(text, true))
		var got struct{ XML, XMLBase64 string }
		r.JSON(t, &got)
		if !strings.Contains(got.XML, "<Hash>"+want+"</Hash>") {
			t.Errorf("%q: status %d, no Hash %s in %.400s", text, r.Status, want, got.XML)
		}
		if whole, err := base64.StdEncoding.DecodeString(got.XMLBase64); err != nil || string(whole) != got.XML {
			t.Errorf("%q: xmlBase64 is not xml: %v", text, err)
		}
	}
}

// Every code of both tables, as a caller gets it. With -v the problems are shown.
func TestPADE_WhenACodeComesItsProblemIsTheTables(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) { production(c) }})
	check := func(codigo pade.Codigo, operation, route string, body map[string]any) {
		t.Helper()
		if _, err := g.Sandbox.Fallas().Add(sandbox.Falla{Servicio: "pade", Operacion: operation, Tipo: "codigo", Codigo: codigo.Codigo, Veces: 2}); err != nil {
			t.Fatal(err)
		}
		r := g.Post(route, body)
		var p struct {
			Status                           int
			Codigo, Detail, Mensaje, Backend string
			Reintentable                     bool
		}
		if err := json.Unmarshal(r.Body, &p); err != nil {
			t.Fatal(err)
		}
		if r.Status < 400 || p.Status != r.Status || p.Codigo != codigo.Codigo || p.Backend != "pade" || p.Detail != codigo.Detail || p.Mensaje == "" || p.Reintentable != codigo.Retryable {
			t.Errorf("%s, code %s: %d %s", operation, codigo.Codigo, r.Status, r.Body)
		}
		if wait := r.Header.Get("Retry-After"); (wait != "") != (codigo.RetryAfter > 0) {
			t.Errorf("%s, code %s: Retry-After %q", operation, codigo.Codigo, wait)
		}
		t.Logf("%s %s: %s", operation, codigo.Codigo, r.Body)
		g.Sandbox.Fallas().Reset()
		if r, err := g.Do(http.MethodDelete, "/v1/pade/bloqueo", nil); err != nil || r.Status != http.StatusNoContent {
			t.Fatalf("unblocking: %d, %v", r.Status, err)
		}
	}
	for _, codigo := range pade.CodigosAddendas() {
		check(codigo, "procesarAddenda", "/v1/pade/addendas", map[string]any{"datos": "a|1"})
		check(codigo, "procesarAdjuntarAddenda", "/v1/pade/addendas/adjunta", map[string]any{"datos": "a|1", "xmlCfdi": cfdiSealed})
	}
	for _, codigo := range pade.SignedCodigos() {
		for route, operation := range firmas() {
			check(codigo, operation, route, byPath(route, fmt.Sprintf("Contrato %s de %s", codigo.Codigo, route), false))
		}
	}
}
