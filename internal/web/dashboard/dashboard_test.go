package dashboard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/html"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// libro keeps descargas in memory, and says what it was asked for.
type libro struct {
	descargas []gateway.Descarga
	eventos   []gateway.EventoDescarga
	paquetes  []gateway.PaqueteDescarga
	err       error
	filter    gateway.DescargasFilter
}

func (l *libro) Descarga(_ context.Context, id string) (gateway.Descarga, error) {
	for _, d := range l.descargas {
		if d.ID == id {
			return d, l.err
		}
	}
	return gateway.Descarga{}, &gateway.Error{Kind: gateway.KindNoEncontrado, Detail: "No hay tal descarga."}
}

func (l *libro) List(_ context.Context, f gateway.DescargasFilter) ([]gateway.Descarga, string, error) {
	l.filter = f
	next := ""
	if len(l.descargas) > f.Limit {
		next = "2026-01-01T00:00:00.000000Z~otra"
	}
	return l.descargas[:min(len(l.descargas), f.Limit)], next, l.err
}

func (l *libro) Count(context.Context, gateway.DescargasFilter) (map[gateway.EstadoDescarga]int, error) {
	out := map[gateway.EstadoDescarga]int{}
	for _, d := range l.descargas {
		out[d.Estado]++
	}
	return out, l.err
}

func (l *libro) Eventos(_ context.Context, _ string, after int64, limit int) ([]gateway.EventoDescarga, error) {
	return l.eventos[after:min(int(after)+limit, len(l.eventos))], l.err
}

func (l *libro) LastEvento(context.Context, string) (int64, error) {
	return int64(len(l.eventos)), l.err
}

func (l *libro) Paquetes(_ context.Context, _, cursor string, limit int) ([]gateway.PaqueteDescarga, string, error) {
	since, _ := strconv.Atoi(cursor)
	until, next := min(len(l.paquetes), since+limit), ""
	if until < len(l.paquetes) {
		next = strconv.Itoa(until)
	}
	return l.paquetes[since:until], next, l.err
}

// now is noon of 21 July 2026 in central Mexico.
func now() time.Time { return time.Date(2026, 7, 21, 18, 0, 0, 0, time.UTC) }

func one(id string, estado gateway.EstadoDescarga) gateway.Descarga {
	d := gateway.Descarga{ID: id, Estado: estado, Created: now().Add(-time.Hour), Limit: now().Add(71 * time.Hour), Request: gateway.PeticionDescarga{
		Solicitud: gateway.Solicitud{Servicio: gateway.CFDI, TipoDescarga: gateway.Emitidos, TipoSolicitud: gateway.TipoCFDI, RFCSolicitante: "PRU010101AB1",
			FechaInicial: "2026-01-01T00:00:00", FechaFinal: "2026-01-31T23:59:59"}}}
	if estado.Final() {
		d.Finished = now().Add(-30 * time.Minute)
	}
	return d
}

