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
	"github.com/pasarela-mx/pasarela/internal/web/dashboard/chromiumtest"
)

// visit stands between the browser and a gateway. It adds a reader's actions to the
// pages' scripts, because the browser is driven by its command line alone.
type visit struct {
	// dash is added to a script, by its name.
	dash map[string]string
	// inFrame lets pages be framed, which they forbid.
	inFrame bool
	// withoutDashes takes scripts out of the pages.
	withoutDashes bool
	// hear is called for every request to the gateway; may be nil.
	hear func(*http.Request)
	// ve receives what a page's script has seen, one report at a time.
	ve func(shown)
}

// before starts it before a gateway, below a path of its own, as a proxy may.
func (l visit) before(t *testing.T, api string) string {
	t.Helper()
	target, err := url.Parse(api)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // what the browser's Origin is held against
		if l.hear != nil {
			l.hear(r.In)
		}
		r.Out.Header.Del("Accept-Encoding")
		r.Out.Header.Del("If-None-Match") // what is altered is no longer what it names
	}, ModifyResponse: l.alter}
	mux := http.NewServeMux()
	mux.Handle("/pasarela/", http.StripPrefix("/pasarela", proxy))
	mux.HandleFunc("/telefono", l.phone)
	// A script that polls waits here.
	mux.HandleFunc("/pausa", func(http.ResponseWriter, *http.Request) { time.Sleep(100 * time.Millisecond) })
	mux.HandleFunc("/vio", func(w http.ResponseWriter, r *http.Request) {
		var v shown
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

func (l visit) alter(r *http.Response) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if l.withoutDashes {
		body = regexp.MustCompile(`<script[^>]*></script>|</?noscript>`).ReplaceAll(body, nil)
	}
	if l.inFrame {
		r.Header.Del("X-Frame-Options")
		r.Header.Set("Content-Security-Policy", strings.Replace(r.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'", "", 1))
	}
	body = append(body, l.dash[filepath.Base(r.Request.URL.Path)]...)
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}

// phone shows the pages of its query side by side, each as wide as a telephone,
// and says in its title which of them are wider than that.
func (l visit) phone(w http.ResponseWriter, r *http.Request) {
	var b strings.Builder
	b.WriteString(`<body style="margin:0;background:#999">`)
	for _, path := range r.URL.Query()["ruta"] {
		b.WriteString(`<iframe style="border:0;width:360px;height:` + r.URL.Query().Get("alto") + `px" src="/pasarela` + html.EscapeString(path) + `"></iframe>`)
	}
	b.WriteString(`<script>setTimeout(() => { document.title = "anchas:" + [...document.querySelectorAll("iframe")].map((f) => [f.getAttribute("src"),
		f.contentDocument.documentElement]).filter(([, d]) => d.scrollWidth > 360 || !d.querySelector("h1")).map(([src, d]) => src + " " + d.scrollWidth).join(); }, 13000)</script>`)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, b.String()) //nolint:errcheck // the browser is gone
}

// portalGuides are the addresses of the guides.
func portalGuides(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, pattern := range []string{"*.md", "*/*.md"} {
		files, err := fs.Glob(docs.Pages, pattern)
		if err != nil || len(files) < 4 {
			t.Fatalf("%s: %d pages: %v", pattern, len(files), err)
		}
		for _, a := range files {
			paths = append(paths, "/docs/guias/"+strings.ReplaceAll(strings.TrimSuffix(a, ".md"), "/", "-"))
		}
	}
	return paths
}

// trial is a reader who tries GET /v1/efirmas in the reference, finally with a key if one
// is given. The page's texts go into the document.
const trial = `;
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

// shown is what trial has seen.
type shown struct {
	Op, Status, Cuerpo, Direccion, Texto string
	Guardado, Alto                       int
	Rojo, Fin                            bool
}

func sawIt(t *testing.T, dom string) []shown {
	t.Helper()
	m := regexp.MustCompile(`data-vio="([^"]*)"`).FindStringSubmatch(dom)
	if m == nil {
		t.Fatalf("the reader came to no end:\n%s", dom[:min(len(dom), 3000)])
	}
	var v []shown
	if err := json.Unmarshal([]byte(html.UnescapeString(m[1])), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// ofBrowser are the hosts of the browser's maker, which it calls whatever page it shows.
var ofBrowser = regexp.MustCompile(`\.(google|googleapis|gvt1)\.com(:443)?$`)

// listen is a proxy for every host but this machine: it records what a page requests
// elsewhere.
func listen(t *testing.T) (flag string, heard func() []string) {
	t.Helper()
	var mu sync.Mutex
	var all []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if !ofBrowser.MatchString(r.Host) {
			all = append(all, r.Method+" "+r.Host)
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(server.Close)
	return "--proxy-server=" + server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

func TestPortal_WhenTheReferenceIsOpenedItShowsEveryOperationAndTriesOne(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	site := visit{dash: map[string]string{"referencia.js": ";const clave = '';" + trial}}.before(t, g.API)
	flag, heard := listen(t)
	dom, said := chromiumtest.DOM(t, site+"/pasarela/docs/api", 20*time.Second, flag)
	if len(said) != 0 {
		t.Errorf("the console says %q", said)
	}
	if other := heard(); len(other) != 0 {
		t.Errorf("the browser asked %q", other)
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
	v := sawIt(t, dom)
	if v[0].Status != "200" || !strings.Contains(v[0].Cuerpo, `"rfc": "`+gatewaytest.Company+`"`) || !strings.Contains(v[0].Direccion, site+"/pasarela/v1/efirmas") {
		t.Errorf("the answer is shown as %+v", v[0])
	}
	for _, english := range []string{"Try it out", "Cancel", "Execute", "Authorize", "Parameters", "Responses", "Response body", "Server response", "Example Value", "No parameters", "Media type", "Request URL"} {
		if regexp.MustCompile(`\b` + english + `\b`).MatchString(v[1].Texto) {
			t.Errorf("the page says %q", english)
		}
	}
	// Proof that the proxy hears something.
	foreign := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, `<img src="http://otro.example/x.png">`) //nolint:errcheck // the browser is gone
	}))
	defer foreign.Close()
	if chromiumtest.DOM(t, foreign.URL, time.Second, flag); !slices.Contains(heard(), "GET otro.example") {
		t.Errorf("a page that asks elsewhere was not noticed: %q", heard())
	}
}

