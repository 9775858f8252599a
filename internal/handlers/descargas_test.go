package handlers

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/api"
	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// fakeDescargas answers as told; what is not set must not be called.
type fakeDescargas struct {
	// registered and whole count the readings of either kind.
	registered, whole atomic.Int64

	create   func(key string, p gateway.PeticionDescarga) (gateway.Descarga, bool, error)
	descarga func(id string) (gateway.Descarga, error)
	list     func(f gateway.DescargasFilter) ([]gateway.Descarga, string, error)
	cancel   func(id string) (gateway.Descarga, error)
	eventos  func(id string, after int64, limit int) ([]gateway.EventoDescarga, error)
	wait     func(ctx context.Context, id string, after int64) error
	paquetes func(id, cursor string, limit int) ([]gateway.PaqueteDescarga, string, error)
}

func (f *fakeDescargas) Create(_ context.Context, key string, p gateway.PeticionDescarga) (gateway.Descarga, bool, error) {
	return f.create(key, p)
}

func (f *fakeDescargas) Registered(_ context.Context, id string) (gateway.Descarga, error) {
	f.registered.Add(1)
	d, err := f.descarga(id)
	d.Solicitudes, d.Progreso, d.Cuota, d.SiguienteIntento = nil, gateway.Progreso{}, gateway.Cuota{}, time.Time{}
	return d, err
}

func (f *fakeDescargas) Descarga(_ context.Context, id string) (gateway.Descarga, error) {
	f.whole.Add(1)
	return f.descarga(id)
}

func (f *fakeDescargas) List(_ context.Context, filter gateway.DescargasFilter) ([]gateway.Descarga, string, error) {
	return f.list(filter)
}

func (f *fakeDescargas) Cancel(_ context.Context, id string) (gateway.Descarga, error) {
	return f.cancel(id)
}

func (f *fakeDescargas) Eventos(_ context.Context, id string, after int64, limit int) ([]gateway.EventoDescarga, error) {
	return f.eventos(id, after, limit)
}

func (f *fakeDescargas) WaitEvento(ctx context.Context, id string, after int64) error {
	return f.wait(ctx, id, after)
}

func (f *fakeDescargas) Paquetes(_ context.Context, id, cursor string, limit int) ([]gateway.PaqueteDescarga, string, error) {
	return f.paquetes(id, cursor, limit)
}

// now is the present of these tests.
func now() time.Time { return time.Date(2026, 2, 1, 18, 0, 0, 0, time.UTC) }

func newDescargas(t *testing.T, f *fakeDescargas, change func(*Config)) *surface {
	t.Helper()
	return newSurface(t, &fake{}, func(c *Config) {
		c.Engine, c.Descargas, c.Reading, c.Now = f, f, &fakeReading{}, now
		if change != nil {
			change(c)
		}
	})
}

// keyFor lets one key in, which sees rfcs.
func keyFor(scope string, rfcs ...string) func(*Config) {
	return func(c *Config) {
		c.Keys = func(string, netip.Addr) (apikeys.Key, error) {
			return apikeys.Key{ID: "key_erp", Name: "erp", RFCs: rfcs, Scopes: []string{scope}}, nil
		}
	}
}

