package tablero

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
	filtro    gateway.FiltroDescargas
}

func (l *libro) Descarga(_ context.Context, id string) (gateway.Descarga, error) {
	for _, d := range l.descargas {
		if d.ID == id {
			return d, l.err
		}
	}
	return gateway.Descarga{}, &gateway.Error{Kind: gateway.KindNoEncontrado, Detail: "No hay tal descarga."}
}

func (l *libro) Lista(_ context.Context, f gateway.FiltroDescargas) ([]gateway.Descarga, string, error) {
	l.filtro = f
	siguiente := ""
	if len(l.descargas) > f.Limite {
		siguiente = "2026-01-01T00:00:00.000000Z~otra"
	}
	return l.descargas[:min(len(l.descargas), f.Limite)], siguiente, l.err
}

func (l *libro) Cuenta(context.Context, gateway.FiltroDescargas) (map[gateway.EstadoDescarga]int, error) {
	out := map[gateway.EstadoDescarga]int{}
	for _, d := range l.descargas {
		out[d.Estado]++
	}
	return out, l.err
}

func (l *libro) Eventos(_ context.Context, _ string, despues int64, limite int) ([]gateway.EventoDescarga, error) {
	return l.eventos[despues:min(int(despues)+limite, len(l.eventos))], l.err
}

func (l *libro) UltimoEvento(context.Context, string) (int64, error) {
	return int64(len(l.eventos)), l.err
}

func (l *libro) Paquetes(_ context.Context, _, cursor string, limite int) ([]gateway.PaqueteDescarga, string, error) {
	desde, _ := strconv.Atoi(cursor)
	hasta, siguiente := min(len(l.paquetes), desde+limite), ""
	if hasta < len(l.paquetes) {
		siguiente = strconv.Itoa(hasta)
	}
	return l.paquetes[desde:hasta], siguiente, l.err
}

// ahora is noon of 21 July 2026 in central Mexico.
func ahora() time.Time { return time.Date(2026, 7, 21, 18, 0, 0, 0, time.UTC) }

func una(id string, estado gateway.EstadoDescarga) gateway.Descarga {
	d := gateway.Descarga{ID: id, Estado: estado, Creada: ahora().Add(-time.Hour), Limite: ahora().Add(71 * time.Hour), Peticion: gateway.PeticionDescarga{
		Solicitud: gateway.Solicitud{Servicio: gateway.CFDI, TipoDescarga: gateway.Emitidos, TipoSolicitud: gateway.TipoCFDI, RFCSolicitante: "PRU010101AB1",
			FechaInicial: "2026-01-01T00:00:00", FechaFinal: "2026-01-31T23:59:59"}}}
	if estado.Final() {
		d.Terminada = ahora().Add(-30 * time.Minute)
	}
	return d
}

