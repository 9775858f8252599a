package contract

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// TestServer_WhenAskedAsTheExamplesSayEveryRouteAnswersWithinTheContract goes
// through the contract, so that a new route cannot be forgotten. The client of
// gatewaytest holds every answer against it.
func TestServer_WhenAskedAsTheExamplesSayEveryRouteAnswersWithinTheContract(t *testing.T) {
	t.Parallel()
	doc := load(t)
	g := gatewaytest.Start(t, gatewaytest.Options{})
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			address := exampleAddress(path, item, op)
			if op.RequestBody == nil {
				wantOffered(t, g, method, address, nil)
				continue
			}
			for _, name := range slices.Sorted(maps.Keys(op.RequestBody.Value.Content.Get("application/json").Examples)) {
				wantOffered(t, g, method, address, op.RequestBody.Value.Content.Get("application/json").Examples[name].Value.Value)
			}
		}
	}
}

// wantOffered expects an answer that is not a refusal of the request's form.
func wantOffered(t *testing.T, g *gatewaytest.Gateway, method, address string, body any) {
	t.Helper()
	got, err := g.Do(method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	switch got.Status {
	case 400, 405, 413, 415, 422, 500, 501:
		if bytes.Contains(got.Body, []byte(`"backend":"`)) {
			return // the form was right: the system itself judged what the example holds
		}
		t.Errorf("%s %s: the contract's own example is answered %d: %s", method, address, got.Status, got.Body)
	}
}

func exampleAddress(path string, item *openapi3.PathItem, op *openapi3.Operation) string {
	query := url.Values{}
	for _, p := range append(slices.Clone(item.Parameters), op.Parameters...) {
		example := fmt.Sprint(p.Value.Example)
		switch {
		case p.Value.In == openapi3.ParameterInPath:
			path = strings.ReplaceAll(path, "{"+p.Value.Name+"}", url.PathEscape(example))
		case p.Value.In == openapi3.ParameterInQuery && p.Value.Required:
			query.Set(p.Value.Name, example)
		}
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

func TestServer_WhenTheRequestIsWrongTheRefusalIsInTheContract(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	const sol = "/v1/sat/cfdi/solicitudes"
	good := map[string]any{"tipoDescarga": "emitidos", "rfcSolicitante": gatewaytest.Company, "tipoSolicitud": "CFDI",
		"fechaInicial": "2026-01-01T00:00:00", "fechaFinal": "2026-01-31T00:00:00"}
	with := func(name string, value any) map[string]any {
		body := maps.Clone(good)
		body[name] = value
		return body
	}
	for _, tc := range []struct {
		name, method, path string
		body               any
		headers            []string
		status             int
	}{
		{"unknown route", "GET", "/v1/nada", nil, nil, 404},
		{"root", "GET", "/", nil, nil, 404},
		{"unknown service", "POST", "/v1/sat/otro/solicitudes", good, nil, 404},
		{"no such format", "GET", "/v1/efirmas", nil, []string{"Accept", "text/csv"}, 406},
		{"no such format of a solicitud", "POST", sol, good, []string{"Accept", "text/csv"}, 406},
		{"no such format of a public route", "GET", "/openapi.json", nil, []string{"Accept", "text/csv"}, 406},
		{"method", "PATCH", sol, nil, nil, 405},
		{"method of a public route", "POST", "/openapi.yaml", nil, nil, 405},
		{"unknown parameter", "GET", "/v1/efirmas?rfc=X", nil, nil, 400},
		{"unknown parameter of one e.firma", "GET", "/v1/efirmas/" + gatewaytest.Company + "?x=1", nil, nil, 400},
		{"unknown parameter of a public route", "GET", "/openapi.yaml?x=1", nil, nil, 400},
		{"unknown parameter of another public route", "GET", "/openapi.json?x=1", nil, nil, 400},
		{"missing parameter", "GET", sol + "/5a3d7c1e-94b2-4f60-8e1d-2c7b6a905f43", nil, nil, 400},
		{"parameter of another form", "GET", sol + "/5a3d7c1e-94b2-4f60-8e1d-2c7b6a905f43?rfcSolicitante=x", nil, nil, 422},
		{"id of another form", "GET", sol + "/x%2F..?rfcSolicitante=" + gatewaytest.Company, nil, nil, 422},
		{"no JSON type", "POST", sol, good, []string{"Content-Type", "text/plain"}, 415},
		{"no object", "POST", sol, []int{1}, nil, 400},
		{"unknown field", "POST", sol, with("otro", 1), nil, 422},
		{"unknown value", "POST", sol, with("tipoSolicitud", "METADATA"), nil, 422},
		{"future", "POST", sol, with("fechaFinal", "2999-01-01T00:00:00"), nil, 422},
		{"no e.firma", "POST", sol, with("rfcSolicitante", "XAX010101XX1"), nil, 422},
		{"key of another form", "POST", sol, good, []string{"Idempotency-Key", "con espacio"}, 422},
		{"too large", "POST", sol, with("complemento", strings.Repeat("x", 70<<10)), nil, 413},
		{"unknown e.firma", "GET", "/v1/efirmas/XAX010101XX1", nil, nil, 404},
		{"package id of another form", "GET", "/v1/sat/cfdi/paquetes/..%2F..?rfcSolicitante=" + gatewaytest.Company, nil, nil, 422},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := g.Do(tc.method, tc.path, tc.body, tc.headers...)
			if err != nil {
				t.Fatal(err)
			}
			if got.Status != tc.status || got.Header.Get("Content-Type") != problemType {
				t.Errorf("status %d, want %d: %s", got.Status, tc.status, got.Body)
			}
		})
	}
	if calls := g.Sandbox.Estado().Llamadas; len(calls) != 0 {
		t.Errorf("the SAT was called: %v", calls)
	}
}

func TestServer_WhenTheBodyIsNoJSONTheRefusalIsInTheContract(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	for _, path := range []string{"/v1/sat/cfdi/solicitudes", "/v1/sat/cfdi/autenticaciones"} {
		for _, text := range []string{"", "{", "{}{}", "\xff", `{"rfc": "PRU010101AB1"} x`, strings.Repeat("[", 10_000)} {
			resp, err := g.Client.Post(g.API+path, "application/json", strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close() //nolint:errcheck // not read
			if resp.StatusCode != http.StatusBadRequest && resp.StatusCode != http.StatusUnprocessableEntity {
				t.Errorf("%s with %.20q: status %d", path, text, resp.StatusCode)
			}
		}
	}
}

func TestServer_WhenReachedByAnotherNameTheRefusalIsInTheContract(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	for path, item := range load(t).Paths.Map() {
		for method, op := range item.Operations() {
			var body any
			if op.RequestBody != nil {
				body = map[string]any{}
			}
			got, err := g.Do(method, exampleAddress(path, item, op), body, "Host", "evil.example")
			if err != nil {
				t.Fatal(err)
			}
			if got.Status != 403 {
				t.Errorf("%s %s: status %d", method, path, got.Status)
			}
		}
	}
}

// failures is a testing.TB that only counts.
type failures struct {
	testing.TB
	n int
}

func (f *failures) Errorf(string, ...any) { f.n++ }

// problemOf is a whole problem of a type.
func problemOf(slug string, status int) string {
	return fmt.Sprintf(`{"type":"%s%s","title":"T","status":%d,"detail":"D","instance":"/v1/efirmas","reintentable":false,"requestId":"1"}`, problemBase, slug, status)
}

// TestClient_WhenAnAnswerIsOutsideTheContractItFailsTheTest: a check that never
// fails would let every other test pass.
func TestClient_WhenAnAnswerIsOutsideTheContractItFailsTheTest(t *testing.T) {
	t.Parallel()
	const page = "/v1/efirmas"
	for _, tc := range []struct {
		name, path, media, id, body string
		status, want                int
		header                      string
	}{
		{name: "as described", path: page, media: "application/json", id: "1", body: `{"efirmas":[]}`, status: 200},
		{name: "lacks a field", path: page, media: "application/json", id: "1", body: `{}`, status: 200, want: 1},
		{name: "field of another type", path: page, media: "application/json", id: "1", body: `{"efirmas":3}`, status: 200, want: 1},
		{name: "no JSON", path: page, media: "application/json", id: "1", body: `<html>`, status: 200, want: 1},
		{name: "media type", path: page, media: "text/html", id: "1", body: `{"efirmas":[]}`, status: 200, want: 1},
		{name: "status", path: page, media: "application/json", id: "1", body: `{"efirmas":[]}`, status: 202, want: 1},
		{name: "problem lacks fields", path: page, media: problemType, id: "1", body: `{"type":"` + problemBase + `no-autenticado","status":401}`, status: 401, want: 1},
		{name: "problem of its type", path: page, media: problemType, id: "1", body: problemOf("no-autenticado", 401), status: 401, header: "WWW-Authenticate"},
		{name: "problem of a type that is not shown", path: page, media: problemType, id: "1", body: problemOf("prohibido", 401), status: 401, header: "WWW-Authenticate", want: 1},
		{name: "problem of a body where there is none", path: page, media: problemType, id: "1", body: problemOf("cuerpo-demasiado-grande", 413), status: 413, want: 1},
		{name: "problem of no operation", path: page, media: problemType, id: "1", body: problemOf("conflicto", 409), status: 409, want: 1},
		{name: "value that is not known", path: page, media: "application/json", id: "1", body: `{"efirmas":[{"rfc":"PRU010101AB1","estado":"otro"}]}`, status: 200, want: 1},
		{name: "header that is not described", path: page, media: "application/json", id: "1", body: `{"efirmas":[]}`, status: 200, header: "X-Otro", want: 1},
		{name: "no request id", path: page, media: "application/json", id: "", body: `{"efirmas":[]}`, status: 200, want: 1},
		{name: "unknown route answered", path: "/v1/nada", media: "application/json", id: "1", body: `{}`, status: 200, want: 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tc.media)
				w.Header().Set("X-Request-Id", tc.id)
				if tc.header != "" {
					w.Header().Set(tc.header, "algo")
				}
				w.WriteHeader(tc.status)
				fmt.Fprint(w, tc.body) //nolint:errcheck // a test's server
			}))
			defer server.Close()
			counted := &failures{TB: t}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+tc.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := gatewaytest.Client(counted).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close() //nolint:errcheck // not read
			if counted.n != tc.want {
				t.Errorf("%d failures, want %d", counted.n, tc.want)
			}
		})
	}
}
