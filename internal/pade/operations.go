package pade

import (
	"regexp"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
)

// The namespaces of the stubs. The services' own are learnt or configured.
const (
	nsAddendas = "http://addendas.ws.pade.mx"
	nsSigned   = "http://firmado.ws.pade.mx"
)

// Existing clients wait from 20 seconds to minutes (pade.md §8). An answer contains a
// CFDI or a contract in base64, escaped.
const (
	timeout   = 60 * time.Second
	maxAnswer = 48 << 20
)

func newOperation(name, namespace string, s *service, repeatable bool) *transport.Operation {
	stub := nsSigned
	if strings.Contains(s.setting, "ADDENDAS") {
		stub = nsAddendas
	}
	return &transport.Operation{Backend: backend, Name: name, Namespace: namespace, StubNamespace: stub, Unqualified: true,
		Timeout: timeout, Repeatable: repeatable, MaxAnswer: maxAnswer, Code: codigo}
}

// codeField matches the code of an inner document. The client reads the document itself,
// which is megabytes of base64.
var codeField = regexp.MustCompile(`(?i)<(?:\w+:)?codigo(?:Resultado)?(?:\s[^<>]*)?>\s*([^<\s]{1,40})\s*<`)

func codigo(a transport.Answer) string {
	if m := codeField.FindStringSubmatch(unwrapped(string(a.Returned()))); m != nil {
		return m[1]
	}
	return ""
}

// failure translates the error of a call without an answer, including the fault of the
// PAC's runtime for a foreign namespace (pade.md §2.2). After that fault the WSDL is read
// again.
func (s *service) failure(op *transport.Operation, err error) error {
	known := System()
	known.Fault = func(op *transport.Operation, f *transport.Error) *gateway.Error {
		if !strings.Contains(f.Faultstring, "Cannot find dispatch method") {
			return nil
		}
		advice := "Corrija " + s.setting + ", o déjelo vacío para leerlo del WSDL."
		if s.namespace == "" {
			s.forget()
			advice = "Es el que dice su WSDL, que se leerá otra vez; si se repite, póngalo en " + s.setting + "."
		}
		return &gateway.Error{Kind: gateway.KindMensajeRechazado, Own: gateway.OwnEspacioDesconocido,
			Detail: "El servicio de Prodigia no reconoce la operación en el espacio de nombres «" + clip(op.Namespace) + "». " + advice}
	}
	return known.Failure(op, err)
}
