// Package sat simulates the SAT's Descarga Masiva de CFDI y Retenciones: the four SOAP services, for
// both families, over a universe of comprobantes made from a seed.
//
// It is strict where the service is strict and answers in its shapes, faults included. It refuses
// certificates that it does not know, keeps nothing on disk, and never calls the real service.
package sat

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// The two families.
const (
	CFDI        = "cfdi"
	Retenciones = "retenciones"
)

// Servicios returns the names of both families, which are also the first step of their paths.
func Servicios() []string { return []string{CFDI, Retenciones} }

// Server is the simulated service.
type Server struct {
	control.Desk
	public      map[string]string // fingerprint → RFC
	universe    *Universe
	tokens      *tokens
	solicitudes *solicitudes
}

// New returns a service without requests.
func New(d control.Desk) (*Server, error) {
	f, err := newTokens()
	if err != nil {
		return nil, fmt.Errorf("token keys: %w", err)
	}
	u := NewUniverse(d.Seed)
	return &Server{Desk: d, public: publicDigests(), universe: u, tokens: f, solicitudes: newSolicitudes(u)}, nil
}

// Reset forgets every request and quota; tokens given keep their life.
func (s *Server) Reset() { s.solicitudes.reset() }

// CatalogoFallas says which faults make sense here.
func CatalogoFallas() control.Catalogo {
	return control.Catalogo{
		Servicios: Servicios(), Operations: operationNames(), Admit: admitFalla, After: admitAfter, Defects: defectsNames(), BadDay: badDay,
	}
}

func admitFalla(tipo control.Tipo, operation string) bool {
	switch tipo {
	case control.Truncado, control.Base64Invalido, control.ZipInvalido, control.ConDefectos:
		return operation == opDescargar
	case control.Codigo:
		return operation != opAutentica
	}
	return true
}

// admitAfter: what takes the place of an answer may do so once the message was processed; the others
// touch the answer itself, and always come after.
func admitAfter(tipo control.Tipo, operation string) bool {
	switch tipo {
	case control.Lento, control.Reset, control.HTML503, control.Pagina,
		control.Vacio, control.Fault, control.Codigo, control.Silencio:
		return admitFalla(tipo, operation)
	}
	return false
}

// now is the real clock, the one of security.
func (s *Server) now() time.Time { return s.Clock.Real() }

// ServeHTTP answers under /cfdi/ and /retenciones/ at the service's own paths.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Server", "Microsoft-IIS/10.0")
	h.Set("X-Powered-By", "ASP.NET")
	h.Set("Cache-Control", "private")
	servicio, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	p, ok := points[path]
	switch {
	case !ok || !slices.Contains(Servicios(), servicio):
		control.WriteHTML(w, http.StatusNotFound, tipoHTML, page("404 - File or directory not found."))
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		s.publish(w, r, p)
	case r.Method == http.MethodPost:
		s.attend(w, r, servicio, p)
	default:
		h.Set("Allow", "GET, HEAD, POST")
		control.WriteHTML(w, http.StatusMethodNotAllowed, tipoHTML, page("405 - HTTP verb used to access this page is not allowed."))
	}
}