func TestPortal_WhenTheGatewayAsksForKeysTheReferenceSendsTheOneItIsGiven(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	key := keys.add(t, "erp", []string{gatewaytest.Persona}, "efirmas:leer")
	site := visit{dash: map[string]string{"referencia.js": fmt.Sprintf(";const clave = %q;", key) + trial}}.before(t, r.API)
	dom, said := chromiumtest.DOM(t, site+"/pasarela/docs/api", 20*time.Second)
	if len(said) != 0 {
		t.Errorf("the console says %q", said)
	}
	v := sawIt(t, dom)
	if len(v) != 3 || v[0].Status != "401" || !strings.Contains(v[0].Cuerpo, "no-autenticado") {
		t.Fatalf("without a key: %+v", v)
	}
	if v[1].Status != "200" || !strings.Contains(v[1].Cuerpo, gatewaytest.Persona) || strings.Contains(v[1].Cuerpo, gatewaytest.Company+`"`) {
		t.Errorf("with the key: %+v", v[1])
	}
	if v[2].Guardado != 0 || strings.Contains(v[2].Direccion, key) {
		t.Errorf("the key is kept: %d, %s", v[2].Guardado, v[2].Direccion)
	}
	if strings.Contains(r.Log(), key) {
		t.Error("the key is in the log")
	}
}

