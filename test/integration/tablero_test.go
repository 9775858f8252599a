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
	"github.com/pasarela-mx/pasarela/internal/tablero/chromiumtest"
)

// operacion is a gateway with a descarga of every kind, as an operator may find it.
type operacion struct {
	*gatewaytest.Gateway
	t *testing.T
	// ids by what is to become of them.
	ids map[string]string
}

// mes asks for a month, which tells the descargas of a test apart, also in faults.
func mes(rfc, tipo, primero, ultimo string, extra map[string]any) map[string]any {
	body := peticion(tipo, map[string]any{"rfcSolicitante": rfc, "fechaInicial": primero + "T00:00:00", "fechaFinal": ultimo + "T23:59:59"})
	maps.Copy(body, extra)
	return body
}

// hasta makes a descarga under these knobs and waits until it is in the state.
func (o *operacion) hasta(estado, nombre string, body, perillas map[string]any) {
	o.t.Helper()
	if err := o.Sandbox.Perillas().Cambia(perillas); err != nil {
		o.t.Fatal(err)
	}
	ruta := crea(o.t, o.Gateway, body)
	o.ids[nombre] = path.Base(ruta)
	for fin := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var d descarga
		r := o.Get(ruta)
		if r.JSON(o.t, &d); d.Estado == estado {
			return
		}
		if time.Now().After(fin) {
			o.t.Fatalf("%s is not %s: %s\n%s", nombre, estado, r.Body, o.Get(ruta+"/eventos").Body)
		}
	}
}

func (o *operacion) falla(f sandbox.Falla) {
	o.t.Helper()
	if _, err := o.Sandbox.Fallas().Agrega(f); err != nil {
		o.t.Fatal(err)
	}
}

// opera starts a gateway and makes one descarga of every kind.
func opera(t *testing.T) *operacion {
	t.Helper()
	receptor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(receptor.Close)
	o := &operacion{t: t, ids: map[string]string{}, Gateway: gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.Webhooks.Privados = true }})}
	// An e.firma that somebody has begun to bring.
	if err := os.Mkdir(filepath.Join(o.Config.EfirmaDir, "ROT010101AB1"), 0o700); err != nil {
		t.Fatal(err)
	}
	rapido(t, o.Gateway, map[string]any{"cfdis_por_paquete": 120})
	wantStatus(t, o.Post(rutaWebhooks, peticionWebhook(map[string]any{"url": receptor.URL + "/avisos?token=canario-de-url"})), http.StatusCreated)

	o.falla(sandbox.Falla{Operacion: opVerifica, Tipo: "codigo", Codigo: "5000", EstadoSolicitud: 5, CodigoEstadoSolicitud: "5004", Veces: 1})
	o.hasta("vacia", "vacia", mes(gatewaytest.Persona, "CFDI", "2025-02-01", "2025-02-28", nil), nil)
	o.falla(sandbox.Falla{Operacion: opRecibidos, Tipo: "codigo", Codigo: "5002", Contiene: "2025-03-01"})
	o.hasta("fallida", "fallida", mes(gatewaytest.Persona, "CFDI", "2025-03-01", "2025-03-31", map[string]any{"tipoDescarga": "recibidos"}), nil)
	o.hasta("parcial", "parcial", mes(gatewaytest.Empresa, "CFDI", "2025-04-01", "2025-04-30", nil), map[string]any{"numero_de_mas": 90})
	o.hasta("terminada", "terminada", mes(gatewaytest.EmpresaRara, "Metadata", "2025-05-01", "2025-05-31", nil), map[string]any{"numero_de_mas": 0})
	o.hasta("terminada", "partida", mes(gatewaytest.Empresa, "CFDI", "2025-06-01", "2025-06-30", nil), map[string]any{"max_cfdi": 400})
	o.hasta("programada", "recurrente", map[string]any{"servicio": "cfdi", "rfcSolicitante": gatewaytest.Empresa, "tipoDescarga": "recibidos", "tipoSolicitud": "Metadata",
		"fechaInicial": "2026-01-01T00:00:00", "programacion": map[string]any{"hora": "04:00", "traslapeDias": 5}}, map[string]any{"max_cfdi": 200000})
	o.llega("/descargas?programacion="+o.ids["recurrente"], "1 terminada")
	o.hasta("solicitada", "cancelada", mes(gatewaytest.Persona, "CFDI", "2025-07-01", "2025-07-31", nil), map[string]any{"demora_aceptada": "100000h"})
	r, err := o.Do(http.MethodDelete, descargasPath+"/"+o.ids["cancelada"], nil)
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, r, http.StatusOK)
	o.hasta("solicitada", "solicitada", mes(gatewaytest.EmpresaRara, "CFDI", "2025-08-01", "2025-08-31", nil), nil)
	o.hasta("en_proceso", "en_proceso", mes(gatewaytest.Empresa, "Metadata", "2025-09-01", "2025-09-30", nil), map[string]any{"demora_aceptada": "1s", "demora_proceso": "100000h"})
	o.falla(sandbox.Falla{Operacion: opDescargar, Tipo: "codigo", Codigo: "404", Contiene: "_04", Mensaje: "Error no Controlado"})
	o.hasta("descargando", "descargando", mes(gatewaytest.Empresa, "CFDI", "2025-10-01", "2025-10-31", nil), map[string]any{"demora_proceso": "1s"})
	// What still moves comes to rest: all packages but one, and the webhook.
	o.llega("/descargas/"+o.ids["descargando"], "9 de 10 paquetes", "404 Error no controlado")
	o.llega("/descargas", "webhook que falla:")
	return o
}

