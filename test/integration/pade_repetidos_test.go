package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// Writers and readers may disagree about a repeated name, and here one of the two values
// signs for real. Nothing is sent, and the contract can still be signed afterwards.
func TestPADE_WhenANameComesTwiceNothingIsSigned(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: production})
	for route, operation := range map[string]string{
		"/v1/pade/contratos": "firmar", "/v1/pade/contratos/manifiesto": "firmarManifiesto", "/v1/pade/contratos/adhesion": "firmarContratoAdhesion",
	} {
		text, err := json.Marshal(contratoBy("Dos veces", true)["contrato"])
		if err != nil {
			t.Fatal(err)
		}
		contrato := string(text)
		twice := func(field string) string { // the first of this field that is found
			name := fmt.Sprintf(`"%s":`, field)
			return strings.Replace(contrato, name, name+`"otro",`+name, 1)
		}
		for body, field := range map[string]string{
			`{"modoPrueba":true,"contrato":` + contrato + `,"modoPrueba":false}`:      "modoPrueba",
			`{"modoPrueba":false,"contrato":` + contrato + `,"modoPrueba":true}`:      "modoPrueba",
			`{"modoPrueba":false,"modoPrueba":false,"contrato":` + contrato + `}`:     "modoPrueba",
			`{"modoPrueba":true,"contrato":` + contrato + `,"modoPrueb\u0061":false}`: "modoPrueba",
			`{"contrato":{},"modoPrueba":false,"contrato":` + contrato + `}`:          "contrato",
			`{"modoPrueba":false,"contrato":` + twice("texto") + `}`:                  "contrato/texto",
			`{"modoPrueba":false,"contrato":` + twice("firmarCon") + `}`:              "contrato/firmas/0/firmarCon",
		} {
			got := g.Post(route, json.RawMessage(body))
			var p struct{ Errores []struct{ Campo string } }
			got.JSON(t, &p)
			if got.Status != http.StatusBadRequest || len(p.Errores) != 1 || p.Errores[0].Campo != field {
				t.Errorf("%s: %.60s: status %d: %s", route, body, got.Status, got.Body)
			}
		}
		if n := calls(g, operation); n != 0 {
			t.Errorf("%s: %d calls left", route, n)
		}
	}
	got := g.Post("/v1/pade/contratos", contratoBy("Dos veces", false))
	if got.Status != http.StatusOK || !strings.Contains(string(got.Body), `"codigoResultado":"0"`) || calls(g, "firmar") != 1 {
		t.Errorf("afterwards, once: status %d: %s", got.Status, got.Body)
	}
}

// A refusal by a code in the body of an answer appears in the metric with that code.
func TestMetrics_WhenTheCodeIsInTheBody(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: production})
	series := func(backend, operation, code string) string {
		return fmt.Sprintf(`pasarela_upstream_calls_total{backend="%s",code="%s",operation="%s"}`, backend, code, operation)
	}
	for _, tc := range []struct {
		backend, operation, path string
		body                     map[string]any
	}{
		{"pade", "procesarAddenda", "/v1/pade/addendas", map[string]any{"datos": "a|1"}},
		{"pade", "firmar", "/v1/pade/contratos", contratoBy("Código", true)},
		{"sep", "cancelaTituloElectronico", "/v1/sep/titulos/PRU20260001/cancelacion", map[string]any{"motCancelacion": "R5"}},
	} {
		if _, err := g.Sandbox.Fallas().Add(sandbox.Falla{Servicio: tc.backend, Operacion: tc.operation, Tipo: control.Codigo, Codigo: "77", Mensaje: "No", Veces: 1}); err != nil {
			t.Fatal(err)
		}
		if r := g.Post(tc.path, tc.body); r.Status < 400 {
			t.Errorf("%s: status %d: %s", tc.operation, r.Status, r.Body)
		}
		wantMetric(t, g, series(tc.backend, tc.operation, "77"), "1")
		wantMetric(t, g, series(tc.backend, tc.operation, "ok"), "")
	}
	if r := g.Post("/v1/pade/addendas", map[string]any{"datos": "a|1"}); r.Status != http.StatusOK {
		t.Errorf("status %d: %s", r.Status, r.Body)
	}
	wantMetric(t, g, series("pade", "procesarAddenda", "0"), "1")
}
