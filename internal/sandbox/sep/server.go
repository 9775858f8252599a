// Package sep simulates the SEP's Títulos Electrónicos (MET): the SOAP service that takes lotes of titles,
// and the examination that each title goes through before it is registered.
//
// It is strict where the service is strict: the message to its schema, the title to its structure, its
// catalogues, its seals and its certificates, all by rules of its own and none shared with who sends. It
// refuses certificates that the sandbox did not issue, keeps nothing on disk beyond a call, and never calls
// the real service.
package sep

import (
	"encoding/xml"
	"net/http"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

const (
	// Servicio names this system in faults and counters.
	Servicio = "sep"
	// Prefix is where the paths of this system begin.
	Prefix       = "/sep/"
	basePath     = Prefix + "services/"
	pathContrato = basePath + "TitulosElectronicos.wsdl"
	contrato     = "sep/titulos.wsdl"
)

// Server is the simulated service.
type Server struct {
	control.Desk
	lotes *lotes
}

// New returns a service without lotes.
func New(d control.Desk) *Server { return &Server{Desk: d, lotes: newLotes(d.Seed)} }

// Reset forgets every lote and title.
func (s *Server) Reset() { s.lotes.reset() }

// Lotes returns what was uploaded, the oldest first.
func (s *Server) Lotes() []Summary { return s.lotes.summary(s.Clock.Now()) }

// CatalogoFallas says which faults make sense here.
func CatalogoFallas() control.Catalogo {
	return control.Catalogo{Servicios: []string{Servicio}, Operations: operationNames(), Admit: admitFalla}
}

func admitFalla(tipo control.Tipo, operation string) bool {
	switch tipo {
	case control.Truncado, control.Base64Invalido, control.ZipInvalido:
		return operation == opDescarga
	case control.Codigo:
		return operation != opCancelInstitucion
	}
	return true
}

// ServeHTTP answers a POST below /sep/services/, whatever follows, as the service does, and gives its
// contract to a GET.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !strings.HasPrefix(r.URL.Path, basePath):
		http.Error(w, "Error 404--Not Found", http.StatusNotFound)
	case r.Method == http.MethodPost:
		s.attend(w, r)
	case r.URL.Path == pathContrato && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		publish(w, r)
	default:
		w.Header().Set("Allow", "POST")
		http.Error(w, "Error 405--Method Not Allowed", http.StatusMethodNotAllowed)
	}
}

// publish writes the contract with the address that it was asked at, as the service does.
func publish(w http.ResponseWriter, r *http.Request) {
	b, err := control.Contrato(contrato, "http://"+r.Host+basePath)
	if err != nil {
		http.Error(w, "Error 500--Internal Server Error", http.StatusInternalServerError)
		return
	}
	control.WriteContrato(w, control.TipoXML, b)
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}

// The knobs of this system.
const (
	perUser     = "sep_usuario"
	perPassword = "sep_password"
	perDelay    = "sep_demora"
	perCURPs    = "sep_curps_desconocidas"
	perCadena   = "sep_cadena"
	perCargos   = "sep_cargos"

	perResult = "sep_resultado"

	cadenaAmbas     = "ambas"
	cadenaPlana     = "plana"
	cadenaEntidades = "entidades"
)

// Knobs declares the knobs of this system.
func Knobs() []control.Knob {
	return []control.Knob{
		{Name: perUser, Defect: "sandbox", Note: "user of the SEP's service"},
		{Name: perPassword, Defect: "sandbox", Note: "password of the SEP's service"},
		{Name: perDelay, Defect: 2 * time.Second, Note: "time until a lote is processed, by the sandbox clock"},
		{Name: perCURPs, Defect: "XEXX010101HNEXXXA4,XEXX010101MNEXXXA8", Note: "CURPs that RENAPO does not know, separated by commas"},
		{Name: perCargos, Defect: "", Note: "cargos that the service has beside those of its catalogue, as `12=COORDINADOR GENERAL`, separated by commas"},
		{Name: perResult, Defect: resNormal, Values: resultForms(), Note: "how the result of a lote comes; see Títulos Electrónicos"},
		{Name: perCadena, Defect: cadenaAmbas, Values: []string{cadenaAmbas, cadenaPlana, cadenaEntidades}, Note: "how `& \" < >` stand in the cadena original that is sealed: `plana`, as `entidades`, or `ambas`, either"},
	}
}
