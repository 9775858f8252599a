package gateway

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind classifies a failure by what the caller can do about it. The HTTP status
// of each kind is the edge's business (internal/handlers/problem.go).
type Kind int

// The kinds of failure.
const (
	// KindInterno is a defect of the gateway itself, or damage that no waiting cures.
	KindInterno Kind = iota
	// KindMalformada: the request does not follow the contract.
	KindMalformada
	// KindInvalida: the request follows the contract and makes no sense.
	KindInvalida
	// KindNoAutenticado: no API key, or an unknown one.
	KindNoAutenticado
	// KindProhibido: the key, or the SAT, does not allow it.
	KindProhibido
	// KindNoEncontrado: there is no such thing.
	KindNoEncontrado
	// KindMetodo: the route exists, the method does not.
	KindMetodo
	// KindNoAceptable: no representation that the caller accepts.
	KindNoAceptable
	// KindConflicto: it clashes with what exists or with a quota that time does not cure.
	KindConflicto
	// KindYaNoDisponible: it existed and is gone for good.
	KindYaNoDisponible
	// KindDemasiadoGrande: the body is over its bound.
	KindDemasiadoGrande
	// KindLento: the body came too slowly.
	KindLento
	// KindTipoContenido: a media type that the route does not take.
	KindTipoContenido
	// KindRango: a Range that the representation does not have.
	KindRango
	// KindEFirma: the taxpayer's e.firma is missing, unusable or refused.
	KindEFirma
	// KindLimite: too often; later it will do.
	KindLimite
	// KindMensajeRechazado: the backend refused the form of our message.
	KindMensajeRechazado
	// KindRespuestaInvalida: the backend's answer cannot be understood or is not whole.
	KindRespuestaInvalida
	// KindNoDisponible: the backend is down or says so.
	KindNoDisponible
	// KindSinRespuesta: the backend kept silent; the operation is safe to repeat.
	KindSinRespuesta
	// KindResultadoDesconocido: it was sent, no answer came, and it must not be repeated blindly.
	KindResultadoDesconocido
	// KindNoOfrecida: the backend does not offer the operation.
	KindNoOfrecida
	// KindSinServicio: something that the gateway itself needs is away for now.
	KindSinServicio
)

// Kinds lists every kind, for the tables that must be complete.
func Kinds() []Kind {
	kinds := make([]Kind, 0, KindSinServicio+1)
	for k := KindInterno; k <= KindSinServicio; k++ {
		kinds = append(kinds, k)
	}
	return kinds
}

// Campo is one field that was refused, with what it may hold.
type Campo struct {
	// Campo is the field's JSON name, or the parameter's name.
	Campo string
	// Detalle says in Spanish what is wrong.
	Detalle string
	// ValoresValidos lists what is accepted, where that is a closed list.
	ValoresValidos []string
	// Codigo is the kind of problem, where the field's rules have stable codes.
	Codigo string
}

// Error is a failure with two texts: Detail and Campos for the caller, Err for the log.
type Error struct {
	Kind Kind
	// Backend is the system that refused ("sat"); empty when it was the gateway.
	Backend string
	// Own tells it apart from the gateway's other refusals of this Kind.
	Own OwnCode
	// Codigo and Mensaje are the backend's own, untouched.
	Codigo, Mensaje string
	// Detail says in Spanish what happened and what to do.
	Detail string
	Campos []Campo
	// Reintentable says that the same request may succeed later, unchanged.
	Reintentable bool
	// NoEnviada says that the operation's own message never left, so that the
	// backend cannot have counted it.
	NoEnviada bool
	// Recurso is the path of what it clashes with; empty for none.
	Recurso string
	// IDSolicitud is the SAT's id of the solicitud that it clashes with; empty for none that is known.
	IDSolicitud string
	// RetryAfter is how long to wait before that; zero when unknown.
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
	for _, c := range e.Campos {
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

// IsKind tells whether err is an *Error of kind k.
func IsKind(err error, k Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == k
}
