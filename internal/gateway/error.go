package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind classifies a failure by what the caller can do about it. It is the fragment of
// the problem's type, and the word that the ledger keeps. The HTTP status of each kind
// is the edge's business (internal/handlers/problem.go).
type Kind string

// The kinds of failure.
const (
	// KindInterno is a defect of the gateway itself, or damage that no waiting cures.
	KindInterno Kind = "error-interno"
	// KindMalformada: the request does not follow the contract.
	KindMalformada Kind = "solicitud-malformada"
	// KindInvalida: the request follows the contract and makes no sense.
	KindInvalida Kind = "datos-invalidos"
	// KindNoAutenticado: no API key, or an unknown one.
	KindNoAutenticado Kind = "no-autenticado"
	// KindProhibido: the key, or the SAT, does not allow it.
	KindProhibido Kind = "prohibido"
	// KindNoEncontrado: there is no such thing.
	KindNoEncontrado Kind = "no-encontrado"
	// KindMetodo: the route exists, the method does not.
	KindMetodo Kind = "metodo-no-permitido"
	// KindNoAceptable: no representation that the caller accepts.
	KindNoAceptable Kind = "no-aceptable"
	// KindConflicto: it clashes with what exists or with a quota that time does not cure.
	KindConflicto Kind = "conflicto"
	// KindYaNoDisponible: it existed and is gone for good.
	KindYaNoDisponible Kind = "ya-no-disponible"
	// KindDemasiadoGrande: the body is over its bound.
	KindDemasiadoGrande Kind = "cuerpo-demasiado-grande"
	// KindLento: the body came too slowly.
	KindLento Kind = "cuerpo-lento"
	// KindTipoContenido: a media type that the route does not take.
	KindTipoContenido Kind = "tipo-de-contenido"
	// KindRango: a Range that the representation does not have.
	KindRango Kind = "rango-no-satisfacible"
	// KindEFirma: the taxpayer's e.firma is missing, unusable or refused.
	KindEFirma Kind = "efirma"
	// KindLimite: too often; later it will do.
	KindLimite Kind = "demasiadas-peticiones"
	// KindMensajeRechazado: the backend refused the form of our message.
	KindMensajeRechazado Kind = "mensaje-rechazado"
	// KindRespuestaInvalida: the backend's answer cannot be understood or is not whole.
	KindRespuestaInvalida Kind = "respuesta-invalida"
	// KindNoDisponible: the backend is down or says so.
	KindNoDisponible Kind = "backend-no-disponible"
	// KindSinRespuesta: the backend kept silent; the operation is safe to repeat.
	KindSinRespuesta Kind = "backend-sin-respuesta"
	// KindResultadoDesconocido: it was sent, no answer came, and it must not be repeated blindly.
	KindResultadoDesconocido Kind = "resultado-desconocido"
	// KindNoOfrecida: the backend does not offer the operation.
	KindNoOfrecida Kind = "operacion-no-ofrecida"
	// KindSinServicio: something that the gateway itself needs is away for now.
	KindSinServicio Kind = "pasarela-no-disponible"
)

// Kinds lists every kind, for the tables that must be complete.
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

// Known reports whether k is a kind of this program's, and not another version's.
func (k Kind) Known() bool { return slices.Contains(Kinds(), k) }

// Field is one field that was refused, with what it may hold. Refusals are kept with theirs.
type Field struct {
	// Field is the field's JSON name, or the parameter's name.
	Campo string `json:"campo"`
	// Detalle says in Spanish what is wrong.
	Detalle string `json:"detalle"`
	// ValoresValidos lists what is accepted, where that is a closed list.
	ValoresValidos []string `json:"valoresValidos,omitempty"`
	// Codigo is the kind of problem, where the field's rules have stable codes.
	Codigo string `json:"codigo,omitempty"`
}

// Error is a failure with two texts: Detail and Fields for the caller, Err for the log.
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
	Fields []Field
	// Retryable says that the same request may succeed later, unchanged.
	Retryable bool
	// Unsent says that the operation's own message never left, so that the
	// backend cannot have counted it.
	Unsent bool
	// Resource is the path of what it clashes with; empty for none.
	Resource string
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

// IsKind tells whether err is an *Error of kind k.
func IsKind(err error, k Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == k
}