// whole is a descarga with everything filled in.
func whole() gateway.Descarga {
	return gateway.Descarga{
		ID: "d-1", Estado: gateway.DescargaEnProceso, Motivo: "motivo", MotivoCodigo: "plazo_vencido", IDProgramacion: "d-0",
		Request: gateway.PeticionDescarga{
			Solicitud: gateway.Solicitud{Servicio: gateway.Retenciones, Version: "1.5", TipoDescarga: "recibidos", RFCSolicitante: "PRU010101AB1",
				FechaInicial: "2025-01-01T00:00:00", FechaFinal: "2025-12-31T23:59:59", RFCEmisor: "PEPJ800101AB5", RFCReceptor: "PRU010101AB1",
				RFCReceptores: []string{"Ñ&P010101AB3"}, TipoSolicitud: "Metadata", EstadoComprobante: "Todos", TipoComprobante: "I",
				Complemento: "dividendos", RFCACuentaTerceros: "PEPJ800101AB5"},
			Deadline: 48 * time.Hour, Programacion: &gateway.Programacion{Hora: "04:00", Overlap: 5, Next: now().Add(16 * time.Hour)},
		},
		Created: now(), Updated: now().Add(time.Minute), Limit: now().Add(48 * time.Hour), SiguienteIntento: now().Add(90500 * time.Millisecond),
		Progreso: gateway.Progreso{Solicitudes: 2, SolicitudesTerminadas: 1, Paquetes: 4, PaquetesGuardados: 3, Bytes: 5, NumeroCFDIs: 6, Found: 7, Repeated: 10, Fallas: 8, Percentage: 9},
		Cuota:    gateway.Cuota{Solicitudes: 3, Descargas: 2},
		Solicitudes: []gateway.Tramo{
			{Number: 1, MotivoCodigo: "5003", Since: "2025-01-01T00:00:00", Until: "2025-12-31T23:59:59", Estado: gateway.TramoPartida},
			{Number: 2, Origin: 1, Since: "2025-01-01T00:00:00", Until: "2025-07-02T11:59:59", PideDesde: "2024-12-31T23:59:59", PideHasta: "2025-07-02T12:00:00",
				Estado: gateway.TramoPresentada, IDSolicitud: "sat-1", CodEstatus: "5000", EstadoSolicitud: "2", CodigoEstadoSolicitud: "5003", Mensaje: "m", NumeroCFDIs: 10,
				Presentations: 1, Queries: 12, Submitted: now(), SiguienteIntento: now().Add(time.Hour), Decision: "decisión"},
		},
	}
}

const wholeJSON = `{
	"idDescarga":"d-1", "estado":"en_proceso", "motivo":"motivo", "motivoCodigo":"plazo_vencido", "idProgramacion":"d-0",
	"servicio":"retenciones", "tipoDescarga":"recibidos", "rfcSolicitante":"PRU010101AB1", "fechaInicial":"2025-01-01T00:00:00",
	"fechaFinal":"2025-12-31T23:59:59", "rfcEmisor":"PEPJ800101AB5", "rfcReceptores":["Ñ&P010101AB3"], "tipoSolicitud":"Metadata",
	"estadoComprobante":"Todos", "tipoComprobante":"I", "complemento":"dividendos", "rfcACuentaTerceros":"PEPJ800101AB5", "plazoHoras":48,
	"programacion":{"hora":"04:00","traslapeDias":5,"siguienteCorrida":"2026-02-02T10:00:00Z"},
	"creacion":"2026-02-01T18:00:00Z", "actualizacion":"2026-02-01T18:01:00Z", "siguienteIntento":"2026-02-01T18:01:30.5Z",
	"progreso":{"totalSolicitudes":2,"solicitudesTerminadas":1,"totalPaquetes":4,"paquetesGuardados":3,"bytes":5,"numeroCFDIs":6,"encontrados":7,"repetidos":10,"ilegibles":8,"porcentaje":9},
	"cuota":{"solicitudesPresentadas":3,"paquetesServidos":2},
	"solicitudes":[
		{"solicitud":1,"estado":"partida","motivoCodigo":"5003","desde":"2025-01-01T00:00:00","hasta":"2025-12-31T23:59:59","numeroCFDIs":0,"presentaciones":0,"consultas":0},
		{"solicitud":2,"origen":1,"estado":"presentada","desde":"2025-01-01T00:00:00","hasta":"2025-07-02T11:59:59","pideDesde":"2024-12-31T23:59:59",
		 "pideHasta":"2025-07-02T12:00:00","idSolicitud":"sat-1","codEstatus":{"codigo":"5000","descripcion":"Solicitud recibida con éxito"},
		 "estadoSolicitud":{"codigo":"2","descripcion":"En proceso"},"codigoEstadoSolicitud":{"codigo":"5003","descripcion":"Tope máximo de elementos de la consulta"},"mensaje":"m",
		 "numeroCFDIs":10,"presentaciones":1,"consultas":12,"presentacion":"2026-02-01T18:00:00Z","siguienteIntento":"2026-02-01T19:00:00Z","decision":"decisión"}]}`

