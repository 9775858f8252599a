package sandbox

import (
	"net"
	"net/http"
	"strings"
)

// guard refuses requests that a browser of this machine sends for a page of another origin:
// such a page would change what the sandbox does. A sandbox that may listen beyond loopback
// accepts any host name.
func (s *Sandbox) guard(h http.Handler) http.Handler {
	foreign := http.NewCrossOriginProtection()
	foreign.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "El sandbox no atiende a páginas de otro origen.", http.StatusForbidden)
	}))
	own := foreign.Handler(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A page whose own name resolves to this machine has the same origin for its
		// browser (DNS rebinding).
		if !s.cfg.AllowNonLoopback && !isLoopback(r.Host) {
			http.Error(w, "El sandbox solo atiende a localhost.", http.StatusForbidden)
			return
		}
		own.ServeHTTP(w, r)
	})
}

func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
