package integration

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

const cfdiSealed = `<?xml version="1.0" encoding="UTF-8"?>
<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" Sello="AbC=" Total="10.00"><cfdi:Emisor Nombre="Ñandú &amp; Peña ]]&gt;"/></cfdi:Comprobante>`

func TestPADE_WhenAddendasAreAttached(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	latin1 := []byte(strings.Replace(cfdiSealed, "UTF-8", "ISO-8859-1", 1))
	latin1 = bytes.ReplaceAll(bytes.ReplaceAll(bytes.ReplaceAll(latin1, []byte("Ñ"), []byte{0xd1}), []byte("ú"), []byte{0xfa}), []byte("ñ"), []byte{0xf1})
	for name, body := range map[string]map[string]any{
		"as text":          {"datos": "pedido|123\ntienda|9", "xmlCfdi": cfdiSealed},
		"as base64":        {"datos": "pedido|123", "xmlCfdiBase64": base64.StdEncoding.EncodeToString([]byte(cfdiSealed))},
		"with a BOM":       {"datos": "pedido|123", "xmlCfdiBase64": base64.StdEncoding.EncodeToString([]byte("\ufeff" + cfdiSealed))},
		"in ISO-8859-1":    {"datos": "pedido|123", "xmlCfdiBase64": base64.StdEncoding.EncodeToString(latin1)},
		"of Windows":       {"datos": "pedido|123\r\ntienda|9\r\n", "xmlCfdi": strings.ReplaceAll(cfdiSealed, "\n", "\r\n")},
		"of five megabyte": {"datos": "pedido|123", "xmlCfdi": strings.Replace(cfdiSealed, "Peña", "Peña"+strings.Repeat("x", 5<<20), 1)},
	} {
		t.Run(name, func(t *testing.T) {
			r := g.Post("/v1/pade/addendas/adjunta", body)
			var got struct{ Codigo, XML string }
			r.JSON(t, &got)
			if r.Status != http.StatusOK || got.Codigo != "0" || !strings.Contains(got.XML, "Addenda") || !strings.Contains(got.XML, `Sello="AbC="`) || !strings.Contains(got.XML, "Ñandú &amp; Peña") {
				t.Errorf("status %d: %.600s", r.Status, r.Body)
			}
			if strings.Contains(got.XML, "123\r") || strings.Contains(got.XML, "123&#xD;") {
				t.Error("a CR of datos was kept")
			}
		})
	}
	if r := g.Post("/v1/pade/addendas", map[string]any{"datos": "pedido|1"}, "Accept", "application/xml"); r.Status != 200 || !bytes.Contains(r.Body, []byte("Addenda")) {
		t.Errorf("the document itself: %d: %s", r.Status, r.Body)
	}
	for name, body := range map[string]map[string]any{
		"control characters": {"datos": "a|\x01", "xmlCfdi": cfdiSealed},
		"no CFDI":            {"datos": "a|1", "xmlCfdi": "<x/>"},
		"a broken CFDI":      {"datos": "a|1", "xmlCfdi": cfdiSealed[:100]},
		"both forms":         {"datos": "a|1", "xmlCfdi": cfdiSealed, "xmlCfdiBase64": "PHgvPg=="},
	} {
		if r := g.Post("/v1/pade/addendas/adjunta", body); r.Status != 422 {
			t.Errorf("%s: status %d: %.300s", name, r.Status, r.Body)
		}
	}
	// The error names the field that was sent.
	for _, text := range []string{cfdiSealed[:100], "<x/>", " ", "%PDF-1.7"} {
		r := g.Post("/v1/pade/addendas/adjunta", map[string]any{"datos": "a|1", "xmlCfdiBase64": base64.StdEncoding.EncodeToString([]byte(text))})
		if r.Status != 422 || !strings.Contains(string(r.Body), `"campo":"xmlCfdiBase64"`) {
			t.Errorf("%.20q in base64: status %d: %.300s", text, r.Status, r.Body)
		}
	}
}

// contratoBy is a contract by its fields, both parties sealed by the gateway.
func contratoBy(text string, modoPrueba bool) map[string]any {
	party := func(who string) map[string]any {
		return map[string]any{"quien": who, "rfc": gatewaytest.Persona, "nombre": "JUANA", "repLegalRfc": gatewaytest.Persona, "repLegal": "JUANA", "firmarCon": gatewaytest.Persona}
	}
	integrador := party("INT")
	for k, v := range map[string]any{"siglas": "INT", "calleNumero": "Calle 1", "colonia": "Centro", "ciudad": "México", "estado": "CDMX",
		"codigoPostal": "01000", "nombreSoftware": "ERP", "urlInformacion": "https://example.com"} {
		integrador[k] = v
	}
	return map[string]any{"modoPrueba": modoPrueba, "contrato": map[string]any{"texto": text, "fecha": "2026-05-20T10:00:00", "firmas": []any{party("Cliente"), integrador}}}
}

