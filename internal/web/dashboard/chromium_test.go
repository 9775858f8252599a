package dashboard

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/web/dashboard/chromiumtest"
)

// progress is a libro whose only descarga is a step further whenever it is read.
type progress struct {
	libro
	steps []gateway.EstadoDescarga
	n     atomic.Int64
}

func (p *progress) List(context.Context, gateway.DescargasFilter) ([]gateway.Descarga, string, error) {
	return []gateway.Descarga{p.now()}, "", nil
}

func (p *progress) Count(context.Context, gateway.DescargasFilter) (map[gateway.EstadoDescarga]int, error) {
	p.n.Add(1)
	return map[gateway.EstadoDescarga]int{p.now().Estado: 1}, nil
}

func (p *progress) Descarga(context.Context, string) (gateway.Descarga, error) {
	p.n.Add(1)
	return p.now(), nil
}

func (p *progress) now() gateway.Descarga {
	return one("una", p.steps[min(int(p.n.Load()), len(p.steps))-1])
}

// observe serves h and counts the pages that were loaded whole, and those that a
// script fetched. alter may change what is sent.
func observe(t *testing.T, h http.Handler, alter func(r *http.Request, header http.Header, body string) string) (url string, uploads, readings *atomic.Int64) {
	t.Helper()
	uploads, readings = &atomic.Int64{}, &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Sec-Fetch-Dest") {
		case "document":
			uploads.Add(1)
		case "empty":
			readings.Add(1)
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		body := rec.Body.String()
		if alter != nil {
			body = alter(r, rec.Header(), body)
			rec.Header().Del("Content-Length")
		}
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.Code)
		io.WriteString(w, body) //nolint:errcheck // the browser is gone
	}))
	t.Cleanup(server.Close)
	return server.URL, uploads, readings
}

func TestChromium_WhenADescargaGoesOnThePageFollowsWithoutBeingLoadedAgain(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/descargas", "/descargas/una"} {
		l := &progress{steps: []gateway.EstadoDescarga{gateway.DescargaEnProceso, gateway.DescargaDescargando, gateway.DescargaTerminada}}
		// A reader who has gone to a link stays there while everything around it changes.
		url, uploads, readings := observe(t, serve(t, l), func(r *http.Request, _ http.Header, body string) string {
			if r.URL.Path == "/descargas/recursos/tablero.js" {
				return body + `;setTimeout(() => document.getElementById("pausa").focus(), 1000);
					setInterval(() => { document.body.dataset.foco = document.activeElement.id; }, 500);`
			}
			return body
		})
		dom, said := chromiumtest.DOM(t, url+path, 9*time.Second)
		if !strings.Contains(dom, explainEstado(gateway.DescargaDescargando)) || strings.Contains(dom, explainEstado(gateway.DescargaEnProceso)) {
			t.Errorf("%s: after 9 s the page is\n%s", path, dom)
		}
		if !strings.Contains(dom, `data-foco="pausa"`) {
			t.Errorf("%s: the focus is lost:\n%s", path, dom)
		}
		if uploads.Load() != 1 || readings.Load() != 1 {
			t.Errorf("%s: loaded %d times, fetched %d times", path, uploads.Load(), readings.Load())
		}
		if dom, _ = chromiumtest.DOM(t, url+path, 30*time.Second); !strings.Contains(dom, explainEstado(gateway.DescargaTerminada)) {
			t.Errorf("%s: after 30 s the page is\n%s", path, dom)
		}
		if len(said) != 0 {
			t.Errorf("%s: the console says %q", path, said)
		}
	}
}

func TestChromium_WhenTheGatewayStopsThePageSaysSo(t *testing.T) {
	t.Parallel()
	l := &progress{steps: []gateway.EstadoDescarga{gateway.DescargaEnProceso}}
	h := serve(t, l)
	url, _, readings := observe(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Dest") == "empty" {
			http.Error(w, "no", http.StatusServiceUnavailable)
			return
		}
		h.ServeHTTP(w, r)
	}), nil)
	dom, _ := chromiumtest.DOM(t, url+"/descargas", 12*time.Second)
	if !strings.Contains(dom, "La pasarela no contesta") || !strings.Contains(dom, explainEstado(gateway.DescargaEnProceso)) || readings.Load() != 2 {
		t.Errorf("after %d failures the page is\n%s", readings.Load(), dom)
	}
}

