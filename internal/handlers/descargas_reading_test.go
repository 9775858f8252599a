package handlers

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sat/cfdi"
	"github.com/pasarela-mx/pasarela/internal/sat/descargas"
)

// fakeReading reads rows that it is given. A cursor is the number of the row
// before; err, unless nil, comes behind the last row.
type fakeReading struct {
	metadatos []descargas.Line[cfdi.Metadato]
	summaries []descargas.Line[cfdi.Summary]
	err       error
	read      int // rows that were asked for
	cfdi      func(id, uuid string) (io.ReadCloser, int64, error)
}

func rows[T any](f *fakeReading, rows []descargas.Line[T], cursor string) iter.Seq2[descargas.Line[T], error] {
	return func(yield func(descargas.Line[T], error) bool) {
		n, err := strconv.Atoi("0" + cursor)
		if err != nil {
			yield(descargas.Line[T]{}, &gateway.Error{Kind: gateway.KindMalformada, Detail: "d"})
			return
		}
		for i := n; i < len(rows); i++ {
			row := rows[i]
			row.Paquete, row.Cursor = "P_01", strconv.Itoa(i+1)
			f.read++
			if !yield(row, nil) {
				return
			}
		}
		if f.err != nil {
			yield(descargas.Line[T]{}, f.err)
		}
	}
}

func (f *fakeReading) Metadatos(_ context.Context, _ gateway.Descarga, cursor string, _ bool) iter.Seq2[descargas.Line[cfdi.Metadato], error] {
	return rows(f, f.metadatos, cursor)
}

func (f *fakeReading) Summaries(_ context.Context, _ gateway.Descarga, cursor string, _ bool) iter.Seq2[descargas.Line[cfdi.Summary], error] {
	return rows(f, f.summaries, cursor)
}

func (f *fakeReading) CFDI(_ context.Context, d gateway.Descarga, uuid string) (io.ReadCloser, int64, error) {
	return f.cfdi(d.ID, uuid)
}

// finished has ended with everything, and with nothing of a recurrent one.
func finished(tipo string) gateway.Descarga {
	d := final(gateway.DescargaTerminada)
	d.Request.Solicitud.TipoSolicitud, d.Request.Programacion, d.IDProgramacion = tipo, nil, ""
	return d
}

func newReading(t *testing.T, f *fakeReading, d gateway.Descarga) *surface {
	t.Helper()
	return newOfReading(t, f, &d)
}

// newOfReading shows what d is by then.
func newOfReading(t *testing.T, f *fakeReading, d *gateway.Descarga) *surface {
	t.Helper()
	return newDescargas(t, &fakeDescargas{descarga: func(string) (gateway.Descarga, error) { return *d, nil }}, func(c *Config) { c.Reading = f })
}

// fullMetadato has every field filled in, each with a text of its own.
func fullMetadato() cfdi.Metadato {
	m := cfdi.Metadato{}
	v := reflect.ValueOf(&m).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.String {
			f.SetString(v.Type().Field(i).Name)
		}
	}
	m.Estatus = "0"
	m.Extras = []cfdi.Field{{Name: "a", Value: "1"}, {Name: "b", Value: "2"}}
	return m
}

// formsOf are the ends of the paths of a reading: JSON by pages, and two that have all of it.
func formsOf() []string { return []string{"", ".ndjson", ".csv"} }

func threeRows() []descargas.Line[cfdi.Metadato] {
	return []descargas.Line[cfdi.Metadato]{
		{Value: fullMetadato()},
		{Falla: &cfdi.Falla{Entry: "e.txt", Row: 2, Detail: "rota"}},
		{Value: cfdi.Metadato{UUID: "u", Estatus: "1", NombreEmisor: "Ñ & <hijos>"}},
	}
}

const (
	metadatosPath = "/v1/sat/descargas/d-1/metadatos"
	cfdisPath     = "/v1/sat/descargas/d-1/cfdis"
	fullJSON      = `{"uuid":"UUID","rfcEmisor":"RFCEmisor","nombreEmisor":"NombreEmisor","rfcReceptor":"RFCReceptor","nombreReceptor":"NombreReceptor","rfcPac":"RFCPac",
		"fechaEmision":"FechaEmision","fechaCertificacionSat":"FechaCertificacionSAT","fechaCancelacion":"FechaCancelacion","monto":"Monto","efectoComprobante":"EfectoComprobante",
		"estatus":"0","cancelado":true,"rfcACuentaTerceros":"RFCACuentaTerceros","nombreACuentaTerceros":"NombreACuentaTerceros","extras":[{"nombre":"a","valor":"1"},{"nombre":"b","valor":"2"}],"aviso":"Aviso"}`
	fallaJSON = `{"paquete":"P_01","entrada":"e.txt","fila":2,"detalle":"rota"}`
	lastJSON  = `{"uuid":"u","estatus":"1","cancelado":false,"nombreEmisor":"Ñ & <hijos>"}`
)