func calls(g *gatewaytest.Gateway, op string) int {
	return int(g.Sandbox.Estado().Llamadas["pade"][op])
}

func production(c *config.Config) { c.PADE.Ambiente = "produccion" }

func TestPADE_WhenContractsAreSigned(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: production})
	first := g.Post("/v1/pade/contratos", contratoBy("Contrato uno — ñ €", false), "Idempotency-Key", "a")
	var got struct {
		FirmaOk          bool
		CodigoResultado  string
		XML              string
		MensajeResultado string
	}
	first.JSON(t, &got)
	if first.Status != 200 || !got.FirmaOk || got.CodigoResultado != "0" || !strings.Contains(got.XML, "PCCFDI") {
		t.Fatalf("status %d: %s", first.Status, first.Body)
	}
	for _, key := range []string{"a", "b", ""} { // the same contract, by any key or none: from the record
		headers := []string{"Idempotency-Key", key}
		if key == "" {
			headers = nil
		}
		again := g.Post("/v1/pade/contratos", contratoBy("Contrato uno — ñ €", false), headers...)
		if again.Status != 200 || again.Header.Get("Idempotent-Replayed") != "true" || !bytes.Equal(again.Body, first.Body) {
			t.Errorf("key %q: status %d: %s", key, again.Status, again.Body)
		}
	}
	if n := calls(g, "firmar"); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
	if r := g.Post("/v1/pade/contratos", contratoBy("Otro", false), "Idempotency-Key", "a"); r.Status != 409 {
		t.Errorf("another contract by the same key: %d: %s", r.Status, r.Body)
	}
	for _, path := range []string{"/v1/pade/contratos/manifiesto"} {
		if r := g.Post(path, contratoBy("Carta manifiesto", true)); r.Status != 200 {
			t.Errorf("%s: %d: %s", path, r.Status, r.Body)
		}
	}
}

// The PAC signs and the answer is lost: one repeat, a true result, two calls.
func TestPADE_WhenTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: production})
	if _, err := g.Sandbox.Fallas().Add(sandbox.Falla{Servicio: "pade", Operacion: "firmar", Tipo: "reset_despues", Veces: 1}); err != nil {
		t.Fatal(err)
	}
	for _, headers := range [][]string{nil, nil, {"Idempotency-Key", "tarde"}} {
		r := g.Post("/v1/pade/contratos", contratoBy("Contrato perdido", false), headers...)
		if r.Status != 409 || !strings.Contains(string(r.Body), "quedó firmado") || !strings.Contains(string(r.Body), `"codigo":"2"`) {
			t.Errorf("status %d: %s", r.Status, r.Body)
		}
	}
	if n := calls(g, "firmar"); n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}

// The answer is lost and the PAC goes down. Later failures do not erase that it may have
// signed.
func TestPADE_WhenTheAnswerIsLostAndThePACGoesDown(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: production})
	for _, f := range []sandbox.Falla{
		{Servicio: "pade", Operacion: "firmar", Tipo: "reset_despues", Veces: 1},
		{Servicio: "pade", Operacion: "firmar", Tipo: "html503", Veces: 2},
	} {
		if _, err := g.Sandbox.Fallas().Add(f); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if r := g.Post("/v1/pade/contratos", contratoBy("Contrato perdido", false)); r.Status != 503 {
			t.Errorf("down: %d: %s", r.Status, r.Body)
		}
	}
	if r := g.Post("/v1/pade/contratos", contratoBy("Contrato perdido", false)); r.Status != 409 || !strings.Contains(string(r.Body), "quedó firmado") {
		t.Errorf("status %d: %s", r.Status, r.Body)
	}
}

