package pade

import (
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/transport"
)

// The namespaces of the stubs; the services' own are learnt or configured.
const (
	nsAddendas = "http://addendas.ws.pade.mx"
	nsFirmado  = "http://firmado.ws.pade.mx"
)

// Clients in use wait from 20 seconds to minutes (pade.md §8). An answer holds a
// CFDI or a contract in base64, escaped.
const (
	timeout   = 60 * time.Second
	maxAnswer = 48 << 20
)

func newOperation(name, namespace string, s *service, repeatable bool) *transport.Operation {
	stub := nsFirmado
	if strings.Contains(s.setting, "ADDENDAS") {
		stub = nsAddendas
	}
	return &transport.Operation{Backend: backend, Name: name, Namespace: namespace, StubNamespace: stub, Unqualified: true,
		Timeout: timeout, Repeatable: repeatable, MaxAnswer: maxAnswer}
}

// fault translates the faults that the PAC's runtime is known for (pade.md §2.2).
func fault(_ *transport.Operation, f *transport.Error) *gateway.Error {
	if strings.Contains(f.Faultstring, "Cannot find dispatch method") {
		return &gateway.Error{Kind: gateway.KindMensajeRechazado,
			Detail: "El servicio de Prodigia no reconoce la operación en ese espacio de nombres. Corrija GATEWAY_PADE_ADDENDAS_NAMESPACE o GATEWAY_PADE_FIRMADO_NAMESPACE, o déjelo vacío para leerlo del WSDL."}
	}
	return nil
}