// llega waits until a page says so.
func (o *operacion) llega(ruta string, quiere ...string) {
	o.t.Helper()
	for fin := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		_, texto := o.pagina(ruta)
		if !slices.ContainsFunc(quiere, func(x string) bool { return !strings.Contains(texto, x) }) {
			return
		}
		if time.Now().After(fin) {
			o.t.Fatalf("%s does not say %q: %s", ruta, quiere, texto)
		}
	}
}

// pagina gets a page of the admin listener and returns its source and what a
// reader sees of it, in one line.
func (o *operacion) pagina(ruta string) (fuente, texto string) {
	o.t.Helper()
	resp, err := http.Get(o.Admin + ruta)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	whole, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		o.t.Fatalf("%s: status %d, %v: %s", ruta, resp.StatusCode, err, whole)
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

func (o *operacion) dice(texto string, quiere ...string) {
	o.t.Helper()
	for _, x := range quiere {
		if !strings.Contains(texto, x) {
			o.t.Errorf("the page does not say %q: %s", x, texto)
		}
	}
}

func TestTablero_WhenThereAreDescargasOfEveryKind(t *testing.T) {
	t.Parallel()
	o := opera(t)
	fuente, texto := o.pagina("/descargas")
	o.dice(texto, "11 todas", "1 programada", "1 solicitada", "1 en proceso", "1 descargando", "3 terminada", "1 vacía", "1 parcial", "1 fallida", "1 cancelada",
		"Ñ&P010101AB3 CFDI emitidos · metadatos del 1 may 2025 al 31 may 2025 terminada Todo lo que contó el SAT está guardado y se puede leer.",
		"faltan 90", "se agotaron las solicitudes de por vida", "cada día a las 04:00", "webhook que falla:", "ROT010101AB1 e.firma que no sirve: ")
	if strings.Contains(fuente, "canario") || strings.Contains(fuente, "/avisos") || strings.Contains(fuente, o.Config.EfirmaDir) {
		t.Error("the page shows a webhook's address, or a folder")
	}
	// The RFC that has to be escaped leads to its own, and to them alone.
	_, texto = o.pagina("/descargas?rfc=" + url.QueryEscape(gatewaytest.EmpresaRara))
	if o.dice(texto, "2 todas", "1 solicitada", "1 terminada"); strings.Contains(texto, gatewaytest.Persona) {
		t.Error("another RFC's descargas are shown")
	}
	_, texto = o.pagina("/descargas?estado=con_problemas")
	if o.dice(texto, "No hay nada guardado ni vendrá.", "faltan 90"); strings.Contains(texto, "Todo lo que contó") {
		t.Error("descargas without problems are shown")
	}
	for nombre, quiere := range map[string][]string{
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
		fuente, texto := o.pagina("/descargas/" + o.ids[nombre])
		o.dice(texto, quiere...)
		for _, secreto := range []string{"canario", "cfdi:Comprobante", "/v1/sat/cfdi/paquetes", "eyJ"} {
			if strings.Contains(fuente, secreto) {
				t.Errorf("%s: the page holds %q", nombre, secreto)
			}
		}
	}
	o.libroEntero("partida")
	t.Run("served to whom", o.aQuien)
	t.Run("in a browser", o.enChromium)
}

// libroEntero holds the ledger on the page against the API's.
func (o *operacion) libroEntero(nombre string) {
	o.t.Helper()
	var libro struct {
		Eventos []struct {
			Numero  int
			Detalle string
		}
	}
	o.Get(descargasPath+"/"+o.ids[nombre]+"/eventos").JSON(o.t, &libro)
	_, texto := o.pagina("/descargas/" + o.ids[nombre])
	o.dice(texto, fmt.Sprintf("Libro %d", len(libro.Eventos)))
	for _, e := range libro.Eventos {
		o.dice(texto, strings.Join(strings.Fields(e.Detalle), " "))
	}
	if len(libro.Eventos) < 20 {
		o.t.Errorf("a ledger of %d lines", len(libro.Eventos))
	}
}

func (o *operacion) aQuien(t *testing.T) {
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

// enChromium holds the page against its own policy, and takes the pictures where
// somebody wants them.
func (o *operacion) enChromium(t *testing.T) {
	for _, ruta := range []string{"/descargas", "/descargas/" + o.ids["partida"], "/descargas/" + o.ids["descargando"], "/descargas/" + o.ids["recurrente"], "/descargas?rfc=nada"} {
		dom, dicho := chromiumtest.DOM(t, o.Admin+ruta, 7*time.Second)
		if len(dicho) != 0 || !strings.Contains(dom, "</html>") {
			t.Errorf("%s: the console says %q", ruta, dicho)
		}
	}
	dir := os.Getenv("PASARELA_CAPTURAS")
	if dir == "" {
		return
	}
	chromiumtest.Shot(t, o.Admin+"/descargas", filepath.Join(dir, "descargas.png"), 1180, 1690)
	chromiumtest.Shot(t, o.Admin+"/descargas", filepath.Join(dir, "descargas-oscuro.png"), 1180, 1690, "--force-dark-mode")
	telefono := o.telefono(t)
	chromiumtest.Shot(t, telefono+"?/descargas", filepath.Join(dir, "descargas-telefono.png"), 500, 1600)
	for _, nombre := range slices.Sorted(maps.Keys(o.ids)) {
		chromiumtest.Shot(t, o.Admin+"/descargas/"+o.ids[nombre], filepath.Join(dir, "descarga-"+nombre+".png"), 1180, 1600)
	}
	chromiumtest.Shot(t, o.Admin+"/descargas/"+o.ids["partida"], filepath.Join(dir, "descarga-oscuro.png"), 1180, 1600, "--force-dark-mode")
	chromiumtest.Shot(t, telefono+"?/descargas/"+o.ids["descargando"], filepath.Join(dir, "descarga-telefono.png"), 500, 1600)
}

// telefono shows a page as wide as a telephone's, in a frame: a window is 500
// pixels wide at least, and the page refuses to be framed otherwise.
func (o *operacion) telefono(t *testing.T) string {
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