// Without an earlier call, code 2 means something else.
func TestPADE_WhenSomebodyElseSignedIt(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: production})
	if _, err := g.Sandbox.Fallas().Add(sandbox.Falla{Servicio: "pade", Operacion: "firmar", Tipo: "codigo", Codigo: "2", Veces: 1}); err != nil {
		t.Fatal(err)
	}
	r := g.Post("/v1/pade/contratos", contratoBy("De otro", false))
	if r.Status != 409 || !strings.Contains(string(r.Body), "No lo firmó esta pasarela") || calls(g, "firmar") != 1 {
		t.Errorf("status %d after %d calls: %s", r.Status, calls(g, "firmar"), r.Body)
	}
}

func TestPADE_WhenASignatureWouldBeReal(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	if r := g.Post("/v1/pade/contratos", contratoBy("No", false)); r.Status != 403 {
		t.Errorf("outside production: %d: %s", r.Status, r.Body)
	}
	body := contratoBy("No", true)
	delete(body, "modoPrueba")
	if r := g.Post("/v1/pade/contratos", body); r.Status != 422 || !strings.Contains(string(r.Body), "modoPrueba") {
		t.Errorf("without modoPrueba: %d: %s", r.Status, r.Body)
	}
	body["modoPrueba"] = "true"
	if r := g.Post("/v1/pade/contratos", body); r.Status != 422 {
		t.Errorf("modoPrueba as text: %d: %s", r.Status, r.Body)
	}
	if n := calls(g, "firmar"); n != 0 {
		t.Errorf("%d calls left", n)
	}
}

func TestPADE_WhenAContractCannotBeReadItsFieldIsNamed(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	for name, xml := range map[string]string{"no XML": "PK", "another root": "<Otro/>", "another encoding": `<?xml version="1.0" encoding="ISO-8859-1"?><Contrato/>`} {
		for _, path := range []string{"/v1/pade/contratos", "/v1/pade/contratos/manifiesto", "/v1/pade/contratos/adhesion"} {
			r := g.Post(path, map[string]any{"modoPrueba": true, "xmlBase64": []byte(xml)})
			var problem struct {
				Detail  string
				Errores []struct{ Campo, Detalle string }
			}
			r.JSON(t, &problem)
			if r.Status != 422 || len(problem.Errores) != 1 || problem.Errores[0].Campo != "xmlBase64" || problem.Errores[0].Detalle != problem.Detail {
				t.Errorf("%s to %s: %d: %s", name, path, r.Status, r.Body)
			}
		}
	}
	if n := calls(g, "firmar"); n != 0 {
		t.Errorf("%d calls left", n)
	}
}

// One wrong login at most: the third would block the account.
func TestPADE_WhenTheAccountIsRefused(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	wrong := "Basic " + base64.StdEncoding.EncodeToString([]byte("otro:canario"))
	data, theirs := map[string]any{"datos": "a|1"}, map[string]any{"datos": "a|1", "codigoContrato": "C"}
	for range 3 {
		if r := g.Post("/v1/pade/addendas", theirs, "Backend-Authorization", wrong); r.Status != 403 {
			t.Errorf("status %d: %s", r.Status, r.Body)
		}
	}
	if n := calls(g, "procesarAddenda"); n != 1 {
		t.Errorf("%d calls left, want 1", n)
	}
	if r := g.Post("/v1/pade/addendas", data); r.Status != 200 {
		t.Errorf("the other account: %d: %s", r.Status, r.Body)
	}
	if r, err := g.Do(http.MethodDelete, "/v1/pade/bloqueo", nil); err != nil || r.Status != 204 {
		t.Errorf("unblocking: %d, %v", r.Status, err)
	}
	g.Post("/v1/pade/addendas", theirs, "Backend-Authorization", wrong)
	if n := calls(g, "procesarAddenda"); n != 3 {
		t.Errorf("%d calls, want 3: after the reset it is tried again", n)
	}
	if strings.Contains(g.Log(), "canario") {
		t.Error("a password is in the log")
	}
}

func TestPADE_WhenTheNamespaceIsWrong(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.PADE.Addendas.Namespace = "http://wrong.example" }})
	r := g.Post("/v1/pade/addendas", map[string]any{"datos": "a|1"})
	if r.Status != 502 || !strings.Contains(string(r.Body), "GATEWAY_PADE_ADDENDAS_NAMESPACE") {
		t.Errorf("status %d: %s", r.Status, r.Body)
	}
}