// serve starts the page over l; changes vary its configuration.
func serve(t *testing.T, l Descargas, changes ...func(*Config)) http.Handler {
	t.Helper()
	cfg := Config{Descargas: l, Now: now, Log: zerolog.Nop()}
	for _, c := range changes {
		c(&cfg)
	}
	h, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// visit gets a page as a browser would; headers are name and value in turn.
func visit(h http.Handler, method, url string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, url, nil)
	r.Host = "127.0.0.1:9090"
	for i := 0; i+1 < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// readPage is a page that was there, with its source, its text and its nodes.
type readPage struct {
	source, text string
	doc          *html.Node
}

func read(t *testing.T, h http.Handler, url string, status int) readPage {
	t.Helper()
	resp := visit(h, http.MethodGet, url)
	whole := resp.Body.Bytes()
	if resp.Code != status {
		t.Fatalf("%s: status %d: %s", url, resp.Code, whole)
	}
	doc, err := html.Parse(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range doc.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
	}
	return readPage{string(whole), strings.Join(strings.Fields(b.String()), " "), doc}
}

func (p readPage) wants(t *testing.T, texts ...string) {
	t.Helper()
	for _, x := range texts {
		if !strings.Contains(p.text, x) {
			t.Errorf("the page does not say %q: %s", x, p.text)
		}
	}
}

func (p readPage) without(t *testing.T, texts ...string) {
	t.Helper()
	for _, x := range texts {
		if strings.Contains(p.source, x) {
			t.Errorf("the page has %q", x)
		}
	}
}

// all returns the elements of a name.
func (p readPage) all(name string) []*html.Node {
	var out []*html.Node
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			out = append(out, n)
		}
	}
	return out
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func TestList_WhenThereAreDescargasOfEveryState(t *testing.T) {
	t.Parallel()
	l := &libro{}
	for i, e := range gateway.EstadosDescarga() {
		d := one(fmt.Sprint("id-", i), e)
		d.Motivo = "Motivo de " + string(e) + "."
		d.Progreso = gateway.Progreso{Solicitudes: 3, SolicitudesTerminadas: 1, Paquetes: 12, PaquetesGuardados: 7, NumeroCFDIs: 1234567, Found: 617283, Percentage: 41, Bytes: 2_500_000, Repeated: 3, Fallas: 2}
		d.Cuota = gateway.Cuota{Solicitudes: 5, Descargas: 8}
		if !e.Final() {
			d.SiguienteIntento = now().Add(90 * time.Second)
		}
		l.descargas = append(l.descargas, d)
	}
	p := read(t, serve(t, l), "/descargas", http.StatusOK)
	for _, e := range gateway.EstadosDescarga() {
		p.wants(t, estadoName(e), explainEstado(e), "Motivo de "+string(e)+".", "1 "+estadoName(e))
		if explainEstado(e) == "" {
			t.Errorf("%s is not explained", e)
		}
	}
	p.wants(t, "10 todas", "CFDI emitidos · XML", "del 1 ene 2026 al 31 ene 2026", "41 % del trabajo", "617,283 de 1,234,567 comprobantes",
		"7 de 12 paquetes, 2.5 MB", "3 repetidos 2 entradas ilegibles", "5 solicitudes, 8 bajadas", "en 1 min", "21 jul 2026 12:01:30", "hace 30 min", "21 jul 2026 11:30:00")
	bars := map[string]string{}
	for _, b := range p.all("progress") {
		bars[attr(b, "class")] = attr(b, "value")
	}
	// A full bar would say of a failed one that it is done; of a partial one too.
	for class, value := range map[string]string{"e-en_cola": "41", "e-descargando": "41", "e-terminada": "100", "e-parcial": "49", "e-cancelada": "49", "e-fallida": "", "e-vacia": "", "e-programada": ""} {
		if bars[class] != value {
			t.Errorf("the bar of %s is at %q, want %q", class, bars[class], value)
		}
	}
}

func TestList_WhenThereIsNothing(t *testing.T) {
	t.Parallel()
	p := read(t, serve(t, &libro{}), "/descargas", http.StatusOK)
	p.wants(t, "Todavía no hay descargas.", "POST /v1/sat/descargas", "0 todas")
	read(t, serve(t, &libro{}), "/descargas?estado=fallida", http.StatusOK).wants(t, "Ninguna descarga pasa por estos filtros.")
}

func TestList_WhenFiltered(t *testing.T) {
	t.Parallel()
	l := &libro{}
	for i := range perPage + 1 {
		l.descargas = append(l.descargas, one(fmt.Sprint("id-", i), gateway.DescargaParcial))
	}
	h := serve(t, l)
	p := read(t, h, "/descargas?rfc=%C3%B1%26p010101ab3+&estado=con_problemas&programacion=pro", http.StatusOK)
	if l.filter.RFC != "Ñ&P010101AB3" || l.filter.IDProgramacion != "pro" || fmt.Sprint(l.filter.Estados) != "[parcial fallida]" || l.filter.Limit != perPage {
		t.Errorf("asked for %+v", l.filter)
	}
	next := ""
	for _, a := range p.all("a") {
		if attr(a, "rel") == "next" {
			next = attr(a, "href")
		}
	}
	if next != "descargas?cursor=2026-01-01T00%3A00%3A00.000000Z~otra&estado=con_problemas&programacion=pro&rfc=%C3%91%26P010101AB3" {
		t.Errorf("the next page is %q", next)
	}
	read(t, h, "/"+next, http.StatusOK).wants(t, "Las más recientes")
	if l.filter.RFC != "Ñ&P010101AB3" || l.filter.Cursor != "2026-01-01T00:00:00.000000Z~otra" {
		t.Errorf("the next page asks for %+v", l.filter)
	}
	for _, i := range p.all("input") {
		if attr(i, "name") == "rfc" && attr(i, "value") != "Ñ&P010101AB3" {
			t.Errorf("the form says %q", attr(i, "value"))
		}
	}
	l.filter = gateway.DescargasFilter{}
	read(t, h, "/descargas?estado=vivas", http.StatusOK)
	if fmt.Sprint(l.filter.Estados) != "[programada en_cola solicitada en_proceso descargando]" {
		t.Errorf("alive are %v", l.filter.Estados)
	}
	l.filter = gateway.DescargasFilter{}
	read(t, h, "/descargas?rfc=nada", http.StatusOK).wants(t, "No tiene la forma de un RFC")
	if l.filter.Limit != 0 {
		t.Error("a text that is no RFC was looked for")
	}
}

