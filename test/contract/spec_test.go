// Package contract checks the REST contract, api/openapi.yaml, as a document:
// that it is valid OpenAPI, that nothing in it lacks a description or an
// example, and that its errors agree with each other; and the pages of docs/
// against the code, the contract and a running gateway.
package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/api"
)

const (
	problemType = "application/problem+json"
	problemBase = "https://github.com/pasarela-mx/pasarela/blob/main/docs/errores.md#"
)

func load(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		t.Fatalf("loading openapi.yaml: %v", err)
	}
	return doc
}

// operation is one method of one path, with the label its failures carry.
type operation struct {
	label string
	*openapi3.Operation
}

func operations(doc *openapi3.T) []operation {
	var all []operation
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			all = append(all, operation{method + " " + path, op})
		}
	}
	slices.SortFunc(all, func(a, b operation) int { return strings.Compare(a.label, b.label) })
	return all
}

// answer is one response of one operation; label is "METHOD path status".
type answer struct {
	label  string
	status int
	*openapi3.Response
}

func answers(t *testing.T, op operation) []answer {
	t.Helper()
	var all []answer
	for code, ref := range op.Responses.Map() {
		status, err := strconv.Atoi(code)
		if err != nil {
			t.Errorf("%s: response %q is not a single status", op.label, code)
			continue
		}
		all = append(all, answer{op.label + " " + code, status, ref.Value})
	}
	slices.SortFunc(all, func(a, b answer) int { return a.status - b.status })
	return all
}

func TestSpec_WhenValidatedWithItsExamples(t *testing.T) {
	doc := load(t)
	err := doc.Validate(context.Background(),
		openapi3.EnableExamplesValidation(),
		openapi3.EnableSchemaPatternValidation(),
		openapi3.EnableSchemaDefaultsValidation())
	if err != nil {
		t.Errorf("openapi.yaml is not valid: %v", err)
	}
}

func TestOperations_WhenListedAreThoseOfTheDesign(t *testing.T) {
	got := map[string]string{}
	for _, op := range operations(load(t)) {
		got[op.label] = op.OperationID
	}
	want := map[string]string{
		"POST /v1/sat/{servicio}/autenticaciones":          "autenticar",
		"POST /v1/sat/{servicio}/solicitudes":              "solicitarDescarga",
		"GET /v1/sat/{servicio}/solicitudes/{idSolicitud}": "verificarSolicitud",
		"GET /v1/sat/{servicio}/paquetes/{idPaquete}":      "descargarPaquete",
		"GET /v1/efirmas":       "listarEfirmas",
		"GET /v1/efirmas/{rfc}": "obtenerEfirma",
		"GET /openapi.yaml":     "obtenerContratoYaml",
		"GET /openapi.json":     "obtenerContratoJson",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

func TestOperations_WhenReadByAPersonAreComplete(t *testing.T) {
	doc := load(t)
	for _, op := range operations(doc) {
		if op.Summary == "" || op.Description == "" {
			t.Errorf("%s: needs a summary and a description", op.label)
		}
		if len(op.Tags) != 1 || doc.Tags.Get(op.Tags[0]) == nil {
			t.Errorf("%s: tags %v: want exactly one that the document declares", op.label, op.Tags)
		}
		public := op.Security != nil && len(*op.Security) == 0
		if want := slices.Contains(op.Tags, "Contrato"); public != want {
			t.Errorf("%s: public = %v, want %v", op.label, public, want)
		}
		if op.RequestBody == nil {
			continue
		}
		body := op.RequestBody.Value.Content.Get("application/json")
		if body == nil || len(body.Examples) == 0 {
			t.Errorf("%s: the body needs an example", op.label)
			continue
		}
		if extra := body.Schema.Value.AdditionalProperties; extra.Has == nil || *extra.Has {
			t.Errorf("%s: the body must have additionalProperties: false", op.label)
		}
	}
}

func TestAnswers_WhenListedHaveBodiesAndExamples(t *testing.T) {
	for _, op := range operations(load(t)) {
		var good, bad int
		for _, a := range answers(t, op) {
			switch {
			case a.status >= 400:
				bad++
				checkProblem(t, a)
			case a.status >= 300:
				if len(a.Content) != 0 {
					t.Errorf("%s: has a body", a.label)
				}
			default:
				good++
				checkGood(t, a)
			}
			if a.Headers["X-Request-Id"] == nil {
				t.Errorf("%s: lacks X-Request-Id", a.label)
			}
		}
		if good == 0 || bad == 0 {
			t.Errorf("%s: %d good and %d bad answers; want some of each", op.label, good, bad)
		}
	}
}

func checkGood(t *testing.T, a answer) {
	t.Helper()
	if len(a.Content) == 0 {
		t.Errorf("%s: lacks a body", a.label)
	}
	for mime, media := range a.Content {
		if len(media.Examples) == 0 {
			t.Errorf("%s %s: lacks an example", a.label, mime)
		}
		if !strings.HasPrefix(media.Schema.Ref, "#/components/schemas/") {
			t.Errorf("%s %s: the schema is not a named one", a.label, mime)
		}
	}
}

func checkProblem(t *testing.T, a answer) {
	t.Helper()
	media := a.Content[problemType]
	if media == nil || len(a.Content) != 1 {
		t.Errorf("%s: want %s alone, has %v", a.label, problemType, slices.Collect(maps.Keys(a.Content)))
		return
	}
	if media.Schema.Ref != "#/components/schemas/Problema" {
		t.Errorf("%s: schema %q, want Problema", a.label, media.Schema.Ref)
	}
	if len(media.Examples) == 0 {
		t.Errorf("%s: lacks an example", a.label)
	}
	for name, ex := range media.Examples {
		if got := problem(t, ex).Status; got != a.status {
			t.Errorf("%s: example %s says status %d", a.label, name, got)
		}
	}
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		if a.Headers["Retry-After"] == nil {
			t.Errorf("%s: lacks Retry-After", a.label)
		}
	}
}

// problema is what the checks read of a problem example.
type problema struct {
	Type, Title string
	Status      int
	Backend     string
	Codigo      string
	RequestID   string `json:"requestId"`
}

func problem(t *testing.T, ex *openapi3.ExampleRef) problema {
	t.Helper()
	raw, err := json.Marshal(ex.Value.Value)
	if err != nil {
		t.Fatalf("example: %v", err)
	}
	var p problema
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatalf("example: %v", err)
	}
	return p
}

