package tablero

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// csp lets the page use its own style sheet, script and icon and nothing else:
// what a SAT message or a name would smuggle in has nowhere to go.
const csp = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guarda keeps other pages of the reader's browser from this one, which has no
// authentication of its own.
func (t *tablero) guarda(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		if !t.conocido(r.Host) {
			http.Error(w, "La página no atiende a ese nombre. Llámela por su dirección IP, por localhost o por un nombre de GATEWAY_ADMIN_NOMBRES.", http.StatusForbidden)
			return
		}
		// A link from elsewhere may lead here; a page from elsewhere may load nothing.
		if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate" {
			http.Error(w, "La página no se sirve a otros sitios.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// conocido tells the names by which the page may be called. A page of somebody
// else's reaches this listener through the reader's browser by pointing a name
// of its own here (DNS rebinding), so any name that could be one is refused: not
// addresses, localhost, and names without a dot, which no stranger can own.
// Behind a proxy that hands on the name it was called by, that name has to be
// configured.
func (t *tablero) conocido(host string) bool {
	if nombre, _, err := net.SplitHostPort(host); err == nil {
		host = nombre
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "" {
		return false
	}
	return net.ParseIP(host) != nil || !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost") ||
		slices.ContainsFunc(t.cfg.Nombres, func(n string) bool { return strings.EqualFold(n, host) })
}
