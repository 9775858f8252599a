package portal

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/getkin/kin-openapi/openapi3"
	"golang.org/x/net/html"

	"github.com/pasarela-mx/pasarela/api"
	"github.com/pasarela-mx/pasarela/docs"
)

// leido is the contract, read once for all tests: under the race detector that is
// most of what they take.
var leido = sync.OnceValues(func() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData(api.Spec) })

func contrato(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := leido()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

var hecho = sync.OnceValues(func() (http.Handler, error) {
	doc, err := leido()
	if err != nil {
		return nil, err
	}
	return New(doc, docs.Paginas)
})

// nuevo is the portal of the real pages, the same for all tests.
func nuevo(t *testing.T) http.Handler {
	t.Helper()
	h, err := hecho()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func pide(h http.Handler, ruta string, encabezados ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080"+ruta, nil)
	for i := 0; i+1 < len(encabezados); i += 2 {
		r.Header.Set(encabezados[i], encabezados[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// nodos are the elements of a page that bear an attribute.
func nodos(t *testing.T, cuerpo, atributo string) map[*html.Node]string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(cuerpo))
	if err != nil {
		t.Fatal(err)
	}
	todos := map[*html.Node]string{}
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			if a.Key == atributo {
				todos[n] = a.Val
			}
		}
	}
	return todos
}

func TestPortal_EveryLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	h := nuevo(t)
	paginas := map[string]map[string]bool{} // by path, its fragments
	type enlace struct{ en, a string }
	var enlaces []enlace
	for cola := []string{"/docs"}; len(cola) > 0; {
		ruta := cola[0]
		cola = cola[1:]
		if paginas[ruta] != nil || strings.HasPrefix(ruta, "/openapi.") {
			continue
		}
		w := pide(h, ruta)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: status %d", ruta, w.Code)
		}
		paginas[ruta] = map[string]bool{}
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			continue
		}
		for _, id := range nodos(t, w.Body.String(), "id") {
			if paginas[ruta][id] {
				t.Errorf("%s: the id %s is there twice", ruta, id)
			}
			paginas[ruta][id] = true
		}
		for _, atributo := range []string{"href", "src", "action"} {
			for n, valor := range nodos(t, w.Body.String(), atributo) {
				a, err := url.Parse("http://127.0.0.1:8080" + ruta)
				if err == nil {
					a, err = a.Parse(valor)
				}
				if err != nil {
					t.Fatalf("%s: %v", ruta, err)
				}
				if a.Host != "127.0.0.1:8080" {
					if n.Data != "a" {
						t.Errorf("%s loads %s from elsewhere", ruta, valor)
					}
					continue
				}
				if strings.HasPrefix(valor, "/") {
					t.Errorf("%s: %s would be wrong behind a proxy that puts a path before it", ruta, valor)
				}
				cola = append(cola, a.Path)
				enlaces = append(enlaces, enlace{ruta, a.Path + "#" + a.Fragment})
			}
		}
	}
	operaciones := 0
	for _, e := range enlaces {
		ruta, ancla, _ := strings.Cut(e.a, "#")
		switch {
		case ruta == "/docs/api" && strings.HasPrefix(ancla, "/"):
			operaciones++ // Swagger UI's own, which the browser's tests follow
		case ancla != "" && !paginas[ruta][ancla]:
			t.Errorf("%s: link to %s, which has no such heading", e.en, e.a)
		}
	}
	n := 0
	for _, item := range contrato(t).Paths.Map() {
		n += len(item.Operations())
	}
	if operaciones != n {
		t.Errorf("links to %d operations of %d", operaciones, n)
	}
	archivos, err := archivosDe(docs.Paginas)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range archivos {
		if paginas["/docs/guias/"+nombreDe(a)] == nil {
			t.Errorf("no link leads to %s", a)
		}
	}
	if len(paginas) < 15 || len(enlaces) < 200 {
		t.Errorf("only %d pages and %d links were found", len(paginas), len(enlaces))
	}
}

