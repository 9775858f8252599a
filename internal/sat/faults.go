package sat

import (
	"cmp"
	"fmt"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/soap/outcome"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
)

// maxSkew is the clock difference from which the clock is the likely culprit of
// an InvalidSecurity fault.
const maxSkew = time.Minute

const settings = "GATEWAY_SAT_*_URL"

// System is how the SAT is told of in failures.
func System() outcome.System {
	return outcome.System{Backend: backend, Name: "el SAT", Settings: settings, Unknown: whatNow, Fault: fromFault}
}

// whatNow says how to go on when a call that the SAT counts may have arrived.
func whatNow(op *transport.Operation) string {
	if len(op.Stream) > 0 {
		return "El SAT permite dos descargas por paquete: repita una vez."
	}
	return "El SAT puede haber registrado la solicitud. No la repita igual, porque agotaría sus solicitudes de por vida: cambie fechaFinal en un segundo."
}

// failure translates what kept a call from an answer of its contract.
func failure(op *transport.Operation, err error) error { return System().Failure(op, err) }

// unsent marks a failure that came before the message of the operation.
func unsent(err error) error {
	e := *gateway.AsError(err)
	e.Unsent = true
	return &e
}

// fromFault translates the faults that the SAT is known for (sat.md §9, last
// paragraph).
func fromFault(op *transport.Operation, f *transport.Error) *gateway.Error {
	switch f.Faultcode {
	case "InvalidSecurity":
		return invalidSecurity(f)
	case "ActionNotSupported":
		if op.Name == "SolicitaDescarga" {
			return &gateway.Error{Kind: gateway.KindNoOfrecida, Own: gateway.OwnVersionRetirada,
				Detail: "El SAT ya no ofrece la operación SolicitaDescarga (versión 1.1) desde el 30 de mayo de 2025. Use version 1.5 con tipoDescarga."}
		}
		return System().Unavailable("El SAT dice no ofrecer la operación "+op.Name+"; suele ocurrir durante sus fallas. Si persiste, revise las direcciones "+settings+".", 0)
	}
	return nil
}

func invalidSecurity(f *transport.Error) *gateway.Error {
	if f.Skew > maxSkew || f.Skew < -maxSkew {
		return &gateway.Error{Kind: gateway.KindMensajeRechazado, Own: gateway.OwnRelojDesfasado, Retryable: true,
			Detail: fmt.Sprintf("El SAT rechazó la firma y el reloj de este equipo difiere %s del suyo. Sincronícelo (NTP) y repita.", f.Skew.Round(time.Second))}
	}
	return &gateway.Error{Kind: gateway.KindEFirma, Own: gateway.OwnFirmaRechazada, Retryable: true,
		Detail: "El SAT rechazó la firma WS-Security de la e.firma: puede estar revocada, no ser una e.firma, o tratarse de una falla pasajera del SAT. El reloj de este equipo coincide con el del SAT. Si la e.firma es buena, repita con pausas crecientes; a veces dura horas."}
}

// The codes that the translation itself looks at.
const (
	codAccepted      = "5000"
	codNotControlled = "404"
)

// refusal returns the error of a CodEstatus other than 5000.
func refusal(codigo, mensaje string) *gateway.Error {
	mensaje = transport.PublicText(mensaje, nsDescarga)
	for _, c := range gateway.RechazosSAT() {
		if c.Codigo == codigo {
			return &gateway.Error{Kind: c.Kind, Backend: backend, Codigo: codigo, Mensaje: cmp.Or(mensaje, c.Text),
				Detail: c.Detail, Retryable: c.Retryable, RetryAfter: c.RetryAfter}
		}
	}
	return &gateway.Error{Kind: gateway.KindRespuestaInvalida, Backend: backend, Codigo: codigo, Mensaje: mensaje,
		Detail: "El SAT respondió con un código que no está en sus documentos. Consulte mensaje y no repita la petición sin saber qué significa."}
}