// A WSDL in two parts, as JAX-WS publishes it, is read too.
func TestPADE_WhenTheWSDLIsInTwoParts(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	if err := g.Sandbox.Knobs().Change(map[string]any{"pade_wsdl": "partido", "pade_addendas_namespace": "http://otro.example/addendas"}); err != nil {
		t.Fatal(err)
	}
	for path, body := range map[string]map[string]any{
		"/v1/pade/addendas":             {"datos": "pedido|1"},
		"/v1/pade/addendas/adjunta":     {"datos": "pedido|1", "xmlCfdi": cfdiSealed},
		"/v1/pade/contratos":            byPath("/v1/pade/contratos", "Partido", true),
		"/v1/pade/contratos/manifiesto": byPath("/v1/pade/contratos/manifiesto", "Partido, manifiesto", true),
	} {
		if r := g.Post(path, body); r.Status != http.StatusOK {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
}

// A WSDL without operations is not enough, and the error names the setting to use.
func TestPADE_WhenTheWSDLHasNoPortType(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	if err := g.Sandbox.Knobs().Change(map[string]any{"pade_wsdl": "sin_porttype"}); err != nil {
		t.Fatal(err)
	}
	for path, tt := range map[string]struct {
		body    map[string]any
		setting string
	}{
		"/v1/pade/addendas":  {map[string]any{"datos": "pedido|1"}, "GATEWAY_PADE_ADDENDAS_NAMESPACE"},
		"/v1/pade/contratos": {contratoBy("Sin portType", true), "GATEWAY_PADE_FIRMADO_NAMESPACE"},
	} {
		r := g.Post(path, tt.body)
		if r.Status != http.StatusBadGateway || !strings.Contains(string(r.Body), "no está su portType") || !strings.Contains(string(r.Body), "Configure "+tt.setting) || strings.Contains(string(r.Body), "vacío") {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
	if n := calls(g, "procesarAddenda") + calls(g, "firmar"); n != 0 {
		t.Errorf("%d calls left", n)
	}
}

// A namespace that has changed is learnt again, and no error mentions a setting that is
// empty.
func TestPADE_WhenTheNamespaceMovesItIsLearntAgain(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	data := map[string]any{"datos": "pedido|1"}
	wantStatus(t, g.Post("/v1/pade/addendas", data), http.StatusOK)
	if err := g.Sandbox.Knobs().Change(map[string]any{"pade_addendas_namespace": "http://nuevo.example"}); err != nil {
		t.Fatal(err)
	}
	r := g.Post("/v1/pade/addendas", data)
	if r.Status != http.StatusBadGateway || strings.Contains(string(r.Body), "vacío") || !strings.Contains(string(r.Body), "póngalo en GATEWAY_PADE_ADDENDAS_NAMESPACE") {
		t.Errorf("status %d: %s", r.Status, r.Body)
	}
	wantStatus(t, g.Post("/v1/pade/addendas", data), http.StatusOK)
}

// A document in another encoding is recognized, in each field that takes one.
func TestPADE_WhenTheXMLIsInAnotherDressItIsNamed(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	once := base64.StdEncoding.EncodeToString([]byte(cfdiSealed))
	escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(cfdiSealed)
	for name, tt := range map[string]struct {
		path  string
		body  map[string]any
		field string
		says  string
	}{
		"base64 as text":     {"/v1/pade/addendas/adjunta", map[string]any{"datos": "a|1", "xmlCfdi": once}, "xmlCfdi", "Ya viene en base64"},
		"escaped twice":      {"/v1/pade/addendas/adjunta", map[string]any{"datos": "a|1", "xmlCfdi": escaped}, "xmlCfdi", "escapado"},
		"base64 twice":       {"/v1/pade/addendas/adjunta", map[string]any{"datos": "a|1", "xmlCfdiBase64": []byte(once)}, "xmlCfdiBase64", "dos veces en base64"},
		"a contract, twice":  {"/v1/pade/contratos", map[string]any{"modoPrueba": true, "xmlBase64": []byte(once)}, "xmlBase64", "dos veces en base64"},
		"a contract escaped": {"/v1/pade/contratos/adhesion", map[string]any{"modoPrueba": true, "xmlBase64": []byte(escaped)}, "xmlBase64", "escapado"},
	} {
		r := g.Post(tt.path, tt.body)
		var problem struct {
			Errores []struct{ Campo, Detalle string }
		}
		r.JSON(t, &problem)
		if r.Status != http.StatusUnprocessableEntity || len(problem.Errores) != 1 || problem.Errores[0].Campo != tt.field || !strings.Contains(problem.Errores[0].Detalle, tt.says) {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	if n := calls(g, "procesarAdjuntarAddenda") + calls(g, "firmar"); n != 0 {
		t.Errorf("%d calls left", n)
	}
}