// TestProblems_WhenShownAgreeWithTheTable ties each example to the table of
// types in info.description: one type has one status and one title.
func TestProblems_WhenShownAgreeWithTheTable(t *testing.T) {
	doc := load(t)
	table := map[string]int{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (\\d{3}) \\|").FindAllStringSubmatch(doc.Info.Description, -1) {
		table[row[1]], _ = strconv.Atoi(row[2])
	}
	titles := map[string]string{}
	for name, ex := range doc.Components.Examples {
		p := problem(t, ex)
		slug, ours := strings.CutPrefix(p.Type, problemBase)
		if !ours || table[slug] != p.Status {
			t.Errorf("example %s: type %q with status %d; the table has %d", name, p.Type, p.Status, table[slug])
		}
		if old, seen := titles[slug]; seen && old != p.Title {
			t.Errorf("type %s has two titles, %q and %q", slug, old, p.Title)
		}
		titles[slug] = p.Title
		if p.Codigo != "" && p.Backend != "sat" {
			t.Errorf("example %s: codigo %s without backend sat", name, p.Codigo)
		}
	}
	for slug, status := range table {
		// Given by the router, before any operation is known.
		if status == http.StatusMethodNotAllowed || status == http.StatusNotAcceptable {
			continue
		}
		if titles[slug] == "" {
			t.Errorf("type %s has no example", slug)
		}
	}
}

// TestSATCodes_WhenRefusedHaveTheirStatus is the table of the SAT's codes
// (documents 1 to 3 of version 1.5): where each can come, and as what.
func TestSATCodes_WhenRefusedHaveTheirStatus(t *testing.T) {
	const request, check, fetch = "solicitarDescarga", "verificarSolicitud", "descargarPaquete"
	want := map[string][]string{}
	for _, id := range []string{request, check, fetch} {
		want[id] = []string{"300 502", "301 502", "302 502", "303 422", "304 422", "305 422", "404 503", "5006 503"}
	}
	want[request] = append(want[request], "5001 403", "5002 409", "5003 409", "5005 409", "5012 409")
	want[check] = append(want[check], "5003 409", "5004 404", "5011 429")
	want[fetch] = append(want[fetch], "5004 404", "5007 410", "5008 410")

	for _, op := range operations(load(t)) {
		var got []string
		for _, a := range answers(t, op) {
			if media := a.Content[problemType]; media != nil {
				for _, ex := range media.Examples {
					if p := problem(t, ex); p.Codigo != "" {
						got = append(got, fmt.Sprintf("%s %d", p.Codigo, a.status))
					}
				}
			}
		}
		slices.Sort(got)
		slices.Sort(want[op.OperationID])
		if diff := cmp.Diff(want[op.OperationID], got); diff != "" {
			t.Errorf("%s: SAT codes (-want +got):\n%s", op.label, diff)
		}
	}
}
