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

// read is the contract, read once for all tests: under the race detector that is
// most of what they take.
var read = sync.OnceValues(func() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData(api.Spec) })

func contrato(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := read()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

var done = sync.OnceValues(func() (http.Handler, error) {
	doc, err := read()
	if err != nil {
		return nil, err
	}
	return New(doc, docs.Pages)
})

// fresh is the portal of the real pages, the same for all tests.
func fresh(t *testing.T) http.Handler {
	t.Helper()
	h, err := done()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080"+path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// nodes are the elements of a page that bear an attribute.
func nodes(t *testing.T, body, attribute string) map[*html.Node]string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	all := map[*html.Node]string{}
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			if a.Key == attribute {
				all[n] = a.Val
			}
		}
	}
	return all
}

func TestPortal_EveryLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	h := fresh(t)
	pages := map[string]map[string]bool{} // by path, its fragments
	type link struct{ en, a string }
	var links []link
	for queue := []string{"/docs"}; len(queue) > 0; {
		path := queue[0]
		queue = queue[1:]
		if pages[path] != nil || strings.HasPrefix(path, "/openapi.") {
			continue
		}
		w := ask(h, path)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: status %d", path, w.Code)
		}
		pages[path] = map[string]bool{}
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			continue
		}
		for _, id := range nodes(t, w.Body.String(), "id") {
			if pages[path][id] {
				t.Errorf("%s: the id %s is there twice", path, id)
			}
			pages[path][id] = true
		}
		for _, attribute := range []string{"href", "src", "action"} {
			for n, value := range nodes(t, w.Body.String(), attribute) {
				a, err := url.Parse("http://127.0.0.1:8080" + path)
				if err == nil {
					a, err = a.Parse(value)
				}
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				if a.Host != "127.0.0.1:8080" {
					if n.Data != "a" {
						t.Errorf("%s loads %s from elsewhere", path, value)
					}
					continue
				}
				if strings.HasPrefix(value, "/") {
					t.Errorf("%s: %s would be wrong behind a proxy that puts a path before it", path, value)
				}
				queue = append(queue, a.Path)
				links = append(links, link{path, a.Path + "#" + a.Fragment})
			}
		}
	}
	operations := 0
	for _, e := range links {
		path, anchor, _ := strings.Cut(e.a, "#")
		switch {
		case path == "/docs/api" && strings.HasPrefix(anchor, "/"):
			operations++ // Swagger UI's own, which the browser's tests follow
		case anchor != "" && !pages[path][anchor]:
			t.Errorf("%s: link to %s, which has no such heading", e.en, e.a)
		}
	}
	n := 0
	for _, item := range contrato(t).Paths.Map() {
		n += len(item.Operations())
	}
	if operations != n {
		t.Errorf("links to %d operations of %d", operations, n)
	}
	files, err := filesOf(docs.Pages)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range files {
		if pages["/docs/guias/"+nameOf(a)] == nil {
			t.Errorf("no link leads to %s", a)
		}
	}
	if len(pages) < 15 || len(links) < 200 {
		t.Errorf("only %d pages and %d links were found", len(pages), len(links))
	}
}

func TestPortal_HeadersAreStrict(t *testing.T) {
	t.Parallel()
	h := fresh(t)
	for _, path := range []string{"/docs", "/docs/api", "/docs/guias/errores", "/docs/buscar?q=5005", "/docs/recursos/portal.css", "/docs/recursos/swagger-ui-bundle.js", "/docs/nada"} {
		w := ask(h, path)
		policy := map[string]string{}
		for d := range strings.SplitSeq(w.Header().Get("Content-Security-Policy"), ";") {
			name, values, _ := strings.Cut(strings.TrimSpace(d), " ")
			policy[name] = values
		}
		for name, wants := range map[string]string{"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "base-uri": "'none'", "form-action": "'self'", "frame-ancestors": "'none'"} {
			if policy[name] != wants {
				t.Errorf("%s: %s is %q", path, name, policy[name])
			}
		}
		if _, question := policy["connect-src"]; question != (path == "/docs/api") {
			t.Errorf("%s: connect-src is %q", path, policy["connect-src"])
		}
		for name, wants := range map[string]string{"Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"} {
			if w.Header().Get(name) != wants {
				t.Errorf("%s: %s is %q", path, name, w.Header().Get(name))
			}
		}
		// What the policy forbids is not there either.
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			for _, bad := range []string{`style="`, "<style", "<script>", "onclick", "javascript:"} {
				if strings.Contains(w.Body.String(), bad) {
					t.Errorf("%s holds %s", path, bad)
				}
			}
		}
	}
}

