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
	// Prefijo is where the paths of this system begin.
	Prefijo = "/pade/"
)

// Captura is a SOAP request as received, the credentials in its body included.
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
	Log        zerolog.Logger
	Captura    func(Captura) // holds whole messages in memory: for tests
}

// Servidor is both simulated services: they have one account.
type Servidor struct {
	o       Opciones
	cuentas *cuentas
	firmas  *registro
	pac     *pac
	ids     *ids
}

// New returns services without signed contracts and with nobody blocked.
func New(o Opciones) *Servidor {
	return &Servidor{o: o, cuentas: nuevasCuentas(), firmas: nuevoRegistro(), pac: &pac{autoridad: o.Autoridad}, ids: &ids{semilla: o.Semilla}}
}

// Reinicia forgets the contracts, the wrong logins and the ids.
func (s *Servidor) Reinicia() {
	s.cuentas.reinicia()
	s.firmas.reinicia()
	s.ids.reinicia()
}

// Contratos returns what was signed and registered, the oldest first.
func (s *Servidor) Contratos() []Resumen { return s.firmas.resumen() }

// Bloqueadas returns the users that are blocked, sorted.
func (s *Servidor) Bloqueadas() []string { return s.cuentas.bloqueadas() }

// punto is one of the services: its path, its contract and the knob that has its namespace.
type punto struct {
	ruta, contrato, perNamespace, nombre string
}

const (
	rutaAddendas = Prefijo + "addendas"
	rutaFirmado  = Prefijo + "firmado"

	nsAddendas = "http://addendas.ws.pade.mx"
	nsFirmado  = "http://firmado.ws.pade.mx"
)

func enRuta(ruta string) (punto, bool) {
	switch ruta {
	case rutaAddendas:
		return punto{ruta, "pade/addendas.wsdl", perNamespaceAddendas, "IntegracionAddendas"}, true
	case rutaFirmado:
		return punto{ruta, "pade/firmado.wsdl", perNamespaceFirmado, "FirmarContrato"}, true
	}
	return punto{}, false
}

// ServeHTTP answers a POST as the service does, whatever its query, and gives the contract to a GET.
func (s *Servidor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Not of the service: nobody should take this for it.
	w.Header().Set("X-Sandbox", "pasarela")
	cuenta := &contador{ResponseWriter: w, cuenta: s.o.Contadores.Bytes}
	p, ok := enRuta(r.URL.Path)
	switch {
	case !ok:
		http.Error(cuenta, "404", http.StatusNotFound)
	case r.Method == http.MethodPost:
		s.atiende(cuenta, r, p)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		cuenta.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(cuenta, "405", http.StatusMethodNotAllowed)
	case strings.EqualFold(r.URL.RawQuery, "wsdl"), strings.EqualFold(r.URL.RawQuery, "wsdl=1") && s.o.Perillas.Texto(perWSDL) == wsdlPartido:
		s.publica(cuenta, r, p)
	default:
		cuenta.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(cuenta, "<html><head><title>Web Services</title></head><body><h1>Sandbox de Pasarela: no es Prodigia</h1><p>"+
			p.nombre+": <a href=\"?wsdl\">?wsdl</a></p></body></html>\n")
	}
}

// publica writes the contract with an address as the service's own contracts have it: plain HTTP and port
// 80, wherever it was asked at. Who follows it ends in clear text there, and nowhere here.
func (s *Servidor) publica(w http.ResponseWriter, r *http.Request, p punto) {
	b, err := wsdl.FS.ReadFile(p.contrato)
	if err != nil {
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	propio := nsAddendas
	if p.ruta == rutaFirmado {
		propio = nsFirmado
	}
	b = bytes.ReplaceAll(b, []byte(`"`+propio+`"`), []byte(`"`+escapaAtributo(s.o.Perillas.Texto(p.perNamespace))+`"`))
	const marca = `<soap:address location="`
	publicada := "http://" + net.JoinHostPort(strings.Trim(host, "[]"), "80") + p.ruta
	b = s.parte(b, r.URL.RawQuery, publicada)
	if antes, despues, hay := bytes.Cut(b, []byte(marca)); hay {
		_, despues, _ = bytes.Cut(despues, []byte(`"`))
		b = slices.Concat(antes, []byte(marca+escapaAtributo(publicada)+`"`), despues)
	}
	w.Header().Set("Content-Type", tipoXML)
	_, _ = bytes.NewReader(b).WriteTo(w) // not Write, where gosec sees HTML: it is escaped, and XML
}

// contador counts the bytes of a body.
type contador struct {
	http.ResponseWriter
	cuenta func(int)
}

func (c *contador) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.cuenta(n)
	return n, err
}

// Unwrap lets http.ResponseController flush and hijack.
func (c *contador) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// The knobs of this system.
const (
	perContrato          = "pade_contrato"
	perUsuario           = "pade_usuario"
	perPassword          = "pade_password"
	perNamespaceAddendas = "pade_addendas_namespace"
	perNamespaceFirmado  = "pade_firmado_namespace"
	perWSDL              = "pade_wsdl"
)

// Perillas declares the knobs of this system.
func Perillas() []control.Perilla {
	return []control.Perilla{
		{Nombre: perContrato, Defecto: "sandbox", Nota: "contract code of PADE's account"},
		{Nombre: perUsuario, Defecto: "sandbox", Nota: "user of PADE's account"},
		{Nombre: perPassword, Defecto: "sandbox", Nota: "password of PADE's account"},
		{Nombre: perNamespaceAddendas, Defecto: nsAddendas, Nota: "target namespace of PADE's Addendas; the real one is not public"},
		{Nombre: perNamespaceFirmado, Defecto: nsFirmado, Nota: "target namespace of PADE's Firmado; the real one is not public"},
		{Nombre: perWSDL, Defecto: wsdlEntero, Valores: []string{wsdlEntero, wsdlPartido, wsdlSinPortType}, Nota: "PADE's contracts: `entero`; `partido`, the interface imported from another namespace; `sin_porttype`, without it"},
	}
}
