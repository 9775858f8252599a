// Package pade simulates two services of the PAC Prodigia, Addendas and Firmado: the JAX-WS runtime that
// they are taken to run on, with its ways of losing what it was sent, and what the services do.
//
// It really examines contracts: hash, certificates and seals, by rules of its own and none shared with who
// sends. It refuses certificates that the sandbox did not issue, gives no signature of anybody's but of a
// PAC of its own making, and never calls the real services.
package pade

import (
	"bytes"
	"net"
	"net/http"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

const (
	// Servicio names this system in faults and counters.
	Servicio = "pade"
	// Prefix is where the paths of this system begin.
	Prefix = "/pade/"
)

// Server is both simulated services: they have one account.
type Server struct {
	control.Desk
	cuentas *cuentas
	firmas  *record
	pac     *pac
	ids     *ids
}

// New returns services without signed contracts and with nobody blocked.
func New(d control.Desk) *Server {
	return &Server{Desk: d, cuentas: newCuentas(), firmas: newRecord(), pac: &pac{autoridad: d.Autoridad}, ids: &ids{seed: d.Seed}}
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

// point is one of the services: its path, its contract, the namespace there and the knob that has another.
type point struct {
	path, contrato, namespace, perNamespace, name string
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
		return point{path, "pade/addendas.wsdl", nsAddendas, perNamespaceAddendas, "IntegracionAddendas"}, true
	case pathSigned:
		return point{path, "pade/firmado.wsdl", nsSigned, perNamespaceSigned, "FirmarContrato"}, true
	}
	return point{}, false
}

// ServeHTTP answers a POST as the service does, whatever its query, and gives the contract to a GET.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p, ok := inPath(r.URL.Path)
	query := r.URL.RawQuery
	switch {
	case !ok:
		http.Error(w, "404", http.StatusNotFound)
	case r.Method == http.MethodPost:
		s.attend(w, r, p)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "405", http.StatusMethodNotAllowed)
	case strings.EqualFold(query, "wsdl"), strings.EqualFold(query, "wsdl=1") && s.Knobs.Text(perWSDL) == wsdlPartido:
		s.publish(w, r, p)
	default:
		control.WriteHTML(w, http.StatusOK, tipoHTML, "<html><head><title>Web Services</title></head><body>"+
			"<h1>Sandbox de Pasarela: no es Prodigia</h1><p>"+p.name+": <a href=\"?wsdl\">?wsdl</a></p></body></html>\n")
	}
}

// publish writes the contract with an address as the service's own contracts have it: plain HTTP and port
// 80, wherever it was asked at. Who follows it ends in clear text there, and nowhere here.
func (s *Server) publish(w http.ResponseWriter, r *http.Request, p point) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	published := "http://" + net.JoinHostPort(strings.Trim(host, "[]"), "80") + p.path
	b, err := control.Contrato(p.contrato, published)
	if err != nil {
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	b = bytes.ReplaceAll(b, []byte(`"`+p.namespace+`"`), []byte(`"`+escapeAttribute(s.Knobs.Text(p.perNamespace))+`"`))
	control.WriteContrato(w, control.TipoXML, s.part(b, r.URL.RawQuery, published))
}

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