func TestMetadatos_WhenReadByPages(t *testing.T) {
	t.Parallel()
	f := &fakeReading{metadatos: threeRows()}
	s := newReading(t, f, finished(gateway.TipoMetadata))
	w := s.do(http.MethodGet, metadatosPath+"?limite=2", "")
	wantJSON(t, `{"metadatos":[`+fullJSON+`],"fallas":[`+fallaJSON+`],"siguiente":"2"}`, w.Body.String())
	if link := w.Header().Get("Link"); link != `<`+metadatosPath+`?cursor=2&limite=2>; rel="next"` || w.Header().Get("Content-Disposition") != "" {
		t.Errorf("%v", w.Header())
	}
	w = s.do(http.MethodGet, metadatosPath+"?limite=2&cursor=2", "")
	wantJSON(t, `{"metadatos":[`+lastJSON+`],"fallas":[]}`, w.Body.String())
	if w.Header().Get("Link") != "" {
		t.Errorf("%v", w.Header())
	}
	// A page that just fits has none behind it, and no more than one row too many is read.
	f.read = 0
	if w := s.do(http.MethodGet, metadatosPath+"?limite=3", ""); strings.Contains(w.Body.String(), "siguiente") || f.read != 3 {
		t.Errorf("%d read: %s", f.read, w.Body)
	}
	f.metadatos, f.read = make([]descargas.Line[cfdi.Metadato], 5000), 0
	if s.do(http.MethodGet, metadatosPath, ""); f.read != normalLimit+1 {
		t.Errorf("%d rows were read for a page", f.read)
	}
}

func TestMetadatos_WhenReadAsNDJSON(t *testing.T) {
	t.Parallel()
	s := newReading(t, &fakeReading{metadatos: threeRows()}, finished(gateway.TipoMetadata))
	w := s.do(http.MethodGet, metadatosPath+".ndjson", "")
	lines := strings.Split(w.Body.String(), "\n")
	if len(lines) != 4 || lines[3] != "" {
		t.Fatalf("%d lines: %s", len(lines), w.Body)
	}
	wantJSON(t, fullJSON, lines[0])
	wantJSON(t, `{"falla":`+fallaJSON+`}`, lines[1])
	wantJSON(t, lastJSON, lines[2])
	if h := w.Header(); h.Get("Content-Type") != contentNDJSON || h.Get("Content-Disposition") != `attachment; filename="metadatos-d-1.ndjson"` {
		t.Errorf("%v", h)
	}
}

