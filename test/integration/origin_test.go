package integration

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	pages "html/template"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/web/dashboard/chromiumtest"
)

// intruder is a page that makes the browser send the gateway everything that needs no
// permission (the simple requests of Fetch), and reports in its title when it has
// finished.
const intruder = `<!DOCTYPE html><title>busy</title><body><script>
const api = {{.API}}, zip = Uint8Array.from(atob({{.ZIP}}), (c) => c.charCodeAt(0));
const form = () => { const f = new FormData(); f.append("archivo", new Blob([zip], { type: "application/zip" }), "lote.zip"); return f; };
const asks = {
  fetch: () => fetch(api + "/v1/sep/lotes", { method: "POST", mode: "no-cors", body: form() }),
  credentials: () => fetch(api + "/v1/sep/lotes", { method: "POST", mode: "no-cors", credentials: "include", body: form() }),
  quiet: () => fetch(api + "/v1/sep/lotes", { method: "POST", mode: "no-cors", referrerPolicy: "no-referrer", body: form() }),
  beacon: () => navigator.sendBeacon(api + "/v1/sep/lotes", form()),
  text: () => fetch(api + "/v1/sat/cfdi/solicitudes", { method: "POST", mode: "no-cors", headers: { "Content-Type": "text/plain" }, body: "{}" }),
  reads: () => fetch(api + {{.Package}}),
  blind: () => fetch(api + {{.Package}}, { mode: "no-cors" }),
  events: () => new EventSource(api + "/v1/sat/descargas/x/eventos"),
  socket: () => new WebSocket(api.replace("http", "ws") + {{.Package}}),
  worker: () => { const s = document.createElement("script"); s.type = "module"; s.src = api + {{.Package}}; document.body.append(s); },
};
const elements = { img: "src", script: "src", iframe: "src", embed: "src", object: "data", video: "src", audio: "src", link: "href" };
for (const [name, attribute] of Object.entries(elements)) asks[name] = () => {
  const e = document.createElement(name);
  if (name === "link") e.rel = "stylesheet";
  e[attribute] = api + (["iframe", "embed", "object"].includes(name) ? "/v1/efirmas" : {{.Package}}); // a frame would save the file
  document.body.append(e);
};
asks.form = () => {
  const sink = Object.assign(document.createElement("iframe"), { name: "sink" });
  const f = Object.assign(document.createElement("form"), { method: "POST", action: api + "/v1/sep/lotes", enctype: "multipart/form-data", target: "sink" });
  const file = Object.assign(document.createElement("input"), { type: "file", name: "archivo" });
  const files = new DataTransfer();
  files.items.add(new File([zip], "lote.zip", { type: "application/zip" }));
  file.files = files.files;
  f.append(file);
  document.body.append(sink, f);
  f.submit();
};
(async () => {
  for (const ask of Object.values(asks)) try { await ask(); } catch { }
  setTimeout(() => { document.title = "through"; }, 3000);
})();
</script>`

// attempt is the access log's line of one request.
type attempt struct {
	Message, Metodo, Ruta string
	Status                int
}

func attempts(t *testing.T, log string) []attempt {
	t.Helper()
	var all []attempt
	for line := range strings.Lines(log) {
		var a attempt
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if a.Message == "access" {
			all = append(all, a)
		}
	}
	return all
}

