package dashboard

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestSave_WhenItIsNotRead(t *testing.T) {
	t.Parallel()
	h := serve(t, &libro{descargas: []gateway.Descarga{one("una", gateway.DescargaTerminada)}})
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		for _, url := range []string{"/descargas", "/descargas/una"} {
			if resp := visit(h, method, url); resp.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, url, resp.Code)
			}
		}
	}
}

func TestAnswers_WhenAnythingIsServed(t *testing.T) {
	t.Parallel()
	h := serve(t, &libro{})
	for _, url := range []string{"/descargas", "/descargas/nada", "/descargas/recursos/tablero.js", "/descargas/recursos/tablero.css", "/descargas/recursos/icono.svg", "/descargas/recursos/otro"} {
		resp := visit(h, http.MethodGet, url)
		for name, want := range map[string]string{"Content-Security-Policy": csp, "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin"} {
			if got := resp.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q", url, name, got)
			}
		}
		if strings.Contains(url, "recursos/") || resp.Header().Get("Cache-Control") == "no-store" {
			continue
		}
		t.Errorf("%s may be kept: %q", url, resp.Header().Get("Cache-Control"))
	}
	if strings.Contains(csp, "unsafe") || !strings.HasPrefix(csp, "default-src 'none'") {
		t.Errorf("the policy is %s", csp)
	}
	first := visit(h, http.MethodGet, "/descargas/recursos/tablero.css")
	again := visit(h, http.MethodGet, "/descargas/recursos/tablero.css", "If-None-Match", first.Header().Get("ETag"))
	if first.Header().Get("Content-Type") != "text/css; charset=utf-8" || again.Code != http.StatusNotModified {
		t.Errorf("%v, then %d", first.Header(), again.Code)
	}
}

func TestUpdate_WhenSomethingLives(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		estado      gateway.EstadoDescarga
		url         string
		every       string
		pause, back string
	}{
		{gateway.DescargaEnProceso, "/descargas", "5", "descargas?pausa=1", ""},
		{gateway.DescargaEnProceso, "/descargas?pausa=1&rfc=PRU010101AB1", "0", "descargas?rfc=PRU010101AB1", "Reanudar"},
		{gateway.DescargaTerminada, "/descargas", "60", "descargas?pausa=1", ""},
		{gateway.DescargaProgramada, "/descargas/una", "60", "una?pausa=1", ""},
		{gateway.DescargaEnCola, "/descargas/una?antes=1", "5", "una?antes=1&pausa=1", ""},
		{gateway.DescargaEnCola, "/descargas/una?pausa=1", "0", "una", "Reanudar"},
		{gateway.DescargaFallida, "/descargas/una", "0", "", ""},
	} {
		p := read(t, serve(t, &libro{descargas: []gateway.Descarga{one("una", c.estado)}}), c.url, http.StatusOK)
		pause, every := "", ""
		for n := range p.doc.Descendants() {
			switch attr(n, "id") {
			case "pausa":
				pause = attr(n, "href")
			case "reloj":
				every = attr(n, "data-cada")
			}
		}
		if every != c.every || pause != c.pause {
			t.Errorf("%s of %s: every %s s, pause %q", c.url, c.estado, every, pause)
		}
		// Without JavaScript the page loads itself again.
		if got, want := strings.Contains(p.source, `<noscript><meta http-equiv="refresh" content="`+c.every+`"></noscript>`), c.every != "0"; got != want {
			t.Errorf("%s of %s: refresh without script %v", c.url, c.estado, got)
		}
		p.wants(t, c.back)
	}
}

