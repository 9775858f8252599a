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

// Captura is a SOAP request as received, the token taken out.
type Captura struct {
	Servicio, Operacion string
	Header              http.Header
	Body                []byte
}

// Opciones are the parts of a Servidor; all but Captura are required.
type Opciones struct {
	Semilla    uint64
	Autoridad  *autoridad.Autoridad
	Reloj      *control.Reloj
	Perillas   *control.Perillas // holding at least those of Perillas()
	Fallas     *control.Fallas
	Contadores *control.Contadores
	Bitacora   *control.Bitacora
	Log        zerolog.Logger
	Captura    func(Captura)
}

// Servidor is the simulated service.
type Servidor struct {
	autoridad  *autoridad.Autoridad
	reloj      *control.Reloj
	perillas   *control.Perillas
	fallas     *control.Fallas
	contadores *control.Contadores
	bitacora   *control.Bitacora
	log        zerolog.Logger
	captura    func(Captura)

	publicos    map[string]string // fingerprint → RFC
	universo    *Universo
	fichas      *fichas
	solicitudes *solicitudes
}

// New returns a service without requests.
func New(o Opciones) (*Servidor, error) {
	f, err := nuevasFichas()
	if err != nil {
		return nil, fmt.Errorf("token keys: %w", err)
	}
	u := NewUniverso(o.Semilla)
	return &Servidor{
		autoridad: o.Autoridad, reloj: o.Reloj, perillas: o.Perillas, fallas: o.Fallas,
		contadores: o.Contadores, bitacora: o.Bitacora, log: o.Log, captura: o.Captura,
		publicos: huellasPublicas(), universo: u, fichas: f, solicitudes: nuevasSolicitudes(u),
	}, nil
}

// Reinicia forgets every request and quota; tokens given keep their life.
func (s *Servidor) Reinicia() { s.solicitudes.reinicia() }

// CatalogoFallas says which faults make sense here.
func CatalogoFallas() control.Catalogo {
	return control.Catalogo{Servicios: Servicios(), Operaciones: nombresOperaciones(), Admite: admiteFalla, Despues: admiteDespues, Defectos: nombresDefectos(), MalDia: malDia}
}

func admiteFalla(tipo control.Tipo, operacion string) bool {
	switch tipo {
	case control.Truncado, control.Base64Invalido, control.ZipInvalido, control.ConDefectos:
		return operacion == opDescargar
	case control.Codigo:
		return operacion != opAutentica
	}
	return true
}

// admiteDespues: what takes the place of an answer may do so once the message was processed; the others
// touch the answer itself, and always come after.
func admiteDespues(tipo control.Tipo, operacion string) bool {
	switch tipo {
	case control.Lento, control.Reset, control.HTML503, control.Pagina, control.Vacio, control.Fault, control.Codigo, control.Silencio:
		return admiteFalla(tipo, operacion)
	}
	return false
}

// ahora is the real clock, the one of security.
func (s *Servidor) ahora() time.Time { return s.reloj.Real() }

// ServeHTTP answers under /cfdi/ and /retenciones/ at the service's own paths.
func (s *Servidor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	cuenta := &contador{ResponseWriter: w, cuenta: s.contadores.Bytes}
	ponCabeceras(cuenta.Header())
	servicio, ruta, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	p, ok := puntos[ruta]
	switch {
	case !ok || !slices.Contains(Servicios(), servicio):
		escribeHTML(cuenta, http.StatusNotFound, "404 - File or directory not found.")
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		s.publica(cuenta, r, p)
	case r.Method == http.MethodPost:
		s.atiende(cuenta, r, servicio, p)
	default:
		cuenta.Header().Set("Allow", "GET, HEAD, POST")
		escribeHTML(cuenta, http.StatusMethodNotAllowed, "405 - HTTP verb used to access this page is not allowed.")
	}
}
