package integration

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// A key that comes twice could be read in two ways: one says whether a signature
// is real, another under which folio a title is registered for ever.
func TestJSON_WhenAKeyComesTwiceNothingIsDone(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	titulo, err := json.Marshal(map[string]any{"titulos": []any{devstack.Titulo("DOBLE01", gatewaytest.Persona)}})
	if err != nil {
		t.Fatal(err)
	}
	double := strings.Replace(string(titulo), `"folioControl":"DOBLE01"`, `"folioControl":"DOBLE01","folioControl":"DOBLE02"`, 1)
	if double == string(titulo) {
		t.Fatal("the folio is not where it was")
	}
	for _, tc := range []struct{ path, body, field string }{
		{"/v1/sep/titulos", double, "titulos/0/folioControl"},
		{"/v1/sep/lotes", double, "titulos/0/folioControl"},
		{"/v1/pade/contratos/adhesion", `{"modoPrueba": true, "documento": "x", "modoPrueba": false}`, "modoPrueba"},
		{"/v1/sat/descargas", `{"rfcSolicitante": "PRU010101AB1", "rfcSolicitante": "PEPJ800101AB5"}`, "rfcSolicitante"},
	} {
		r := g.Post(tc.path, json.RawMessage(tc.body))
		wantStatus(t, r, http.StatusBadRequest)
		if !strings.Contains(string(r.Body), `"campo":"`+tc.field+`"`) {
			t.Errorf("%s: %s", tc.path, r.Body)
		}
	}
	if n := len(g.Sandbox.Estado().Llamadas["sep"]); n != 0 {
		t.Errorf("%d operations were called", n)
	}
}