func TestChromium_WhenThereAreNoScriptsThePageLoadsItselfAgain(t *testing.T) {
	t.Parallel()
	l := &progress{steps: []gateway.EstadoDescarga{gateway.DescargaEnProceso, gateway.DescargaTerminada}}
	// The headless browser cannot go without: it gets what one without would see.
	url, uploads, readings := observe(t, serve(t, l), func(_ *http.Request, _ http.Header, body string) string {
		return regexp.MustCompile(`</?noscript>|<script.*</script>`).ReplaceAllString(body, "")
	})
	dom, said := chromiumtest.DOM(t, url+"/descargas/una", 8*time.Second)
	if uploads.Load() != 2 || readings.Load() != 0 || len(said) != 0 || !strings.Contains(dom, explainEstado(gateway.DescargaTerminada)) {
		t.Errorf("loaded %d times, fetched %d times, %q:\n%s", uploads.Load(), readings.Load(), said, dom)
	}
}

func TestChromium_WhenTextsAreHostileNothingRuns(t *testing.T) {
	t.Parallel()
	const bad = `"><script>document.title="tomada"</script><img src=x onerror="document.title='tomada'"><style>*{display:none}</style>`
	d := partida()
	d.Motivo, d.Solicitudes[0].Mensaje, d.Solicitudes[0].Decision = bad, bad, bad
	h := serve(t, &libro{descargas: []gateway.Descarga{d}, eventos: []gateway.EventoDescarga{{Number: 1, When: now(), Tipo: bad, Detalle: bad}}})
	clean, _, _ := observe(t, h, nil)
	// The policy holds where escaping would not: the same page with the texts as they are.
	raw, _, _ := observe(t, h, func(_ *http.Request, header http.Header, body string) string {
		if strings.HasPrefix(header.Get("Content-Type"), "text/html") {
			return strings.Replace(body, "</main>", bad+"</main>", 1)
		}
		return body
	})
	for _, path := range []string{"/descargas", "/descargas/una"} {
		dom, said := chromiumtest.DOM(t, clean+path, 8*time.Second)
		if len(said) != 0 || strings.Contains(dom, "tomada</title>") {
			t.Errorf("%s: the console says %q", path, said)
		}
		dom, said = chromiumtest.DOM(t, raw+path, 8*time.Second)
		if len(said) < 3 || strings.Contains(dom, "tomada</title>") {
			t.Errorf("%s: against its policy, the console says %q", path, said)
		}
	}
}

// A telephone is 360 pixels wide, and a browser's window no less than 500: the
// page is put into a frame, which it forbids otherwise.
func TestChromium_WhenTheScreenIsNarrowNothingSticksOut(t *testing.T) {
	t.Parallel()
	d := partida()
	d.Motivo = "Una palabra " + strings.Repeat("larguísima", 20)
	l := &libro{descargas: []gateway.Descarga{d, one("dos", gateway.DescargaProgramada)}, eventos: []gateway.EventoDescarga{{Number: 1, When: now(), Tipo: "creada", Detalle: d.Motivo}},
		paquetes: []gateway.PaqueteDescarga{{Paquete: gateway.Paquete{IDPaquete: strings.ToUpper(d.Motivo)}}}}
	h := serve(t, l)
	url, _, _ := observe(t, h, func(r *http.Request, header http.Header, body string) string {
		header.Del("X-Frame-Options")
		header.Set("Content-Security-Policy", strings.Replace(csp, "frame-ancestors 'none'", "frame-ancestors 'self'", 1))
		if r.URL.Path != "/descargas/recursos/marco.html" {
			return body
		}
		header.Del("Content-Security-Policy")
		header.Set("Content-Type", "text/html")
		return `<iframe width="360" height="800" src="` + r.URL.Query().Get("ruta") + `"></iframe><script>
			onload = () => { const d = document.querySelector("iframe").contentDocument.documentElement;
			document.title = "ancho " + d.clientWidth + " de " + d.scrollWidth; }</script>`
	})
	for _, path := range []string{"/descargas", "/descargas/una"} {
		dom, _ := chromiumtest.DOM(t, url+"/descargas/recursos/marco.html?ruta="+path, 2*time.Second)
		if !strings.Contains(dom, "<title>ancho 360 de 360</title>") {
			t.Errorf("%s: %s", path, dom[:min(400, len(dom))])
		}
	}
}