func TestMetadatos_WhenReadAsCSV(t *testing.T) {
	t.Parallel()
	rows := append(threeRows(), descargas.Line[cfdi.Metadato]{Value: cfdi.Metadato{UUID: "u2", NombreEmisor: "=HYPERLINK(\"x\")\r\nb", NombreReceptor: "@a", Monto: "-1.50", Aviso: "-a"}})
	s := newReading(t, &fakeReading{metadatos: rows}, finished(gateway.TipoMetadata))
	w := s.do(http.MethodGet, metadatosPath+".csv", "")
	if h := w.Header(); h.Get("Content-Type") != "text/csv; charset=utf-8; header=present" || h.Get("Content-Disposition") != `attachment; filename="metadatos-d-1.csv"` {
		t.Errorf("%v", h)
	}
	got, err := csv.NewReader(strings.NewReader(w.Body.String())).ReadAll()
	if err != nil {
		t.Fatalf("%v\n%s", err, w.Body)
	}
	empty := make([]string, 16)
	want := [][]string{
		strings.Split("uuid,rfcEmisor,nombreEmisor,rfcReceptor,nombreReceptor,rfcPac,fechaEmision,fechaCertificacionSat,monto,efectoComprobante,estatus,fechaCancelacion,rfcACuentaTerceros,nombreACuentaTerceros,extras,aviso,falla", ","),
		strings.Split("UUID,RFCEmisor,NombreEmisor,RFCReceptor,NombreReceptor,RFCPac,FechaEmision,FechaCertificacionSAT,Monto,EfectoComprobante,0,FechaCancelacion,RFCACuentaTerceros,NombreACuentaTerceros,a=1|b=2,Aviso,", ","),
		append(append([]string{}, empty...), "P_01: e.txt, fila 2: rota"),
		{"u", "", "Ñ & <hijos>", "", "", "", "", "", "", "", "1", "", "", "", "", "", ""},
		// encoding/csv reads CRLF within quotes as LF.
		{"u2", "", "'=HYPERLINK(\"x\")\nb", "", "'@a", "", "", "", "-1.50", "", "", "", "", "", "", "'-a", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(w.Body.String(), "falla\r\n") {
		t.Error("lines do not end as RFC 4180 has it")
	}
	if got := newReading(t, &fakeReading{}, finished(gateway.TipoMetadata)).do(http.MethodGet, metadatosPath+".csv", "").Body.String(); !strings.HasPrefix(got, "uuid,") || strings.Count(got, "\n") != 1 {
		t.Errorf("of nothing: %q", got)
	}
}

// What is inside a cell arrives byte for byte, whatever line breaks it has.
func TestCSV_WhenCellsHoldLineBreaksLeavesThemAlone(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"a\nb": "\"a\nb\"", "a\rb": "\"a\rb\"", "a\r\nb": "\"a\r\nb\"", "a\n": "\"a\n\"", "\r=1+1": "\"'\r=1+1\"", "\nb": "\"'\nb\"", "a,b": `"a,b"`,
		`"x" y`: `"""x"" y"`, " a": `" a"`, "\u00a0a": "\"\u00a0a\"", `\.`: `"\."`, "": "", "ñ": "ñ", "a;b": "a;b",
	} {
		m := cfdi.Metadato{UUID: "u", NombreReceptor: cell}
		s := newReading(t, &fakeReading{metadatos: []descargas.Line[cfdi.Metadato]{{Value: m}}}, finished(gateway.TipoMetadata))
		_, row, _ := strings.Cut(s.do(http.MethodGet, metadatosPath+".csv", "").Body.String(), "\r\n")
		if want := "u,,,," + want + ",,,,,,,,,,,,\r\n"; row != want {
			t.Errorf("%q is written %q, want %q", cell, row, want)
		}
	}
}

func TestCSV_WhenForASpreadsheetBeginsWithTheMark(t *testing.T) {
	t.Parallel()
	s := newReading(t, &fakeReading{metadatos: threeRows()}, finished(gateway.TipoMetadata))
	without := s.do(http.MethodGet, metadatosPath+".csv", "").Body.String()
	for query, want := range map[string]string{"?bom=true": "\xEF\xBB\xBF" + without, "?bom=false": without} {
		if got := s.do(http.MethodGet, metadatosPath+".csv"+query, "").Body.String(); got != want || !strings.HasPrefix(without, "uuid,") {
			t.Errorf("%s: %.20q", query, got)
		}
	}
}

func TestInert_LeavesWhatNoSpreadsheetRuns(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{"": "", "a=b": "a=b", "=1": "'=1", "+52": "+52", "-1.5": "-1.5", "-": "'-", "-1+2": "'-1+2", "+a": "'+a", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "\nx": "'\nx", "＝1+1": "'＝1+1", "＠x": "'＠x", "'x": "'x", "ñ": "ñ"} {
		if got := inert(cell); got != want {
			t.Errorf("%q becomes %q, want %q", cell, got, want)
		}
	}
}

func TestSummaries_WhenReadInEveryForm(t *testing.T) {
	t.Parallel()
	full := cfdi.Summary{}
	v := reflect.ValueOf(&full).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.String {
			f.SetString(v.Type().Field(i).Name)
		}
	}
	full.Complementos = []string{"Pagos", "CartaPorte"}
	rows := []descargas.Line[cfdi.Summary]{{Value: full}, {Falla: &cfdi.Falla{Entry: "x.xml", Detail: "rota"}}}
	s := newReading(t, &fakeReading{summaries: rows}, finished(gateway.TipoCFDI))
	const one = `{"uuid":"UUID","version":"Version","tipoComprobante":"Tipo","rfcEmisor":"RFCEmisor","nombreEmisor":"NombreEmisor","rfcReceptor":"RFCReceptor","nombreReceptor":"NombreReceptor",
		"fecha":"Fecha","fechaTimbrado":"FechaTimbrado","serie":"Serie","folio":"Folio","moneda":"Moneda","subTotal":"SubTotal","total":"Total","metodoPago":"MetodoPago","formaPago":"FormaPago",
		"complementos":["Pagos","CartaPorte"],"aviso":"Aviso"}`
	wantJSON(t, `{"cfdis":[`+one+`],"fallas":[{"paquete":"P_01","entrada":"x.xml","detalle":"rota"}]}`, s.do(http.MethodGet, cfdisPath, "").Body.String())
	lines := strings.Split(s.do(http.MethodGet, cfdisPath+".ndjson", "").Body.String(), "\n")
	wantJSON(t, one, lines[0])
	w := s.do(http.MethodGet, cfdisPath+".csv", "")
	const want = "uuid,version,tipoComprobante,rfcEmisor,nombreEmisor,rfcReceptor,nombreReceptor,fecha,fechaTimbrado,serie,folio,moneda,subTotal,total,metodoPago,formaPago,complementos,aviso,falla\r\n" +
		"UUID,Version,Tipo,RFCEmisor,NombreEmisor,RFCReceptor,NombreReceptor,Fecha,FechaTimbrado,Serie,Folio,Moneda,SubTotal,Total,MetodoPago,FormaPago,Pagos|CartaPorte,Aviso,\r\n" +
		",,,,,,,,,,,,,,,,,,P_01: x.xml: rota\r\n"
	if diff := cmp.Diff(want, w.Body.String()); diff != "" {
		t.Error(diff)
	}
}