// wantJSON compares as JSON, whatever the order of fields.
func wantJSON(t *testing.T, want, got string) {
	t.Helper()
	var w, g any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCreateDescarga_WhenAskedEveryFieldArrives(t *testing.T) {
	t.Parallel()
	var gotKey string
	var got gateway.PeticionDescarga
	s := newDescargas(t, &fakeDescargas{create: func(key string, p gateway.PeticionDescarga) (gateway.Descarga, bool, error) {
		gotKey, got = key, p
		return whole(), true, nil
	}}, keyFor(apikeys.ScopeDescargas, "Ñ&P010101AB3"))
	w := s.do(http.MethodPost, "/v1/sat/descargas", `{"servicio":"retenciones","tipoDescarga":"emitidos","rfcSolicitante":"Ñ&P010101AB3","tipoSolicitud":"CFDI",
		"fechaInicial":"2026-01-01T00:00:00","fechaFinal":"2026-01-31T23:59:59","rfcEmisor":"Ñ&P010101AB3","rfcReceptores":["PEPJ800101AB5"],"estadoComprobante":"Todos",
		"tipoComprobante":"N","complemento":"dividendos","rfcACuentaTerceros":"PEPJ800101AB5","plazoHoras":48,"programacion":{"hora":"23:59","traslapeDias":60}}`,
		"Idempotency-Key", "k", "Authorization", "Bearer x")
	want := gateway.PeticionDescarga{
		Solicitud: gateway.Solicitud{Servicio: gateway.Retenciones, TipoDescarga: "emitidos", RFCSolicitante: "Ñ&P010101AB3", TipoSolicitud: "CFDI",
			FechaInicial: "2026-01-01T00:00:00", FechaFinal: "2026-01-31T23:59:59", RFCEmisor: "Ñ&P010101AB3", RFCReceptores: []string{"PEPJ800101AB5"},
			EstadoComprobante: "Todos", TipoComprobante: "N", Complemento: "dividendos", RFCACuentaTerceros: "PEPJ800101AB5"},
		Deadline: 48 * time.Hour, Programacion: &gateway.Programacion{Hora: "23:59", Overlap: 60}, Dueno: "key_erp", Clave: "erp",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a field is ignored:\n%s", diff)
	}
	if gotKey != "key_erp\x1fk" {
		t.Errorf("clave %q", gotKey)
	}
	if h := w.Header(); w.Code != http.StatusAccepted || h.Get("Location") != "/v1/sat/descargas/d-1" || h.Get("Retry-After") != "91" || h.Get("Idempotent-Replayed") != "true" {
		t.Errorf("status %d, headers %v", w.Code, h)
	}
	wantJSON(t, wholeJSON, w.Body.String())
}

const requestMin = `{"servicio":"cfdi","tipoDescarga":"recibidos","rfcSolicitante":"PRU010101AB1","tipoSolicitud":"Metadata","fechaInicial":"2026-01-01T00:00:00"}`

func TestCreateDescarga_WhenOneLivesTheConflictSaysWhere(t *testing.T) {
	t.Parallel()
	s := newDescargas(t, &fakeDescargas{create: func(key string, p gateway.PeticionDescarga) (gateway.Descarga, bool, error) {
		if key != "" || p.Deadline != 0 || p.Programacion != nil {
			t.Errorf("clave %q, %+v", key, p)
		}
		return gateway.Descarga{}, false, &gateway.Error{Kind: gateway.KindConflicto, Detail: "d", Resource: "/v1/sat/descargas/otra"}
	}}, nil)
	w := s.do(http.MethodPost, "/v1/sat/descargas", requestMin)
	if p := problem(t, w); p.Status != 409 || w.Header().Get("Location") != "/v1/sat/descargas/otra" {
		t.Errorf("%+v, %v", p, w.Header())
	}
}

func TestCreateDescarga_WhenTheContractIsBroken(t *testing.T) {
	t.Parallel()
	with := func(field, value string) string {
		return strings.TrimSuffix(requestMin, "}") + `,"` + field + `":` + value + "}"
	}
	s := newDescargas(t, &fakeDescargas{}, nil)
	for name, tc := range map[string]struct {
		method, path, body string
		status             int
		field, detail      string
	}{
		"by folio":              {"POST", "/v1/sat/descargas", strings.Replace(requestMin, "recibidos", "folio", 1), 422, "tipoDescarga", "valores válidos"},
		"of another version":    {"POST", "/v1/sat/descargas", with("version", `"1.1"`), 422, "version", "No es un campo"},
		"no time at all":        {"POST", "/v1/sat/descargas", with("plazoHoras", "0"), 422, "plazoHoras", "1 como mínimo"},
		"too long":              {"POST", "/v1/sat/descargas", with("plazoHoras", "721"), 422, "plazoHoras", "720 como máximo"},
		"no overlap said":       {"POST", "/v1/sat/descargas", with("programacion", `{"hora":"04:00"}`), 422, "programacion/traslapeDias", "obligatorio"},
		"overlap too long":      {"POST", "/v1/sat/descargas", with("programacion", `{"hora":"04:00","traslapeDias":61}`), 422, "programacion/traslapeDias", "60"},
		"no hour":               {"POST", "/v1/sat/descargas", with("programacion", `{"hora":"24:00","traslapeDias":1}`), 422, "programacion/hora", "Debe ser una hora del día, de 00:00 a 23:59, hh:mm, como 04:00."},
		"an unknown state":      {"GET", "/v1/sat/descargas?estado=parcial&estado=lista", "", 422, "estado/1", "valores válidos"},
		"no instant":            {"GET", "/v1/sat/descargas?creacionDesde=ayer", "", 422, "creacionDesde", "RFC 3339"},
		"a page too long":       {"GET", "/v1/sat/descargas?limite=1001", "", 422, "limite", "1000"},
		"a day without an hour": {"POST", "/v1/sat/descargas", strings.Replace(requestMin, "T00:00:00", "", 1), 422, "fechaInicial", "Agregue la hora. Quedaría 2026-01-01T00:00:00, o con T23:59:59"},
		"a page of none":        {"GET", "/v1/sat/descargas/d-1/paquetes?limite=0", "", 422, "limite", "1 como mínimo"},
		"a filter twice":        {"GET", "/v1/sat/descargas?limite=1&limite=2", "", 400, "limite", "repetido"},
		"an id of another form": {"GET", "/v1/sat/descargas/a%20b", "", 422, "idDescarga", "Debe ser el identificador que dio la pasarela"},
		"a negative event":      {"GET", "/v1/sat/descargas/d-1/eventos?despues=-1", "", 422, "despues", "0 como mínimo"},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.do(tc.method, tc.path, tc.body)
			p := problem(t, w)
			if w.Code != tc.status || len(p.Errores) != 1 || p.Errores[0].Campo != tc.field || !strings.Contains(p.Errores[0].Detalle, tc.detail) {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
		})
	}
}

