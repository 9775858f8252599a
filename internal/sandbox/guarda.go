package sandbox

import (
	"net"
	"net/http"
	"strings"
)

// guarda keeps away what pages of others have a browser of this machine send: they would
// change what the sandbox does. Beyond loopback, where it was told to listen, it goes by
// any name.
func (s *Sandbox) guarda(h http.Handler) http.Handler {
	ajenas := http.NewCrossOriginProtection()
	ajenas.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "El sandbox no atiende a páginas de otro origen.", http.StatusForbidden)
	}))
	propias := ajenas.Handler(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A page that gives its own name this machine's address is of no other origin to
		// its browser (DNS rebinding).
		if !s.cfg.AllowNonLoopback && !deEstaMaquina(r.Host) {
			http.Error(w, "El sandbox solo atiende a localhost.", http.StatusForbidden)
			return
		}
		propias.ServeHTTP(w, r)
	})
}

func deEstaMaquina(host string) bool {
	if nombre, _, err := net.SplitHostPort(host); err == nil {
		host = nombre
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
