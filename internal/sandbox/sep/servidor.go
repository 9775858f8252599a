// Package sep simulates the SEP's Títulos Electrónicos (MET): the SOAP service that takes lotes of titles,
// and the examination that each title goes through before it is registered.
//
// It is strict where the service is strict: the message to its schema, the title to its structure, its
// catalogues, its seals and its certificates, all by rules of its own and none shared with who sends. It
// refuses certificates that the sandbox did not issue, keeps nothing on disk beyond a call, and never calls
// the real service.
package sep

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/wsdl"
)

const (
	// Servicio names this system in faults and counters.
	Servicio = "sep"
	// Prefijo is where the paths of this system begin.
	Prefijo      = "/sep/"
	ruta         = Prefijo + "services/"
	rutaContrato = ruta + "TitulosElectronicos.wsdl"
	contrato     = "sep/titulos.wsdl"
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

// Servidor is the simulated service.
type Servidor struct {
	o     Opciones
	lotes *lotes
}

// New returns a service without lotes.
func New(o Opciones) *Servidor { return &Servidor{o: o, lotes: nuevosLotes(o.Semilla)} }

// Reinicia forgets every lote and title.
func (s *Servidor) Reinicia() { s.lotes.reinicia() }

// Lotes returns what was uploaded, the oldest first.
func (s *Servidor) Lotes() []Resumen { return s.lotes.resumen(s.o.Reloj.Now()) }

// CatalogoFallas says which faults make sense here.
func CatalogoFallas() control.Catalogo {
	return control.Catalogo{Servicios: []string{Servicio}, Operaciones: nombresOperaciones(), Admite: admiteFalla}
}

func admiteFalla(tipo control.Tipo, operacion string) bool {
	switch tipo {
	case control.Truncado, control.Base64Invalido, control.ZipInvalido:
		return operacion == opDescarga
	case control.Codigo:
		return operacion != opCancelaInstitucion
	}
	return true
}

// ServeHTTP answers a POST below /sep/services/, whatever follows, as the service does, and gives its
// contract to a GET.
func (s *Servidor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Not of the service: nobody should take this for it.
	w.Header().Set("X-Sandbox", "pasarela")
	cuenta := &contador{ResponseWriter: w, cuenta: s.o.Contadores.Bytes}
	switch {
	case !strings.HasPrefix(r.URL.Path, ruta):
		http.Error(cuenta, "Error 404--Not Found", http.StatusNotFound)
	case r.Method == http.MethodPost:
		s.atiende(cuenta, r)
	case r.URL.Path == rutaContrato && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		publica(cuenta, r)
	default:
		cuenta.Header().Set("Allow", "POST")
		http.Error(cuenta, "Error 405--Method Not Allowed", http.StatusMethodNotAllowed)
	}
}

// publica writes the contract with the address that it was asked at, as the service does.
func publica(w http.ResponseWriter, r *http.Request) {
	b, err := wsdl.FS.ReadFile(contrato)
	if err != nil {
		http.Error(w, "Error 500--Internal Server Error", http.StatusInternalServerError)
		return
	}
	const marca = `<soap:address location="`
	antes, despues, _ := bytes.Cut(b, []byte(marca))
	_, despues, _ = bytes.Cut(despues, []byte(`"`))
	w.Header().Set("Content-Type", tipoXML)
	_, _ = w.Write(antes)
	_, _ = io.WriteString(w, marca+escapa("http://"+r.Host+ruta)+`"`)
	_, _ = w.Write(despues)
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

func escapa(texto string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(texto))
	return b.String()
}

// The knobs of this system.
const (
	perUsuario  = "sep_usuario"
	perPassword = "sep_password"
	perDemora   = "sep_demora"
	perCURPs    = "sep_curps_desconocidas"
	perCadena   = "sep_cadena"
	perCargos   = "sep_cargos"

	perResultado = "sep_resultado"

	cadenaAmbas     = "ambas"
	cadenaPlana     = "plana"
	cadenaEntidades = "entidades"
)

// Perillas declares the knobs of this system.
func Perillas() []control.Perilla {
	return []control.Perilla{
		{Nombre: perUsuario, Defecto: "sandbox", Nota: "user of the SEP's service"},
		{Nombre: perPassword, Defecto: "sandbox", Nota: "password of the SEP's service"},
		{Nombre: perDemora, Defecto: 2 * time.Second, Nota: "time until a lote is processed, by the sandbox clock"},
		{Nombre: perCURPs, Defecto: "XEXX010101HNEXXXA4,XEXX010101MNEXXXA8", Nota: "CURPs that RENAPO does not know, separated by commas"},
		{Nombre: perCargos, Defecto: "", Nota: "cargos that the service has beside those of its catalogue, as `12=COORDINADOR GENERAL`, separated by commas"},
		{Nombre: perResultado, Defecto: resNormal, Valores: formasResultado(), Nota: "how the result of a lote comes; see Títulos Electrónicos"},
		{Nombre: perCadena, Defecto: cadenaAmbas, Valores: []string{cadenaAmbas, cadenaPlana, cadenaEntidades}, Nota: "how `& \" < >` stand in the cadena original that is sealed: `plana`, as `entidades`, or `ambas`, either"},
	}
}