func TestLateral_WhenSomethingNeedsSomebody(t *testing.T) {
	t.Parallel()
	efirmas := []EFirma{{RFC: "AAA010101AA1", Expire: now().Add(31 * 24 * time.Hour)}, {RFC: "BBB010101AA1", Expire: now().Add(12*24*time.Hour + time.Hour)},
		{RFC: "CCC010101AA1", Expire: now().Add(-time.Hour), Motivo: "Venció."}, {RFC: "DDD010101AA1", Motivo: "Falta la contraseña."}}
	for range maxLateral {
		efirmas = append(efirmas, EFirma{RFC: "EEE010101AA1", Expire: now().Add(time.Hour)})
	}
	h := serve(t, &libro{}, func(c *Config) {
		c.EFirmas = func() ([]EFirma, error) { return efirmas, nil }
		c.Webhooks = func(_ context.Context, limit int) ([]Webhook, error) {
			return []Webhook{{Host: "erp.ejemplo.mx", Pending: 3, Next: now().Add(5 * time.Minute)}, {Host: "viejo.ejemplo.mx", Withdrawn: true}}[:min(2, limit)], nil
		}
	})
	p := read(t, h, "/descargas", http.StatusOK)
	p.wants(t, "BBB010101AA1 e.firma que vence en 12 días", "CCC010101AA1 e.firma que no sirve: Venció.", "DDD010101AA1 e.firma que no sirve: Falta la contraseña.",
		"y 3 e.firmas más", "erp.ejemplo.mx webhook que falla: 3 mensajes por reintentar, el próximo en 5 min", "viejo.ejemplo.mx webhook dado de baja: contestó 410")
	p.without(t, "AAA010101AA1")

	// What cannot be read does not take the page with it.
	h = serve(t, &libro{}, func(c *Config) {
		c.EFirmas = func() ([]EFirma, error) { return nil, errors.New("no directory") }
		c.Webhooks = func(context.Context, int) ([]Webhook, error) { return nil, errors.New("no table") }
	})
	read(t, h, "/descargas", http.StatusOK).without(t, "Hay que ver", "no table")
}

// What a reader without eyes or mouse needs, of every kind of page.
func TestPage_WhenItIsNotSeen(t *testing.T) {
	t.Parallel()
	l := &libro{descargas: []gateway.Descarga{partida()}, eventos: []gateway.EventoDescarga{{Number: 1, When: now(), Tipo: "creada"}},
		paquetes: []gateway.PaqueteDescarga{{Paquete: gateway.Paquete{IDPaquete: "P_01"}, Tramo: 73}}}
	h := serve(t, l)
	for _, url := range []string{"/descargas", "/descargas?rfc=nada", "/descargas/una"} {
		p := read(t, h, url, http.StatusOK)
		ids, forWhom := []string{}, []string{}
		level, h1 := 0, 0
		for n := range p.doc.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			if id := attr(n, "id"); id != "" {
				if slices.Contains(ids, id) {
					t.Errorf("%s: two elements are %s", url, id)
				}
				ids = append(ids, id)
			}
			switch n.Data {
			case "html":
				if attr(n, "lang") != "es-MX" {
					t.Errorf("%s: language %q", url, attr(n, "lang"))
				}
			case "label":
				forWhom = append(forWhom, attr(n, "for"))
			case "h1", "h2", "h3":
				now := int(n.Data[1] - '0')
				if h1 += max(0, 2-now); now > level+1 {
					t.Errorf("%s: %s after h%d", url, n.Data, level)
				}
				level = now
			case "th":
				if attr(n, "scope") == "" {
					t.Errorf("%s: a header of nothing", url)
				}
			}
			if style := attr(n, "style") + attr(n, "onclick"); style != "" {
				t.Errorf("%s: %s has %q, which the policy refuses", url, n.Data, style)
			}
		}
		if h1 != 1 {
			t.Errorf("%s: %d h1", url, h1)
		}
		for _, field := range append(p.all("input"), p.all("select")...) {
			if attr(field, "type") != "hidden" && !slices.Contains(forWhom, attr(field, "id")) {
				t.Errorf("%s: nothing says what %s is", url, attr(field, "id"))
			}
		}
		for _, region := range []string{"reloj", "aviso", "contenido"} {
			if !slices.Contains(ids, region) {
				t.Errorf("%s: no %s", url, region)
			}
		}
	}
}
