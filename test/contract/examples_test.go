package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
)

// TestExamples_WhenSentAndAnswered sends every request example of the contract
// to a gateway with its sandbox, walks the answers of every operation besides,
// and holds what was answered against the response examples. That each answer is
// within the contract, gatewaytest's client sees to.
func TestExamples_WhenSentAndAnswered(t *testing.T) {
	t.Parallel()
	doc := loadMine(t) // the router wants one without servers
	e := &examples{t: t, doc: doc, Gateway: gatewaytest.Start(t, gatewaytest.Options{Configure: spoilEFirma})}
	e.w = watch(t, doc, e.Gateway)
	if err := e.Sandbox.Knobs().Change(map[string]any{"cfdis_por_dia": 2}); err != nil {
		t.Fatal(err)
	}
	t.Run("requests", e.sendsEveryRequest)
	t.Run("sat", e.walksSAT)
	t.Run("descargas", e.walksDescargas)
	t.Run("sep", e.walksSEP)
	t.Run("pade", e.walksPADE)
	t.Run("webhooks", e.walksWebhooks)
	t.Run("others", e.walksOthers)
	t.Run("answers", func(t *testing.T) { compareShapes(t, doc, e.w) })
}

// spoilEFirma gives the gateway an e.firma that it has to refuse: it is in the
// folder of another RFC.
func spoilEFirma(c *config.Config) {
	if err := os.CopyFS(filepath.Join(c.EfirmaDir, rfcForeign), os.DirFS(filepath.Join(c.EfirmaDir, gatewaytest.Persona))); err != nil {
		panic(err)
	}
}

// rfcForeign has no e.firma of its own.
const rfcForeign = "XAX010101XX1"

// examples is a gateway, and who watches it answer.
type examples struct {
	*gatewaytest.Gateway
	t   *testing.T
	doc *openapi3.T
	w   *witness
}

// refused are the request examples that this gateway must refuse, and why.
func refused() map[string]struct {
	status int
	slug   string
	why    string
} {
	return map[string]struct {
		status int
		slug   string
		why    string
	}{
		"firmarContrato application/json deVerdad":      {403, "prohibido", "a real signature leaves only from a gateway that is in production"},
		"firmarContratoAdhesion application/json listo": {422, "datos-invalidos", "its certificate is of an authority that this sandbox does not know"},
	}
}

func (e *examples) sendsEveryRequest(t *testing.T) {
	expected := refused()
	sent := 0
	paths := e.doc.Paths.Map()
	// Backwards, so that solicitudes come before descargas, which take over what
	// the SAT already has; the other way it would refuse the equal ones.
	for _, path := range slices.Backward(slices.Sorted(maps.Keys(paths))) {
		item := paths[path]
		for method, op := range item.Operations() {
			if op.RequestBody == nil {
				continue
			}
			for media, body := range op.RequestBody.Value.Content {
				for _, name := range slices.Sorted(maps.Keys(body.Examples)) {
					label := op.OperationID + " " + media + " " + name
					sent++
					t.Run(label, func(t *testing.T) {
						got := e.send(t, method, e.address(t, name, path, item, op), media, body.Examples[name].Value.Value,
							// The same key with another body is a conflict, and each example has the same.
							"Idempotency-Key", strings.ReplaceAll(label, " ", "_"))
						want, refused := expected[label]
						switch {
						case !refused && op.Responses.Status(got.Status) != nil && got.Status < 300:
						case refused && got.Status == want.status && bytes.Contains(got.Body, []byte(problemBase+want.slug)):
						default:
							t.Errorf("status %d, want %+v or a good one: %s", got.Status, want, got.Body)
						}
					})
					delete(expected, label)
				}
			}
		}
	}
	if sent < 30 || len(expected) > 0 {
		t.Errorf("%d examples sent; not there: %v", sent, slices.Collect(maps.Keys(expected)))
	}
}

