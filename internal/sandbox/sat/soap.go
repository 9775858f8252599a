package sat

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/beevik/etree"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"

	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

// maxMensaje is WCF's default maxReceivedMessageSize.
const maxMensaje = 64 << 10

// call is one request at an operation.
type call struct {
	servicio      string
	op            *operation
	authorization string
	mensaje       *mensaje      // nil when it could not be read
	blob          string        // what it is about, as the log has it
	falla         control.Falla // zero when none was asked for
	note          *control.Note
}

// answer is what an operation answers. With a paquete, body is what goes before its base64 and
// queue what goes after.
type answer struct {
	estado  int
	codigo  string // for the counters: a CodEstatus or a fault code
	body    []byte
	paquete *paquete
	queue   []byte
}

// attend is the way of a POST: transport checks, the action, the fault asked for, the envelope, the
// operation.
func (s *Server) attend(w http.ResponseWriter, r *http.Request, servicio string, p *point) {
	if _, ok := s.Accept(w, r); !ok {
		return
	}
	body, ok := s.Read(w, r, maxMensaje)
	if !ok {
		return
	}
	action := strings.Trim(strings.TrimSpace(r.Header.Get("SOAPAction")), `"`)
	op := p.byAction(action)
	if op == nil || (op.name == opV11 && s.Knobs.Bool(retirarV11)) {
		s.Counters.Call(servicio, control.Unknown)
		s.write(w, r, &call{note: s.record(servicio, control.Unknown, "")}, actionNotSupported(action).answer(), control.Falla{})
		return
	}
	s.Arrive(r, servicio, op.name, body)
	ll := &call{servicio: servicio, op: op, authorization: r.Header.Get("Authorization")}
	var err error
	if ll.mensaje, err = readMensaje(body); err != nil {
		s.Log.Debug().Err(err).Msg("sat: message refused")
	}
	ll.blob = ll.ofWhat()
	ll.note = s.record(servicio, op.name, ll.blob)
	ll.falla = s.Take(w, servicio, op.name, body)
	s.Journal.Complete(ll.note, func(a *control.Note) { a.Falla = ll.falla.Tipo })
	if !ll.falla.Despues && s.before(w, r, ll) {
		return
	}
	resp := s.process(ll)
	s.Log.Debug().Str("servicio", servicio).Str("operacion", op.name).Int("estado", resp.estado).
		Str("codigo", resp.codigo).Str("falla", string(ll.falla.Tipo)).Msg("sat")
	if ll.falla.Despues && s.before(w, r, ll) {
		return
	}
	s.write(w, r, ll, resp, ll.falla)
}

func (s *Server) record(servicio, operation, blob string) *control.Note {
	return s.Journal.Record(control.Note{
		Instante: s.Clock.Now().UTC(), Real: s.Clock.Real().UTC(), Servicio: servicio, Operacion: operation, Objeto: blob,
	})
}

// codigo counts and logs what a call came to.
func (s *Server) codigo(ll *call, codigo string) {
	s.Counters.Codigo(codigo)
	s.Journal.Complete(ll.note, func(a *control.Note) { a.Codigo = codigo })
}

// process runs the operation; its refusals become answers of their shape.
func (s *Server) process(ll *call) answer {
	if ll.mensaje == nil {
		return answer{estado: http.StatusBadRequest, codigo: "HTTP 400"}
	}
	resp, err := ll.op.attend(s, ll)
	var no *refusal
	switch {
	case err == nil:
		return resp
	case errors.As(err, &no):
		return ll.op.respond(ll.op, operationAnswer{codigo: no.codigo, mensaje: no.mensaje})
	}
	var f *soapFault
	if errors.As(err, &f) {
		return f.answer()
	}
	s.Log.Error().Err(err).Str("operacion", ll.op.name).Msg("sat: internal error")
	return internalError().answer()
}

// wrapper returns the operation's element and its child with the request, or WCF's complaint about
// what stands there instead.
func (ll *call) wrapper() (wrapper, node *etree.Element, err error) {
	elements := ll.mensaje.body.ChildElements()
	if len(elements) != 1 || !wellformed.Is(elements[0], ll.op.ns, ll.op.wrapper) {
		return nil, nil, deserialisation(ll.op, elements)
	}
	wrapper = elements[0]
	if ll.op.node == "" {
		return wrapper, nil, nil
	}
	return wrapper, only(wrapper, ll.op.ns, ll.op.node), nil
}

