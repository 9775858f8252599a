package tablero

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
	"github.com/pasarela-mx/pasarela/internal/tablero/chromiumtest"
)

// progresa is a libro whose only descarga is a step further whenever it is read.
type progresa struct {
	libro
	pasos []gateway.EstadoDescarga
	n     atomic.Int64
}

func (p *progresa) Lista(context.Context, gateway.FiltroDescargas) ([]gateway.Descarga, string, error) {
	return []gateway.Descarga{p.ahora()}, "", nil
}

func (p *progresa) Cuenta(context.Context, gateway.FiltroDescargas) (map[gateway.EstadoDescarga]int, error) {
	p.n.Add(1)
	return map[gateway.EstadoDescarga]int{p.ahora().Estado: 1}, nil
}

func (p *progresa) Descarga(context.Context, string) (gateway.Descarga, error) {
	p.n.Add(1)
	return p.ahora(), nil
}

func (p *progresa) ahora() gateway.Descarga {
	return una("una", p.pasos[min(int(p.n.Load()), len(p.pasos))-1])
}

// observa serves h and counts the pages that were loaded whole, and those that a
// script fetched. altera may change what is sent.
func observa(t *testing.T, h http.Handler, altera func(r *http.Request, header http.Header, body string) string) (url string, cargas, lecturas *atomic.Int64) {
	t.Helper()
	cargas, lecturas = &atomic.Int64{}, &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Sec-Fetch-Dest") {
		case "document":
			cargas.Add(1)
		case "empty":
			lecturas.Add(1)
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		body := rec.Body.String()
		if altera != nil {
			body = altera(r, rec.Header(), body)
			rec.Header().Del("Content-Length")
		}
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.Code)
		io.WriteString(w, body) //nolint:errcheck // the browser is gone
	}))
	t.Cleanup(server.Close)
	return server.URL, cargas, lecturas
}

func TestChromium_WhenADescargaGoesOnThePageFollowsWithoutBeingLoadedAgain(t *testing.T) {
	t.Parallel()
	for _, ruta := range []string{"/descargas", "/descargas/una"} {
		l := &progresa{pasos: []gateway.EstadoDescarga{gateway.DescargaEnProceso, gateway.DescargaDescargando, gateway.DescargaTerminada}}
		// A reader who has gone to a link stays there while everything around it changes.
		url, cargas, lecturas := observa(t, sirve(t, l), func(r *http.Request, _ http.Header, body string) string {
			if r.URL.Path == "/descargas/recursos/tablero.js" {
				return body + `;setTimeout(() => document.getElementById("pausa").focus(), 1000);
					setInterval(() => { document.body.dataset.foco = document.activeElement.id; }, 500);`
			}
			return body
		})
		dom, dicho := chromiumtest.DOM(t, url+ruta, 9*time.Second)
		if !strings.Contains(dom, explicaEstado(gateway.DescargaDescargando)) || strings.Contains(dom, explicaEstado(gateway.DescargaEnProceso)) {
			t.Errorf("%s: after 9 s the page is\n%s", ruta, dom)
		}
		if !strings.Contains(dom, `data-foco="pausa"`) {
			t.Errorf("%s: the focus is lost:\n%s", ruta, dom)
		}
		if cargas.Load() != 1 || lecturas.Load() != 1 {
			t.Errorf("%s: loaded %d times, fetched %d times", ruta, cargas.Load(), lecturas.Load())
		}
		if dom, _ = chromiumtest.DOM(t, url+ruta, 30*time.Second); !strings.Contains(dom, explicaEstado(gateway.DescargaTerminada)) {
			t.Errorf("%s: after 30 s the page is\n%s", ruta, dom)
		}
		if len(dicho) != 0 {
			t.Errorf("%s: the console says %q", ruta, dicho)
		}
	}
}

func TestChromium_WhenTheGatewayStopsThePageSaysSo(t *testing.T) {
	t.Parallel()
	l := &progresa{pasos: []gateway.EstadoDescarga{gateway.DescargaEnProceso}}
	h := sirve(t, l)
	url, _, lecturas := observa(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Dest") == "empty" {
			http.Error(w, "no", http.StatusServiceUnavailable)
			return
		}
		h.ServeHTTP(w, r)
	}), nil)
	dom, _ := chromiumtest.DOM(t, url+"/descargas", 12*time.Second)
	if !strings.Contains(dom, "La pasarela no contesta") || !strings.Contains(dom, explicaEstado(gateway.DescargaEnProceso)) || lecturas.Load() != 2 {
		t.Errorf("after %d failures the page is\n%s", lecturas.Load(), dom)
	}
}

