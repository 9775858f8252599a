package sat

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/beevik/etree"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// maxMensaje is WCF's default maxReceivedMessageSize.
const maxMensaje = 64 << 10

// llamada is one request at an operation.
type llamada struct {
	servicio     string
	op           *operacion
	autorizacion string
	mensaje      *mensaje      // nil when it could not be read
	objeto       string        // what it is about, as the log has it
	falla        control.Falla // zero when none was asked for
	nota         *control.Anotacion
}

// respuesta is what an operation answers. With a paquete, cuerpo is what goes before its base64 and
// cola what goes after.
type respuesta struct {
	estado  int
	codigo  string // for the counters: a CodEstatus or a fault code
	cuerpo  []byte
	paquete *paquete
	cola    []byte
}

// atiende is the way of a POST: transport checks, the action, the fault asked for, the envelope, the
// operation.
func (s *Servidor) atiende(w *contador, r *http.Request, servicio string, p *punto) {
	if tipo, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || tipo != "text/xml" {
		s.contadores.Codigo("HTTP 415")
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	cuerpo, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMensaje))
	if err != nil {
		var grande *http.MaxBytesError
		estado := http.StatusBadRequest
		if errors.As(err, &grande) {
			estado = http.StatusRequestEntityTooLarge
		}
		s.contadores.Codigo(fmt.Sprintf("HTTP %d", estado))
		w.WriteHeader(estado)
		return
	}
	accion := strings.Trim(strings.TrimSpace(r.Header.Get("SOAPAction")), `"`)
	op := p.porAccion(accion)
	if op == nil || (op.nombre == opV11 && s.perillas.Bool(retirarV11)) {
		s.contadores.Llamada(servicio, "desconocida")
		s.escribe(w, r, &llamada{nota: s.anota(servicio, "desconocida", "")}, accionNoSoportada(accion).respuesta(), control.Falla{})
		return
	}
	s.contadores.Llamada(servicio, op.nombre)
	s.captura1(r, servicio, op, cuerpo)
	ll := &llamada{servicio: servicio, op: op, autorizacion: r.Header.Get("Authorization")}
	if ll.mensaje, err = leeMensaje(cuerpo); err != nil {
		s.log.Debug().Err(err).Msg("sat: message refused")
	}
	ll.objeto = ll.deQue()
	ll.nota = s.anota(servicio, op.nombre, ll.objeto)
	if f, hay := s.fallas.Toma(servicio, op.nombre, cuerpo); hay {
		ll.falla = f
		f.Cabeceras(w.Header(), s.reloj.Real())
		s.bitacora.Completa(ll.nota, func(a *control.Anotacion) { a.Falla = f.Tipo })
	}
	if !ll.falla.Despues && s.antes(w, r, ll) {
		return
	}
	resp := s.procesa(ll)
	s.log.Debug().Str("servicio", servicio).Str("operacion", op.nombre).Int("estado", resp.estado).
		Str("codigo", resp.codigo).Str("falla", string(ll.falla.Tipo)).Msg("sat")
	if ll.falla.Despues && s.antes(w, r, ll) {
		return
	}
	s.escribe(w, r, ll, resp, ll.falla)
}

func (s *Servidor) anota(servicio, operacion, objeto string) *control.Anotacion {
	return s.bitacora.Anota(control.Anotacion{
		Instante: s.reloj.Now().UTC(), Real: s.reloj.Real().UTC(), Servicio: servicio, Operacion: operacion, Objeto: objeto,
	})
}

// codigo counts and logs what a call came to.
func (s *Servidor) codigo(ll *llamada, codigo string) {
	s.contadores.Codigo(codigo)
	s.bitacora.Completa(ll.nota, func(a *control.Anotacion) { a.Codigo = codigo })
}

func (s *Servidor) captura1(r *http.Request, servicio string, op *operacion, cuerpo []byte) {
	if s.captura == nil {
		return
	}
	h := r.Header.Clone()
	h.Del("Authorization")
	s.captura(Captura{Servicio: servicio, Operacion: op.nombre, Header: h, Body: cuerpo})
}

// procesa runs the operation; its refusals become answers of their shape.
func (s *Servidor) procesa(ll *llamada) respuesta {
	if ll.mensaje == nil {
		return respuesta{estado: http.StatusBadRequest, codigo: "HTTP 400"}
	}
	resp, err := ll.op.atiende(s, ll)
	var no *rechazo
	switch {
	case err == nil:
		return resp
	case errors.As(err, &no):
		return ll.op.responde(ll.op, contestacion{codigo: no.codigo, mensaje: no.mensaje})
	}
	var f *faltaSOAP
	if errors.As(err, &f) {
		return f.respuesta()
	}
	s.log.Error().Err(err).Str("operacion", ll.op.nombre).Msg("sat: internal error")
	return errorInterno().respuesta()
}

