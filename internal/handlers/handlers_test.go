package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/api"
	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sat/paquetes"
)

// fake answers as told; what is not set must not be called.
type fake struct {
	SAT     // nil, for methods that no test here calls
	verify  func() (gateway.EstadoSolicitud, error)
	submit  func(key string, s gateway.Solicitud) (gateway.SolicitudAceptada, bool, error)
	open    func() (paquetes.Content, error)
	dubious func() (paquetes.Content, error)
	saved   func() (paquetes.Content, error)
}

func (f *fake) Authenticate(context.Context, gateway.Servicio, string) (gateway.Token, error) {
	return gateway.Token{Value: "t", Created: time.Unix(0, 0).UTC(), Expire: time.Unix(300, 0).UTC()}, nil
}

func (f *fake) Verify(context.Context, gateway.Servicio, string, string) (gateway.EstadoSolicitud, error) {
	return f.verify()
}

func (f *fake) Submit(_ context.Context, key string, s gateway.Solicitud) (gateway.SolicitudAceptada, bool, error) {
	return f.submit(key, s)
}

func (f *fake) Open(context.Context, gateway.Paquete) (paquetes.Content, error) { return f.open() }

func (f *fake) OpenSaved(context.Context, gateway.Paquete, bool) (paquetes.Content, error) {
	return f.saved()
}

func (f *fake) OpenDubious(context.Context, gateway.Paquete) (paquetes.Content, error) {
	return f.dubious()
}

var loadSpec = sync.OnceValues(func() (*Spec, error) { return LoadSpec(api.Spec) })

// spec is the contract, read once for all tests.
func spec(t *testing.T) *Spec {
	t.Helper()
	s, err := loadSpec()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type surface struct {
	http.Handler
	log    *bytes.Buffer
	routes []string
}

func newSurface(t *testing.T, f *fake, change func(*Config)) *surface {
	t.Helper()
	s := &surface{log: &bytes.Buffer{}}
	cfg := Config{SAT: f, Solicitudes: f, Paquetes: f, EFirmas: func() ([]efirma.Status, error) { return nil, nil },
		Spec: spec(t), Log: zerolog.New(s.log), Now: time.Now,
		Observe: func(route, method string, _ int, _ time.Duration) { s.routes = append(s.routes, method+" "+route) }}
	if change != nil {
		change(&cfg)
	}
	s.Handler = New(cfg)
	return s
}

// do sends a request; headers are name and value in turn.
func (s *surface) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := requestOf(method, path, body)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return serve(s, r)
}

func requestOf(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, "http://127.0.0.1:8080"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// problem decodes a problem and checks what every one must be.
func problem(t *testing.T, w *httptest.ResponseRecorder) rest.Problema {
	t.Helper()
	var p rest.Problema
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("status %d, body %q: %v", w.Code, w.Body, err)
	}
	if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" || p.Status != w.Code || p.Detail == "" || p.RequestID == "" ||
		p.RequestID != w.Header().Get("X-Request-Id") || !strings.HasPrefix(p.Type, problemBase) {
		t.Errorf("status %d, Content-Type %q, problem %+v", w.Code, ct, p)
	}
	return p
}

const verifyPath = "/v1/sat/cfdi/solicitudes/e9fd6049-d65a-421e-9d0b-14e4db018fed?rfcSolicitante=PRU010101AB1"

func TestProblemTypes_AreComplete(t *testing.T) {
	t.Parallel()
	types, seen := ProblemTypes(), map[gateway.Kind]bool{}
	for _, kind := range gateway.Kinds() {
		p, ok := types[kind]
		if !ok || seen[kind] || p.Title == "" || p.Status < 400 {
			t.Errorf("kind %q: %+v", kind, p)
		}
		seen[kind] = true
	}
	if len(types) != len(gateway.Kinds()) {
		t.Errorf("%d types for %d kinds", len(types), len(gateway.Kinds()))
	}
}