func TestPortal_WhenNothingChangedItIsNotSentAgain(t *testing.T) {
	t.Parallel()
	h := fresh(t)
	for _, path := range []string{"/docs", "/docs/api", "/docs/guias/descargas", "/docs/guias/img/descargas.png", "/docs/recursos/referencia.js", "/docs/recursos/swagger-ui.css"} {
		first := ask(h, path)
		mark := first.Header().Get("ETag")
		if first.Code != http.StatusOK || mark == "" || first.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: status %d, ETag %q", path, first.Code, mark)
		}
		if other := ask(h, path, "If-None-Match", mark); other.Code != http.StatusNotModified || other.Body.Len() != 0 {
			t.Errorf("%s with its ETag: status %d and %d bytes", path, other.Code, other.Body.Len())
		}
		if other := ask(h, path, "If-None-Match", `"otro"`); other.Code != http.StatusOK || !bytes.Equal(other.Body.Bytes(), first.Body.Bytes()) {
			t.Errorf("%s with another ETag: status %d", path, other.Code)
		}
	}
}

func TestPortal_WhenTheBrowserTakesGzipTheLibraryIsSentAsItIsKept(t *testing.T) {
	t.Parallel()
	h := fresh(t)
	for _, path := range []string{"/docs/recursos/swagger-ui-bundle.js", "/docs/recursos/swagger-ui.css"} {
		compressed, plain := ask(h, path, "Accept-Encoding", "gzip, br"), ask(h, path)
		if compressed.Header().Get("Content-Encoding") != "gzip" || plain.Header().Get("Content-Encoding") != "" || compressed.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: %v and %v", path, compressed.Header(), plain.Header())
		}
		mark := compressed.Header().Get("ETag")
		if mark == plain.Header().Get("ETag") {
			t.Errorf("%s: what is compressed and what is not have the ETag %s", path, mark)
		}
		// A proxy that compresses makes tags weak, and a cache sends all that it has.
		if other := ask(h, path, "Accept-Encoding", "gzip", "If-None-Match", `"otro", W/`+mark); other.Code != http.StatusNotModified {
			t.Errorf("%s with its ETag among others: %d", path, other.Code)
		}
		z, err := gzip.NewReader(compressed.Body)
		if err != nil {
			t.Fatal(err)
		}
		if open, err := io.ReadAll(z); err != nil || !bytes.Equal(open, plain.Body.Bytes()) || len(open) < 100_000 {
			t.Errorf("%s: %d bytes of %d, %v", path, len(open), plain.Body.Len(), err)
		}
	}
}

func TestPortal_WhenThereIsNoSuchPageItLeadsBack(t *testing.T) {
	t.Parallel()
	h := fresh(t)
	for _, ruta := range []string{"/docs/nada", "/docs/guias/nada", "/docs/guias/errores/mas", "/docs/guias/../../etc/passwd", "/docs/recursos/", "/docs/a%2Fb/%3Cscript%3E"} {
		w := ask(h, ruta)
		if w.Code == http.StatusTemporaryRedirect || w.Code == http.StatusPermanentRedirect || w.Code == http.StatusMovedPermanently {
			continue // a path that is not clean
		}
		if w.Code != http.StatusNotFound || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") || strings.Contains(w.Body.String(), "<script>") {
			t.Errorf("%s: status %d, %s", ruta, w.Code, w.Header().Get("Content-Type"))
		}
		back := false
		for n, value := range nodes(t, w.Body.String(), "href") {
			back = back || n.Data == "a" && path.Clean(path.Join(path.Dir(ruta), value)) == "/docs"
		}
		if !back {
			t.Errorf("%s: no way back", ruta)
		}
	}
}