// A page of another port of this machine, and one of another site, try to act through a
// gateway without keys; nothing leaves for the SAT or the SEP.
func TestOrigin_WhenAPageOfAnotherPortActsNothingIsSpent(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	_, id := r.paquete(nil)
	docs := issue(t, r.Gateway, devstack.Titulos(1, "O", gatewaytest.Persona)...)
	page := pages.Must(pages.New("").Parse(intruder))
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := page.Execute(w, map[string]string{"API": r.API, "ZIP": base64.StdEncoding.EncodeToString(zipped(t, docs[0])),
			"Package": "/v1/sat/cfdi/paquetes/" + id + "?rfcSolicitante=" + gatewaytest.Company}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(evil.Close)
	earlier, downloads, uploads := len(attempts(t, r.Log())), r.calls(opDescargar), r.calls("cargaTituloElectronico")
	for site, address := range map[string]string{"same site": evil.URL, "another site": strings.Replace(evil.URL, "127.0.0.1", "localhost", 1)} {
		if dom, _ := chromiumtest.DOM(t, address, 20*time.Second); !strings.Contains(dom, "<title>through</title>") {
			t.Fatalf("%s: the page did not come to its end: %s", site, dom[:min(len(dom), 500)])
		}
	}
	seen := map[string]int{}
	for _, a := range attempts(t, r.Log())[earlier:] {
		if seen[a.Metodo+" "+a.Ruta]++; a.Status != http.StatusForbidden {
			t.Errorf("a page was answered: %+v", a)
		}
	}
	// Each of the two pages has asked in each way.
	for route, n := range map[string]int{"POST desconocida": 2 * 6, "GET desconocida": 2 * 12} {
		if seen[route] < n {
			t.Errorf("%s was asked for %d times, want %d: %v", route, seen[route], n, seen)
		}
	}
	if d, u := r.calls(opDescargar), r.calls("cargaTituloElectronico"); d != downloads || u != uploads {
		t.Errorf("the SAT was asked for %d packages, the SEP was sent %d lotes", d-downloads, u-uploads)
	}
}

// A link from elsewhere may open the pages, and nothing that could spend.
func TestOrigin_WhenALinkIsFollowed(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!DOCTYPE html><script>location = %q;</script>`, req.URL.Query().Get("to")) //nolint:errcheck // the browser is gone
	}))
	t.Cleanup(evil.Close)
	for to, want := range map[string]int{r.API + "/docs": http.StatusOK, r.API + "/v1/efirmas": http.StatusForbidden} {
		earlier := len(attempts(t, r.Log()))
		chromiumtest.DOM(t, evil.URL+"?to="+url.QueryEscape(to), 5*time.Second)
		if all := attempts(t, r.Log())[earlier:]; len(all) == 0 || all[0].Status != want {
			t.Errorf("%s: %+v, want %d", to, all, want)
		}
	}
}

// The whole admin listener has the same check.
func TestOrigin_WhenTheAdminListenerIsAskedByAPage(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.AdminNombres = []string{"pasarela.ejemplo.mx"} }})
	for _, path := range []string{"/livez", "/readyz", "/metrics", "/descargas", "/descargas/recursos/tablero.js", "/otra"} {
		for _, c := range []struct {
			headers []string
			refused bool
		}{
			{[]string{"Host", "malo.example:9090"}, true},
			{[]string{"Host", "127.0.0.1.malo.example"}, true},
			{[]string{"Sec-Fetch-Site", "same-site"}, true},
			{[]string{"Sec-Fetch-Site", "cross-site"}, true},
			{[]string{"Origin", "http://127.0.0.1:3000"}, true},
			{[]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, true},
			// Prometheus by an address or a service's name, a proxy, a person.
			{[]string{"Host", "10.1.2.3:9090"}, false},
			{[]string{"Host", "gateway:9090"}, false},
			{[]string{"Host", "pasarela-admin.fiscal.svc.cluster.local:9090"}, false},
			{[]string{"Host", "pasarela.ejemplo.mx"}, false},
			{[]string{"Sec-Fetch-Site", "none"}, false},
			{[]string{"Sec-Fetch-Site", "same-origin"}, false},
			{[]string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, false},
		} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.Admin+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(c.headers); i += 2 {
				if req.Header.Set(c.headers[i], c.headers[i+1]); c.headers[i] == "Host" {
					req.Host = c.headers[i+1]
				}
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err = errors.Join(err, resp.Body.Close()); err != nil {
				t.Fatal(err)
			}
			if (resp.StatusCode == http.StatusForbidden) != c.refused || c.refused && strings.Contains(string(body), gatewaytest.Company) {
				t.Errorf("%s %q: %d %.100s", path, c.headers, resp.StatusCode, body)
			}
			if resp.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s %q: a browser may guess its type", path, c.headers)
			}
		}
	}
}

func TestAnswers_WhenAnythingIsServedNoTypeIsGuessed(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	path, _ := r.paquete(nil)
	for _, c := range []struct{ method, path, host string }{
		{"GET", path, ""}, {"GET", "/v1/efirmas", ""}, {"GET", "/v1/sep/catalogos", ""}, {"GET", "/openapi.yaml", ""}, {"GET", "/openapi.json", ""},
		{"GET", "/docs", ""}, {"GET", "/docs/api", ""}, {"GET", "/docs/recursos/portal.js", ""}, {"GET", "/docs/nada", ""},
		{"GET", "/v1/nada", ""}, {"GET", "/", ""}, {"GET", "/v1/sat/descargas/nada/eventos", ""}, {"PUT", "/v1/efirmas", ""}, {"GET", "/v1/efirmas", "evil.example"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, r.API+c.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = c.host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close() //nolint:errcheck // it is not read
		if got := resp.Header.Values("X-Content-Type-Options"); !slices.Equal(got, []string{"nosniff"}) {
			t.Errorf("%+v: %q, status %d", c, got, resp.StatusCode)
		}
	}
}

// RFC 9112 §6.1: if a message declares its length in two ways, a proxy may have used the
// other one, and the bytes that follow may be another client's.
func TestSmuggling_WhenALengthIsToldTwiceTheConnectionCloses(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	for _, address := range []string{r.API, r.Admin} {
		host := strings.TrimPrefix(address, "http://")
		path := map[string]string{r.API: "/v1/efirmas", r.Admin: "/livez"}[address]
		const hidden = "GET %s HTTP/1.1\r\nHost: %s\r\nX-Request-Id: hidden\r\n\r\n"
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() //nolint:errcheck // of a test
		if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+hidden, path, host, path, host) //nolint:errcheck // the reading tells
		in := bufio.NewReader(conn)
		first, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, first.Body) //nolint:errcheck // the next reading tells
		first.Body.Close()              //nolint:errcheck // it is read
		if !first.Close {
			t.Errorf("%s: the answer does not say that the connection closes", host)
		}
		if second, err := http.ReadResponse(in, nil); err == nil {
			t.Errorf("%s: what came behind was answered with %d", host, second.StatusCode)
			second.Body.Close() //nolint:errcheck // it is not read
		}
	}
}