func TestProblem_WhenTheBackendRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err    error
		status int
		retry  string
	}{
		"with a code":         {&gateway.Error{Kind: gateway.KindConflicto, Backend: "sat", Codigo: "5002", Mensaje: "m", Detail: "d"}, 409, ""},
		"for a day":           {&gateway.Error{Kind: gateway.KindLimite, Detail: "d", Retryable: true, RetryAfter: 24 * time.Hour}, 429, "86400"},
		"for a while":         {&gateway.Error{Kind: gateway.KindNoDisponible, Detail: "d", Retryable: true, RetryAfter: 1500 * time.Millisecond}, 503, "2"},
		"without a time":      {&gateway.Error{Kind: gateway.KindNoDisponible, Detail: "d", Retryable: true}, 503, "30"},
		"of another version":  {&gateway.Error{Kind: "de-otra-version", Detail: "d"}, 500, ""},
		"with what we missed": {errors.New("canario secreto"), 500, ""},
		"with what passes":    {gateway.OwnFailure(fmt.Errorf("canario: %w", syscall.ENOSPC), "d"), 503, "30"},
	} {
		s := newSurface(t, &fake{verify: func() (gateway.EstadoSolicitud, error) { return gateway.EstadoSolicitud{}, tc.err }}, nil)
		w := s.do(http.MethodGet, verifyPath, "")
		p := problem(t, w)
		if w.Code != tc.status || w.Header().Get("Retry-After") != tc.retry || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: status %d, headers %v", name, w.Code, w.Header())
		}
		want := gateway.OwnFailure(tc.err, "")
		if p.Codigo != want.Codigo+string(want.Own) || p.Mensaje != want.Mensaje || p.Backend != want.Backend || p.Reintentable != want.Retryable {
			t.Errorf("%s: %+v", name, p)
		}
		if strings.Contains(w.Body.String(), "canario") {
			t.Errorf("%s: the log's text is shown: %s", name, w.Body)
		}
		if want.Err != nil && !strings.Contains(s.log.String(), "canario") {
			t.Errorf("%s: the cause is not in the log: %s", name, s.log)
		}
	}
}