func TestPortal_HeadersAreStrict(t *testing.T) {
	t.Parallel()
	h := nuevo(t)
	for _, ruta := range []string{"/docs", "/docs/api", "/docs/guias/errores", "/docs/buscar?q=5005", "/docs/recursos/portal.css", "/docs/recursos/swagger-ui-bundle.js", "/docs/nada"} {
		w := pide(h, ruta)
		politica := map[string]string{}
		for d := range strings.SplitSeq(w.Header().Get("Content-Security-Policy"), ";") {
			nombre, valores, _ := strings.Cut(strings.TrimSpace(d), " ")
			politica[nombre] = valores
		}
		for nombre, quiere := range map[string]string{"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "base-uri": "'none'", "form-action": "'self'", "frame-ancestors": "'none'"} {
			if politica[nombre] != quiere {
				t.Errorf("%s: %s is %q", ruta, nombre, politica[nombre])
			}
		}
		if _, pregunta := politica["connect-src"]; pregunta != (ruta == "/docs/api") {
			t.Errorf("%s: connect-src is %q", ruta, politica["connect-src"])
		}
		for nombre, quiere := range map[string]string{"Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"} {
			if w.Header().Get(nombre) != quiere {
				t.Errorf("%s: %s is %q", ruta, nombre, w.Header().Get(nombre))
			}
		}
		// What the policy forbids is not there either.
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			for _, malo := range []string{`style="`, "<style", "<script>", "onclick", "javascript:"} {
				if strings.Contains(w.Body.String(), malo) {
					t.Errorf("%s holds %s", ruta, malo)
				}
			}
		}
	}
}

func TestPortal_WhenNothingChangedItIsNotSentAgain(t *testing.T) {
	t.Parallel()
	h := nuevo(t)
	for _, ruta := range []string{"/docs", "/docs/api", "/docs/guias/descargas", "/docs/guias/img/descargas.png", "/docs/recursos/referencia.js", "/docs/recursos/swagger-ui.css"} {
		primera := pide(h, ruta)
		marca := primera.Header().Get("ETag")
		if primera.Code != http.StatusOK || marca == "" || primera.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: status %d, ETag %q", ruta, primera.Code, marca)
		}
		if otra := pide(h, ruta, "If-None-Match", marca); otra.Code != http.StatusNotModified || otra.Body.Len() != 0 {
			t.Errorf("%s with its ETag: status %d and %d bytes", ruta, otra.Code, otra.Body.Len())
		}
		if otra := pide(h, ruta, "If-None-Match", `"otro"`); otra.Code != http.StatusOK || !bytes.Equal(otra.Body.Bytes(), primera.Body.Bytes()) {
			t.Errorf("%s with another ETag: status %d", ruta, otra.Code)
		}
	}
}

func TestPortal_WhenTheBrowserTakesGzipTheLibraryIsSentAsItIsKept(t *testing.T) {
	t.Parallel()
	h := nuevo(t)
	for _, ruta := range []string{"/docs/recursos/swagger-ui-bundle.js", "/docs/recursos/swagger-ui.css"} {
		comprimida, llana := pide(h, ruta, "Accept-Encoding", "gzip, br"), pide(h, ruta)
		if comprimida.Header().Get("Content-Encoding") != "gzip" || llana.Header().Get("Content-Encoding") != "" || comprimida.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: %v and %v", ruta, comprimida.Header(), llana.Header())
		}
		marca := comprimida.Header().Get("ETag")
		if marca == llana.Header().Get("ETag") {
			t.Errorf("%s: what is compressed and what is not have the ETag %s", ruta, marca)
		}
		// A proxy that compresses makes tags weak, and a cache sends all that it has.
		if otra := pide(h, ruta, "Accept-Encoding", "gzip", "If-None-Match", `"otro", W/`+marca); otra.Code != http.StatusNotModified {
			t.Errorf("%s with its ETag among others: %d", ruta, otra.Code)
		}
		z, err := gzip.NewReader(comprimida.Body)
		if err != nil {
			t.Fatal(err)
		}
		if abierta, err := io.ReadAll(z); err != nil || !bytes.Equal(abierta, llana.Body.Bytes()) || len(abierta) < 100_000 {
			t.Errorf("%s: %d bytes of %d, %v", ruta, len(abierta), llana.Body.Len(), err)
		}
	}
}

func TestPortal_WhenThereIsNoSuchPageItLeadsBack(t *testing.T) {
	t.Parallel()
	h := nuevo(t)
	for _, ruta := range []string{"/docs/nada", "/docs/guias/nada", "/docs/guias/errores/mas", "/docs/guias/../../etc/passwd", "/docs/recursos/", "/docs/a%2Fb/%3Cscript%3E"} {
		w := pide(h, ruta)
		if w.Code == http.StatusTemporaryRedirect || w.Code == http.StatusPermanentRedirect || w.Code == http.StatusMovedPermanently {
			continue // a path that is not clean
		}
		if w.Code != http.StatusNotFound || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") || strings.Contains(w.Body.String(), "<script>") {
			t.Errorf("%s: status %d, %s", ruta, w.Code, w.Header().Get("Content-Type"))
		}
		vuelve := false
		for n, valor := range nodos(t, w.Body.String(), "href") {
			vuelve = vuelve || n.Data == "a" && path.Clean(path.Join(path.Dir(ruta), valor)) == "/docs"
		}
		if !vuelve {
			t.Errorf("%s: no way back", ruta)
		}
	}
}

