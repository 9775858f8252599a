package integration

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/web/dashboard/chromiumtest"
)

// operatedGateway is a gateway with a descarga of every kind.
type operatedGateway struct {
	*gatewaytest.Gateway
	t *testing.T
	// ids by expected state.
	ids map[string]string
}

// month asks for a month, by which a test's descargas are distinguished, in faults too.
func month(rfc, tipo, first, last string, extra map[string]any) map[string]any {
	body := request(tipo, map[string]any{"rfcSolicitante": rfc, "fechaInicial": first + "T00:00:00", "fechaFinal": last + "T23:59:59"})
	maps.Copy(body, extra)
	return body
}

// until makes a descarga with these knobs and waits for the state.
func (o *operatedGateway) until(estado, name string, body, knobs map[string]any) {
	o.t.Helper()
	if err := o.Sandbox.Knobs().Change(knobs); err != nil {
		o.t.Fatal(err)
	}
	where := create(o.t, o.Gateway, body)
	o.ids[name] = path.Base(where)
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var d descarga
		r := o.Get(where)
		if r.JSON(o.t, &d); d.Estado == estado {
			return
		}
		if time.Now().After(end) {
			o.t.Fatalf("%s is not %s: %s\n%s", name, estado, r.Body, o.Get(where+"/eventos").Body)
		}
	}
}

func (o *operatedGateway) falla(f sandbox.Falla) {
	o.t.Helper()
	if _, err := o.Sandbox.Fallas().Add(f); err != nil {
		o.t.Fatal(err)
	}
}

// operate starts a gateway and makes one descarga of every kind.
func operate(t *testing.T) *operatedGateway {
	t.Helper()
	receptor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(receptor.Close)
	o := &operatedGateway{t: t, ids: map[string]string{}, Gateway: gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.Webhooks.Privados = true }})}
	// An incomplete e.firma folder.
	if err := os.Mkdir(filepath.Join(o.Config.EfirmaDir, "ROT010101AB1"), 0o700); err != nil {
		t.Fatal(err)
	}
	fast(t, o.Gateway, map[string]any{"cfdis_por_paquete": 120})
	wantStatus(t, o.Post(pathWebhooks, webhookRequest(map[string]any{"url": receptor.URL + "/avisos?token=canario-de-url"})), http.StatusCreated)

	o.falla(sandbox.Falla{Operacion: opVerify, Tipo: "codigo", Codigo: "5000", EstadoSolicitud: 5, CodigoEstadoSolicitud: "5004", Veces: 1})
	o.until("vacia", "vacia", month(gatewaytest.Persona, "CFDI", "2025-02-01", "2025-02-28", nil), nil)
	o.falla(sandbox.Falla{Operacion: opRecibidos, Tipo: "codigo", Codigo: "5002", Contiene: "2025-03-01"})
	o.until("fallida", "fallida", month(gatewaytest.Persona, "CFDI", "2025-03-01", "2025-03-31", map[string]any{"tipoDescarga": "recibidos"}), nil)
	o.until("parcial", "parcial", month(gatewaytest.Company, "CFDI", "2025-04-01", "2025-04-30", nil), map[string]any{"numero_de_mas": 90})
	o.until("terminada", "terminada", month(gatewaytest.CompanyOdd, "Metadata", "2025-05-01", "2025-05-31", nil), map[string]any{"numero_de_mas": 0})
	o.until("terminada", "partida", month(gatewaytest.Company, "CFDI", "2025-06-01", "2025-06-30", nil), map[string]any{"max_cfdi": 400})
	o.until("programada", "recurrente", map[string]any{"servicio": "cfdi", "rfcSolicitante": gatewaytest.Company, "tipoDescarga": "recibidos", "tipoSolicitud": "Metadata",
		"fechaInicial": "2026-01-01T00:00:00", "programacion": map[string]any{"hora": "04:00", "traslapeDias": 5}}, map[string]any{"max_cfdi": 200000})
	o.arrive("/descargas?programacion="+o.ids["recurrente"], "1 terminada")
	o.until("solicitada", "cancelada", month(gatewaytest.Persona, "CFDI", "2025-07-01", "2025-07-31", nil), map[string]any{"demora_aceptada": "100000h"})
	r, err := o.Do(http.MethodDelete, descargasPath+"/"+o.ids["cancelada"], nil)
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, r, http.StatusOK)
	o.until("solicitada", "solicitada", month(gatewaytest.CompanyOdd, "CFDI", "2025-08-01", "2025-08-31", nil), nil)
	o.until("en_proceso", "en_proceso", month(gatewaytest.Company, "Metadata", "2025-09-01", "2025-09-30", nil), map[string]any{"demora_aceptada": "1s", "demora_proceso": "100000h"})
	o.falla(sandbox.Falla{Operacion: opDescargar, Tipo: "codigo", Codigo: "404", Contiene: "_04", Mensaje: "Error no Controlado"})
	o.until("descargando", "descargando", month(gatewaytest.Company, "CFDI", "2025-10-01", "2025-10-31", nil), map[string]any{"demora_proceso": "1s"})
	// Wait until nothing moves: all packages but one are stored, and the webhook is
	// delivered.
	o.arrive("/descargas/"+o.ids["descargando"], "9 de 10 paquetes", "404 Error no controlado")
	o.arrive("/descargas", "webhook que falla:")
	return o
}