// envoltura returns the operation's element and its child with the request, or WCF's complaint about
// what stands there instead.
func (ll *llamada) envoltura() (envoltura, nodo *etree.Element, err error) {
	elementos := ll.mensaje.cuerpo.ChildElements()
	if len(elementos) != 1 || !es(elementos[0], ll.op.ns, ll.op.envoltura) {
		return nil, nil, deserializacion(ll.op, elementos)
	}
	envoltura = elementos[0]
	if ll.op.nodo == "" {
		return envoltura, nil, nil
	}
	return envoltura, unico(envoltura, ll.op.ns, ll.op.nodo), nil
}

// faltaSOAP is a SOAP fault; it always travels with HTTP 500.
type faltaSOAP struct{ ns, codigo, texto string }

func (f *faltaSOAP) Error() string { return f.codigo + ": " + f.texto }

func (f *faltaSOAP) respuesta() respuesta {
	codigo := escapa(f.codigo)
	apertura := "<faultcode>"
	if f.ns != "" {
		codigo = "a:" + codigo
		apertura = `<faultcode xmlns:a="` + escapa(f.ns) + `">`
	}
	return respuesta{
		estado: http.StatusInternalServerError, codigo: f.codigo,
		cuerpo: []byte(`<s:Envelope xmlns:s="` + nsSOAP + `"><s:Body><s:Fault>` + apertura + codigo +
			`</faultcode><faultstring xml:lang="en-US">` + escapa(f.texto) + `</faultstring></s:Fault></s:Body></s:Envelope>`),
	}
}

const (
	nsDireccionamiento = "http://schemas.microsoft.com/ws/2005/05/addressing/none"
	nsDespachador      = "http://schemas.microsoft.com/net/2005/12/windowscommunicationfoundation/dispatcher"
)

func seguridadInvalida() *faltaSOAP {
	return &faltaSOAP{nsWSSE, "InvalidSecurity", "An error occurred when verifying security for the message."}
}

func errorInterno() *faltaSOAP {
	return &faltaSOAP{nsDespachador, "InternalServiceFault", "The server was unable to process the request due to an internal error.  For more information about the error, either turn on IncludeExceptionDetailInFaults (either from ServiceBehaviorAttribute or from the <serviceDebug> configuration behavior) on the server in order to send the exception information back to the client, or turn on tracing as per the Microsoft .NET Framework SDK documentation and inspect the server trace logs."}
}

func accionNoSoportada(accion string) *faltaSOAP {
	return &faltaSOAP{nsDireccionamiento, "ActionNotSupported", "The message with Action '" + accion + "' cannot be processed at the receiver, due to a ContractFilter mismatch at the EndpointDispatcher. This may be because of either a contract mismatch (mismatched Actions between sender and receiver) or a binding/security mismatch between the sender and the receiver.  Check that sender and receiver have the same contract and the same binding (including security requirements, e.g. Message, Transport, None)."}
}

func deserializacion(op *operacion, hallados []*etree.Element) *faltaSOAP {
	hallado := "node type 'EndElement' with name 's:Body' and namespace '" + nsSOAP + "'"
	if len(hallados) > 0 {
		hallado = fmt.Sprintf("node type 'Element' with name '%s' and namespace '%s'", hallados[0].FullTag(), hallados[0].NamespaceURI())
	}
	return &faltaSOAP{nsDespachador, "DeserializationFailed", fmt.Sprintf("The formatter threw an exception while trying to deserialize the message: Error in deserializing body of request message for operation '%s'. OperationFormatter encountered an invalid Message body. Expected to find node type 'Element' with name '%s' and namespace '%s'. Found %s", op.nombre, op.envoltura, op.ns, hallado)}
}

// valorInvalido is what WCF's serialiser says of an enumeration that it does not know.
func valorInvalido(op *operacion, valor, tipo string) *faltaSOAP {
	return &faltaSOAP{nsDespachador, "DeserializationFailed", fmt.Sprintf("The formatter threw an exception while trying to deserialize the message: Error in deserializing body of request message for operation '%s'. There is an error in the XML document. Instance validation error: '%s' is not a valid value for %s.", op.nombre, valor, tipo)}
}

// sobre wraps the result of an operation as the service does, without white space.
func sobre(cuerpo string) []byte {
	return []byte(`<s:Envelope xmlns:s="` + nsSOAP + `"><s:Body xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">` + cuerpo + `</s:Body></s:Envelope>`)
}

// atributos writes name="value" pairs, each after a blank.
func atributos(pares ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pares); i += 2 {
		b.WriteString(" " + pares[i] + `="` + escapa(pares[i+1]) + `"`)
	}
	return b.String()
}

func escapa(texto string) string { return string(agregaEscapado(nil, texto)) }

// agregaEscapado appends a text fit for an attribute or an element.
func agregaEscapado(b []byte, texto string) []byte {
	desde := 0
	for i := range len(texto) {
		var entidad string
		switch texto[i] {
		case '&':
			entidad = "&amp;"
		case '<':
			entidad = "&lt;"
		case '>':
			entidad = "&gt;"
		case '"':
			entidad = "&quot;"
		case '\n':
			entidad = "&#xA;"
		case '\r':
			entidad = "&#xD;"
		case '\t':
			entidad = "&#x9;"
		default:
			continue
		}
		b = append(append(b, texto[desde:i]...), entidad...)
		desde = i + 1
	}
	return append(b, texto[desde:]...)
}
