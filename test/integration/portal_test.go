package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/pasarela-mx/pasarela/api"
	"github.com/pasarela-mx/pasarela/docs"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/tablero/chromiumtest"
)

// visita stands between the browser and a gateway: it adds to the pages' scripts
// what a reader does, since the browser is driven by its command line alone.
type visita struct {
	// guion is added to a script, by its name.
	guion map[string]string
	// enMarco lets pages be framed, which they forbid.
	enMarco bool
	// sinGuiones takes scripts out of the pages.
	sinGuiones bool
	// oye is told of every request to the gateway; nil for nobody.
	oye func(*http.Request)
	// ve is told what a page's script has seen, one at a time.
	ve func(visto)
}

// ante starts it before a gateway, below a path of its own, as a proxy may.
func (l visita) ante(t *testing.T, api string) string {
	t.Helper()
	destino, err := url.Parse(api)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(destino)
		r.Out.Host = r.In.Host // what the browser's Origin is held against
		if l.oye != nil {
			l.oye(r.In)
		}
		r.Out.Header.Del("Accept-Encoding")
		r.Out.Header.Del("If-None-Match") // what is altered is no longer what it names
	}, ModifyResponse: l.altera}
	mux := http.NewServeMux()
	mux.Handle("/pasarela/", http.StripPrefix("/pasarela", proxy))
	mux.HandleFunc("/telefono", l.telefono)
	// A script that asks again and again waits here.
	mux.HandleFunc("/pausa", func(http.ResponseWriter, *http.Request) { time.Sleep(100 * time.Millisecond) })
	mux.HandleFunc("/vio", func(w http.ResponseWriter, r *http.Request) {
		var v visto
		if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		l.ve(v)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func (l visita) altera(r *http.Response) error {
	cuerpo, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if l.sinGuiones {
		cuerpo = regexp.MustCompile(`<script[^>]*></script>|</?noscript>`).ReplaceAll(cuerpo, nil)
	}
	if l.enMarco {
		r.Header.Del("X-Frame-Options")
		r.Header.Set("Content-Security-Policy", strings.Replace(r.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'", "", 1))
	}
	cuerpo = append(cuerpo, l.guion[filepath.Base(r.Request.URL.Path)]...)
	r.Body = io.NopCloser(bytes.NewReader(cuerpo))
	r.Header.Set("Content-Length", strconv.Itoa(len(cuerpo)))
	return nil
}

// telefono shows the pages of its query side by side, each as wide as a telephone,
// and says in its title which of them are wider than that.
func (l visita) telefono(w http.ResponseWriter, r *http.Request) {
	var b strings.Builder
	b.WriteString(`<body style="margin:0;background:#999">`)
	for _, ruta := range r.URL.Query()["ruta"] {
		b.WriteString(`<iframe style="border:0;width:360px;height:` + r.URL.Query().Get("alto") + `px" src="/pasarela` + html.EscapeString(ruta) + `"></iframe>`)
	}
	b.WriteString(`<script>setTimeout(() => { document.title = "anchas:" + [...document.querySelectorAll("iframe")].map((f) => [f.getAttribute("src"),
		f.contentDocument.documentElement]).filter(([, d]) => d.scrollWidth > 360 || !d.querySelector("h1")).map(([src, d]) => src + " " + d.scrollWidth).join(); }, 13000)</script>`)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, b.String()) //nolint:errcheck // the browser is gone
}

// guiasDelPortal are the addresses of the guides.
func guiasDelPortal(t *testing.T) []string {
	t.Helper()
	var rutas []string
	for _, patron := range []string{"*.md", "*/*.md"} {
		archivos, err := fs.Glob(docs.Paginas, patron)
		if err != nil || len(archivos) < 4 {
			t.Fatalf("%s: %d pages: %v", patron, len(archivos), err)
		}
		for _, a := range archivos {
			rutas = append(rutas, "/docs/guias/"+strings.ReplaceAll(strings.TrimSuffix(a, ".md"), "/", "-"))
		}
	}
	return rutas
}

// prueba is a reader who tries GET /v1/efirmas in the reference, with a key in the
// end where one is given. What the page then says goes into the document.
const prueba = `;
const espera = (que) => new Promise((ok) => { const t = setInterval(() => { const x = que(); if (x) { clearInterval(t); ok(x); } }, 50); });
const vio = [];
(async () => {
  const op = await espera(() => document.querySelector('[id^="operations-"][id$="-listarEfirmas"]'));
  op.querySelector(".opblock-summary-control").click();
  (await espera(() => op.querySelector(".try-out__btn"))).click();
  const envia = async (distinto) => {
    (await espera(() => op.querySelector(".execute"))).click();
    const status = await espera(() => { const s = op.querySelector(".live-responses-table .response .response-col_status"); return s && s.textContent.trim() !== distinto && s; });
    vio.push({ status: status.textContent.trim(), cuerpo: op.querySelector(".live-responses-table .microlight").textContent, direccion: op.querySelector(".request-url").textContent });
    return status.textContent.trim();
  };
  const primero = await envia("");
  if (clave) {
    document.querySelector(".scheme-container .authorize").click();
    const campo = await espera(() => document.querySelector(".modal-ux input"));
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(campo, clave);
    campo.dispatchEvent(new Event("input", { bubbles: true }));
    document.querySelector(".modal-ux .auth.authorize").click();
    (await espera(() => document.querySelector(".modal-ux .btn-done"))).click();
    await envia(primero);
  }
  vio.push({ guardado: localStorage.length + sessionStorage.length, direccion: location.href, texto: document.getElementById("referencia").innerText });
  document.documentElement.dataset.vio = JSON.stringify(vio);
})();`

// visto is what prueba has seen.
type visto struct {
	Op, Status, Cuerpo, Direccion, Texto string
	Guardado, Alto                       int
	Rojo, Fin                            bool
}

func leVio(t *testing.T, dom string) []visto {
	t.Helper()
	m := regexp.MustCompile(`data-vio="([^"]*)"`).FindStringSubmatch(dom)
	if m == nil {
		t.Fatalf("the reader came to no end:\n%s", dom[:min(len(dom), 3000)])
	}
	var v []visto
	if err := json.Unmarshal([]byte(html.UnescapeString(m[1])), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// delNavegador are the hosts of the browser's own maker, whom it calls whatever it
// shows.
var delNavegador = regexp.MustCompile(`\.(google|googleapis|gvt1)\.com(:443)?$`)

// escucha is a proxy for everything that is not this machine: it writes down what
// a page asks of anybody else.
func escucha(t *testing.T) (flag string, oido func() []string) {
	t.Helper()
	var mu sync.Mutex
	var todo []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if !delNavegador.MatchString(r.Host) {
			todo = append(todo, r.Method+" "+r.Host)
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(server.Close)
	return "--proxy-server=" + server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(todo)
	}
}

func TestPortal_WhenTheReferenceIsOpenedItShowsEveryOperationAndTriesOne(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	sitio := visita{guion: map[string]string{"referencia.js": ";const clave = '';" + prueba}}.ante(t, g.API)
	flag, oido := escucha(t)
	dom, dicho := chromiumtest.DOM(t, sitio+"/pasarela/docs/api", 20*time.Second, flag)
	if len(dicho) != 0 {
		t.Errorf("the console says %q", dicho)
	}
	if otros := oido(); len(otros) != 0 {
		t.Errorf("the browser asked %q", otros)
	}
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			if n++; !strings.Contains(dom, "-"+op.OperationID+`"`) {
				t.Errorf("%s is not shown", op.OperationID)
			}
		}
	}
	if got := strings.Count(dom, `class="opblock opblock-`); got != n {
		t.Errorf("%d operations are shown, of %d", got, n)
	}
	v := leVio(t, dom)
	if v[0].Status != "200" || !strings.Contains(v[0].Cuerpo, `"rfc": "`+gatewaytest.Empresa+`"`) || !strings.Contains(v[0].Direccion, sitio+"/pasarela/v1/efirmas") {
		t.Errorf("the answer is shown as %+v", v[0])
	}
	for _, ingles := range []string{"Try it out", "Cancel", "Execute", "Authorize", "Parameters", "Responses", "Response body", "Server response", "Example Value", "No parameters", "Media type", "Request URL"} {
		if regexp.MustCompile(`\b` + ingles + `\b`).MatchString(v[1].Texto) {
			t.Errorf("the page says %q", ingles)
		}
	}
	// Against an ear that hears nothing.
	ajena := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, `<img src="http://otro.example/x.png">`) //nolint:errcheck // the browser is gone
	}))
	defer ajena.Close()
	if chromiumtest.DOM(t, ajena.URL, time.Second, flag); !slices.Contains(oido(), "GET otro.example") {
		t.Errorf("a page that asks elsewhere was not noticed: %q", oido())
	}
}