// What the contract refuses, and how the refusal names it.
func TestValidate_WhenTheContractIsBroken(t *testing.T) {
	t.Parallel()
	const base = "/v1/sat/cfdi/solicitudes"
	for name, tc := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		fields             []string
	}{
		"unknown field":         {"POST", base, `{"rfcSolicitante":"PRU010101AB1","rfcsolicitante":"x"}`, nil, 422, []string{"rfcsolicitante"}},
		"missing field":         {"POST", base, `{}`, nil, 422, []string{"rfcSolicitante"}},
		"several at once":       {"POST", base, `{"rfcSolicitante":"x","tipoSolicitud":"METADATA","rfcEmisor":"abc"}`, nil, 422, []string{"rfcSolicitante", "tipoSolicitud", "rfcEmisor"}},
		"in a list":             {"POST", base, `{"rfcSolicitante":"PRU010101AB1","rfcReceptores":["PRU010101AB1","x"]}`, nil, 422, []string{"rfcReceptores/1"}},
		"too many":              {"POST", base, `{"rfcSolicitante":"PRU010101AB1","rfcReceptores":["AAA010101AAA","AAB010101AAA","AAC010101AAA","AAD010101AAA","AAE010101AAA","AAF010101AAA"]}`, nil, 422, []string{"rfcReceptores"}},
		"a number for a text":   {"POST", base, `{"rfcSolicitante":1}`, nil, 422, []string{"rfcSolicitante"}},
		"null":                  {"POST", base, `{"rfcSolicitante":null}`, nil, 422, []string{"rfcSolicitante"}},
		"not JSON":              {"POST", base, `{"rfcSolicitante":`, nil, 400, nil},
		"two values":            {"POST", base, `{"rfcSolicitante":"PRU010101AB1"} {}`, nil, 400, nil},
		"a list":                {"POST", base, `[]`, nil, 400, nil},
		"no body":               {"POST", base, ``, []string{"Content-Type", "application/json"}, 400, nil},
		"a form, as curl sends": {"POST", base, `{"rfcSolicitante":"PRU010101AB1"}`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, []string{"Content-Type"}},
		"no content type":       {"POST", base, `{}`, []string{"Content-Type", ""}, 415, []string{"Content-Type"}},
		"too large":             {"POST", base, `{"rfcSolicitante":"` + strings.Repeat("x", maxBody) + `"}`, nil, 413, nil},
		"idempotency key":       {"POST", base, `{"rfcSolicitante":"PRU010101AB1"}`, []string{"Idempotency-Key", strings.Repeat("k", 256)}, 422, []string{"Idempotency-Key"}},
		"no rfcSolicitante":     {"GET", strings.TrimSuffix(verifyPath, "?rfcSolicitante=PRU010101AB1"), ``, nil, 400, []string{"rfcSolicitante"}},
		"a mistyped parameter":  {"GET", verifyPath + "&rfc=x", ``, nil, 400, []string{"rfc"}},
		"a parameter twice":     {"GET", verifyPath + "&rfcSolicitante=x", ``, nil, 400, []string{"rfcSolicitante"}},
		"a bad parameter":       {"GET", strings.Replace(verifyPath, "PRU010101AB1", "pru", 1), ``, nil, 422, []string{"rfcSolicitante"}},
		"an id that is no UUID": {"GET", strings.Replace(verifyPath, "e9fd6049-", "e9fd6049", 1), ``, nil, 422, []string{"idSolicitud"}},
		"no form to take":       {"GET", verifyPath, ``, []string{"Accept", "text/html, application/xml;q=0.9"}, 406, []string{"Accept"}},
		"another service":       {"GET", strings.Replace(verifyPath, "cfdi", "nomina", 1), ``, nil, 404, nil},
		"no such route":         {"GET", "/v1/sat", ``, nil, 404, nil},
		"another method":        {"DELETE", "/v1/efirmas", ``, nil, 405, nil},
		"a path in the id":      {"GET", "/v1/sat/cfdi/paquetes/..%2F..%2Fetc?rfcSolicitante=PRU010101AB1", ``, nil, 422, []string{"idPaquete"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newSurface(t, &fake{}, nil).do(tc.method, tc.path, tc.body, tc.headers...)
			p := problem(t, w)
			var fields []string
			for _, e := range p.Errores {
				fields = append(fields, e.Campo)
				if e.Detalle == "" || strings.Contains(e.Detalle, "contrato.") {
					t.Errorf("%s: %q says nothing of use", e.Campo, e.Detalle)
				}
			}
			if w.Code != tc.status || w.Code == http.StatusRequestEntityTooLarge && !strings.Contains(p.Detail, "64 KiB") {
				t.Errorf("status %d, want %d: %s", w.Code, tc.status, w.Body)
			}
			if diff := cmp.Diff(tc.fields, fields); diff != "" {
				t.Errorf("%s\n%s", diff, w.Body)
			}
		})
	}
}

// TestPaths_WhenEscapedTwiceNothingElseIsMeant: what was validated is what is used.
func TestPaths_WhenEscapedTwiceNothingElseIsMeant(t *testing.T) {
	t.Parallel()
	for path, status := range map[string]int{
		"/v1/sat/cf%2564i/paquetes/A_1?rfcSolicitante=PRU010101AB1":    http.StatusNotFound,
		"/v1/sat/cfdi/paquetes/A%2541?rfcSolicitante=PRU010101AB1":     http.StatusUnprocessableEntity,
		"/v1/sat/cfdi/paquetes/%252e%252e?rfcSolicitante=PRU010101AB1": http.StatusUnprocessableEntity,
	} {
		if w := newSurface(t, &fake{}, nil).do("GET", path, ""); w.Code != status {
			t.Errorf("%s: status %d, want %d: %s", path, w.Code, status, w.Body)
		}
	}
}

