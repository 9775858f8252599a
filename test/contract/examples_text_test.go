package contract

import (
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// TestSpec_WhenAnExampleIsWrong takes a field out of an example of each kind, one
// by one: what the test above lets pass must have been looked at.
func TestSpec_WhenAnExampleIsWrong(t *testing.T) {
	for place, find := range map[string]func(*openapi3.T) *openapi3.ExampleRef{
		"request": func(doc *openapi3.T) *openapi3.ExampleRef {
			return byID(t, doc, "crearDescarga").RequestBody.Value.Content.Get("application/json").Examples["metadatos"]
		},
		"answer": func(doc *openapi3.T) *openapi3.ExampleRef {
			return byID(t, doc, "obtenerEfirma").Responses.Status(http.StatusOK).Value.Content.Get("application/json").Examples["vigente"]
		},
		"problem": func(doc *openapi3.T) *openapi3.ExampleRef {
			return byID(t, doc, "obtenerEfirma").Responses.Status(http.StatusNotFound).Value.Content.Get(problemType).Examples["efirmaDesconocida"]
		},
	} {
		doc := loadMine(t)
		ex := find(doc)
		if ex == nil {
			t.Fatalf("%s: there is no such example", place)
		}
		value := ex.Value.Value.(map[string]any)
		for _, required := range []string{"rfcSolicitante", "estado", "title"} {
			delete(value, required)
		}
		if err := validate(doc); err == nil {
			t.Errorf("%s: an example that lacks a field is let pass", place)
		}
	}
}

// TestExamples_WhenTextHoldsJSON: the schema of a text says nothing of the
// objects in its lines, but its description does, and names them.
func TestExamples_WhenTextHoldsJSON(t *testing.T) {
	doc := load(t)
	schema := func(name string) *openapi3.Schema { return doc.Components.Schemas[name].Value }
	lines := 0
	for id, row := range map[string]string{"exportarMetadatosNdjson": "Metadato", "exportarCfdisNdjson": "ResumenCfdi"} {
		for _, ex := range byID(t, doc, id).Responses.Status(http.StatusOK).Value.Content.Get("application/x-ndjson").Examples {
			for line := range strings.Lines(ex.Value.Value.(string)) {
				lines++
				value, want := unmarshal(t, id, line), schema(row)
				if falla, ok := value.(map[string]any)["falla"]; ok {
					value, want = falla, schema("FallaDeLectura")
				}
				if err := want.VisitJSON(value); err != nil {
					t.Errorf("%s: %s: %v", id, line, err)
				}
			}
		}
	}
	for _, ex := range byID(t, doc, "seguirDescarga").Responses.Status(http.StatusOK).Value.Content.Get("text/event-stream").Examples {
		kind := ""
		for line := range strings.Lines(ex.Value.Value.(string)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			switch name {
			case "event":
				kind = value
			case "data":
				lines++
				want := schema("EventoDeDescarga")
				if kind == "fin" {
					want = schema("Descarga")
				}
				if err := want.VisitJSON(unmarshal(t, kind, value)); err != nil {
					t.Errorf("event %s: %v", kind, err)
				}
			}
		}
	}
	if lines < 6 {
		t.Errorf("only %d lines were looked at", lines)
	}
}
