package properties

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/pasarela-mx/pasarela/api"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// existing makes one of everything and returns what each is called, by
// dictionary: random identifiers alone would only ever be answered with 404.
func (r *rig) existing(t *testing.T) map[string][]string {
	t.Helper()
	names := map[string][]string{}
	r.descargas(t, names)
	r.solicitudes(t, names)
	r.lotes(t, names)
	r.webhooks(t, names)
	return names
}

// call wants status and returns the answer's body.
func (r *rig) call(t *testing.T, method, path string, body any, status int) map[string]any {
	t.Helper()
	got, err := r.Do(method, path, body, r.auth()...)
	if err != nil || got.Status != status {
		t.Fatalf("%s %s: %d, %v: %s", method, path, got.Status, err, got.Body)
	}
	var out map[string]any
	if len(got.Body) > 0 {
		got.JSON(t, &out)
	}
	return out
}

func (r *rig) auth() []string {
	if r.key == "" {
		return nil
	}
	return []string{"Authorization", "Bearer " + r.key}
}

func contract(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// contractExample is an example of the contract's for the body of an operation.
func contractExample(t *testing.T, path, name string) map[string]any {
	t.Helper()
	example := contract(t).Paths.Value(path).Post.RequestBody.Value.Content.Get("application/json").Examples[name]
	if example == nil {
		t.Fatalf("the contract has no example %q of %s", name, path)
	}
	text, err := json.Marshal(example.Value.Value)
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal(text, &body); err != nil {
		t.Fatal(err)
	}
	return body
}

func (r *rig) descargas(t *testing.T, names map[string][]string) {
	t.Helper()
	const path = "/v1/sat/descargas"
	create := func(body map[string]any) string {
		id, _ := r.call(t, http.MethodPost, path, body, http.StatusAccepted)["idDescarga"].(string)
		names["descargas"] = append(names["descargas"], id)
		return id
	}
	rango := map[string]any{"servicio": "cfdi", "rfcSolicitante": gatewaytest.Company, "tipoDescarga": "emitidos",
		"fechaInicial": "2026-01-01T00:00:00", "fechaFinal": "2026-01-10T23:59:59"}
	rango["tipoSolicitud"] = "CFDI"
	cfdi := create(rango)
	rango["tipoSolicitud"] = "Metadata"
	metadatos := create(rango)
	rango["tipoDescarga"] = "recibidos"
	r.call(t, http.MethodDelete, path+"/"+create(rango), nil, http.StatusOK)
	create(contractExample(t, path, "recurrente"))
	for _, id := range []string{cfdi, metadatos} {
		r.end(t, path+"/"+id+"/eventos/flujo")
		names["terminadas"] = append(names["terminadas"], id)
	}
	rows, _ := r.call(t, http.MethodGet, path+"/"+cfdi+"/cfdis?limite=3", nil, http.StatusOK)["cfdis"].([]any)
	for _, row := range rows {
		uuid, _ := row.(map[string]any)["uuid"].(string)
		names["uuids"] = append(names["uuids"], uuid)
	}
}

// end follows a descarga's events to the last one.
func (r *rig) end(t *testing.T, path string) {
	t.Helper()
	resp, err := r.Send(t.Context(), http.MethodGet, path, nil, r.auth()...)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if lines.Text() == "event: fin" {
			return
		}
	}
	t.Fatalf("%s has no end: %v", path, lines.Err())
}

func (r *rig) solicitudes(t *testing.T, names map[string][]string) {
	t.Helper()
	const path = "/v1/sat/cfdi/solicitudes"
	body := contractExample(t, "/v1/sat/{servicio}/solicitudes", "recibidos")
	delete(body, "rfcEmisor")
	id, _ := r.call(t, http.MethodPost, path, body, http.StatusCreated)["idSolicitud"].(string)
	estado := r.call(t, http.MethodGet, path+"/"+id+"?rfcSolicitante="+gatewaytest.Company, nil, http.StatusOK)
	paquete, _ := estado["idsPaquetes"].([]any)[0].(string)
	names["solicitudes"], names["paquetes"] = []string{id}, []string{paquete}
}

func (r *rig) lotes(t *testing.T, names map[string][]string) {
	t.Helper()
	const path = "/v1/sep/lotes"
	body := contractExample(t, path, "titulos")
	lote, _ := r.call(t, http.MethodPost, path, body, http.StatusCreated)["numeroLote"].(string)
	folio, _ := body["titulos"].([]any)[0].(map[string]any)["folioControl"].(string)
	names["lotes"], names["folios"] = []string{lote}, []string{folio}
}

func (r *rig) webhooks(t *testing.T, names map[string][]string) {
	t.Helper()
	const path = "/v1/webhooks"
	body := contractExample(t, path, "todos")
	body["url"] = addressWebhook
	webhook, _ := r.call(t, http.MethodPost, path, body, http.StatusCreated)["webhook"].(map[string]any)
	id, _ := webhook["idWebhook"].(string)
	entrega := r.call(t, http.MethodPost, path+"/"+id+"/prueba", nil, http.StatusAccepted)
	names["webhooks"], names["entregas"] = []string{id}, []string{strings.TrimSpace(entrega["idEntrega"].(string))}
}
