package sat

import (
	"errors"
	"fmt"
	"time"

	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/transport"
)

// maxSkew is the clock difference from which the clock is the likely culprit of
// an InvalidSecurity fault.
const maxSkew = time.Minute

// failure translates what kept a call from an answer of its contract.
func failure(op *transport.Operation, err error) error {
	var known *gateway.Error
	if errors.As(err, &known) {
		return known
	}
	var failed *transport.Error
	if !errors.As(err, &failed) {
		// The stub could not decode what transport had found to be a SOAP message.
		failed = &transport.Error{Class: transport.ClassMalformed, Sent: true, Err: err}
	}
	e := fromClass(op, failed)
	e.Backend, e.Err, e.NoEnviada = backend, err, !failed.Sent
	if failed.Class == transport.ClassFault {
		e.Codigo, e.Mensaje = failed.Faultcode, failed.Faultstring
	}
	return e
}

// unsent marks a failure that came before the message of the operation.
func unsent(err error) error {
	e := *gateway.AsError(err)
	e.NoEnviada = true
	return &e
}

func fromClass(op *transport.Operation, f *transport.Error) *gateway.Error {
	switch f.Class {
	case transport.ClassConnect:
		return unavailable("No se pudo establecer conexión con el SAT; la petición no salió.", 0)
	case transport.ClassBreaker:
		return unavailable("El SAT acaba de fallar varias veces seguidas; la pasarela espera antes de volver a intentar. La petición no salió.", f.RetryAfter)
	case transport.ClassFault:
		return fromFault(op, f)
	case transport.ClassHTTP:
		return fromHTTP(op, f)
	case transport.ClassLost, transport.ClassTimeout:
		return silent(op)
	case transport.ClassCanceled:
		if f.Sent {
			return silent(op)
		}
		return unavailable("La petición se interrumpió antes de salir.", 0)
	case transport.ClassInternal:
		return &gateway.Error{Kind: gateway.KindInterno, Detail: "Error interno de la pasarela; la petición no salió."}
	case transport.ClassSink:
		return &gateway.Error{Kind: gateway.KindInterno, Detail: "La pasarela no pudo guardar el paquete. Revise el espacio y los permisos de GATEWAY_DATA_DIR."}
	case transport.ClassTruncated:
		return &gateway.Error{Kind: gateway.KindRespuestaInvalida, Reintentable: true,
			Detail: "El paquete llegó incompleto del SAT y se desechó. El SAT permite dos descargas por paquete: repita una vez."}
	}
	if spends(op) {
		return unknown()
	}
	return &gateway.Error{Kind: gateway.KindRespuestaInvalida, Reintentable: op.Repeatable,
		Detail: fmt.Sprintf("La respuesta del SAT no se pudo interpretar (%s).", f.Class)}
}

// spends tells the operations whose repetition the SAT counts for life.
func spends(op *transport.Operation) bool { return !op.Repeatable && len(op.Stream) == 0 }

func unavailable(detail string, after time.Duration) *gateway.Error {
	return &gateway.Error{Kind: gateway.KindNoDisponible, Reintentable: true, RetryAfter: after, Detail: detail + " Repita más tarde."}
}

func unknown() *gateway.Error {
	return &gateway.Error{Kind: gateway.KindResultadoDesconocido,
		Detail: "Resultado desconocido: la petición salió y no llegó respuesta; el SAT puede haberla registrado. No la repita igual, porque agotaría sus solicitudes de por vida: cambie fechaFinal en un segundo."}
}

// silent is a call that may have arrived and brought nothing back.
func silent(op *transport.Operation) *gateway.Error {
	switch {
	case spends(op):
		return unknown()
	case len(op.Stream) > 0:
		return &gateway.Error{Kind: gateway.KindSinRespuesta, Reintentable: true,
			Detail: "La descarga se interrumpió y lo recibido se desechó. El SAT permite dos descargas por paquete: repita una vez."}
	}
	return &gateway.Error{Kind: gateway.KindSinRespuesta, Reintentable: true,
		Detail: "El SAT no respondió a tiempo. Puede repetir la petición sin riesgo."}
}

func fromHTTP(op *transport.Operation, f *transport.Error) *gateway.Error {
	switch {
	case f.Status == 503 || f.Status == 429:
		return unavailable(fmt.Sprintf("El SAT respondió con la página de error HTTP %d: el servicio está fuera de línea.", f.Status), f.RetryAfter)
	case f.Status >= 500 && spends(op):
		return unknown()
	case f.Status >= 500:
		return unavailable(fmt.Sprintf("El SAT respondió con la página de error HTTP %d.", f.Status), f.RetryAfter)
	}
	return &gateway.Error{Kind: gateway.KindMensajeRechazado,
		Detail: fmt.Sprintf("El servidor del SAT respondió HTTP %d sin mensaje SOAP. Revise las direcciones GATEWAY_SAT_*_URL.", f.Status)}
}

// fromFault translates a SOAP fault (sat.md §9, last paragraph).
func fromFault(op *transport.Operation, f *transport.Error) *gateway.Error {
	switch f.Faultcode {
	case "InvalidSecurity":
		return invalidSecurity(f)
	case "ActionNotSupported":
		if op.Name == "SolicitaDescarga" {
			return &gateway.Error{Kind: gateway.KindNoOfrecida,
				Detail: "El SAT ya no ofrece la operación SolicitaDescarga (versión 1.1) desde el 30 de mayo de 2025. Use version 1.5 con tipoDescarga."}
		}
		return unavailable("El SAT dice no ofrecer la operación "+op.Name+"; suele ocurrir durante sus fallas. Si persiste, revise las direcciones GATEWAY_SAT_*_URL.", 0)
	case "DeserializationFailed", "Client", "Sender":
		return &gateway.Error{Kind: gateway.KindMensajeRechazado,
			Detail: "El SAT no pudo leer la petición. Es un defecto de la pasarela o un cambio del SAT; no la repita igual."}
	}
	if spends(op) {
		return unknown()
	}
	return unavailable("El SAT respondió con un error interno.", 0)
}

func invalidSecurity(f *transport.Error) *gateway.Error {
	if f.Skew > maxSkew || f.Skew < -maxSkew {
		return &gateway.Error{Kind: gateway.KindMensajeRechazado,
			Detail: fmt.Sprintf("El SAT rechazó la firma y el reloj de este equipo difiere %s del suyo. Sincronícelo (NTP) y repita.", f.Skew.Round(time.Second))}
	}
	return &gateway.Error{Kind: gateway.KindEFirma,
		Detail: "El SAT rechazó la firma WS-Security de la e.firma: puede estar revocada, no ser una e.firma, o tratarse de una falla pasajera del SAT. El reloj de este equipo coincide con el del SAT."}
}

// badCredential translates a refusal of the keyring.
func badCredential(rfc string, err error) error {
	var bad *efirma.Error
	if !errors.As(err, &bad) {
		return &gateway.Error{Kind: gateway.KindInterno, Detail: "No se pudo leer el directorio de e.firmas.", Err: err}
	}
	return &gateway.Error{Kind: gateway.KindEFirma, Codigo: string(bad.Problem), Err: err, NoEnviada: true,
		Detail: "La e.firma de " + rfc + " no se puede usar. " + bad.Detail}
}