func TestPortal_WhenTheGatewayAsksForKeysTheReferenceSendsTheOneItIsGiven(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	clave := keys.add(t, "erp", []string{gatewaytest.Persona}, "efirmas:leer")
	sitio := visita{guion: map[string]string{"referencia.js": fmt.Sprintf(";const clave = %q;", clave) + prueba}}.ante(t, r.API)
	dom, dicho := chromiumtest.DOM(t, sitio+"/pasarela/docs/api", 20*time.Second)
	if len(dicho) != 0 {
		t.Errorf("the console says %q", dicho)
	}
	v := leVio(t, dom)
	if len(v) != 3 || v[0].Status != "401" || !strings.Contains(v[0].Cuerpo, "no-autenticado") {
		t.Fatalf("without a key: %+v", v)
	}
	if v[1].Status != "200" || !strings.Contains(v[1].Cuerpo, gatewaytest.Persona) || strings.Contains(v[1].Cuerpo, gatewaytest.Empresa+`"`) {
		t.Errorf("with the key: %+v", v[1])
	}
	if v[2].Guardado != 0 || strings.Contains(v[2].Direccion, clave) {
		t.Errorf("the key is kept: %d, %s", v[2].Guardado, v[2].Direccion)
	}
	if strings.Contains(r.Log(), clave) {
		t.Error("the key is in the log")
	}
}