// TestReading_WhenItIsNotTheWhole: a part is served only to who asks for a part.
func TestReading_WhenItIsNotTheWhole(t *testing.T) {
	t.Parallel()
	d := finished(gateway.TipoMetadata)
	s := newOfReading(t, &fakeReading{metadatos: threeRows()}, &d)
	for _, estado := range gateway.EstadosDescarga() {
		d.Estado, d.SiguienteIntento = estado, now().Add(time.Minute)
		whole := estado == gateway.DescargaTerminada || estado == gateway.DescargaVacia
		for _, form := range formsOf() {
			if w := s.do(http.MethodGet, metadatosPath+form+"?parcial=true", ""); w.Code != 200 {
				t.Errorf("%s as %s, in part: %d %s", estado, form, w.Code, w.Body)
			}
			w := s.do(http.MethodGet, metadatosPath+form+"?parcial=false", "")
			if whole {
				if w.Code != 200 {
					t.Errorf("%s as %s: %d %s", estado, form, w.Code, w.Body)
				}
				continue
			}
			p, retry := problem(t, w), w.Header().Get("Retry-After")
			if p.Status != 409 || p.Reintentable == estado.Final() || (retry == "60") == estado.Final() || !strings.Contains(p.Detail, "parcial=true") {
				t.Errorf("%s as %s: %+v, Retry-After %q", estado, form, p, retry)
			}
		}
	}
}

func TestReading_WhenTheDescargaHoldsAnotherThing(t *testing.T) {
	t.Parallel()
	recurrent := whole()
	recurrent.IDProgramacion = ""
	run := finished(gateway.TipoMetadata)
	run.IDProgramacion = "d-0"
	var d gateway.Descarga
	s := newOfReading(t, &fakeReading{}, &d)
	for name, tc := range map[string]struct {
		d      gateway.Descarga
		path   string
		detail string
	}{
		"metadata of CFDI":       {finished(gateway.TipoCFDI), metadatosPath, "/cfdis"},
		"CFDI of metadata":       {finished(gateway.TipoMetadata), cfdisPath, "/metadatos"},
		"one CFDI of metadata":   {finished(gateway.TipoMetadata), cfdisPath + "/5a3d7c1e-94b2-4f60-8e1d-2c7b6a905f43", "/metadatos"},
		"of a recurrent one":     {recurrent, metadatosPath, "idProgramacion=d-1"},
		"one CFDI of such a one": {recurrent, cfdisPath + "/5a3d7c1e-94b2-4f60-8e1d-2c7b6a905f43", "idProgramacion=d-1"},
	} {
		d = tc.d
		w := s.do(http.MethodGet, tc.path+partialOf(tc.path), "")
		if p := problem(t, w); p.Status != 409 || p.Reintentable || !strings.Contains(p.Detail, tc.detail) {
			t.Errorf("%s: %+v", name, p)
		}
	}
	d = run
	if w := s.do(http.MethodGet, metadatosPath, ""); w.Code != 200 {
		t.Errorf("a run: %d %s", w.Code, w.Body)
	}
}

// partialOf asks for a part where the route can.
func partialOf(path string) string {
	if strings.Count(path, "/") > strings.Count(cfdisPath, "/") {
		return ""
	}
	return "?parcial=true"
}