// soapFault is a SOAP fault; it always travels with HTTP 500.
type soapFault struct{ ns, codigo, text string }

func (f *soapFault) Error() string { return f.codigo + ": " + f.text }

func (f *soapFault) answer() answer {
	codigo := escape(f.codigo)
	opening := "<faultcode>"
	if f.ns != "" {
		codigo = "a:" + codigo
		opening = `<faultcode xmlns:a="` + escape(f.ns) + `">`
	}
	return answer{
		estado: http.StatusInternalServerError, codigo: f.codigo,
		body: []byte(`<s:Envelope xmlns:s="` + nsSOAP + `"><s:Body><s:Fault>` + opening + codigo +
			`</faultcode><faultstring xml:lang="en-US">` + escape(f.text) + `</faultstring></s:Fault></s:Body></s:Envelope>`),
	}
}

const (
	nsAddressing = "http://schemas.microsoft.com/ws/2005/05/addressing/none"
	nsDispatcher = "http://schemas.microsoft.com/net/2005/12/windowscommunicationfoundation/dispatcher"
)

func invalidSecurity() *soapFault {
	return &soapFault{nsWSSE, "InvalidSecurity", "An error occurred when verifying security for the message."}
}

func internalError() *soapFault {
	return &soapFault{nsDispatcher, "InternalServiceFault", "The server was unable to process the request due to an internal error.  For more information about the error, either turn on IncludeExceptionDetailInFaults (either from ServiceBehaviorAttribute or from the <serviceDebug> configuration behavior) on the server in order to send the exception information back to the client, or turn on tracing as per the Microsoft .NET Framework SDK documentation and inspect the server trace logs."}
}

func actionNotSupported(action string) *soapFault {
	return &soapFault{nsAddressing, "ActionNotSupported", "The message with Action '" + action + "' cannot be processed at the receiver, due to a ContractFilter mismatch at the EndpointDispatcher. This may be because of either a contract mismatch (mismatched Actions between sender and receiver) or a binding/security mismatch between the sender and the receiver.  Check that sender and receiver have the same contract and the same binding (including security requirements, e.g. Message, Transport, None)."}
}

func deserialisation(op *operation, hits []*etree.Element) *soapFault {
	found := "node type 'EndElement' with name 's:Body' and namespace '" + nsSOAP + "'"
	if len(hits) > 0 {
		found = fmt.Sprintf("node type 'Element' with name '%s' and namespace '%s'", hits[0].FullTag(), hits[0].NamespaceURI())
	}
	return &soapFault{nsDispatcher, "DeserializationFailed", fmt.Sprintf("The formatter threw an exception while trying to deserialize the message: Error in deserializing body of request message for operation '%s'. OperationFormatter encountered an invalid Message body. Expected to find node type 'Element' with name '%s' and namespace '%s'. Found %s", op.name, op.wrapper, op.ns, found)}
}

// invalidValue is what WCF's serialiser says of an enumeration that it does not know.
func invalidValue(op *operation, value, tipo string) *soapFault {
	return &soapFault{nsDispatcher, "DeserializationFailed", fmt.Sprintf("The formatter threw an exception while trying to deserialize the message: Error in deserializing body of request message for operation '%s'. There is an error in the XML document. Instance validation error: '%s' is not a valid value for %s.", op.name, value, tipo)}
}

// envelope wraps the result of an operation as the service does, without white space.
func envelope(body string) []byte {
	return []byte(`<s:Envelope xmlns:s="` + nsSOAP + `"><s:Body xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">` + body + `</s:Body></s:Envelope>`)
}

// attributes writes name="value" pairs, each after a blank. Only Mensaje may be empty.
func attributes(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" || pairs[i] == "Mensaje" {
			b.WriteString(" " + pairs[i] + `="` + escape(pairs[i+1]) + `"`)
		}
	}
	return b.String()
}

func escape(text string) string { return escaper.Replace(text) }

// escaper writes a text fit for an attribute or an element.
var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\n", "&#xA;", "\r", "&#xD;", "\t", "&#x9;")
