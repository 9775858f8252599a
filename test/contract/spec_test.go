// Package contract checks the REST contract, api/openapi.yaml, as a document:
// that it is valid OpenAPI, that nothing in it lacks a description or an
// example, and that its errors agree with each other; and the pages of docs/
// against the code, the contract and a running gateway.
package contract

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/api"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

const (
	problemType = "application/problem+json"
	problemBase = "https://github.com/pasarela-mx/pasarela/blob/main/docs/errores.md#"
)

func read() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData(api.Spec) }

// once reads the contract for all the tests: ten thousand lines take their time.
var once = sync.OnceValues(read)

// load is the contract, for tests that change nothing in it.
func load(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := once()
	if err != nil {
		t.Fatalf("loading openapi.yaml: %v", err)
	}
	return doc
}

// loadMine is a contract of the test's own, to change.
func loadMine(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := read()
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
		if code == "default" {
			continue // see TestDefault_WhenAnErrorHasNoPlaceOfItsOwn
		}
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

func validate(doc *openapi3.T) error {
	return doc.Validate(context.Background(),
		openapi3.EnableExamplesValidation(),
		openapi3.EnableSchemaPatternValidation(),
		openapi3.EnableSchemaDefaultsValidation())
}

// TestSpec_WhenItDescribesItselfIsBrief: generators write the description into every file,
// and into descriptions of packages. Its links are good from /openapi.yaml and from /docs/api.
func TestSpec_WhenItDescribesItselfIsBrief(t *testing.T) {
	text := load(t).Info.Description
	if n := len(text); n > 1000 || strings.Contains(text, "\n#") {
		t.Errorf("%d bytes:\n%s", n, text)
	}
	links := regexp.MustCompile(`(?s)\]\(([^)]*)\)`).FindAllStringSubmatch(text, -1)
	for _, link := range links {
		name, heading, _ := strings.Cut(strings.TrimPrefix(link[1], "../docs/guias/"), "#")
		if text := page(t, "docs/"+name+".md"); !strings.Contains(text, "\n## "+strings.ReplaceAll(strings.ToUpper(heading[:min(1, len(heading))])+heading[min(1, len(heading)):], "-", " ")) {
			t.Errorf("%s has no heading %s", name, heading)
		}
	}
	if len(links) < 8 {
		t.Errorf("only %d links", len(links))
	}
}

func TestSpec_WhenValidatedWithItsExamples(t *testing.T) {
	if err := validate(loadMine(t)); err != nil {
		t.Errorf("openapi.yaml is not valid: %v", err)
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
		if want := slices.Contains(op.Tags, "Especificacion"); public != want {
			t.Errorf("%s: public = %v, want %v", op.label, public, want)
		}
		if op.RequestBody == nil {
			continue
		}
		if op.RequestBody.Value.Content["application/json"] == nil {
			t.Errorf("%s: the body cannot be JSON", op.label)
		}
		for mime, body := range op.RequestBody.Value.Content {
			if len(body.Examples) == 0 || !strings.HasPrefix(body.Schema.Ref, "#/components/schemas/") {
				t.Errorf("%s %s: the body needs an example and a named schema", op.label, mime)
			}
			if mime == "multipart/form-data" {
				// A map of files; the handler knows its parts.
				if additional := body.Schema.Value.AdditionalProperties.Schema; additional == nil || additional.Value.Format != "binary" || len(body.Schema.Value.Properties) > 0 {
					t.Errorf("%s: a form must be a map of files, which every generator can write", op.label)
				}
				continue
			}
			checkClosed(t, op.label+" "+mime, body.Schema)
		}
	}
}

// checkClosed wants every object that a request can hold to refuse fields that
// the contract does not know: a mistyped one must not be ignored.
func checkClosed(t *testing.T, path string, ref *openapi3.SchemaRef) {
	t.Helper()
	s := ref.Value
	if extra := s.AdditionalProperties; s.Type.Is("object") && (extra.Has == nil || *extra.Has) {
		t.Errorf("%s: must have additionalProperties: false", path)
	}
	for name, property := range s.Properties {
		checkClosed(t, path+"."+name, property)
	}
	for _, part := range s.AllOf {
		checkClosed(t, path, part)
	}
	if s.Items != nil {
		checkClosed(t, path+"[]", s.Items)
	}
}

// TestUploads_WhenListedTakeTheSameForms: a file comes in whichever way the
// caller has it, and the two routes that take one agree.
func TestUploads_WhenListedTakeTheSameForms(t *testing.T) {
	want := []string{"application/json", "application/xml", "application/zip", "multipart/form-data"}
	for _, id := range []string{"cargarLote", "validarTitulos"} {
		got := slices.Sorted(maps.Keys(byID(t, load(t), id).RequestBody.Value.Content))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: bodies (-want +got):\n%s", id, diff)
		}
	}
}