func TestListDescargas_WhenFilteredEveryFilterArrives(t *testing.T) {
	t.Parallel()
	var got gateway.DescargasFilter
	f := &fakeDescargas{list: func(f gateway.DescargasFilter) ([]gateway.Descarga, string, error) {
		got = f
		d := whole()
		d.Solicitudes = nil
		return []gateway.Descarga{d}, "otra página", nil
	}}
	s := newDescargas(t, f, keyFor(apikeys.ScopeDescargas, "PRU010101AB1", "PEPJ800101AB5"))
	const path = "/v1/sat/descargas?rfcSolicitante=PRU010101AB1&estado=parcial&estado=fallida&idProgramacion=d-0" +
		"&creacionDesde=2026-01-01T00:00:00-06:00&creacionHasta=2026-02-01T06:00:00Z&limite=7&cursor=c"
	w := s.do(http.MethodGet, path, "", "Authorization", "Bearer x")
	want := gateway.DescargasFilter{RFCs: []string{"PRU010101AB1", "PEPJ800101AB5"}, RFC: "PRU010101AB1", IDProgramacion: "d-0",
		Estados:     []gateway.EstadoDescarga{gateway.DescargaParcial, gateway.DescargaFallida},
		CreadaDesde: time.Date(2026, 1, 1, 6, 0, 0, 0, time.UTC), CreadaHasta: time.Date(2026, 2, 1, 6, 0, 0, 0, time.UTC), Cursor: "c", Limit: 7}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a filter is ignored:\n%s", diff)
	}
	var list rest.ListaDescargas
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list.Descargas) != 1 || list.Siguiente != "otra página" || list.Descargas[0].Solicitudes != nil {
		t.Errorf("%d %s: %v", w.Code, w.Body, err)
	}
	link := w.Header().Get("Link")
	next, ok := strings.CutSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
	if !ok || !strings.HasPrefix(next, "/v1/sat/descargas?") || !strings.Contains(next, "cursor=otra+p%C3%A1gina") || !strings.Contains(next, "estado=parcial%2Cfallida") {
		t.Errorf("Link %q", link)
	}
}

