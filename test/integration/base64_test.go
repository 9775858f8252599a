package integration

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// inLines writes base64 as MIME encoders do: base64.encodebytes, chunk_split, Java's
// getMimeEncoder.
func inLines(text string, width int, end string) string {
	var b strings.Builder
	for len(text) > width {
		b.WriteString(text[:width] + end)
		text = text[width:]
	}
	return b.String() + text + end
}

// Every route that takes base64 has the same rule: lines and blanks are accepted, and the
// error about a text that is not base64 names the field.
func TestBase64_WhenARouteTakesItTheRuleIsOne(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	titulo, contrato := []byte(issue(t, g, devstack.Titulo("BASE64UNO", gatewaytest.Persona))[0]), sealedContrato(t, g, "Contrato en base64 ñ uno")
	routes := map[string]struct {
		path, field string
		document    []byte
		beside      map[string]any
	}{
		"a CFDI":               {"/v1/pade/addendas/adjunta", "xmlCfdiBase64", []byte(cfdiSealed), map[string]any{"datos": "a|1"}},
		"a contract":           {"/v1/pade/contratos", "xmlBase64", contrato, map[string]any{"modoPrueba": true}},
		"titles, to be judged": {"/v1/sep/titulos/validacion", "archivoBase64", titulo, nil},
	}
	for name, route := range routes {
		post := func(text string) gatewaytest.Response {
			body := map[string]any{route.field: text}
			for k, v := range route.beside {
				body[k] = v
			}
			return g.Post(route.path, body)
		}
		whole := base64.StdEncoding.EncodeToString(route.document)
		for form, text := range map[string]string{
			"one line": whole, "lines of 76": inLines(whole, 76, "\r\n"), "lines of 64": inLines(whole, 64, "\n"), "blanks": " " + inLines(whole, 40, " \t"),
		} {
			if r := post(text); r.Status != http.StatusOK {
				t.Errorf("%s in %s: %d: %.400s", name, form, r.Status, r.Body)
			}
		}
		for form, tt := range map[string]struct{ text, says string }{
			"base64url":        {base64.URLEncoding.EncodeToString(append(route.document, "<!--\xc3\xbf\xc3\xbe\xc3\xbf-->"...)), "Parece base64url"},
			"without padding":  {whole[:len(whole)/4*4-5], "Le falta el relleno"},
			"a data: URL":      {"data:text/xml;base64," + whole, "dirección data:"},
			"the XML":          {string(route.document), "el documento mismo"},
			"no base64 at all": {"@@@@", "«@»"},
		} {
			r := post(tt.text)
			var problem struct {
				Errores []struct{ Campo, Detalle string }
			}
			r.JSON(t, &problem)
			if r.Status != http.StatusUnprocessableEntity || len(problem.Errores) != 1 || problem.Errores[0].Campo != route.field ||
				!strings.HasPrefix(problem.Errores[0].Detalle, "No es base64 completo. ") || !strings.Contains(problem.Errores[0].Detalle, tt.says) {
				t.Errorf("%s as %s: %d: %.400s", name, form, r.Status, r.Body)
			}
		}
	}
}

// sealedContrato is a contract as another program would seal it.
func sealedContrato(t *testing.T, g *gatewaytest.Gateway, text string) []byte {
	t.Helper()
	var got struct{ XMLBase64 []byte }
	r := g.Post("/v1/pade/contratos", contratoBy(text, true))
	r.JSON(t, &got)
	// The PAC's Firma is the last one: without it the document is the one that was sent.
	xml := string(got.XMLBase64)
	begin := strings.Index(xml, `<Firma Quien="PCCFDI"`)
	if r.Status != http.StatusOK || begin < 0 {
		t.Fatalf("status %d: %.300s", r.Status, r.Body)
	}
	end := begin + strings.Index(xml[begin:], "/>") + len("/>")
	return []byte(xml[:begin] + xml[end:])
}

// Another program's signature may have its parts in lines.
func TestBase64_WhenAContractsPartsComeInLines(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	xml := string(sealedContrato(t, g, "Contrato por partes"))
	attribute := func(name string) string {
		_, rest, _ := strings.Cut(xml, " "+name+`="`)
		value, _, _ := strings.Cut(rest, `"`)
		return value
	}
	body := contratoBy("Contrato por partes", true)
	client := body["contrato"].(map[string]any)["firmas"].([]any)[0].(map[string]any)
	delete(client, "firmarCon")
	client["certificadoSerie"] = attribute("CertificadoSerie")
	client["certificado"], client["sello"] = inLines(attribute("Certificado"), 64, "\n"), inLines(attribute("Sello"), 76, "\r\n")
	if r := g.Post("/v1/pade/contratos", body); r.Status != http.StatusOK {
		t.Errorf("status %d: %s", r.Status, r.Body)
	}
	client["certificado"] = "-----BEGIN CERTIFICATE-----\n" + inLines(attribute("Certificado"), 64, "\n") + "-----END CERTIFICATE-----"
	client["sello"] = strings.TrimRight(attribute("Sello"), "=")
	r := g.Post("/v1/pade/contratos", body)
	if r.Status != http.StatusUnprocessableEntity || !strings.Contains(string(r.Body), "Parece PEM") || !strings.Contains(string(r.Body), "contrato/firmas/0/sello") {
		t.Errorf("status %d: %s", r.Status, r.Body)
	}
}

// Each broken format has its own sentence.
func TestContract_WhenAnInstantIsNoneItIsSaid(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	r := g.Get("/v1/sat/descargas?creacionDesde=ayer")
	if r.Status != http.StatusUnprocessableEntity && r.Status != http.StatusBadRequest || !strings.Contains(string(r.Body), "Debe ser un instante con su zona") {
		t.Errorf("%d: %s", r.Status, r.Body)
	}
}