func TestPortal_WhenTheAddressIsNearlyRight(t *testing.T) {
	t.Parallel()
	h := nuevo(t)
	for ruta, quiere := range map[string]string{"/docs/": "/docs", "/docs/guias": "/docs", "/docs/guias/errores.md": "/docs/guias/errores", "/docs/guias/protocolos/sat.md": "/docs/guias/protocolos-sat"} {
		w := pide(h, ruta)
		base := &url.URL{Path: ruta}
		destino, err := base.Parse(w.Header().Get("Location"))
		if w.Code != http.StatusPermanentRedirect || err != nil || destino.Path != quiere || strings.HasPrefix(w.Header().Get("Location"), "/") {
			t.Errorf("%s: status %d to %q", ruta, w.Code, w.Header().Get("Location"))
		}
	}
}

func TestPortal_WhenAPageIsAddedItNeedsNoMention(t *testing.T) {
	t.Parallel()
	h, err := New(contrato(t), fstest.MapFS{
		"zeta.md":           {Data: []byte("# Ámbito\n\nPara quien lee de todo y siempre bien: esto. Y más.\n\n## Uno & dos\n\n<script>alert(1)</script>\n\n[otra](errores.md#uno) [errores.md](errores.md) [`errores.md`](errores.md#x) [nada.md](nada.md) [yo](#uno--dos) [c](../api/openapi.yaml) [f](../README.md) [protocolos/sat.md](protocolos/sat.md#1-uno) [d](decisiones/001-x.md)\n")},
		"protocolos/sat.md": {Data: []byte("# Del SAT\n\nLo que se sabe.\n\n## 1. Uno\n\n[zeta.md](../zeta.md#uno--dos) [c](../../api/openapi.yaml) [g](../../internal/app)\n")},
		// The first in the navigation, though not by its title.
		"errores.md": {Data: []byte("# Zeta\n\nLo último.\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	portada := pide(h, "/docs").Body.String()
	if z, a := strings.Index(portada, ">Zeta<"), strings.Index(portada, ">Ámbito<"); z < 0 || a < z || !strings.Contains(portada, "Para quien lee de todo y siempre bien.") {
		t.Errorf("Zeta at %d, Ámbito at %d in\n%s", z, a, portada)
	}
	guia := pide(h, "/docs/guias/zeta").Body.String()
	for _, quiere := range []string{`<h2 id="uno--dos">`, `href="errores#uno">otra<`, `href="errores">Zeta<`, `href="errores#x">Zeta<`, `href="nada">nada.md<`, `href="../../openapi.yaml"`, `href="https://github.com/pasarela-mx/pasarela/blob/main/README.md"`, `href="#uno--dos"`,
		`href="protocolos-sat#1-uno">Del SAT<`, `href="https://github.com/pasarela-mx/pasarela/blob/main/docs/decisiones/001-x.md"`} {
		if !strings.Contains(guia, quiere) {
			t.Errorf("the page lacks %s:\n%s", quiere, guia)
		}
	}
	enCarpeta := pide(h, "/docs/guias/protocolos-sat").Body.String()
	for _, quiere := range []string{`<h2 id="1-uno">`, `href="zeta#uno--dos">Ámbito<`, `href="../../openapi.yaml"`, `href="https://github.com/pasarela-mx/pasarela/blob/main/internal/app"`} {
		if !strings.Contains(enCarpeta, quiere) {
			t.Errorf("the page of a folder lacks %s:\n%s", quiere, enCarpeta)
		}
	}
	if strings.Contains(guia, "alert(1)") {
		t.Error("a page's own HTML is let through")
	}
	muda, err := New(contrato(t), fstest.MapFS{"muda.md": {Data: []byte("Sin título.\n")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, ruta := range []string{"/docs", "/docs/guias/muda", "/docs/buscar?q=muda"} {
		if w := pide(muda, ruta); w.Code != http.StatusInternalServerError {
			t.Errorf("%s with a page without a title: status %d", ruta, w.Code)
		}
	}
}

// TestGuias_LanguageIsWhatTheyAreIn: a page in English has to be listed as one, for
// those who listen to it.
func TestGuias_LanguageIsWhatTheyAreIn(t *testing.T) {
	t.Parallel()
	todas, err := guias(docs.Paginas)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range todas {
		texto, err := docs.Paginas.ReadFile(strings.Replace(g.Nombre, "protocolos-", "protocolos/", 1) + ".md")
		if err != nil {
			t.Fatal(err)
		}
		es, en := len(regexp.MustCompile(`\b(que|los|una|del)\b`).FindAll(texto, -1)), len(regexp.MustCompile(`\b(the|and|of|is)\b`).FindAll(texto, -1))
		if (es > en) != (g.Lengua == "es") {
			t.Errorf("%s is said to be in %s: %d words against %d", g.Nombre, g.Lengua, es, en)
		}
		if len(g.Entrada) < 20 || strings.ContainsAny(g.Entrada, "`*[]") {
			t.Errorf("%s begins with %q", g.Nombre, g.Entrada)
		}
	}
	for _, nombre := range append(primeras(), ingles()...) {
		if !slices.ContainsFunc(todas, func(g *guia) bool { return g.Nombre == nombre }) {
			t.Errorf("there is no page %s", nombre)
		}
	}
}

func TestBusca_WhenCaseAndAccentsDiffer(t *testing.T) {
	t.Parallel()
	h := nuevo(t)
	for _, c := range []struct{ q, quiere string }{
		{"CONTRASEÑA equivocada", "cuenta"},
		{"motivos de RECHAZO efirma", `href="../docs/guias/errores#motivos-de-rechazo-de-una-efirma"`},
		{"pedir descarga durable", `href="../docs/api#/Descargas/crearDescarga"`},
		{"5005", `href="../docs/guias/errores#`},
	} {
		w := pide(h, "/docs/buscar?q="+url.QueryEscape(c.q))
		if w.Code != http.StatusOK || !strings.Contains(strings.ToLower(w.Body.String()), strings.ToLower(c.quiere)) || !strings.Contains(w.Body.String(), "<li><a") {
			t.Errorf("%q: status %d, lacks %s", c.q, w.Code, c.quiere)
		}
	}
	for q, quiere := range map[string]string{"": "Escriba arriba", "xyzzy": "Nada dice «xyzzy»", "<script>alert(1)</script>": "Nada dice «&lt;script&gt;",
		strings.Repeat("a", 200): "Escriba arriba", "\xff": "Escriba arriba"} {
		if w := pide(h, "/docs/buscar?q="+url.QueryEscape(q)); !strings.Contains(w.Body.String(), quiere) {
			t.Errorf("%.20q: the page lacks %s", q, quiere)
		}
	}
}

// BenchmarkNew is what the start of the gateway waits for.
func BenchmarkNew(b *testing.B) {
	doc := contrato(b)
	for b.Loop() {
		if _, err := New(doc, docs.Paginas); err != nil {
			b.Fatal(err)
		}
	}
}

func TestFragmento_IsGitHubs(t *testing.T) {
	t.Parallel()
	vistos := map[string]int{}
	for _, c := range [][2]string{{"Qué decide sola", "qué-decide-sola"}, {"Motivos de rechazo de una e.firma", "motivos-de-rechazo-de-una-efirma"},
		{"Autentica: WS-Security", "autentica-ws-security"}, {"`POST /v1/x` & más", "post-v1x--más"}, {"Uno", "uno"}, {"Uno", "uno-1"}, {"Uno", "uno-2"}, {"a_b (c)", "a_b-c"}} {
		titulo := llano(c[0])
		if got := fragmento(titulo, vistos); got != c[1] {
			t.Errorf("%q: %s, want %s", c[0], got, c[1])
		}
	}
}

func TestRara_IsTheWordThatTellsThePlace(t *testing.T) {
	t.Parallel()
	for texto, quiere := range map[string]string{"la e.firma, la e.firma vencida": "vencida", "e.firma": "e.firma", "": "e.firma"} {
		if got := rara([]string{"e.firma", "vencida"}, texto); got != quiere {
			t.Errorf("%q: %s, want %s", texto, got, quiere)
		}
	}
}

func TestRecorta_ShowsWhereTheWordIs(t *testing.T) {
	t.Parallel()
	largo := strings.Repeat("relleno ", 100) + "Contraseña final " + strings.Repeat("más ", 100)
	corto := recorta(largo, "contrasena")
	if !strings.Contains(corto, "Contraseña") || len(corto) > extracto+20 || !strings.HasPrefix(corto, "… ") || !strings.HasSuffix(corto, " …") {
		t.Errorf("%q", corto)
	}
	if corto := recorta("breve", "breve"); corto != "breve" {
		t.Errorf("%q", corto)
	}
	if corto := recorta(strings.Repeat("ñ", 500), "n"); strings.Contains(corto, "\uFFFD") {
		t.Errorf("%q", corto)
	}
}
