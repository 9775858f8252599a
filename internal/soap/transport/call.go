package transport

import (
	"context"
	"io"
	"time"

	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/signing"
)

// Firma says what an operation's envelope must bear.
type Firma int

const (
	// WithoutFirma bears none: the system authenticates by what is in the body.
	WithoutFirma Firma = iota
	// FirmaAuthenticate bears a WS-Security header with a signed Timestamp.
	FirmaAuthenticate
	// FirmaRequest bears an enveloped Signature and the token in Authorization.
	FirmaRequest
)

// Operation describes one SOAP operation: what the protocol says of it and what
// we allow it. It is a value of the backend's table, never changed.
type Operation struct {
	Backend   string // label of the system: "sat"
	Name      string // the WSDL's operation name
	Namespace string // of the body
	Firma     Firma
	// Timeout bounds the whole call; for a streamed answer, the wait for its
	// first byte and each silence within it.
	Timeout time.Duration
	// Repeatable says that a repeat is harmless even if the first one arrived.
	// Otherwise it is repeated only when it surely never left.
	Repeatable bool
	// MaxAnswer bounds the answer in bytes, the streamed text apart.
	MaxAnswer int64
	// StubNamespace, where it is not empty, is the namespace that the stub's types
	// have, when the system's own is only known at run time.
	StubNamespace string
	// Unqualified says that the wrapper alone is in Namespace, as JAX-WS has it:
	// it then leaves with a prefix, so that its children stay in no namespace. A
	// JAX-WS runtime ignores children that are in one, without a fault.
	Unqualified bool
	// OneWay says that there is no answer: an HTTP success is all that comes.
	OneWay bool
	// Stream names the element whose text is base64 to be decoded into the
	// call's Sink, by any of the names it is known by; empty for none.
	Stream []string
	// Period and Least are the pace below which a streamed answer is given up: so many
	// bytes of its text in each period that is spent waiting for it. Zero for any pace.
	Period time.Duration
	Least  int64
	// Code finds the system's code in an answer whose code stands in its body; nil
	// where that is no more than a text, or the attribute CodEstatus.
	Code func(Answer) string
}

// TokenSource gives the access token of one call's RFC and family.
type TokenSource interface {
	Token(ctx context.Context) (string, error)
	// Reject tells that the system refused token with code 300.
	Reject(token string)
}

// Call is one use of an Operation. It travels in the context from the backend,
// through the stub, to the doer, which fills Answer.
type Call struct {
	Operation  *Operation
	Servicio   string // family, for logs
	RFC        string
	Family     signing.Family
	Credential *efirma.Credential // nil with WithoutFirma
	Tokens     TokenSource        // nil unless FirmaRequest
	Sink       io.Writer          // nil unless the operation streams
	// Check, unless nil, sees the envelope as it will leave and may refuse it: for
	// parameters whose absence would mean something else.
	Check func(envelope []byte) error
	// Attached is what takes the place of the text Mark, as base64, streamed. A
	// body holds the mark once: it must be one that no caller can guess.
	Attached *io.SectionReader
	Mark     string

	Answer Answer
}

type callKey struct{}

// WithCall puts call where the doer finds it.
func WithCall(ctx context.Context, call *Call) context.Context {
	return context.WithValue(ctx, callKey{}, call)
}

func callFrom(ctx context.Context) *Call {
	call, _ := ctx.Value(callKey{}).(*Call)
	return call
}

// Event is what is known of one upstream call once it is over. It holds no
// secret, and of a message no more than Error.Beginning.
type Event struct {
	Operation *Operation
	Servicio  string
	RFC       string
	// Code is the system's own, "ok" of an answer without any, "fault:<code>" or the
	// Class of the failure.
	Code     string
	Status   int // HTTP status, 0 without an answer
	Attempts int
	Duration time.Duration
	Signing  time.Duration
	Sent     int   // bytes of the envelope
	Received int64 // bytes of the answer's body as read
	Streamed int64 // bytes decoded into the sink
	Err      error
}