func TestPage_WhenTheAddressIsWrong(t *testing.T) {
	t.Parallel()
	h := serve(t, &libro{descargas: []gateway.Descarga{one("una", gateway.DescargaTerminada)}})
	for url, status := range map[string]int{
		"/descargas?estado=otro": 400, "/descargas?rfc=A&rfc=B": 400, "/descargas?cursor=" + strings.Repeat("x", maxFilter+1): 400,
		"/descargas?programacion=%00": 400, "/descargas?rfc=%ff": 400, "/descargas/%00": 400, "/descargas/una?paquetes=1&paquetes=2": 400,
		"/descargas/otra": 404, "/descargas/una?antes=x": 400, "/descargas/una?antes=-1": 400, "/descargas/una?solicitudes=0": 400,
		"/descargas/una?paquetes=" + strings.Repeat("x", maxFilter+1): 400,
	} {
		p := read(t, h, url, status)
		for _, a := range p.all("a") {
			if href := attr(a, "href"); strings.Contains(href, "Zgotmpl") {
				t.Errorf("%s links to %s", url, href)
			}
		}
		p.wants(t, "Ver todas las descargas")
	}
	if resp := visit(h, http.MethodGet, "/descargas/"); resp.Code != http.StatusPermanentRedirect || resp.Header().Get("Location") != "../descargas" {
		t.Errorf("status %d to %s", resp.Code, resp.Header().Get("Location"))
	}
}

func TestPage_WhenTheDatabaseFailsItSaysSoAndTheLogWhy(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := serve(t, &libro{err: errors.New("disk of host db7 is full")}, func(c *Config) { c.Log = zerolog.New(&log) })
	p := read(t, h, "/descargas", http.StatusServiceUnavailable)
	p.wants(t, "No se pudo leer la base de datos")
	p.without(t, "db7")
	if !strings.Contains(log.String(), "db7") {
		t.Errorf("the log says %q", log.String())
	}
}

func TestPage_WhenTextsAreHostile(t *testing.T) {
	t.Parallel()
	const bad = `"><script>alert(1)</script><img src=x onerror=alert(2)>`
	d := one("x", gateway.DescargaEnProceso)
	d.Motivo, d.Request.Clave, d.Request.Solicitud.RFCSolicitante, d.Request.Solicitud.RFCEmisor = bad, bad, bad, bad
	d.Solicitudes = []gateway.Tramo{{Number: 1, Estado: gateway.TramoPresentada, Mensaje: bad, Decision: bad, CodEstatus: bad, IDSolicitud: bad, EstadoSolicitud: bad, Since: bad, Until: bad}}
	l := &libro{descargas: []gateway.Descarga{d}, eventos: []gateway.EventoDescarga{{Number: 1, Tipo: bad, Detalle: bad, Codigo: bad, Mensaje: bad}},
		paquetes: []gateway.PaqueteDescarga{{Paquete: gateway.Paquete{IDPaquete: bad}, Detalle: bad}}}
	h := serve(t, l, func(c *Config) {
		c.EFirmas = func() ([]EFirma, error) { return []EFirma{{RFC: bad, Motivo: bad}}, nil }
		c.Webhooks = func(context.Context, int) ([]Webhook, error) { return []Webhook{{Host: bad, Pending: 1}}, nil }
	})
	for _, url := range []string{"/descargas", "/descargas/x", "/descargas?programacion=%22%3E%3Cscript%3E"} {
		p := read(t, h, url, http.StatusOK)
		for _, s := range p.all("script") {
			if !strings.HasSuffix(attr(s, "src"), "/recursos/tablero.js") || s.FirstChild != nil {
				t.Errorf("%s: a script that is not ours", url)
			}
		}
		if n := len(p.all("img")); n != 0 {
			t.Errorf("%s: %d images", url, n)
		}
	}
	read(t, h, "/descargas/x", http.StatusOK).wants(t, bad)
}

// TestDetail_WhenTheDeadlineIsNobodysItSaysUntilWhenTheSATIsAsked, and not otherwise.
func TestDetail_WhenTheDeadlineIsNobodysItSaysUntilWhenTheSATIsAsked(t *testing.T) {
	t.Parallel()
	for _, follow := range []time.Duration{0, 1000 * time.Hour} {
		d := one("x", gateway.DescargaEnProceso)
		d.Ceiling = d.Limit.Add(follow)
		p := read(t, serve(t, &libro{descargas: []gateway.Descarga{d}}), "/descargas/x", http.StatusOK)
		if strings.Contains(p.text, "por lo que el SAT ya aceptó se pregunta hasta el") != (follow > 0) {
			t.Errorf("%s: %s", follow, p.text)
		}
	}
}