func TestChromium_WhenThereAreNoScriptsThePageLoadsItselfAgain(t *testing.T) {
	t.Parallel()
	l := &progresa{pasos: []gateway.EstadoDescarga{gateway.DescargaEnProceso, gateway.DescargaTerminada}}
	// The headless browser cannot go without: it gets what one without would see.
	url, cargas, lecturas := observa(t, sirve(t, l), func(_ *http.Request, _ http.Header, body string) string {
		return regexp.MustCompile(`</?noscript>|<script.*</script>`).ReplaceAllString(body, "")
	})
	dom, dicho := chromiumtest.DOM(t, url+"/descargas/una", 8*time.Second)
	if cargas.Load() != 2 || lecturas.Load() != 0 || len(dicho) != 0 || !strings.Contains(dom, explicaEstado(gateway.DescargaTerminada)) {
		t.Errorf("loaded %d times, fetched %d times, %q:\n%s", cargas.Load(), lecturas.Load(), dicho, dom)
	}
}

func TestChromium_WhenTextsAreHostileNothingRuns(t *testing.T) {
	t.Parallel()
	const malo = `"><script>document.title="tomada"</script><img src=x onerror="document.title='tomada'"><style>*{display:none}</style>`
	d := partida()
	d.Motivo, d.Solicitudes[0].Mensaje, d.Solicitudes[0].Decision = malo, malo, malo
	h := sirve(t, &libro{descargas: []gateway.Descarga{d}, eventos: []gateway.EventoDescarga{{Numero: 1, Cuando: ahora(), Tipo: malo, Detalle: malo}}})
	limpia, _, _ := observa(t, h, nil)
	// The policy holds where escaping would not: the same page with the texts as they are.
	cruda, _, _ := observa(t, h, func(_ *http.Request, header http.Header, body string) string {
		if strings.HasPrefix(header.Get("Content-Type"), "text/html") {
			return strings.Replace(body, "</main>", malo+"</main>", 1)
		}
		return body
	})
	for _, ruta := range []string{"/descargas", "/descargas/una"} {
		dom, dicho := chromiumtest.DOM(t, limpia+ruta, 8*time.Second)
		if len(dicho) != 0 || strings.Contains(dom, "tomada</title>") {
			t.Errorf("%s: the console says %q", ruta, dicho)
		}
		dom, dicho = chromiumtest.DOM(t, cruda+ruta, 8*time.Second)
		if len(dicho) < 3 || strings.Contains(dom, "tomada</title>") {
			t.Errorf("%s: against its policy, the console says %q", ruta, dicho)
		}
	}
}

// A telephone is 360 pixels wide, and a browser's window no less than 500: the
// page is put into a frame, which it forbids otherwise.
func TestChromium_WhenTheScreenIsNarrowNothingSticksOut(t *testing.T) {
	t.Parallel()
	d := partida()
	d.Motivo = "Una palabra " + strings.Repeat("larguísima", 20)
	l := &libro{descargas: []gateway.Descarga{d, una("dos", gateway.DescargaProgramada)}, eventos: []gateway.EventoDescarga{{Numero: 1, Cuando: ahora(), Tipo: "creada", Detalle: d.Motivo}},
		paquetes: []gateway.PaqueteDescarga{{Paquete: gateway.Paquete{IDPaquete: strings.ToUpper(d.Motivo)}}}}
	h := sirve(t, l)
	url, _, _ := observa(t, h, func(r *http.Request, header http.Header, body string) string {
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
	for _, ruta := range []string{"/descargas", "/descargas/una"} {
		dom, _ := chromiumtest.DOM(t, url+"/descargas/recursos/marco.html?ruta="+ruta, 2*time.Second)
		if !strings.Contains(dom, "<title>ancho 360 de 360</title>") {
			t.Errorf("%s: %s", ruta, dom[:min(400, len(dom))])
		}
	}
}