// address is the one of the examples, with what this gateway has in the place of
// ids that it cannot have: they are chosen by whoever answers.
func (e *examples) address(t *testing.T, name, path string, item *openapi3.PathItem, op *openapi3.Operation) string {
	t.Helper()
	address := exampleAddress(path, item, op)
	example := func(name string) string {
		return url.PathEscape(fmt.Sprint(e.doc.Components.Parameters[name].Value.Example))
	}
	if strings.Contains(path, "{idWebhook}") {
		address = strings.Replace(address, example("IdWebhook"), e.registersWebhook(t), 1)
	}
	if strings.Contains(path, "{folioControl}") {
		// A folio is cancelled once, so each example has one of its own.
		folio := fmt.Sprint(e.doc.Components.Parameters["FolioControl"].Value.Example) + name
		e.registersTitulo(t, folio)
		address = strings.Replace(address, example("FolioControl"), folio, 1)
	}
	return address
}

// send sends an example. Files are shown by a word; a real one goes in its place.
func (e *examples) send(t *testing.T, method, address, media string, example any, headers ...string) gatewaytest.Response {
	t.Helper()
	var body []byte
	switch media {
	case "application/json":
		text, err := json.Marshal(example)
		if err != nil {
			t.Fatal(err)
		}
		body = text
	case "application/xml":
		body = e.emits(t, "application/xml", example)
	case "application/zip":
		body = e.emits(t, "application/zip", example)
	case "multipart/form-data":
		body, media = e.form(t, example)
	default:
		t.Fatalf("no way to send %s", media)
	}
	return e.raw(t, method, address, body, append(headers, "Content-Type", media)...)
}

func (e *examples) raw(t *testing.T, method, address string, body []byte, headers ...string) gatewaytest.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, e.API+address, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := e.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	whole, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return gatewaytest.Response{Status: resp.StatusCode, Header: resp.Header, Body: whole}
}

// emits is a title in the form asked for, which the gateway itself seals out of
// the contract's own example.
func (e *examples) emits(t *testing.T, media string, shown any) []byte {
	t.Helper()
	if text, ok := shown.(string); !ok || !strings.HasPrefix(text, "PK") && !strings.Contains(text, "…") {
		t.Fatalf("%v is no placeholder for a file", shown)
	}
	got := e.Post("/v1/sep/titulos", e.example(t, "emitirTitulos", "sellar"), "Accept", media)
	if got.Status != http.StatusOK {
		t.Fatalf("status %d: %s", got.Status, got.Body)
	}
	return got.Body
}

// form is a multipart form with the parts of the example.
func (e *examples) form(t *testing.T, example any) ([]byte, string) {
	t.Helper()
	parts := example.(map[string]any)
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range parts {
		content := []byte(fmt.Sprint(value))
		header := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name=%q`, name)}}
		if name == "archivo" {
			content = e.emits(t, "application/zip", value)
			header.Set("Content-Disposition", fmt.Sprintf(`form-data; name="archivo"; filename=%q`, parts["nombreArchivo"]))
		}
		part, err := w.CreatePart(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), w.FormDataContentType()
}

// example is a JSON request example.
func (e *examples) example(t *testing.T, operationID, name string) map[string]any {
	t.Helper()
	ex := byID(t, e.doc, operationID).RequestBody.Value.Content.Get("application/json").Examples[name]
	if ex == nil {
		t.Fatalf("%s has no example %s", operationID, name)
	}
	return maps.Clone(ex.Value.Value.(map[string]any))
}

func (e *examples) registersWebhook(t *testing.T) string {
	t.Helper()
	got := e.Post("/v1/webhooks", e.example(t, "crearWebhook", "todos"))
	var out struct{ Webhook struct{ IDWebhook string } }
	got.JSON(t, &out)
	if got.Status != http.StatusCreated {
		t.Fatalf("status %d: %s", got.Status, got.Body)
	}
	return out.Webhook.IDWebhook
}

// registersTitulo has the SEP register the title of the examples under folio.
func (e *examples) registersTitulo(t *testing.T, folio string) {
	t.Helper()
	titulo := with(e.example(t, "cargarLote", "titulos")["titulos"].([]any)[0], "folioControl", folio)
	if got := e.Post("/v1/sep/lotes", map[string]any{"titulos": []any{titulo}}); got.Status != http.StatusCreated {
		t.Fatalf("status %d: %s", got.Status, got.Body)
	}
	e.Sandbox.Clock().BringForward(time.Hour)
}
