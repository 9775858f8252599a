package handlers

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
)

// withPages is a surface whose pages say the path that they were asked for.
func withPages(t *testing.T, change func(*Config)) *surface {
	t.Helper()
	return newSurface(t, &fake{}, func(c *Config) {
		c.Docs = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "page "+r.URL.Path) }) //nolint:errcheck // a recorder
		if change != nil {
			change(c)
		}
	})
}

// TestRoutes_AreTheContractAndThePages: a route outside the contract is a defect.
// The pages for people are the only ones, and all of them.
func TestRoutes_AreTheContractAndThePages(t *testing.T) {
	t.Parallel()
	want := []string{"GET /", "HEAD /", "GET /docs", "HEAD /docs", "GET /docs/*", "HEAD /docs/*"}
	for path, item := range spec(t).Doc().Paths.Map() {
		for method := range item.Operations() {
			want = append(want, method+" "+path)
		}
	}
	var got []string
	routes, ok := withPages(t, nil).Handler.(chi.Routes)
	if !ok {
		t.Fatal("the surface does not tell its routes")
	}
	err := chi.Walk(routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		got = append(got, method+" "+route)
		return nil
	})
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, routes (-contract +code):\n%s", err, diff)
	}
}

func TestPages_ArePublicAndForReading(t *testing.T) {
	t.Parallel()
	s := withPages(t, func(c *Config) {
		c.Keys = func(string, netip.Addr) (apikeys.Key, error) { return apikeys.Key{}, apikeys.ErrUnknown }
	})
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/docs", 200, "page /docs"}, {"HEAD", "/docs", 200, "page /docs"}, {"GET", "/docs/guias/errores", 200, "page /docs/guias/errores"},
		{"POST", "/docs", 405, "metodo-no-permitido"}, {"DELETE", "/docs/x", 405, "metodo-no-permitido"}, {"GET", "/docsx", 404, "no-encontrado"},
	} {
		w := s.do(c.method, c.path, "")
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) || w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
	if last := s.routes[2]; last != "GET /docs/*" {
		t.Errorf("counted as %s", last)
	}
}

func TestStart_LeadsPeopleToThePagesAndProgramsNowhere(t *testing.T) {
	t.Parallel()
	s := withPages(t, nil)
	for accept, status := range map[string]int{
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8": 302, // browsers
		"": 404, "*/*": 404, "application/json": 404, "application/json, text/html;q=0.5": 404,
	} {
		w := s.do(http.MethodGet, "/", "", "Accept", accept)
		if w.Code != status || w.Header().Get("Vary") != "Accept" {
			t.Errorf("Accept %q: %d, Vary %q", accept, w.Code, w.Header().Get("Vary"))
		}
		if status == 302 && w.Header().Get("Location") != "docs" {
			t.Errorf("it leads to %q", w.Header().Get("Location"))
		}
		if status == 404 {
			problem(t, w)
		}
	}
	// Without pages there is nowhere to lead to.
	if w := newSurface(t, &fake{}, nil).do(http.MethodGet, "/", "", "Accept", "text/html"); w.Code != http.StatusNotFound {
		t.Errorf("without pages: %d", w.Code)
	}
}

// TestLocal_WhenALinkFromElsewhereLeadsToAPage: a reader may follow a link, and
// nothing else may come from another site.
func TestLocal_WhenALinkFromElsewhereLeadsToAPage(t *testing.T) {
	t.Parallel()
	s := withPages(t, nil)
	for _, c := range []struct {
		path, mode, dest, host string
		status                 int
	}{
		{"/docs", "navigate", "document", "127.0.0.1:8080", 200},
		{"/docs/guias/errores", "navigate", "document", "localhost", 200},
		{"/", "navigate", "document", "127.0.0.1", 302},
		{"/docs", "navigate", "iframe", "127.0.0.1", 403},
		{"/docs/recursos/portal.js", "no-cors", "script", "127.0.0.1", 403},
		{"/docs", "navigate", "document", "evil.example", 403},
		{"/v1/efirmas", "navigate", "document", "127.0.0.1", 403},
		{"/docsx", "navigate", "document", "127.0.0.1", 403},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://"+c.host+c.path, nil)
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": c.mode, "Sec-Fetch-Dest": c.dest, "Accept": "text/html"} {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != c.status {
			t.Errorf("%+v: %d", c, w.Code)
		}
	}
}