// sirve starts the page over l; changes vary its configuration.
func sirve(t *testing.T, l Descargas, changes ...func(*Config)) http.Handler {
	t.Helper()
	cfg := Config{Descargas: l, DescribeCodigo: func(c string) string { return "significado de " + c }, DescribeEstado: func(c string) string { return "estado " + c },
		Now: ahora, Log: zerolog.Nop()}
	for _, c := range changes {
		c(&cfg)
	}
	h, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// visita gets a page as a browser would; headers are name and value in turn.
func visita(h http.Handler, method, url string, headers ...string) *httptest.ResponseRecorder {
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

// leida is a page that was there, with its source, its text and its nodes.
type leida struct {
	fuente, texto string
	doc           *html.Node
}

func lee(t *testing.T, h http.Handler, url string, status int) leida {
	t.Helper()
	resp := visita(h, http.MethodGet, url)
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
	return leida{string(whole), strings.Join(strings.Fields(b.String()), " "), doc}
}

func (p leida) quiere(t *testing.T, textos ...string) {
	t.Helper()
	for _, x := range textos {
		if !strings.Contains(p.texto, x) {
			t.Errorf("the page does not say %q: %s", x, p.texto)
		}
	}
}

func (p leida) sin(t *testing.T, textos ...string) {
	t.Helper()
	for _, x := range textos {
		if strings.Contains(p.fuente, x) {
			t.Errorf("the page has %q", x)
		}
	}
}

// todos returns the elements of a name.
func (p leida) todos(nombre string) []*html.Node {
	var out []*html.Node
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == nombre {
			out = append(out, n)
		}
	}
	return out
}

func attr(n *html.Node, nombre string) string {
	for _, a := range n.Attr {
		if a.Key == nombre {
			return a.Val
		}
	}
	return ""
}

func TestLista_WhenThereAreDescargasOfEveryState(t *testing.T) {
	t.Parallel()
	l := &libro{}
	for i, e := range gateway.EstadosDescarga() {
		d := una(fmt.Sprint("id-", i), e)
		d.Motivo = "Motivo de " + string(e) + "."
		d.Progreso = gateway.Progreso{Solicitudes: 3, SolicitudesTerminadas: 1, Paquetes: 12, PaquetesGuardados: 7, NumeroCFDIs: 1234567, Encontrados: 617283, Porcentaje: 41, Bytes: 2_500_000, Repetidos: 3, Fallas: 2}
		d.Cuota = gateway.Cuota{Solicitudes: 5, Descargas: 8}
		if !e.Final() {
			d.SiguienteIntento = ahora().Add(90 * time.Second)
		}
		l.descargas = append(l.descargas, d)
	}
	p := lee(t, sirve(t, l), "/descargas", http.StatusOK)
	for _, e := range gateway.EstadosDescarga() {
		p.quiere(t, nombreEstado(e), explicaEstado(e), "Motivo de "+string(e)+".", "1 "+nombreEstado(e))
		if explicaEstado(e) == "" {
			t.Errorf("%s is not explained", e)
		}
	}
	p.quiere(t, "10 todas", "CFDI emitidos · XML", "del 1 ene 2026 al 31 ene 2026", "41 % del trabajo", "617,283 de 1,234,567 comprobantes",
		"7 de 12 paquetes, 2.5 MB", "3 repetidos 2 entradas ilegibles", "5 solicitudes, 8 bajadas", "en 1 min", "21 jul 2026 12:01:30", "hace 30 min", "21 jul 2026 11:30:00")
	barras := map[string]string{}
	for _, b := range p.todos("progress") {
		barras[attr(b, "class")] = attr(b, "value")
	}
	// A full bar would say of a failed one that it is done; of a partial one too.
	for clase, valor := range map[string]string{"e-en_cola": "41", "e-descargando": "41", "e-terminada": "100", "e-parcial": "49", "e-cancelada": "49", "e-fallida": "", "e-vacia": "", "e-programada": ""} {
		if barras[clase] != valor {
			t.Errorf("the bar of %s is at %q, want %q", clase, barras[clase], valor)
		}
	}
}

func TestLista_WhenThereIsNothing(t *testing.T) {
	t.Parallel()
	p := lee(t, sirve(t, &libro{}), "/descargas", http.StatusOK)
	p.quiere(t, "Todavía no hay descargas.", "POST /v1/sat/descargas", "0 todas")
	lee(t, sirve(t, &libro{}), "/descargas?estado=fallida", http.StatusOK).quiere(t, "Ninguna descarga pasa por estos filtros.")
}

func TestLista_WhenFiltered(t *testing.T) {
	t.Parallel()
	l := &libro{}
	for i := range porPagina + 1 {
		l.descargas = append(l.descargas, una(fmt.Sprint("id-", i), gateway.DescargaParcial))
	}
	h := sirve(t, l)
	p := lee(t, h, "/descargas?rfc=%C3%B1%26p010101ab3+&estado=con_problemas&programacion=pro", http.StatusOK)
	if l.filtro.RFC != "Ñ&P010101AB3" || l.filtro.IDProgramacion != "pro" || fmt.Sprint(l.filtro.Estados) != "[parcial fallida]" || l.filtro.Limite != porPagina {
		t.Errorf("asked for %+v", l.filtro)
	}
	siguiente := ""
	for _, a := range p.todos("a") {
		if attr(a, "rel") == "next" {
			siguiente = attr(a, "href")
		}
	}
	if siguiente != "descargas?cursor=2026-01-01T00%3A00%3A00.000000Z~otra&estado=con_problemas&programacion=pro&rfc=%C3%91%26P010101AB3" {
		t.Errorf("the next page is %q", siguiente)
	}
	lee(t, h, "/"+siguiente, http.StatusOK).quiere(t, "Las más recientes")
	if l.filtro.RFC != "Ñ&P010101AB3" || l.filtro.Cursor != "2026-01-01T00:00:00.000000Z~otra" {
		t.Errorf("the next page asks for %+v", l.filtro)
	}
	for _, i := range p.todos("input") {
		if attr(i, "name") == "rfc" && attr(i, "value") != "Ñ&P010101AB3" {
			t.Errorf("the form says %q", attr(i, "value"))
		}
	}
	l.filtro = gateway.FiltroDescargas{}
	lee(t, h, "/descargas?estado=vivas", http.StatusOK)
	if fmt.Sprint(l.filtro.Estados) != "[programada en_cola solicitada en_proceso descargando]" {
		t.Errorf("alive are %v", l.filtro.Estados)
	}
	l.filtro = gateway.FiltroDescargas{}
	lee(t, h, "/descargas?rfc=nada", http.StatusOK).quiere(t, "No tiene la forma de un RFC")
	if l.filtro.Limite != 0 {
		t.Error("a text that is no RFC was looked for")
	}
}

func TestPagina_WhenTheAddressIsWrong(t *testing.T) {
	t.Parallel()
	h := sirve(t, &libro{descargas: []gateway.Descarga{una("una", gateway.DescargaTerminada)}})
	for url, status := range map[string]int{
		"/descargas?estado=otro": 400, "/descargas?rfc=A&rfc=B": 400, "/descargas?cursor=" + strings.Repeat("x", maxFiltro+1): 400,
		"/descargas?programacion=%00": 400, "/descargas?rfc=%ff": 400, "/descargas/%00": 400, "/descargas/una?paquetes=1&paquetes=2": 400,
		"/descargas/otra": 404, "/descargas/una?antes=x": 400, "/descargas/una?antes=-1": 400, "/descargas/una?solicitudes=0": 400,
		"/descargas/una?paquetes=" + strings.Repeat("x", maxFiltro+1): 400,
	} {
		p := lee(t, h, url, status)
		for _, a := range p.todos("a") {
			if href := attr(a, "href"); strings.Contains(href, "Zgotmpl") {
				t.Errorf("%s links to %s", url, href)
			}
		}
		p.quiere(t, "Ver todas las descargas")
	}
	if resp := visita(h, http.MethodGet, "/descargas/"); resp.Code != http.StatusPermanentRedirect || resp.Header().Get("Location") != "../descargas" {
		t.Errorf("status %d to %s", resp.Code, resp.Header().Get("Location"))
	}
}

func TestPagina_WhenTheDatabaseFailsItSaysSoAndTheLogWhy(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := sirve(t, &libro{err: errors.New("disk of host db7 is full")}, func(c *Config) { c.Log = zerolog.New(&log) })
	p := lee(t, h, "/descargas", http.StatusServiceUnavailable)
	p.quiere(t, "No se pudo leer la base de datos")
	p.sin(t, "db7")
	if !strings.Contains(log.String(), "db7") {
		t.Errorf("the log says %q", log.String())
	}
}

func TestPagina_WhenTextsAreHostile(t *testing.T) {
	t.Parallel()
	const malo = `"><script>alert(1)</script><img src=x onerror=alert(2)>`
	d := una("x", gateway.DescargaEnProceso)
	d.Motivo, d.Peticion.Clave, d.Peticion.Solicitud.RFCSolicitante, d.Peticion.Solicitud.RFCEmisor = malo, malo, malo, malo
	d.Solicitudes = []gateway.Tramo{{Numero: 1, Estado: gateway.TramoPresentada, Mensaje: malo, Decision: malo, CodEstatus: malo, IDSolicitud: malo, EstadoSolicitud: malo, Desde: malo, Hasta: malo}}
	l := &libro{descargas: []gateway.Descarga{d}, eventos: []gateway.EventoDescarga{{Numero: 1, Tipo: malo, Detalle: malo, Codigo: malo, Mensaje: malo}},
		paquetes: []gateway.PaqueteDescarga{{Paquete: gateway.Paquete{IDPaquete: malo}, Detalle: malo}}}
	h := sirve(t, l, func(c *Config) {
		c.EFirmas = func() ([]EFirma, error) { return []EFirma{{RFC: malo, Motivo: malo}}, nil }
		c.Webhooks = func(context.Context, int) ([]Webhook, error) { return []Webhook{{Host: malo, Pendientes: 1}}, nil }
	})
	for _, url := range []string{"/descargas", "/descargas/x", "/descargas?programacion=%22%3E%3Cscript%3E"} {
		p := lee(t, h, url, http.StatusOK)
		for _, s := range p.todos("script") {
			if !strings.HasSuffix(attr(s, "src"), "/recursos/tablero.js") || s.FirstChild != nil {
				t.Errorf("%s: a script that is not ours", url)
			}
		}
		if n := len(p.todos("img")); n != 0 {
			t.Errorf("%s: %d images", url, n)
		}
	}
	lee(t, h, "/descargas/x", http.StatusOK).quiere(t, malo)
}

// TestDetalle_WhenTheDeadlineIsNobodysItSaysUntilWhenTheSATIsAsked, and not otherwise.
func TestDetalle_WhenTheDeadlineIsNobodysItSaysUntilWhenTheSATIsAsked(t *testing.T) {
	t.Parallel()
	for _, sigue := range []time.Duration{0, 1000 * time.Hour} {
		d := una("x", gateway.DescargaEnProceso)
		d.Tope = d.Limite.Add(sigue)
		p := lee(t, sirve(t, &libro{descargas: []gateway.Descarga{d}}), "/descargas/x", http.StatusOK)
		if strings.Contains(p.texto, "por lo que el SAT ya aceptó se pregunta hasta el") != (sigue > 0) {
			t.Errorf("%s: %s", sigue, p.texto)
		}
	}
}