func TestListDescargas_WhenTheKeySeesAllOrNotTheOne(t *testing.T) {
	t.Parallel()
	var got gateway.DescargasFilter
	f := &fakeDescargas{list: func(f gateway.DescargasFilter) ([]gateway.Descarga, string, error) { got = f; return nil, "", nil }}
	w := newDescargas(t, f, keyFor("*", "PRU010101AB1", apikeys.All)).do(http.MethodGet, "/v1/sat/descargas", "", "Authorization", "Bearer x")
	if w.Code != 200 || got.RFCs != nil || got.Limit != normalLimit || w.Header().Get("Link") != "" {
		t.Errorf("%d, %+v, %v", w.Code, got, w.Header())
	}
	wantJSON(t, `{"descargas":[]}`, w.Body.String())
	w = newDescargas(t, &fakeDescargas{}, keyFor("*", "PEPJ800101AB5")).do(http.MethodGet, "/v1/sat/descargas?rfcSolicitante=PRU010101AB1", "", "Authorization", "Bearer x")
	if p := problem(t, w); p.Status != 403 {
		t.Errorf("%+v", p)
	}
}

// final is a descarga that has ended.
func final(estado gateway.EstadoDescarga) gateway.Descarga {
	d := whole()
	d.Estado, d.SiguienteIntento, d.Finished = estado, time.Time{}, now()
	return d
}