func TestReading_WhenItFailsBeforeTheFirstBlockItIsAProblem(t *testing.T) {
	t.Parallel()
	s := newReading(t, &fakeReading{metadatos: threeRows(), err: &gateway.Error{Kind: gateway.KindYaNoDisponible, Detail: "d"}}, finished(gateway.TipoMetadata))
	for _, form := range formsOf() {
		w := s.do(http.MethodGet, metadatosPath+form, "")
		if p := problem(t, w); p.Status != 410 || w.Header().Get("Content-Disposition") != "" {
			t.Errorf("as %s: %+v %v", form, p, w.Header())
		}
		w = s.do(http.MethodGet, metadatosPath+form+"?cursor=x", "")
		if p := problem(t, w); p.Status != 400 {
			t.Errorf("as %s: %+v", form, p)
		}
	}
}

// TestReading_WhenItFailsLaterTheConnectionIsCut goes over the wire: what the
// caller sees is the matter.
func TestReading_WhenItFailsLaterTheConnectionIsCut(t *testing.T) {
	t.Parallel()
	rows := make([]descargas.Line[cfdi.Metadato], 3000)
	for i := range rows {
		rows[i].Value = fullMetadato()
	}
	for _, form := range formsOf()[1:] {
		f := &fakeReading{metadatos: rows}
		server := httptest.NewServer(newReading(t, f, finished(gateway.TipoMetadata)))
		t.Cleanup(server.Close)
		read := func() (string, error) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+metadatosPath+form, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := server.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close() //nolint:errcheck // read only
			body, err := io.ReadAll(resp.Body)
			return string(body), err
		}
		if body, err := read(); err != nil || strings.Count(body, "NombreACuentaTerceros") < 3000 {
			t.Errorf("as %s, whole: %d bytes, %v", form, len(body), err)
		}
		f.err = errors.New("canario")
		if body, err := read(); err == nil || len(body) == 0 || strings.Contains(body, "canario") {
			t.Errorf("as %s, it ends as if it were whole: %d bytes", form, len(body))
		}
	}
}

// TestReading_WhenTheCallerGoesAwayNothingHasFailed: as with "| head", of which
// nobody who watches for failures wants to hear.
func TestReading_WhenTheCallerGoesAwayNothingHasFailed(t *testing.T) {
	t.Parallel()
	rows := make([]descargas.Line[cfdi.Metadato], 3000)
	for i := range rows {
		rows[i].Value = fullMetadato()
	}
	for _, gone := range []bool{false, true} {
		s := newReading(t, &fakeReading{metadatos: rows, err: context.Canceled}, finished(gateway.TipoMetadata))
		ctx, cancel := context.WithCancel(t.Context())
		if gone {
			cancel()
		}
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:8080"+metadatosPath+".csv", nil)
		func() {
			defer func() {
				if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // passed by identity
					t.Errorf("the answer ends as if it were whole: %v", p)
				}
			}()
			s.ServeHTTP(httptest.NewRecorder(), r)
		}()
		cancel()
		if told := strings.Contains(s.log.String(), "a reading failed"); told == gone {
			t.Errorf("gone %v, and the log tells of a failure: %v", gone, told)
		}
	}
}

// TestReading_WhenTheCallerCannotSeeACut: an answer of HTTP/1.0 ends when the
// connection does, so all is read before any is sent.
func TestReading_WhenTheCallerCannotSeeACut(t *testing.T) {
	t.Parallel()
	rows := make([]descargas.Line[cfdi.Metadato], 3000)
	for i := range rows {
		rows[i].Value = fullMetadato()
	}
	s := newReading(t, &fakeReading{metadatos: rows, err: errors.New("canario")}, finished(gateway.TipoMetadata))
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080"+metadatosPath+".ndjson", nil)
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.0", 1, 0
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if p := problem(t, w); p.Status != 500 {
		t.Errorf("%+v", p)
	}
}

func TestReading_WhenTheScopeIsAnothers(t *testing.T) {
	t.Parallel()
	s := newDescargas(t, &fakeDescargas{}, keyFor(apikeys.ScopeDescargas, apikeys.All))
	for _, path := range []string{metadatosPath, metadatosPath + ".csv", metadatosPath + ".ndjson", cfdisPath, cfdisPath + ".csv", cfdisPath + ".ndjson", cfdisPath + "/" + someUUID} {
		if p := problem(t, s.do(http.MethodGet, path, "", "Authorization", "Bearer x")); p.Status != 403 || !strings.Contains(p.Detail, apikeys.ScopePaquetes) {
			t.Errorf("%s: %+v", path, p)
		}
	}
}