// camina follows a guide from the start, a link of it, and says where that led. It
// goes in a frame: the browser's own time stops when its window goes elsewhere.
const camina = `;
const paso = (a) => setTimeout(() => a.click(), 200);
if (location.pathname.endsWith("/docs")) paso(document.querySelector('.mapa a[href$="guias/primeros-pasos"]'));
else if (location.pathname.endsWith("/primeros-pasos")) paso(document.querySelector('.prosa a[href="errores#datos-invalidos"]'));
else setTimeout(() => { const t = document.querySelector(":target"); parent.document.documentElement.dataset.llego = location.pathname + location.hash + " " +
  (t && Math.abs(t.getBoundingClientRect().top) < 60 ? "a la vista" : "lejos"); }, 500);
const lineas = [...document.querySelectorAll(".prosa pre")].map((p) => p.textContent).join("");
document.documentElement.dataset.copiar = document.querySelectorAll(".codigo .copiar").length + " de " + document.querySelectorAll(".prosa pre").length;
document.documentElement.dataset.propias = lineas.includes("http://127.0.0.1:8080") ? "no" : "si";`

func TestPortal_WhenAGuideIsReadItsLinksLeadOn(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	sitio := visita{enMarco: true, guion: map[string]string{"portal.js": camina}}.ante(t, g.API)
	dom, dicho := chromiumtest.DOM(t, sitio+"/telefono?alto=700&ruta=/docs", 12*time.Second)
	if len(dicho) != 0 || !strings.Contains(dom, `data-llego="/pasarela/docs/guias/errores#datos-invalidos a la vista"`) {
		t.Errorf("the console says %q, and the reader is at %q", dicho, dom[:min(len(dom), 3000)])
	}
	dom, _ = chromiumtest.DOM(t, sitio+"/pasarela/docs/guias/descargas", 3*time.Second)
	if m := regexp.MustCompile(`data-copiar="(\d+) de (\d+)"`).FindStringSubmatch(dom); m == nil || m[1] != m[2] || m[1] == "0" {
		t.Errorf("buttons: %q", m)
	}
	// Lines to paste name the gateway that shows them.
	if !strings.Contains(dom, `data-propias="si"`) || !strings.Contains(dom, sitio+"/pasarela/v1/sat/descargas") {
		t.Error("lines to paste name another gateway")
	}
}

func TestPortal_WhenThereAreNoScriptsTheGuidesAreWhole(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	sitio := visita{sinGuiones: true}.ante(t, g.API)
	for ruta, quiere := range map[string][]string{
		"/docs":               {`href="docs/api"`, `href="docs/guias/primeros-pasos"`, "Pedir una descarga durable"},
		"/docs/guias/errores": {`<h3 id="conflicto">`, `href="#conflicto"`, `aria-current="page">Errores`, "<details id=\"indice\" open"},
		"/docs/api":           {"hace falta JavaScript", "openapi.yaml"},
	} {
		dom, dicho := chromiumtest.DOM(t, sitio+"/pasarela"+ruta, time.Second)
		for _, x := range quiere {
			if !strings.Contains(dom, x) {
				t.Errorf("%s lacks %s:\n%s", ruta, x, dom[:min(len(dom), 2000)])
			}
		}
		if len(dicho) != 0 || strings.Contains(dom, "<script") {
			t.Errorf("%s: the console says %q", ruta, dicho)
		}
	}
}