func TestGetDescarga_WhenItLivesAndWhenItEnded(t *testing.T) {
	t.Parallel()
	d := whole()
	s := newDescargas(t, &fakeDescargas{descarga: func(string) (gateway.Descarga, error) { return d, nil }}, nil)
	w := s.do(http.MethodGet, "/v1/sat/descargas/d-1", "")
	if w.Code != 200 || w.Header().Get("Retry-After") != "91" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	wantJSON(t, wholeJSON, w.Body.String())
	d.Request.Programacion = nil
	if got := s.do(http.MethodGet, "/v1/sat/descargas/d-1", "").Body.String(); !strings.Contains(got, `"plazoVence":"2026-02-03T18:00:00Z"`) {
		t.Errorf("of one that is not recurrent: %s", got)
	}
	for want, next := range map[string]time.Time{"30": {}, "1": now().Add(-time.Hour)} {
		d.SiguienteIntento = next
		if got := s.do(http.MethodGet, "/v1/sat/descargas/d-1", "").Header().Get("Retry-After"); got != want {
			t.Errorf("Retry-After %q, want %q", got, want)
		}
	}
	d = final(gateway.DescargaVacia)
	w = s.do(http.MethodGet, "/v1/sat/descargas/d-1", "")
	if w.Header().Get("Retry-After") != "" || !strings.Contains(w.Body.String(), `"termino":"2026-02-01T18:00:00Z"`) || strings.Contains(w.Body.String(), "0001-01-01") {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
}

func TestCancelDescarga_WhenAllowed(t *testing.T) {
	t.Parallel()
	f := &fakeDescargas{descarga: func(string) (gateway.Descarga, error) { return whole(), nil },
		cancel: func(id string) (gateway.Descarga, error) {
			if id != "d-1" {
				t.Errorf("id %s", id)
			}
			return final(gateway.DescargaCancelada), nil
		}}
	w := newDescargas(t, f, nil).do(http.MethodDelete, "/v1/sat/descargas/d-1", "")
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"estado":"cancelada"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestListPaquetesDescarga_WhenSomeAreThere(t *testing.T) {
	t.Parallel()
	paquete := gateway.Paquete{Servicio: gateway.Retenciones, RFCSolicitante: "Ñ&P010101AB3", IDPaquete: "ABC_01"}
	f := &fakeDescargas{descarga: func(string) (gateway.Descarga, error) { return whole(), nil },
		paquetes: func(id, cursor string, limit int) ([]gateway.PaqueteDescarga, string, error) {
			if id != "d-1" || cursor != "c" || limit != 9 {
				t.Errorf("%s %s %d", id, cursor, limit)
			}
			return []gateway.PaqueteDescarga{
				{Paquete: paquete, Tramo: 2, Estado: gateway.PaqueteGuardado, Bytes: 4, SHA256: "ab", Comprobantes: 3, Repeated: 4, Fallas: 0, Descargas: 1, Saved: now(), Detalle: "d"},
				{Paquete: paquete, Tramo: 3, Estado: gateway.PaquetePendiente, Comprobantes: -1, Fallas: -1},
			}, "sig", nil
		}}
	w := newDescargas(t, f, nil).do(http.MethodGet, "/v1/sat/descargas/d-1/paquetes?cursor=c&limite=9", "")
	wantJSON(t, `{"siguiente":"sig","paquetes":[{"idPaquete":"ABC_01","solicitud":2,"estado":"guardado","bytes":4,"sha256":"ab","comprobantes":3,"repetidos":4,"ilegibles":0,"vecesServido":1,
		"llegada":"2026-02-01T18:00:00Z","detalle":"d","url":"/v1/sat/retenciones/paquetes/ABC_01?rfcSolicitante=%C3%91%26P010101AB3"},
		{"idPaquete":"ABC_01","solicitud":3,"estado":"pendiente","vecesServido":0}]}`, w.Body.String())
	if link := w.Header().Get("Link"); link != `</v1/sat/descargas/d-1/paquetes?cursor=sig&limite=9>; rel="next"` {
		t.Errorf("Link %q", link)
	}
}

// TestDescargas_WhenTheKeyDoesNotSeeTheRFC: every route of an id answers as if
// there were no such descarga, and touches nothing.
func TestDescargas_WhenTheKeyDoesNotSeeTheRFC(t *testing.T) {
	t.Parallel()
	unknown := &fakeDescargas{descarga: func(string) (gateway.Descarga, error) {
		return gateway.Descarga{}, &gateway.Error{Kind: gateway.KindNoEncontrado, Detail: "El motor no la conoce."}
	}}
	others := &fakeDescargas{descarga: func(string) (gateway.Descarga, error) { return whole(), nil }}
	ofNobody, ofAnother := newDescargas(t, unknown, keyFor(apikeys.All, "PEPJ800101AB5")), newDescargas(t, others, keyFor(apikeys.All, "PEPJ800101AB5"))
	for _, route := range routesOfADescarga(t) {
		method, path, _ := strings.Cut(route, " ")
		ask := func(s *surface) *httptest.ResponseRecorder {
			return s.do(method, path, "", "Authorization", "Bearer x", "X-Request-Id", "r")
		}
		a, b := ask(ofNobody), ask(ofAnother)
		if problem(t, a).Status != 404 || a.Code != b.Code || a.Body.String() != b.Body.String() || !cmp.Equal(a.Header(), b.Header()) {
			t.Errorf("%s: of nobody %d %s, of another %d %s", route, a.Code, a.Body, b.Code, b.Body)
		}
	}
}

// routesOfADescarga are those of the contract that an id stands in.
func routesOfADescarga(t *testing.T) []string {
	t.Helper()
	var routes []string
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		if !strings.Contains(path, "{idDescarga}") {
			continue
		}
		for method := range item.Operations() {
			path := strings.NewReplacer("{idDescarga}", "d-1", "{uuid}", "5a3d7c1e-94b2-4f60-8e1d-2c7b6a905f43").Replace(path)
			routes = append(routes, method+" "+path)
		}
	}
	if len(routes) < 4 {
		t.Fatalf("only %v", routes)
	}
	return routes
}

func TestDescargas_WhenTheScopeIsAnothers(t *testing.T) {
	t.Parallel()
	for _, scope := range []string{apikeys.ScopeSolicitudes, apikeys.ScopePaquetes, apikeys.ScopeToken} {
		s := newDescargas(t, &fakeDescargas{}, keyFor(scope, apikeys.All))
		for _, path := range []string{"/v1/sat/descargas", "/v1/sat/descargas/d-1", "/v1/sat/descargas/d-1/eventos", "/v1/sat/descargas/d-1/paquetes"} {
			if p := problem(t, s.do(http.MethodGet, path, "", "Authorization", "Bearer x")); p.Status != 403 || !strings.Contains(p.Detail, apikeys.ScopeDescargas) {
				t.Errorf("%s with %s: %+v", path, scope, p)
			}
		}
	}
}

func TestListPaquetesDescarga_WhenWhatIsKeptIsDoubtful(t *testing.T) {
	t.Parallel()
	p := gateway.Paquete{Servicio: gateway.CFDI, RFCSolicitante: "PRU010101AB1", IDPaquete: "ABC_01"}
	for name, tc := range map[string]struct {
		estado  gateway.EstadoPaquete
		broken  bool
		dubious string
		want    rest.PaqueteDeDescarga
	}{
		"sound":              {gateway.PaqueteGuardado, false, "", rest.PaqueteDeDescarga{URL: "/v1/sat/cfdi/paquetes/ABC_01?rfcSolicitante=PRU010101AB1"}},
		"entries damaged":    {gateway.PaqueteGuardado, false, "x", rest.PaqueteDeDescarga{Dudoso: true, URL: "/v1/sat/cfdi/paquetes/ABC_01?rfcSolicitante=PRU010101AB1"}},
		"no whole ZIP":       {gateway.PaquetePerdido, true, "x", rest.PaqueteDeDescarga{Dudoso: true, URL: "/v1/sat/cfdi/paquetes/ABC_01?rfcSolicitante=PRU010101AB1&dudoso=true"}},
		"nothing was kept":   {gateway.PaquetePerdido, false, "", rest.PaqueteDeDescarga{}},
		"the second to come": {gateway.PaquetePendiente, true, "x", rest.PaqueteDeDescarga{Dudoso: true}},
	} {
		got := descargaPaquete(gateway.PaqueteDescarga{Paquete: p, Estado: tc.estado, Dubious: tc.dubious, Broken: tc.broken})
		if got.Dudoso != tc.want.Dudoso || got.URL != tc.want.URL {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestDescargas_WhenAskedForAreReadOnce: its solicitudes and what is counted only where
// they are shown.
func TestDescargas_WhenAskedForAreReadOnce(t *testing.T) {
	t.Parallel()
	d := finished(gateway.TipoMetadata)
	for _, c := range []struct {
		method, path      string
		registered, whole int64
	}{
		{http.MethodGet, "", 0, 1}, {http.MethodDelete, "", 1, 0}, {http.MethodGet, "/paquetes", 1, 0}, {http.MethodGet, "/eventos", 1, 0},
		{http.MethodGet, "/metadatos", 1, 0}, {http.MethodGet, "/metadatos.csv", 1, 0},
	} {
		f := &fakeDescargas{
			descarga: func(string) (gateway.Descarga, error) { return d, nil },
			cancel:   func(string) (gateway.Descarga, error) { return d, nil },
			eventos:  func(string, int64, int) ([]gateway.EventoDescarga, error) { return nil, nil },
			paquetes: func(string, string, int) ([]gateway.PaqueteDescarga, string, error) { return nil, "", nil },
		}
		s := newDescargas(t, f, nil)
		if w := s.do(c.method, "/v1/sat/descargas/"+d.ID+c.path, ""); w.Code >= 300 {
			t.Errorf("%s %s: status %d %s", c.method, c.path, w.Code, w.Body)
		}
		if f.registered.Load() != c.registered || f.whole.Load() != c.whole {
			t.Errorf("%s %s: read %d and %d times", c.method, c.path, f.registered.Load(), f.whole.Load())
		}
	}
}
