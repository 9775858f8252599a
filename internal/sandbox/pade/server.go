// Package pade simulates two services of the PAC Prodigia, Addendas and Firmado: the JAX-WS runtime that
// they are taken to run on, with its ways of losing what it was sent, and what the services do.
//
// It really examines contracts: hash, certificates and seals, by rules of its own and none shared with who
// sends. It refuses certificates that the sandbox did not issue, gives no signature of anybody's but of a
// PAC of its own making, and never calls the real services.
package pade

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/wsdl"
)

const (
	// Servicio names this system in faults and counters.
	Servicio = "pade"
	// Prefix is where the paths of this system begin.
	Prefix = "/pade/"
)

// Capture is a SOAP request as received, the credentials in its body included.
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
	Log       zerolog.Logger
	Capture   func(Capture) // holds whole messages in memory: for tests
}

// Server is both simulated services: they have one account.
type Server struct {
	o       Options
	cuentas *cuentas
	firmas  *record
	pac     *pac
	ids     *ids
}

// New returns services without signed contracts and with nobody blocked.
func New(o Options) *Server {
	return &Server{o: o, cuentas: newCuentas(), firmas: newRecord(), pac: &pac{autoridad: o.Autoridad}, ids: &ids{seed: o.Seed}}
}

// Reset forgets the contracts, the wrong logins and the ids.
func (s *Server) Reset() {
	s.cuentas.reset()
	s.firmas.reset()
	s.ids.reset()
}

// Contratos returns what was signed and registered, the oldest first.
func (s *Server) Contratos() []Summary { return s.firmas.summary() }

// Blocked returns the users that are blocked, sorted.
func (s *Server) Blocked() []string { return s.cuentas.blocked() }

// point is one of the services: its path, its contract and the knob that has its namespace.
type point struct {
	path, contrato, perNamespace, name string
}

const (
	pathAddendas = Prefix + "addendas"
	pathSigned   = Prefix + "firmado"

	nsAddendas = "http://addendas.ws.pade.mx"
	nsSigned   = "http://firmado.ws.pade.mx"
)

func inPath(path string) (point, bool) {
	switch path {
	case pathAddendas:
		return point{path, "pade/addendas.wsdl", perNamespaceAddendas, "IntegracionAddendas"}, true
	case pathSigned:
		return point{path, "pade/firmado.wsdl", perNamespaceSigned, "FirmarContrato"}, true
	}
	return point{}, false
}

// ServeHTTP answers a POST as the service does, whatever its query, and gives the contract to a GET.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Not of the service: nobody should take this for it.
	w.Header().Set("X-Sandbox", "pasarela")
	cuenta := &counter{ResponseWriter: w, cuenta: s.o.Counters.Bytes}
	p, ok := inPath(r.URL.Path)
	switch {
	case !ok:
		http.Error(cuenta, "404", http.StatusNotFound)
	case r.Method == http.MethodPost:
		s.attend(cuenta, r, p)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		cuenta.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(cuenta, "405", http.StatusMethodNotAllowed)
	case strings.EqualFold(r.URL.RawQuery, "wsdl"), strings.EqualFold(r.URL.RawQuery, "wsdl=1") && s.o.Knobs.Text(perWSDL) == wsdlPartido:
		s.publish(cuenta, r, p)
	default:
		cuenta.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(cuenta, "<html><head><title>Web Services</title></head><body><h1>Sandbox de Pasarela: no es Prodigia</h1><p>"+
			p.name+": <a href=\"?wsdl\">?wsdl</a></p></body></html>\n")
	}
}

// publish writes the contract with an address as the service's own contracts have it: plain HTTP and port
// 80, wherever it was asked at. Who follows it ends in clear text there, and nowhere here.
func (s *Server) publish(w http.ResponseWriter, r *http.Request, p point) {
	b, err := wsdl.FS.ReadFile(p.contrato)
	if err != nil {
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	own := nsAddendas
	if p.path == pathSigned {
		own = nsSigned
	}
	b = bytes.ReplaceAll(b, []byte(`"`+own+`"`), []byte(`"`+escapeAttribute(s.o.Knobs.Text(p.perNamespace))+`"`))
	const mark = `<soap:address location="`
	published := "http://" + net.JoinHostPort(strings.Trim(host, "[]"), "80") + p.path
	b = s.part(b, r.URL.RawQuery, published)
	if before, after, has := bytes.Cut(b, []byte(mark)); has {
		_, after, _ = bytes.Cut(after, []byte(`"`))
		b = slices.Concat(before, []byte(mark+escapeAttribute(published)+`"`), after)
	}
	w.Header().Set("Content-Type", tipoXML)
	_, _ = bytes.NewReader(b).WriteTo(w) // not Write, where gosec sees HTML: it is escaped, and XML
}

// counter counts the bytes of a body.
type counter struct {
	http.ResponseWriter
	cuenta func(int)
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.cuenta(n)
	return n, err
}

// Unwrap lets http.ResponseController flush and hijack.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// The knobs of this system.
const (
	perContrato          = "pade_contrato"
	perUser              = "pade_usuario"
	perPassword          = "pade_password"
	perNamespaceAddendas = "pade_addendas_namespace"
	perNamespaceSigned   = "pade_firmado_namespace"
	perWSDL              = "pade_wsdl"
)

// Knobs declares the knobs of this system.
func Knobs() []control.Knob {
	return []control.Knob{
		{Name: perContrato, Defect: "sandbox", Note: "contract code of PADE's account"},
		{Name: perUser, Defect: "sandbox", Note: "user of PADE's account"},
		{Name: perPassword, Defect: "sandbox", Note: "password of PADE's account"},
		{Name: perNamespaceAddendas, Defect: nsAddendas, Note: "target namespace of PADE's Addendas; the real one is not public"},
		{Name: perNamespaceSigned, Defect: nsSigned, Note: "target namespace of PADE's Firmado; the real one is not public"},
		{Name: perWSDL, Defect: wsdlEntero, Values: []string{wsdlEntero, wsdlPartido, wsdlSinPortType}, Note: "PADE's contracts: `entero`; `partido`, the interface imported from another namespace; `sin_porttype`, without it"},
	}
}
