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

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// The two families.
const (
	CFDI        = "cfdi"
	Retenciones = "retenciones"
)

// Servicios returns the names of both families, which are also the first step of their paths.
func Servicios() []string { return []string{CFDI, Retenciones} }

// Capture is a SOAP request as received, the token taken out.
type Capture struct {
	Servicio, Operation string
	Header              http.Header
	Body                []byte
}

// Options are the parts of a Server; all but Capture are required.
type Options struct {
	Seed      uint64
	Autoridad *autoridad.Autoridad
	Clock     *control.Clock
	Knobs     *control.Knobs // holding at least those of Knobs()
	Fallas    *control.Fallas
	Counters  *control.Counters
	Journal   *control.Journal
	Log       zerolog.Logger
	Capture   func(Capture)
}

// Server is the simulated service.
type Server struct {
	autoridad *autoridad.Autoridad
	clock     *control.Clock
	knobs     *control.Knobs
	fallas    *control.Fallas
	counters  *control.Counters
	journal   *control.Journal
	log       zerolog.Logger
	capture   func(Capture)

	public      map[string]string // fingerprint → RFC
	universe    *Universe
	tokens      *tokens
	solicitudes *solicitudes
}

// New returns a service without requests.
func New(o Options) (*Server, error) {
	f, err := newTokens()
	if err != nil {
		return nil, fmt.Errorf("token keys: %w", err)
	}
	u := NewUniverse(o.Seed)
	return &Server{
		autoridad: o.Autoridad, clock: o.Clock, knobs: o.Knobs, fallas: o.Fallas,
		counters: o.Counters, journal: o.Journal, log: o.Log, capture: o.Capture,
		public: publicDigests(), universe: u, tokens: f, solicitudes: newSolicitudes(u),
	}, nil
}

// Reset forgets every request and quota; tokens given keep their life.
func (s *Server) Reset() { s.solicitudes.reset() }

// CatalogoFallas says which faults make sense here.
func CatalogoFallas() control.Catalogo {
	return control.Catalogo{Servicios: Servicios(), Operations: operationNames(), Admit: admitFalla, After: admitAfter, Defects: defectsNames(), BadDay: badDay}
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
	case control.Lento, control.Reset, control.HTML503, control.Pagina, control.Vacio, control.Fault, control.Codigo, control.Silencio:
		return admitFalla(tipo, operation)
	}
	return false
}

// now is the real clock, the one of security.
func (s *Server) now() time.Time { return s.clock.Real() }

// ServeHTTP answers under /cfdi/ and /retenciones/ at the service's own paths.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	cuenta := &counter{ResponseWriter: w, cuenta: s.counters.Bytes}
	setHeaders(cuenta.Header())
	servicio, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	p, ok := points[path]
	switch {
	case !ok || !slices.Contains(Servicios(), servicio):
		writeHTML(cuenta, http.StatusNotFound, "404 - File or directory not found.")
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		s.publish(cuenta, r, p)
	case r.Method == http.MethodPost:
		s.attend(cuenta, r, servicio, p)
	default:
		cuenta.Header().Set("Allow", "GET, HEAD, POST")
		writeHTML(cuenta, http.StatusMethodNotAllowed, "405 - HTTP verb used to access this page is not allowed.")
	}
}