// TestAnswers_WhenSeveralFormsAreOffered is what Accept can choose from: the document
// that an operation makes, alone or told of in JSON. What is read has a path for each form,
// as generated clients know one form of an operation; the SEP chooses that of its workbook.
func TestAnswers_WhenSeveralFormsAreOffered(t *testing.T) {
	doc := load(t)
	want := map[string][]string{
		"descargarLibroLote":     {"application/vnd.ms-excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
		"emitirTitulos":          {"application/json", "application/xml", "application/zip"},
		"procesarAddenda":        {"application/json", "application/xml"},
		"adjuntarAddenda":        {"application/json", "application/xml"},
		"firmarContrato":         {"application/json", "application/xml"},
		"firmarManifiesto":       {"application/json", "application/xml"},
		"firmarContratoAdhesion": {"application/json", "application/xml"},
	}
	got := map[string][]string{}
	for _, op := range operations(doc) {
		if ok := op.Responses.Status(http.StatusOK); ok != nil && len(ok.Value.Content) > 1 {
			got[op.OperationID] = slices.Sorted(maps.Keys(ok.Value.Content))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("forms (-want +got):\n%s", diff)
	}
}

// TestHeaders_WhenOfferedMeanSomething: every operation whose call carries an
// account takes that of one call, and no other does; and every one that changes
// something upstream takes a key.
func TestHeaders_WhenOfferedMeanSomething(t *testing.T) {
	want := map[string][]string{
		"Backend-Authorization": {"adjuntarAddenda", "cancelarTitulo", "cargarLote", "consultarLote", "descargarLibroLote", "descargarResultadoLote",
			"exportarResultadoLote", "firmarContrato", "obtenerResultadoLote", "procesarAddenda"},
		"Idempotency-Key": {"cancelarTitulo", "cargarLote", "crearDescarga", "crearSolicitud", "firmarContrato", "firmarContratoAdhesion",
			"firmarManifiesto"},
	}
	got := map[string][]string{}
	for _, item := range load(t).Paths.Map() {
		for _, op := range item.Operations() {
			for _, p := range append(slices.Clone(item.Parameters), op.Parameters...) {
				if p.Value.In == openapi3.ParameterInHeader && want[p.Value.Name] != nil {
					got[p.Value.Name] = append(got[p.Value.Name], op.OperationID)
				}
			}
		}
	}
	for _, ids := range got {
		slices.Sort(ids)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

// TestFirmas_WhenAskedForMustSayWhetherTheyAreReal: upstream, whatever is not
// understood to be true is a real signature, so nothing may be left to a default.
func TestFirmas_WhenAskedForMustSayWhetherTheyAreReal(t *testing.T) {
	doc := load(t)
	for _, id := range []string{"firmarContrato", "firmarManifiesto", "firmarContratoAdhesion"} {
		body := byID(t, doc, id).RequestBody.Value.Content.Get("application/json")
		mode := body.Schema.Value.Properties["modoPrueba"].Value
		if !slices.Contains(body.Schema.Value.Required, "modoPrueba") || !mode.Type.Is("boolean") || mode.Default != nil || mode.Nullable {
			t.Errorf("%s: modoPrueba must be a required boolean without default", id)
		}
		for name, ex := range body.Examples {
			real := ex.Value.Value.(map[string]any)["modoPrueba"] != true
			if said := strings.Contains(ex.Value.Summary, "De verdad"); real != said {
				t.Errorf("%s: example %s signs for real = %v, and its summary is %q", id, name, real, ex.Value.Summary)
			}
		}
	}
}

func byID(t *testing.T, doc *openapi3.T, id string) operation {
	t.Helper()
	for _, op := range operations(doc) {
		if op.OperationID == id {
			return op
		}
	}
	t.Fatalf("there is no operation %s", id)
	return operation{}
}

func TestAnswers_WhenListedHaveBodiesAndExamples(t *testing.T) {
	for _, op := range operations(load(t)) {
		var good int
		for _, a := range answers(t, op) {
			switch {
			case a.status >= 400:
				checkProblem(t, a)
			case a.status >= 300, a.status == http.StatusNoContent:
				if len(a.Content) != 0 {
					t.Errorf("%s: has a body", a.label)
				}
				if a.status == http.StatusNoContent {
					good++
				}
			default:
				good++
				checkGood(t, a)
			}
			if a.Headers["X-Request-Id"] == nil {
				t.Errorf("%s: lacks X-Request-Id", a.label)
			}
		}
		if good == 0 {
			t.Errorf("%s: no good answer", op.label)
		}
	}
}

// TestDefault_WhenAnErrorHasNoPlaceOfItsOwn: every operation leaves to `default` what
// means the same everywhere, and to it alone; gatewaytest.Anywhere says which of them an
// operation can give, and each has an example and a word in the description.
func TestDefault_WhenAnErrorHasNoPlaceOfItsOwn(t *testing.T) {
	doc := load(t)
	shared := map[int][]string{} // status: titles of its examples
	component := doc.Components.Responses["Problema"].Value
	for name, ex := range component.Content[problemType].Examples {
		p := problem(t, ex)
		shared[p.Status] = append(shared[p.Status], p.Type+" "+p.Codigo)
		if p.Backend != "" || !strings.Contains(*component.Description, strconv.Itoa(p.Status)) {
			t.Errorf("example %s: backend %q, status %d", name, p.Backend, p.Status)
		}
	}
	left := map[int]bool{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			label := method + " " + path
			if ref := op.Responses.Default(); ref == nil || ref.Ref != "#/components/responses/Problema" {
				t.Errorf("%s: default is not Problema", label)
			}
			for _, status := range gatewaytest.Anywhere(item, op) {
				left[status] = true
				own := op.Responses.Status(status)
				if own == nil {
					continue
				}
				// What an operation describes itself has something that default has not.
				if !slices.ContainsFunc(slices.Collect(maps.Values(own.Value.Content[problemType].Examples)), func(ex *openapi3.ExampleRef) bool {
					p := problem(t, ex)
					return !slices.Contains(shared[status], p.Type+" "+p.Codigo)
				}) {
					t.Errorf("%s %d: says nothing that default does not", label, status)
				}
			}
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(left)), slices.Sorted(maps.Keys(shared))); diff != "" {
		t.Errorf("statuses (-operations +examples of default):\n%s", diff)
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
	wait := a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable
	for name, ex := range media.Examples {
		p := problem(t, ex)
		if p.Status != a.status {
			t.Errorf("%s: example %s says status %d", a.label, name, p.Status)
		}
		// What is not ready yet is asked for again, after a while.
		wait = wait || p.Reintentable && a.status == http.StatusConflict
	}
	if wait != (a.Headers["Retry-After"] != nil) {
		t.Errorf("%s: Retry-After = %v, want %v", a.label, !wait, wait)
	}
}

// problemExample is what the checks read of a problem example.
type problemExample struct {
	Type, Title  string
	Status       int
	Backend      string
	Codigo       string
	Reintentable bool
	RequestID    string `json:"requestId"`
}

func problem(t *testing.T, ex *openapi3.ExampleRef) problemExample {
	t.Helper()
	raw, err := json.Marshal(ex.Value.Value)
	if err != nil {
		t.Fatalf("example: %v", err)
	}
	var p problemExample
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatalf("example: %v", err)
	}
	return p
}
