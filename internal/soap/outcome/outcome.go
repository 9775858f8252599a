// Package outcome translates failures below the contract (connection, HTTP, faults) into
// the vocabulary's, in the same way for every backend. Each backend translates the codes
// of its own contract.
package outcome

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
)

// System names a backend and holds what differs between systems.
type System struct {
	// Backend is the label in errors: "sat".
	Backend string
	// Name is its name in Spanish texts, with the article: "el SAT".
	Name string
	// Settings names the variables that hold its addresses.
	Settings string
	// Unknown returns advice for a message that must not be repeated and may have
	// arrived.
	Unknown func(op *transport.Operation) string
	// Again reports that such a message may be sent again unchanged: the system refuses
	// what it has already done, and the same Idempotency-Key allows it.
	Again bool
	// Fault translates a SOAP fault that is known for this system. If it is nil or
	// returns nil, the general rule applies.
	Fault func(op *transport.Operation, f *transport.Error) *gateway.Error
}

// of returns the system's name after "de", contracted with the article el: "del SAT".
func (s System) of() string {
	if bare, ok := strings.CutPrefix(s.Name, "el "); ok {
		return "del " + bare
	}
	return "de " + s.Name
}

// Failure translates the error of a call without an answer of its contract. An *Error of
// the vocabulary is returned unchanged.
func (s System) Failure(op *transport.Operation, err error) error {
	var known *gateway.Error
	if errors.As(err, &known) {
		return known
	}
	var failed *transport.Error
	if !errors.As(err, &failed) {
		// The stub could not decode a message that transport accepted as SOAP.
		failed = &transport.Error{Class: transport.ClassMalformed, Sent: true, Err: err}
	}
	e := s.fromClass(op, failed)
	e.Err, e.Unsent = err, !failed.Sent
	if !failed.Own() {
		e.Backend = s.Backend
	}
	if failed.Class == transport.ClassFault {
		e.Codigo, e.Mensaje = failed.Faultcode, failed.Faultstring
	}
	return e
}

func (s System) fromClass(op *transport.Operation, f *transport.Error) *gateway.Error {
	switch f.Class {
	case transport.ClassConnect:
		return s.Unavailable("No se pudo establecer conexión con "+s.Name+"; la petición no salió.", 0)
	case transport.ClassTLS:
		return s.Untrusted(f.Err)
	case transport.ClassBreaker:
		return s.Unavailable("Hace un momento "+s.Name+" falló varias veces seguidas; la pasarela espera antes de volver a intentar. La petición no salió.", f.RetryAfter)
	case transport.ClassFault:
		return s.fromFault(op, f)
	case transport.ClassHTTP:
		return s.fromHTTP(op, f)
	case transport.ClassLost, transport.ClassTimeout:
		return s.silent(op)
	case transport.ClassCanceled:
		if f.Sent {
			return s.silent(op)
		}
		return s.Unavailable("La petición se interrumpió antes de salir.", 0)
	case transport.ClassResources:
		return &gateway.Error{Kind: gateway.KindSinServicio, Own: gateway.OwnSinRecursos, Retryable: true,
			Detail: "A esta pasarela le faltan recursos (archivos abiertos, memoria o puertos) para conectarse; la petición no salió. Suba el límite de archivos abiertos o baje la carga. Repita más tarde."}
	case transport.ClassInternal:
		return &gateway.Error{Kind: gateway.KindInterno, Own: gateway.OwnEnvioImposible, Detail: "Error interno de la pasarela; la petición no salió."}
	case transport.ClassSink:
		return unkept(f)
	case transport.ClassTruncated:
		return s.truncated(op)
	}
	page := f.Class == transport.ClassPage
	switch {
	case Spends(op) && page:
		return s.Unclear(op, "en lugar del mensaje SOAP "+s.of()+" llegó una página, que no dice si se atendió.")
	case Spends(op):
		return s.Unclear(op, fmt.Sprintf("la respuesta no se pudo interpretar (%s), así que no dice si se atendió.", f.Class))
	case page:
		return &gateway.Error{Kind: gateway.KindRespuestaInvalida, Own: gateway.OwnPaginaAjena, Retryable: true,
			Detail: "En lugar del mensaje SOAP " + s.of() + " llegó una página: mantenimiento, un cortafuegos o un proxy. Repita más tarde."}
	}
	e := &gateway.Error{Kind: gateway.KindRespuestaInvalida, Own: gateway.OwnRespuestaIlegible, Retryable: op.Repeatable,
		Detail: fmt.Sprintf("La respuesta %s no se pudo interpretar (%s).", s.of(), f.Class)}
	if e.Retryable {
		e.Detail += " Puede repetir la petición sin riesgo."
	}
	return e
}

// unkept is the failure of a file that this machine could not store. If the system counts
// downloads, the file is asked for again only once there is room (store.Safe).
func unkept(f *transport.Error) *gateway.Error {
	e := &gateway.Error{Kind: gateway.KindInterno, Own: gateway.OwnRecibidoPerdido,
		Detail: "La pasarela no pudo guardar lo recibido. Revise el espacio y los permisos de GATEWAY_DATA_DIR."}
	if gateway.Passes(f.Err) {
		e.Kind, e.Own, e.Retryable, e.Detail = gateway.KindSinServicio, gateway.OwnRecibidoSinLugar, true, e.Detail+" Repita más tarde."
	}
	return e
}

// Spends reports whether op changes something and must not be sent twice.
func Spends(op *transport.Operation) bool { return !op.Repeatable && len(op.Stream) == 0 }

