package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind classifies a failure by what the caller can do about it. Its text is the last part
// of the problem's type URI and what the ledger stores. internal/handlers/problem.go maps
// each kind to an HTTP status.
type Kind string

// The kinds of failure.
const (
	// KindInterno is a defect of the gateway, or damage that waiting does not repair.
	KindInterno Kind = "error-interno"
	// KindMalformada: the request does not follow the contract.
	KindMalformada Kind = "solicitud-malformada"
	// KindInvalida: the request follows the contract, but its values are not acceptable.
	KindInvalida Kind = "datos-invalidos"
	// KindNoAutenticado: no API key, or an unknown one.
	KindNoAutenticado Kind = "no-autenticado"
	// KindProhibido: the API key or the SAT forbids it.
	KindProhibido Kind = "prohibido"
	// KindNoEncontrado: no such resource.
	KindNoEncontrado Kind = "no-encontrado"
	// KindMetodo: the route exists, the method does not.
	KindMetodo Kind = "metodo-no-permitido"
	// KindNoAceptable: the operation has no representation that the caller accepts.
	KindNoAceptable Kind = "no-aceptable"
	// KindConflicto: it conflicts with existing data, or with a quota that never resets.
	KindConflicto Kind = "conflicto"
	// KindYaNoDisponible: it existed and is gone for good.
	KindYaNoDisponible Kind = "ya-no-disponible"
	// KindDemasiadoGrande: the body is larger than its limit.
	KindDemasiadoGrande Kind = "cuerpo-demasiado-grande"
	// KindLento: the body came too slowly.
	KindLento Kind = "cuerpo-lento"
	// KindTipoContenido: the route does not take this media type.
	KindTipoContenido Kind = "tipo-de-contenido"
	// KindRango: the representation does not have this Range.
	KindRango Kind = "rango-no-satisfacible"
	// KindEFirma: the taxpayer's e.firma is missing, unusable or refused.
	KindEFirma Kind = "efirma"
	// KindLimite: too many requests; a later one may succeed.
	KindLimite Kind = "demasiadas-peticiones"
	// KindMensajeRechazado: the backend refused the form of our message.
	KindMensajeRechazado Kind = "mensaje-rechazado"
	// KindRespuestaInvalida: the backend's answer is incomplete or cannot be understood.
	KindRespuestaInvalida Kind = "respuesta-invalida"
	// KindNoDisponible: the backend is down, or says that it is.
	KindNoDisponible Kind = "backend-no-disponible"
	// KindSinRespuesta: the backend did not answer; the operation is safe to repeat.
	KindSinRespuesta Kind = "backend-sin-respuesta"
	// KindResultadoDesconocido: it was sent and not answered; repeating it may do it
	// twice.
	KindResultadoDesconocido Kind = "resultado-desconocido"
	// KindNoOfrecida: the backend does not offer the operation.
	KindNoOfrecida Kind = "operacion-no-ofrecida"
	// KindSinServicio: the gateway's own database, disk or storage is not available now.
	KindSinServicio Kind = "pasarela-no-disponible"
)

// Kinds lists every kind. Tables that must be complete are tested against it.
func Kinds() []Kind {
	return []Kind{
		KindInterno, KindMalformada, KindInvalida, KindNoAutenticado,
		KindProhibido, KindNoEncontrado, KindMetodo, KindNoAceptable,
		KindConflicto, KindYaNoDisponible, KindDemasiadoGrande, KindLento, KindTipoContenido,
		KindRango, KindEFirma, KindLimite, KindMensajeRechazado,
		KindRespuestaInvalida, KindNoDisponible, KindSinRespuesta, KindResultadoDesconocido,
		KindNoOfrecida, KindSinServicio,
	}
}

// Known reports whether this program has the kind k; another version may have more.
func (k Kind) Known() bool { return slices.Contains(Kinds(), k) }

// Field is one refused field and the values that it may have. The ledger stores it.
type Field struct {
	// Campo is the field's JSON name, or the parameter's name.
	Campo string `json:"campo"`
	// Detalle says in Spanish what is wrong.
	Detalle string `json:"detalle"`
	// ValoresValidos lists the accepted values, if the list is closed.
	ValoresValidos []string `json:"valoresValidos,omitempty"`
	// Codigo is a stable code of the problem, if the field's rules have codes.
	Codigo string `json:"codigo,omitempty"`
}

// Error is a failure with two texts: Detail and Fields for the caller, Err for the log.
type Error struct {
	Kind Kind
	// Backend is the system that refused ("sat"); empty if the gateway did.
	Backend string
	// Own distinguishes the gateway's own refusals of one Kind.
	Own OwnCode
	// Codigo and Mensaje are the backend's, unchanged.
	Codigo, Mensaje string
	// Detail says in Spanish what happened and what to do.
	Detail string
	Fields []Field
	// Retryable reports that the same request may succeed later.
	Retryable bool
	// Unsent reports that the operation's message was never sent, so the backend cannot
	// have counted it.
	Unsent bool
	// Resource is the path of the resource that it conflicts with; empty for none.
	Resource string
	// IDSolicitud is the SAT's id of the solicitud that it conflicts with; empty if
	// unknown.
	IDSolicitud string
	// RetryAfter is how long to wait before a retry; zero if unknown.
	RetryAfter time.Duration
	// Err is the cause, for the log only. It holds no secret.
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Backend != "" {
		fmt.Fprintf(&b, "%s ", e.Backend)
	}
	if e.Codigo != "" {
		fmt.Fprintf(&b, "%s (%s): ", e.Codigo, e.Mensaje)
	}
	b.WriteString(e.Detail)
	for _, c := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s", c.Campo, c.Detalle)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// AsError returns err as an *Error; anything else becomes KindInterno.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: KindInterno, Own: OwnDefecto, Detail: "Error interno de la pasarela.", Err: err}
}

// IsKind reports whether err is an *Error of kind k.
func IsKind(err error, k Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == k
}
