package origin

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestForeign_WhenABrowserSaysWhereItComesFrom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host, site, origin string
		tls, want          bool
	}{
		{"127.0.0.1:8080", "", "", false, false}, // a program
		{"127.0.0.1:8080", "none", "", false, false},
		{"127.0.0.1:8080", "same-origin", "", false, false},
		{"127.0.0.1:8080", "same-origin", "http://127.0.0.1:8080", false, false},
		{"LOCALHOST:8080", "same-origin", "http://localhost:8080", false, false},
		{"localhost", "", "http://localhost", false, false},
		{"localhost", "same-origin", "https://localhost", true, false},
		{"127.0.0.1:8080", "same-site", "", false, true}, // another port
		{"127.0.0.1:8080", "cross-site", "", false, true},
		{"127.0.0.1:8080", "Same-Origin", "", false, true}, // no browser writes it so
		{"127.0.0.1:8080", "algo-nuevo", "", false, true},
		// Browsers without Fetch Metadata.
		{"127.0.0.1:8080", "", "http://127.0.0.1:8081", false, true},
		{"127.0.0.1:8080", "", "http://127.0.0.1", false, true},
		{"127.0.0.1:8080", "", "http://localhost:8080", false, true},
		{"127.0.0.1:8080", "", "https://127.0.0.1:8080", false, true},
		{"127.0.0.1:8080", "", "https://evil.example", false, true},
		{"127.0.0.1:8080", "", "null", false, true},
		{"localhost", "same-origin", "http://localhost", true, true},
		// One that contradicts itself.
		{"127.0.0.1:8080", "same-origin", "https://evil.example", false, true},
		{"127.0.0.1:8080", "cross-site", "http://127.0.0.1:8080", false, true},
	} {
		r := httptest.NewRequest(http.MethodGet, "/v1/efirmas", http.NoBody)
		r.Host, r.TLS = c.host, nil
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		for name, value := range map[string]string{"Sec-Fetch-Site": c.site, "Origin": c.origin} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		if got := Foreign(r); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "http://localhost/", http.NoBody)
	r.Header["Origin"] = []string{"http://localhost", "http://evil.example"}
	if !Foreign(r) {
		t.Error("the second Origin was not looked at")
	}
}

func TestOpens_WhenALinkIsFollowed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, mode, dest string
		want               bool
	}{
		{"GET", "navigate", "document", true}, {"HEAD", "navigate", "document", true},
		{"POST", "navigate", "document", false}, {"GET", "navigate", "iframe", false}, {"GET", "navigate", "embed", false},
		{"GET", "no-cors", "image", false}, {"GET", "cors", "empty", false}, {"GET", "", "", false}, {"GET", "no-cors", "document", false},
	} {
		r := httptest.NewRequest(c.method, "/", http.NoBody)
		r.Header.Set("Sec-Fetch-Mode", c.mode)
		r.Header.Set("Sec-Fetch-Dest", c.dest)
		if got := Opens(r); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"127.0.0.1:8080": true, "127.9.9.9": true, "[::1]:8080": true, "[::1]": true, "localhost": true, "LOCALHOST:1": true, "localhost.": true,
		"": false, "10.0.0.1": false, "0.0.0.0:8080": false, "2130706433": false, "localhost.evil.example": false, "127.0.0.1.nip.io": false, "evil.localhost": false, ".": false,
	} {
		if got := Loopback(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestPrivate_WhenNoStrangerCanOwnTheName(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"": true, "127.0.0.1:9090": true, "[::1]:9090": true, "10.1.2.3": true, "localhost:9090": true, "LOCALHOST": true, "a.localhost:1": true, "pasarela:9090": true,
		"pasarela-admin.fiscal.svc:9090": true, "pasarela-0.pasarela-admin.fiscal.svc.cluster.local": true, "gw.internal": true,
		"pasarela.ejemplo.mx": true, "PASARELA.EJEMPLO.MX.:443": true,
		"otro.ejemplo.mx": false, "malo.example:9090": false, "127.0.0.1.malo.example:9090": false, "localhost.malo.example": false,
		"pasarela.ejemplo.mx.malo.example": false, "x.svc.malo.example": false, "impresora.local": false, "x.notinternal": false, ".": false, ":9090": false,
	} {
		if got := Private(host, "Pasarela.ejemplo.mx"); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}