// arrive waits until a page has the text.
func (o *operatedGateway) arrive(path string, wants ...string) {
	o.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		_, text := o.page(path)
		if !slices.ContainsFunc(wants, func(x string) bool { return !strings.Contains(text, x) }) {
			return
		}
		if time.Now().After(end) {
			o.t.Fatalf("%s does not say %q: %s", path, wants, text)
		}
	}
}

// page gets a page of the admin listener and returns its source and its visible text, in
// one line.
func (o *operatedGateway) page(path string) (source, text string) {
	o.t.Helper()
	resp, err := http.Get(o.Admin + path)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	whole, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		o.t.Fatalf("%s: status %d, %v: %s", path, resp.StatusCode, err, whole)
	}
	doc, err := html.Parse(strings.NewReader(string(whole)))
	if err != nil {
		o.t.Fatal(err)
	}
	var b strings.Builder
	for n := range doc.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
	}
	return string(whole), strings.Join(strings.Fields(b.String()), " ")
}

func (o *operatedGateway) say(text string, wants ...string) {
	o.t.Helper()
	for _, x := range wants {
		if !strings.Contains(text, x) {
			o.t.Errorf("the page does not say %q: %s", x, text)
		}
	}
}

func TestDashboard_WhenThereAreDescargasOfEveryKind(t *testing.T) {
	t.Parallel()
	o := operate(t)
	source, text := o.page("/descargas")
	o.say(text, "11 todas", "1 programada", "1 solicitada", "1 en proceso", "1 descargando", "3 terminada", "1 vacía", "1 parcial", "1 fallida", "1 cancelada",
		"Ñ&P010101AB3 CFDI emitidos · metadatos del 1 may 2025 al 31 may 2025 terminada Todo lo que contó el SAT está guardado y se puede leer.",
		"faltan 90", "se agotaron las solicitudes de por vida", "cada día a las 04:00", "webhook que falla:", "ROT010101AB1 e.firma que no sirve: ")
	if strings.Contains(source, "canario") || strings.Contains(source, "/avisos") || strings.Contains(source, o.Config.EfirmaDir) {
		t.Error("the page shows a webhook's address, or a folder")
	}
	// The RFC that has to be escaped links to its own descargas only.
	_, text = o.page("/descargas?rfc=" + url.QueryEscape(gatewaytest.CompanyOdd))
	if o.say(text, "2 todas", "1 solicitada", "1 terminada"); strings.Contains(text, gatewaytest.Persona) {
		t.Error("another RFC's descargas are shown")
	}
	_, text = o.page("/descargas?estado=con_problemas")
	if o.say(text, "No hay nada guardado ni vendrá.", "faltan 90"); strings.Contains(text, "Todo lo que contó") {
		t.Error("descargas without problems are shown")
	}
	for name, wants := range map[string][]string{
		"vacia":       {"5 Rechazada", "5004 No se encontró la información", "No hubo paquetes."},
		"fallida":     {"#1 sustituida", "#2 fallida", "sustituye a #1", "5002 Se han agotado las solicitudes de por vida", "se le pidió del 1 mar 2025 al 1 abr 2025 00:00:00", "2 solicitudes y 0 bajadas"},
		"parcial":     {"3 Terminada", "faltan 90"},
		"terminada":   {"100 % de los comprobantes", "1 de 1 paquete", "paquete guardado", "guardado"},
		"partida":     {"#1 partida en dos", "5003 Tope máximo de elementos de la consulta", "mitad de #1", "mitad de #2", "#7 terminada"},
		"recurrente":  {"repasa 5 días", "Corridas", "del 1 ene 2026", "Siguiente corrida"},
		"cancelada":   {"cancelada", "Se canceló"},
		"solicitada":  {"1 Aceptada: en espera", "siguiente paso", "El SAT aún no nombra paquetes."},
		"en_proceso":  {"2 En proceso", "0 % del trabajo"},
		"descargando": {"_04", "por traer", "El SAT tuvo un error interno.", "404 Error no controlado: «Error no Controlado»", "9 de 10 paquetes"},
	} {
		source, text := o.page("/descargas/" + o.ids[name])
		o.say(text, wants...)
		for _, secret := range []string{"canario", "cfdi:Comprobante", "/v1/sat/cfdi/paquetes", "eyJ"} {
			if strings.Contains(source, secret) {
				t.Errorf("%s: the page holds %q", name, secret)
			}
		}
	}
	o.wholeLibro("partida")
	t.Run("served to whom", o.toWhom)
	t.Run("in a browser", o.inChromium)
}

