package contract

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/docs"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/web/portal"
)

// TestPortal_HeadingsHaveGitHubsFragments: an address that was copied on GitHub
// is good here, for every heading of every page; problem types above all.
func TestPortal_HeadingsHaveGitHubsFragments(t *testing.T) {
	h, err := portal.New(load(t), docs.Pages)
	if err != nil {
		t.Fatal(err)
	}
	shown := func(name string) string {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/docs/guias/"+name, nil))
		if w.Code != http.StatusOK {
			t.Fatalf("%s: status %d", name, w.Code)
		}
		return w.Body.String()
	}
	found := 0
	for _, file := range pages(t) {
		name, ok := strings.CutPrefix(strings.TrimSuffix(file, ".md"), "docs/")
		if name = strings.Replace(name, "protocolos/", "protocolos-", 1); !ok || strings.Contains(name, "/") {
			continue // those of contributors stay in the repository
		}
		html, last := shown(name), 0
		for _, anchor := range anchors(withoutFences(page(t, file))) {
			found++
			// In the order of the page.
			at := strings.Index(html[last:], ` id="`+anchor)
			if at < 0 {
				t.Errorf("%s: #%s is not there, or not in its place", file, anchor)
				continue
			}
			last += at + 1
		}
	}
	if found < 100 {
		t.Errorf("only %d headings were found", found)
	}
	errors := shown("errores")
	for _, kind := range gateway.Kinds() {
		if !strings.Contains(errors, `<h3 id="`+string(kind)+`">`) {
			t.Errorf("the type %s has no place", kind)
		}
	}
}

// withoutFences takes out blocks of code, whose # are no headings.
func withoutFences(text string) string {
	var b strings.Builder
	open := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			open = !open
			continue
		}
		if !open {
			b.WriteString(line)
		}
	}
	return b.String()
}

// TestPortal_WhenTheGatewayRunsItIsThere: from the root on, as a browser goes, and
// without a key.
func TestPortal_WhenTheGatewayRunsItIsThere(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	for path, want := range map[string]string{"/": "/docs", "/docs": "/docs", "/docs/": "/docs", "/docs/guias/errores.md": "/docs/guias/errores"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.API+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "text/html,*/*;q=0.8")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close() //nolint:errcheck // not read
		if resp.StatusCode != http.StatusOK || resp.Request.URL.Path != want || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: status %d at %s", path, resp.StatusCode, resp.Request.URL.Path)
		}
	}
}