func TestPortal_WhenTheScreenIsATelephonesNothingSticksOut(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	abre := `;setTimeout(() => document.querySelector('[id$="-crearDescarga"] .opblock-summary-control').click(), 2500);`
	sitio := visita{enMarco: true, guion: map[string]string{"referencia.js": abre}}.ante(t, g.API)
	consulta := url.Values{"alto": {"700"}, "ruta": append(guiasDelPortal(t), "/docs", "/docs/api", "/docs/buscar?q=solicitud", "/docs/nada")}
	dom, dicho := chromiumtest.DOM(t, sitio+"/telefono?"+consulta.Encode(), 15*time.Second)
	if !strings.Contains(dom, "<title>anchas:</title>") {
		t.Errorf("%s", regexp.MustCompile(`<title>.*?</title>`).FindString(dom))
	}
	if len(dicho) != 0 {
		t.Errorf("the console says %q", dicho)
	}
}

// TestPortal_Capturas takes the pictures of the pages where somebody wants them.
func TestPortal_Capturas(t *testing.T) {
	dir := os.Getenv("PASARELA_CAPTURAS")
	if dir == "" {
		t.Skip("PASARELA_CAPTURAS is not set")
	}
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	const arriba = `;espera(() => document.documentElement.dataset.vio).then(() => {
		document.querySelectorAll(".opblock-tag-section").forEach((s) => { if (!s.querySelector(".is-open.opblock")) s.querySelector(".opblock-tag").click(); });
		setTimeout(() => scrollTo(0, 0), 500); });`
	guion := map[string]string{"referencia.js": ";const clave = '';" + prueba + arriba}
	sitio := visita{guion: guion}.ante(t, g.API)
	telefono := visita{guion: guion, enMarco: true}.ante(t, g.API) + "/telefono?alto=1600&ruta="
	espera := "--virtual-time-budget=20000"
	probados := []paso{{Op: "crearSolicitud", Abierta: true}, {Op: "descargarPaquete", Abierta: true, Escribe: map[string]string{"idPaquete": "05E4038D-6F1B-4C0E-9A57-1D2F83B6C9E4_01"}}}
	solo := func(op string) string {
		return `;setInterval(() => { const op = document.querySelector('[id$="-` + op + `"]'); if (op) { document.querySelectorAll(".opblock").forEach((o) => { o.hidden = o !== op; });
			document.querySelectorAll(".opblock-tag-section").forEach((s) => { s.hidden = !s.contains(op); }); } }, 200);`
	}
	conFalla := guionDe(t, probados[1])
	conFalla["referencia.js"] += solo("descargarPaquete")
	conExito := guionDe(t, probados[0])
	conExito["referencia.js"] += solo("crearSolicitud")
	falla := visita{guion: conFalla, enMarco: true, ve: func(visto) {}}.ante(t, g.API)
	exito := visita{guion: conExito, enMarco: true, ve: func(visto) {}}.ante(t, g.API)
	for _, c := range []struct {
		nombre, url   string
		ancho, alto   int
		claroYdeNoche bool
	}{
		{"docs", sitio + "/pasarela/docs/api", 1180, 1800, true},
		{"guia", sitio + "/pasarela/docs/guias/primeros-pasos", 1300, 1500, true},
		{"portada", sitio + "/pasarela/docs", 1180, 1500, true},
		{"errores", sitio + "/pasarela/docs/guias/errores", 1300, 1800, false},
		{"buscar", sitio + "/pasarela/docs/buscar?q=e.firma+vencida", 1180, 900, false},
		{"exito", exito + "/pasarela/docs/api", 1180, 4500, true},
		{"falla", falla + "/pasarela/docs/api", 1180, 4500, true},
		{"exito-telefono", exito + "/telefono?alto=5000&ruta=/docs/api", 500, 5000, true},
		{"falla-telefono", falla + "/telefono?alto=5000&ruta=/docs/api", 500, 5000, true},
		{"docs-telefono", telefono + "/docs/api", 500, 1600, false},
		{"guia-telefono", telefono + "/docs/guias/primeros-pasos", 500, 1600, false},
		{"errores-telefono", telefono + "/docs/guias/errores", 500, 1600, false},
		{"portada-telefono", telefono + "/docs", 500, 1600, false},
	} {
		chromiumtest.Shot(t, c.url, filepath.Join(dir, c.nombre+".png"), c.ancho, c.alto, espera)
		if c.claroYdeNoche {
			chromiumtest.Shot(t, c.url, filepath.Join(dir, c.nombre+"-oscuro.png"), c.ancho, c.alto, espera, "--blink-settings=preferredColorScheme=0")
		}
	}
}