// TestAccept_WhenTheProblemAloneIsNamed: clients that are generated from the
// errors of a route ask for no more than that.
func TestAccept_WhenTheProblemAloneIsNamed(t *testing.T) {
	t.Parallel()
	if w := newSurface(t, &fake{}, nil).do("GET", verifyPath, "", "Accept", contentProblem); w.Code == http.StatusNotAcceptable {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestRequest_WhenAccepted(t *testing.T) {
	t.Parallel()
	var gotKey string
	var got gateway.Solicitud
	s := newSurface(t, &fake{submit: func(key string, sol gateway.Solicitud) (gateway.SolicitudAceptada, bool, error) {
		gotKey, got = key, sol
		return gateway.SolicitudAceptada{IDSolicitud: "id-1", CodEstatus: "5000", Mensaje: "Solicitud Aceptada"}, true, nil
	}}, nil)
	w := s.do(http.MethodPost, "/v1/sat/retenciones/solicitudes", `{"version":"1.5","tipoDescarga":"emitidos","rfcSolicitante":"Ñ&P010101AB3",
		"fechaInicial":"2026-01-01T00:00:00","fechaFinal":"2026-01-31T23:59:59","rfcEmisor":"Ñ&P010101AB3","rfcReceptor":"PRU010101AB1","rfcReceptores":["PEPJ800101AB5"],
		"tipoSolicitud":"CFDI","estadoComprobante":"Todos","tipoComprobante":"I","complemento":"dividendos","rfcACuentaTerceros":"PEPJ800101AB5",
		"uuid":"e9fd6049-d65a-421e-9d0b-14e4db018fed"}`, "Idempotency-Key", "clave-1")
	want := gateway.Solicitud{Servicio: gateway.Retenciones, Version: "1.5", TipoDescarga: "emitidos", RFCSolicitante: "Ñ&P010101AB3",
		FechaInicial: "2026-01-01T00:00:00", FechaFinal: "2026-01-31T23:59:59", RFCEmisor: "Ñ&P010101AB3", RFCReceptor: "PRU010101AB1",
		RFCReceptores: []string{"PEPJ800101AB5"}, TipoSolicitud: "CFDI", EstadoComprobante: "Todos", TipoComprobante: "I", Complemento: "dividendos",
		RFCACuentaTerceros: "PEPJ800101AB5", Folio: "e9fd6049-d65a-421e-9d0b-14e4db018fed"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a field is ignored:\n%s", diff)
	}
	if !strings.HasSuffix(gotKey, "\x1fclave-1") {
		t.Errorf("clave %q", gotKey)
	}
	if w.Code != http.StatusCreated || w.Header().Get("Idempotent-Replayed") != "true" ||
		w.Header().Get("Location") != "/v1/sat/retenciones/solicitudes/id-1?rfcSolicitante=%C3%91%26P010101AB3" {
		t.Errorf("status %d, headers %v", w.Code, w.Header())
	}
	wantJSON(t, `{"idSolicitud":"id-1","codEstatus":{"codigo":"5000","descripcion":"Solicitud recibida con éxito"},"mensaje":"Solicitud Aceptada"}`, w.Body.String())
}

func TestRequest_WhenAComplementoIsNotKnownSendsItAndSaysSo(t *testing.T) {
	t.Parallel()
	var sent string
	s := newSurface(t, &fake{submit: func(_ string, sol gateway.Solicitud) (gateway.SolicitudAceptada, bool, error) {
		sent = sol.Complemento
		return gateway.SolicitudAceptada{IDSolicitud: "id-1", CodEstatus: "5000", Mensaje: "m"}, false, nil
	}}, nil)
	for complemento, want := range map[string]bool{"hidroypetro10": true, "nomina12": false} {
		w := s.do(http.MethodPost, "/v1/sat/cfdi/solicitudes", `{"tipoDescarga":"emitidos","rfcSolicitante":"PRU010101AB1","fechaInicial":"2026-01-01T00:00:00",
			"fechaFinal":"2026-01-31T23:59:59","tipoSolicitud":"CFDI","complemento":"`+complemento+`"}`)
		if w.Code != http.StatusCreated || sent != complemento || strings.Contains(w.Body.String(), `"avisos":["La pasarela no conoce el complemento «`+complemento) != want ||
			!want && strings.Contains(w.Body.String(), "avisos") {
			t.Errorf("%s: %d %s", complemento, w.Code, w.Body)
		}
	}
}

func TestVerify_WhenNothingWasFound(t *testing.T) {
	t.Parallel()
	s := newSurface(t, &fake{verify: func() (gateway.EstadoSolicitud, error) {
		return gateway.EstadoSolicitud{IDSolicitud: "i", CodEstatus: gateway.Codigo{Codigo: "5000"}, Estado: gateway.Codigo{Codigo: "5"}}, nil
	}}, nil)
	w := s.do(http.MethodGet, verifyPath, "")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"idsPaquetes":[]`) || strings.Contains(w.Body.String(), "codigoEstadoSolicitud") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

// brokenLive is a package in flight that fails behind its first bytes.
type brokenLive struct{ io.Reader }

func (brokenLive) Close() error { return nil }

func TestDownload_WhenAFlightFails(t *testing.T) {
	t.Parallel()
	// What a cut answer looks like: it wraps an unexpected end.
	broken := &gateway.Error{Kind: gateway.KindRespuestaInvalida, Detail: "d", Err: io.ErrUnexpectedEOF}
	s := newSurface(t, &fake{open: func() (paquetes.Content, error) {
		return paquetes.Content{InFlight: brokenLive{io.MultiReader(bytes.NewReader(make([]byte, liveBlock+1)), &failing{broken})}}, nil
	}}, nil)
	defer func() {
		if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // passed by identity
			t.Errorf("the answer ends as if it were whole: %v", p)
		}
		if !strings.Contains(s.log.String(), `"cortada":true`) {
			t.Errorf("the log does not tell: %s", s.log)
		}
	}()
	s.do(http.MethodGet, "/v1/sat/cfdi/paquetes/ABC_01?rfcSolicitante=PRU010101AB1", "")
}

func TestDownload_WhenAFlightFailsAtOnce(t *testing.T) {
	t.Parallel()
	early := &gateway.Error{Kind: gateway.KindRespuestaInvalida, Detail: "d", Err: io.ErrUnexpectedEOF}
	s := newSurface(t, &fake{open: func() (paquetes.Content, error) {
		return paquetes.Content{InFlight: brokenLive{io.MultiReader(strings.NewReader("PK\x03\x04"), &failing{early})}}, nil
	}}, nil)
	w := s.do(http.MethodGet, "/v1/sat/cfdi/paquetes/ABC_01?rfcSolicitante=PRU010101AB1", "")
	if p := problem(t, w); p.Status != http.StatusBadGateway || w.Header().Get("Content-Disposition") != "" {
		t.Errorf("%+v, %v", p, w.Header())
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func TestRecovered_WhenAHandlerPanics(t *testing.T) {
	t.Parallel()
	s := newSurface(t, &fake{verify: func() (gateway.EstadoSolicitud, error) { panic("canario") }}, nil)
	w := s.do(http.MethodGet, verifyPath, "")
	if p := problem(t, w); p.Status != 500 || strings.Contains(w.Body.String(), "canario") || !strings.Contains(s.log.String(), "stack") {
		t.Errorf("%s\n%s", w.Body, s.log)
	}
}

func TestIdentify_WhenTheCallerHasAnID(t *testing.T) {
	t.Parallel()
	s := newSurface(t, &fake{}, nil)
	if got := s.do(http.MethodGet, "/v1/efirmas", "", "X-Request-Id", "erp-7/a.b").Header().Get("X-Request-Id"); got != "erp-7/a.b" {
		t.Errorf("id %q", got)
	}
	for _, bad := range []string{"", "a b", "a\"b", strings.Repeat("x", 129), "ñ"} {
		if got := s.do(http.MethodGet, "/v1/efirmas", "", "X-Request-Id", bad).Header().Get("X-Request-Id"); got == bad || len(got) != 36 {
			t.Errorf("%q is answered with %q", bad, got)
		}
	}
	s.do(http.MethodGet, "/v1/efirmas", "", "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	if !strings.Contains(s.log.String(), `"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"`) {
		t.Errorf("the trace is not in the log: %s", s.log)
	}
}

func TestAccess_CountsByPattern(t *testing.T) {
	t.Parallel()
	s := newSurface(t, &fake{verify: func() (gateway.EstadoSolicitud, error) { return gateway.EstadoSolicitud{}, nil }}, nil)
	s.do(http.MethodGet, verifyPath, "")
	s.do(http.MethodGet, "/anything/at/all", "")
	want := []string{"GET /v1/sat/{servicio}/solicitudes/{idSolicitud}", "GET desconocida"}
	if diff := cmp.Diff(want, s.routes); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(s.log.String(), "anything") {
		t.Errorf("a path is in the log: %s", s.log)
	}
}

func TestLocal_WhenTheNameIsAnothers(t *testing.T) {
	t.Parallel()
	open := newSurface(t, &fake{}, nil)
	keyed := newSurface(t, &fake{}, func(c *Config) {
		c.Keys = func(string, netip.Addr) (apikeys.Key, error) {
			return apikeys.Key{Name: "k", RFCs: []string{"*"}, Scopes: []string{"*"}}, nil
		}
	})
	for host, status := range map[string]int{"127.0.0.1:8080": 200, "localhost": 200, "[::1]:8080": 200, "evil.example": 403, "evil.example:8080": 403, "10.0.0.1": 403} {
		r := httptest.NewRequest(http.MethodGet, "http://"+host+"/v1/efirmas", nil)
		w := httptest.NewRecorder()
		open.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%s without keys: %d, want %d", host, w.Code, status)
		}
		r.Header.Set("Authorization", "Bearer k")
		w = httptest.NewRecorder()
		if keyed.ServeHTTP(w, r); w.Code != 200 {
			t.Errorf("%s with a key: %d", host, w.Code)
		}
	}
	for _, from := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://localhost:3000"}, {"Origin", "null"}} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			if w := open.do(method, "/v1/efirmas", "", from...); w.Code != 403 {
				t.Errorf("%s of a page, %s: %d", method, from, w.Code)
			}
			if w := keyed.do(method, "/v1/efirmas", "", append(from, "Authorization", "Bearer k")...); w.Code == 403 {
				t.Errorf("%s of a page with a key, %s: %d", method, from, w.Code)
			}
		}
	}
}

func TestKeys_WhenUnknownOpenOnlyWhatIsPublic(t *testing.T) {
	t.Parallel()
	s := newSurface(t, &fake{}, func(c *Config) {
		c.Keys = func(string, netip.Addr) (apikeys.Key, error) { return apikeys.Key{}, apikeys.ErrUnknown }
	})
	for path, status := range map[string]int{verifyPath: 401, "/v1/efirmas": 401, "/v1/efirmas/PRU010101AB1": 401, "/openapi.yaml": 200, "/openapi.json": 200} {
		w := s.do(http.MethodGet, path, "", "Authorization", "Bearer x")
		if w.Code != status || status == 401 && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d, %v", path, w.Code, w.Header())
		}
	}
}