// Unavailable is the failure of a system that is down; the same request may succeed
// later.
func (s System) Unavailable(detail string, after time.Duration) *gateway.Error {
	return &gateway.Error{Kind: gateway.KindNoDisponible, Own: gateway.OwnSistemaCaido, Backend: s.Backend, Retryable: true, RetryAfter: after, Detail: detail + " Repita más tarde."}
}

// UnknownOutcome is the failure of an unanswered message that may have arrived and must
// not be repeated.
func (s System) UnknownOutcome(op *transport.Operation) *gateway.Error {
	return s.Unclear(op, "no llegó respuesta.")
}

// Unclear is the failure of a message that may have taken effect and must not be
// repeated. heard describes what came instead of an answer: a sentence that can be
// continued with "y".
func (s System) Unclear(op *transport.Operation, heard string) *gateway.Error {
	return &gateway.Error{Kind: gateway.KindResultadoDesconocido, Own: gateway.OwnRespuestaDudosa, Backend: s.Backend, Retryable: s.Again,
		Detail: "Resultado desconocido: la petición salió y " + heard + " " + s.Unknown(op)}
}

// Untrusted is the failure of a server whose certificate was refused, as err says. It is
// not retryable if the operator has to correct something.
func (s System) Untrusted(err error) *gateway.Error {
	e := &gateway.Error{Kind: gateway.KindNoDisponible, Own: gateway.OwnCertificadoRechazado, Backend: s.Backend, Unsent: true, Err: err}
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &name):
		e.Detail = "es de otro nombre. Revise las direcciones " + s.Settings + ", o quién contesta en ellas"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		e.Retryable = true
		e.Detail = "está vencido o todavía no vale. Revise el reloj de este equipo; si está bien, repita más tarde"
	default:
		e.Detail = "no lo firma una autoridad en que esta pasarela confíe. Si la conexión pasa por un proxy que la abre, ponga el certificado de su autoridad en GATEWAY_CA_FILE"
	}
	e.Detail = "No se pudo establecer una conexión segura con " + s.Name + "; la petición no salió. El certificado TLS con que contestó " + e.Detail + "."
	return e
}

// silent is the failure of a call that may have arrived and was not answered.
func (s System) silent(op *transport.Operation) *gateway.Error {
	switch {
	case Spends(op):
		return s.UnknownOutcome(op)
	case !op.Repeatable:
		return &gateway.Error{Kind: gateway.KindSinRespuesta, Own: gateway.OwnDescargaInterrumpida, Retryable: true,
			Detail: "La descarga se interrumpió y lo recibido se desechó. " + s.Unknown(op)}
	}
	return &gateway.Error{Kind: gateway.KindSinRespuesta, Own: gateway.OwnRespuestaTardia, Retryable: true,
		Detail: "No llegó a tiempo la respuesta " + s.of() + ". Puede repetir la petición sin riesgo."}
}

func (s System) truncated(op *transport.Operation) *gateway.Error {
	if Spends(op) {
		return s.Unclear(op, "la respuesta llegó incompleta.")
	}
	detail := "El archivo llegó incompleto y se desechó. Puede repetir la petición sin riesgo."
	if !op.Repeatable {
		detail = "El archivo llegó incompleto y se desechó. " + s.Unknown(op)
	}
	return &gateway.Error{Kind: gateway.KindRespuestaInvalida, Own: gateway.OwnArchivoIncompleto, Retryable: true, Detail: detail}
}

func (s System) fromHTTP(op *transport.Operation, f *transport.Error) *gateway.Error {
	switch {
	case f.Status == 503 || f.Status == 429:
		return s.Unavailable(fmt.Sprintf("El servicio %s está fuera de línea: respondió con la página de error HTTP %d.", s.of(), f.Status), f.RetryAfter)
	case (f.Status >= 500 || f.Status < 200) && Spends(op):
		return s.Unclear(op, fmt.Sprintf("el servidor %s contestó con la página de error HTTP %d, que no dice si se atendió.", s.of(), f.Status))
	case f.Status >= 500:
		return s.Unavailable(fmt.Sprintf("El servicio %s respondió con la página de error HTTP %d.", s.of(), f.Status), f.RetryAfter)
	case f.RetryAfter > 0:
		return s.Unavailable(fmt.Sprintf("El servidor %s respondió HTTP %d sin mensaje SOAP, y dice cuándo volver.", s.of(), f.Status), f.RetryAfter)
	}
	// A refusal before the service, such as a proxy's, may be temporary.
	return &gateway.Error{Kind: gateway.KindMensajeRechazado, Own: gateway.OwnHTTPRechazado, Retryable: true,
		Detail: fmt.Sprintf("El servidor %s respondió HTTP %d sin mensaje SOAP. Si antes contestaba bien, es una falla suya o algo en el camino: repita más tarde. Si no, revise las direcciones %s.", s.of(), f.Status, s.Settings)}
}

// fromFault translates a SOAP fault: a client fault means that our message was malformed,
// a server fault that the system is unavailable.
func (s System) fromFault(op *transport.Operation, f *transport.Error) *gateway.Error {
	if s.Fault != nil {
		if e := s.Fault(op, f); e != nil {
			return e
		}
	}
	switch f.Faultcode {
	case "DeserializationFailed", "Client", "Sender":
		return &gateway.Error{Kind: gateway.KindMensajeRechazado, Own: gateway.OwnMensajeIlegible,
			Detail: "No se pudo leer la petición del lado " + s.of() + ". Es un defecto de la pasarela o un cambio del servicio; no la repita igual."}
	}
	if Spends(op) {
		return s.Unclear(op, "el servicio "+s.of()+" contestó con un error interno, que no dice si se atendió.")
	}
	return s.Unavailable("El servicio "+s.of()+" respondió con un error interno.", 0)
}
