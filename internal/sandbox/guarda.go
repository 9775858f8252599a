package sandbox

import (
	"net"
	"net/http"
	"strings"
)

// save keeps away what pages of others have a browser of this machine send: they would
// change what the sandbox does. Beyond loopback, where it was told to listen, it goes by
// any name.
func (s *Sandbox) save(h http.Handler) http.Handler {
	foreign := http.NewCrossOriginProtection()
	foreign.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "El sandbox no atiende a páginas de otro origen.", http.StatusForbidden)
	}))
	own := foreign.Handler(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A page that gives its own name this machine's address is of no other origin to
		// its browser (DNS rebinding).
		if !s.cfg.AllowNonLoopback && !ofIsMachine(r.Host) {
			http.Error(w, "El sandbox solo atiende a localhost.", http.StatusForbidden)
			return
		}
		own.ServeHTTP(w, r)
	})
}

func ofIsMachine(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
