package portal

import "net/http"

// The policies let a page use its own style, script and pictures and nothing else.
// The reference asks the gateway, its own origin, and its style sheet holds its
// icons (data:). No page allows eval, inline scripts or inline styles.
const (
	csp    = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	cspAPI = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

// save keeps other sites from framing the pages and from running anything in
// them: the reference holds the API key that its reader has given.
func save(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		if r.URL.Path == "/docs/api" {
			h.Set("Content-Security-Policy", cspAPI)
		}
		h.Set("Cache-Control", "no-cache")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		next.ServeHTTP(w, r)
	})
}