func TestPortal_WhenTheAddressIsNearlyRight(t *testing.T) {
	t.Parallel()
	h := fresh(t)
	for path, wants := range map[string]string{"/docs/": "/docs", "/docs/guias": "/docs", "/docs/guias/errores.md": "/docs/guias/errores", "/docs/guias/protocolos/sat.md": "/docs/guias/protocolos-sat"} {
		w := ask(h, path)
		base := &url.URL{Path: path}
		target, err := base.Parse(w.Header().Get("Location"))
		if w.Code != http.StatusPermanentRedirect || err != nil || target.Path != wants || strings.HasPrefix(w.Header().Get("Location"), "/") {
			t.Errorf("%s: status %d to %q", path, w.Code, w.Header().Get("Location"))
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
	cover := ask(h, "/docs").Body.String()
	if z, a := strings.Index(cover, ">Zeta<"), strings.Index(cover, ">Ámbito<"); z < 0 || a < z || !strings.Contains(cover, "Para quien lee de todo y siempre bien.") {
		t.Errorf("Zeta at %d, Ámbito at %d in\n%s", z, a, cover)
	}
	guide := ask(h, "/docs/guias/zeta").Body.String()
	for _, wants := range []string{`<h2 id="uno--dos">`, `href="errores#uno">otra<`, `href="errores">Zeta<`, `href="errores#x">Zeta<`, `href="nada">nada.md<`, `href="../../openapi.yaml"`, `href="https://github.com/pasarela-mx/pasarela/blob/main/README.md"`, `href="#uno--dos"`,
		`href="protocolos-sat#1-uno">Del SAT<`, `href="https://github.com/pasarela-mx/pasarela/blob/main/docs/decisiones/001-x.md"`} {
		if !strings.Contains(guide, wants) {
			t.Errorf("the page lacks %s:\n%s", wants, guide)
		}
	}
	inFolder := ask(h, "/docs/guias/protocolos-sat").Body.String()
	for _, wants := range []string{`<h2 id="1-uno">`, `href="zeta#uno--dos">Ámbito<`, `href="../../openapi.yaml"`, `href="https://github.com/pasarela-mx/pasarela/blob/main/internal/app"`} {
		if !strings.Contains(inFolder, wants) {
			t.Errorf("the page of a folder lacks %s:\n%s", wants, inFolder)
		}
	}
	if strings.Contains(guide, "alert(1)") {
		t.Error("a page's own HTML is let through")
	}
	mute, err := New(contrato(t), fstest.MapFS{"muda.md": {Data: []byte("Sin título.\n")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/docs", "/docs/guias/muda", "/docs/buscar?q=muda"} {
		if w := ask(mute, path); w.Code != http.StatusInternalServerError {
			t.Errorf("%s with a page without a title: status %d", path, w.Code)
		}
	}
}

// TestGuides_LanguageIsWhatTheyAreIn: a page in English has to be listed as one, for
// those who listen to it.
func TestGuides_LanguageIsWhatTheyAreIn(t *testing.T) {
	t.Parallel()
	all, err := guides(docs.Pages)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range all {
		text, err := docs.Pages.ReadFile(strings.Replace(g.Name, "protocolos-", "protocolos/", 1) + ".md")
		if err != nil {
			t.Fatal(err)
		}
		es, en := len(regexp.MustCompile(`\b(que|los|una|del)\b`).FindAll(text, -1)), len(regexp.MustCompile(`\b(the|and|of|is)\b`).FindAll(text, -1))
		if (es > en) != (g.Language == "es") {
			t.Errorf("%s is said to be in %s: %d words against %d", g.Name, g.Language, es, en)
		}
		if len(g.Entry) < 20 || strings.ContainsAny(g.Entry, "`*[]") {
			t.Errorf("%s begins with %q", g.Name, g.Entry)
		}
	}
	for _, name := range append(first(), english()...) {
		if !slices.ContainsFunc(all, func(g *guide) bool { return g.Name == name }) {
			t.Errorf("there is no page %s", name)
		}
	}
}

func TestFind_WhenCaseAndAccentsDiffer(t *testing.T) {
	t.Parallel()
	h := fresh(t)
	for _, c := range []struct{ q, wants string }{
		{"CONTRASEÑA equivocada", "cuenta"},
		{"motivos de RECHAZO efirma", `href="../docs/guias/errores#motivos-de-rechazo-de-una-efirma"`},
		{"pedir descarga durable", `href="../docs/api#/Descargas/crearDescarga"`},
		{"5005", `href="../docs/guias/errores#`},
	} {
		w := ask(h, "/docs/buscar?q="+url.QueryEscape(c.q))
		if w.Code != http.StatusOK || !strings.Contains(strings.ToLower(w.Body.String()), strings.ToLower(c.wants)) || !strings.Contains(w.Body.String(), "<li><a") {
			t.Errorf("%q: status %d, lacks %s", c.q, w.Code, c.wants)
		}
	}
	for q, wants := range map[string]string{"": "Escriba arriba", "xyzzy": "Nada dice «xyzzy»", "<script>alert(1)</script>": "Nada dice «&lt;script&gt;",
		strings.Repeat("a", 200): "Escriba arriba", "\xff": "Escriba arriba"} {
		if w := ask(h, "/docs/buscar?q="+url.QueryEscape(q)); !strings.Contains(w.Body.String(), wants) {
			t.Errorf("%.20q: the page lacks %s", q, wants)
		}
	}
}

// BenchmarkNew is what the start of the gateway waits for.
func BenchmarkNew(b *testing.B) {
	doc := contrato(b)
	for b.Loop() {
		if _, err := New(doc, docs.Pages); err != nil {
			b.Fatal(err)
		}
	}
}

func TestFragment_IsGitHubs(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, c := range [][2]string{{"Qué decide sola", "qué-decide-sola"}, {"Motivos de rechazo de una e.firma", "motivos-de-rechazo-de-una-efirma"},
		{"Autentica: WS-Security", "autentica-ws-security"}, {"`POST /v1/x` & más", "post-v1x--más"}, {"Uno", "uno"}, {"Uno", "uno-1"}, {"Uno", "uno-2"}, {"a_b (c)", "a_b-c"}} {
		titulo := plainParagraph(c[0])
		if got := fragment(titulo, seen); got != c[1] {
			t.Errorf("%q: %s, want %s", c[0], got, c[1])
		}
	}
}

func TestOdd_IsTheWordThatTellsThePlace(t *testing.T) {
	t.Parallel()
	for text, wants := range map[string]string{"la e.firma, la e.firma vencida": "vencida", "e.firma": "e.firma", "": "e.firma"} {
		if got := odd([]string{"e.firma", "vencida"}, text); got != wants {
			t.Errorf("%q: %s, want %s", text, got, wants)
		}
	}
}

func TestTrim_ShowsWhereTheWordIs(t *testing.T) {
	t.Parallel()
	length := strings.Repeat("relleno ", 100) + "Contraseña final " + strings.Repeat("más ", 100)
	short := trim(length, "contrasena")
	if !strings.Contains(short, "Contraseña") || len(short) > excerpt+20 || !strings.HasPrefix(short, "… ") || !strings.HasSuffix(short, " …") {
		t.Errorf("%q", short)
	}
	if short := trim("breve", "breve"); short != "breve" {
		t.Errorf("%q", short)
	}
	if short := trim(strings.Repeat("ñ", 500), "n"); strings.Contains(short, "\uFFFD") {
		t.Errorf("%q", short)
	}
}