// wholeLibro compares the ledger on the page with the API's.
func (o *operatedGateway) wholeLibro(name string) {
	o.t.Helper()
	var libro struct {
		Eventos []struct {
			Numero  int
			Detalle string
		}
	}
	o.Get(descargasPath+"/"+o.ids[name]+"/eventos").JSON(o.t, &libro)
	_, text := o.page("/descargas/" + o.ids[name])
	o.say(text, fmt.Sprintf("Libro %d", len(libro.Eventos)))
	for _, e := range libro.Eventos {
		o.say(text, strings.Join(strings.Fields(e.Detalle), " "))
	}
	if len(libro.Eventos) < 20 {
		o.t.Errorf("a ledger of %d lines", len(libro.Eventos))
	}
}

func (o *operatedGateway) toWhom(t *testing.T) {
	for _, c := range []struct {
		method, base, host string
		want               int
	}{
		{http.MethodGet, o.Admin, "", http.StatusOK},
		{http.MethodHead, o.Admin, "", http.StatusOK},
		{http.MethodPost, o.Admin, "", http.StatusMethodNotAllowed},
		{http.MethodDelete, o.Admin, "", http.StatusMethodNotAllowed},
		{http.MethodGet, o.Admin, "malo.example", http.StatusForbidden},
		{http.MethodGet, o.API, "", http.StatusNotFound}, // callers of the API have none
	} {
		req, err := http.NewRequest(c.method, c.base+"/descargas", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = c.host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close() //nolint:errcheck // not read
		if resp.StatusCode != c.want {
			t.Errorf("%s %s as %q: %d, want %d", c.method, c.base, c.host, resp.StatusCode, c.want)
		}
	}
	resp, err := http.Get(o.Admin + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close() //nolint:errcheck // not read
	if resp.StatusCode != http.StatusOK || resp.Request.URL.Path != "/descargas" {
		t.Errorf("/ leads to %s: %d", resp.Request.URL.Path, resp.StatusCode)
	}
}

// inChromium checks the page under its own policy, and takes the pictures if requested.
func (o *operatedGateway) inChromium(t *testing.T) {
	for _, path := range []string{"/descargas", "/descargas/" + o.ids["partida"], "/descargas/" + o.ids["descargando"], "/descargas/" + o.ids["recurrente"], "/descargas?rfc=nada"} {
		dom, said := chromiumtest.DOM(t, o.Admin+path, 7*time.Second)
		if len(said) != 0 || !strings.Contains(dom, "</html>") {
			t.Errorf("%s: the console says %q", path, said)
		}
	}
	dir := os.Getenv("PASARELA_CAPTURAS")
	if dir == "" {
		return
	}
	chromiumtest.Shot(t, o.Admin+"/descargas", filepath.Join(dir, "descargas.png"), 1180, 1690)
	chromiumtest.Shot(t, o.Admin+"/descargas", filepath.Join(dir, "descargas-oscuro.png"), 1180, 1690, "--force-dark-mode")
	phone := o.phone(t)
	chromiumtest.Shot(t, phone+"?/descargas", filepath.Join(dir, "descargas-telefono.png"), 500, 1600)
	for _, name := range slices.Sorted(maps.Keys(o.ids)) {
		chromiumtest.Shot(t, o.Admin+"/descargas/"+o.ids[name], filepath.Join(dir, "descarga-"+name+".png"), 1180, 1600)
	}
	chromiumtest.Shot(t, o.Admin+"/descargas/"+o.ids["partida"], filepath.Join(dir, "descarga-oscuro.png"), 1180, 1600, "--force-dark-mode")
	chromiumtest.Shot(t, phone+"?/descargas/"+o.ids["descargando"], filepath.Join(dir, "descarga-telefono.png"), 500, 1600)
}

// phone shows a page as wide as a telephone's, in a frame: a window has at least 500
// pixels, and the page otherwise refuses to be framed.
func (o *operatedGateway) phone(t *testing.T) string {
	admin, err := url.Parse(o.Admin)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(admin) }, ModifyResponse: func(r *http.Response) error {
		r.Header.Del("X-Frame-Options")
		r.Header.Set("Content-Security-Policy", strings.Replace(r.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'", "", 1))
		return nil
	}}
	mux := http.NewServeMux()
	mux.Handle("/", proxy)
	mux.HandleFunc("/telefono", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, `<body style="margin:0;background:#999"><iframe style="border:0;width:390px;height:1600px" src="`+r.URL.RawQuery+`"></iframe>`) //nolint:errcheck // the browser is gone
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/telefono"
}