// walk follows a link of a guide and reports where it led. It uses a frame, because the
// browser's virtual time stops when its window navigates.
const walk = `;
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
	site := visit{inFrame: true, dash: map[string]string{"portal.js": walk}}.before(t, g.API)
	dom, said := chromiumtest.DOM(t, site+"/telefono?alto=700&ruta=/docs", 12*time.Second)
	if len(said) != 0 || !strings.Contains(dom, `data-llego="/pasarela/docs/guias/errores#datos-invalidos a la vista"`) {
		t.Errorf("the console says %q, and the reader is at %q", said, dom[:min(len(dom), 3000)])
	}
	dom, _ = chromiumtest.DOM(t, site+"/pasarela/docs/guias/descargas", 3*time.Second)
	if m := regexp.MustCompile(`data-copiar="(\d+) de (\d+)"`).FindStringSubmatch(dom); m == nil || m[1] != m[2] || m[1] == "0" {
		t.Errorf("buttons: %q", m)
	}
	// Lines to paste name the gateway that shows them.
	if !strings.Contains(dom, `data-propias="si"`) || !strings.Contains(dom, site+"/pasarela/v1/sat/descargas") {
		t.Error("lines to paste name another gateway")
	}
}

func TestPortal_WhenThereAreNoScriptsTheGuidesAreWhole(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	site := visit{withoutDashes: true}.before(t, g.API)
	for path, wants := range map[string][]string{
		"/docs":               {`href="docs/api"`, `href="docs/guias/primeros-pasos"`, "Pedir una descarga durable"},
		"/docs/guias/errores": {`<h3 id="conflicto">`, `href="#conflicto"`, `aria-current="page">Errores`, "<details id=\"indice\" open"},
		"/docs/api":           {"hace falta JavaScript", "openapi.yaml"},
	} {
		dom, said := chromiumtest.DOM(t, site+"/pasarela"+path, time.Second)
		for _, x := range wants {
			if !strings.Contains(dom, x) {
				t.Errorf("%s lacks %s:\n%s", path, x, dom[:min(len(dom), 2000)])
			}
		}
		if len(said) != 0 || strings.Contains(dom, "<script") {
			t.Errorf("%s: the console says %q", path, said)
		}
	}
}

func TestPortal_WhenTheScreenIsATelephonesNothingSticksOut(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	open := `;setTimeout(() => document.querySelector('[id$="-crearDescarga"] .opblock-summary-control').click(), 2500);`
	site := visit{inFrame: true, dash: map[string]string{"referencia.js": open}}.before(t, g.API)
	query := url.Values{"alto": {"700"}, "ruta": append(portalGuides(t), "/docs", "/docs/api", "/docs/buscar?q=solicitud", "/docs/nada")}
	dom, said := chromiumtest.DOM(t, site+"/telefono?"+query.Encode(), 15*time.Second)
	if !strings.Contains(dom, "<title>anchas:</title>") {
		t.Errorf("%s", regexp.MustCompile(`<title>.*?</title>`).FindString(dom))
	}
	if len(said) != 0 {
		t.Errorf("the console says %q", said)
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
	const above = `;espera(() => document.documentElement.dataset.vio).then(() => {
		document.querySelectorAll(".opblock-tag-section").forEach((s) => { if (!s.querySelector(".is-open.opblock")) s.querySelector(".opblock-tag").click(); });
		setTimeout(() => scrollTo(0, 0), 500); });`
	dash := map[string]string{"referencia.js": ";const clave = '';" + trial + above}
	site := visit{dash: dash}.before(t, g.API)
	phone := visit{dash: dash, inFrame: true}.before(t, g.API) + "/telefono?alto=1600&ruta="
	wait := "--virtual-time-budget=20000"
	tried := []step{{Op: "crearSolicitud", Abierta: true}, {Op: "descargarPaquete", Abierta: true, Escribe: map[string]string{"idPaquete": "05E4038D-6F1B-4C0E-9A57-1D2F83B6C9E4_01"}}}
	only := func(op string) string {
		return `;setInterval(() => { const op = document.querySelector('[id$="-` + op + `"]'); if (op) { document.querySelectorAll(".opblock").forEach((o) => { o.hidden = o !== op; });
			document.querySelectorAll(".opblock-tag-section").forEach((s) => { s.hidden = !s.contains(op); }); } }, 200);`
	}
	withFalla := dashOf(t, tried[1])
	withFalla["referencia.js"] += only("descargarPaquete")
	withSuccess := dashOf(t, tried[0])
	withSuccess["referencia.js"] += only("crearSolicitud")
	falla := visit{dash: withFalla, inFrame: true, ve: func(shown) {}}.before(t, g.API)
	success := visit{dash: withSuccess, inFrame: true, ve: func(shown) {}}.before(t, g.API)
	for _, c := range []struct {
		name, url     string
		width, height int
		byDayAndNight bool
	}{
		{"docs", site + "/pasarela/docs/api", 1180, 1800, true},
		{"guia", site + "/pasarela/docs/guias/primeros-pasos", 1300, 1500, true},
		{"portada", site + "/pasarela/docs", 1180, 1500, true},
		{"errores", site + "/pasarela/docs/guias/errores", 1300, 1800, false},
		{"buscar", site + "/pasarela/docs/buscar?q=e.firma+vencida", 1180, 900, false},
		{"exito", success + "/pasarela/docs/api", 1180, 4500, true},
		{"falla", falla + "/pasarela/docs/api", 1180, 4500, true},
		{"exito-telefono", success + "/telefono?alto=5000&ruta=/docs/api", 500, 5000, true},
		{"falla-telefono", falla + "/telefono?alto=5000&ruta=/docs/api", 500, 5000, true},
		{"docs-telefono", phone + "/docs/api", 500, 1600, false},
		{"guia-telefono", phone + "/docs/guias/primeros-pasos", 500, 1600, false},
		{"errores-telefono", phone + "/docs/guias/errores", 500, 1600, false},
		{"portada-telefono", phone + "/docs", 500, 1600, false},
	} {
		chromiumtest.Shot(t, c.url, filepath.Join(dir, c.name+".png"), c.width, c.height, wait)
		if c.byDayAndNight {
			chromiumtest.Shot(t, c.url, filepath.Join(dir, c.name+"-oscuro.png"), c.width, c.height, wait, "--blink-settings=preferredColorScheme=0")
		}
	}
}
