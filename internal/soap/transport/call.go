package transport

import (
	"context"
	"io"
	"time"

	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/signing"
)

// Firma is the kind of signature that an operation's envelope carries.
type Firma int

const (
	// WithoutFirma is none. The system authenticates by the body.
	WithoutFirma Firma = iota
	// FirmaAuthenticate is a WS-Security header with a signed Timestamp.
	FirmaAuthenticate
	// FirmaRequest is an enveloped Signature, and the token in Authorization.
	FirmaRequest
)

// Operation describes one SOAP operation: its protocol and our limits for it. It is a
// constant value in the backend's table.
type Operation struct {
	Backend   string // label of the system: "sat"
	Name      string // the WSDL's operation name
	Namespace string // of the body
	Firma     Firma
	// Timeout bounds the whole call. For a streamed answer it bounds the wait for the
	// first byte and every later pause.
	Timeout time.Duration
	// Repeatable reports that a repeat is harmless even if the first message arrived.
	// Otherwise a message is repeated only if it was certainly not sent.
	Repeatable bool
	// MaxAnswer bounds the answer in bytes, without the streamed text.
	MaxAnswer int64
	// StubNamespace, if not empty, is the namespace of the stub's types, for systems
	// whose own namespace is known only at run time.
	StubNamespace string
	// Unqualified reports that only the wrapper is in Namespace, as JAX-WS expects. The
	// wrapper then gets a prefix and its children no namespace: a JAX-WS runtime silently
	// ignores children that have one.
	Unqualified bool
	// OneWay reports that an HTTP success is the whole answer.
	OneWay bool
	// Stream lists the possible names of the element whose base64 text is decoded into
	// the call's Sink; empty for none.
	Stream []string
	// Least is the number of bytes of text that a streamed answer must bring in every
	// Period of waiting, or else it is given up. Zero means no minimum.
	Period time.Duration
	Least  int64
	// Code returns the system's code from the answer's body. If it is nil, the code is
	// the attribute CodEstatus, or there is none.
	Code func(Answer) string
}

// TokenSource provides the access tokens of one call's RFC and family.
type TokenSource interface {
	Token(ctx context.Context) (string, error)
	// Reject reports to the source that the system refused token with code 300.
	Reject(token string)
}

// Call is one use of an Operation. The backend puts it into the context, the stub passes
// it on, and the doer fills Answer.
type Call struct {
	Operation  *Operation
	Servicio   string // family, for logs
	RFC        string
	Family     signing.Family
	Credential *efirma.Credential // nil with WithoutFirma
	Tokens     TokenSource        // nil unless FirmaRequest
	Sink       io.Writer          // nil unless the operation streams
	// Check, unless nil, inspects the final envelope and may refuse it. It is for
	// parameters whose absence would change the meaning.
	Check func(envelope []byte) error
	// Attached replaces the text Mark in the body, streamed as base64. The mark appears
	// once in a body, and callers cannot guess it.
	Attached *io.SectionReader
	Mark     string

	Answer Answer
}

type callKey struct{}

// WithCall returns a context from which the doer reads call.
func WithCall(ctx context.Context, call *Call) context.Context {
	return context.WithValue(ctx, callKey{}, call)
}

func callFrom(ctx context.Context) *Call {
	call, _ := ctx.Value(callKey{}).(*Call)
	return call
}

// Event describes a finished upstream call. It holds no secret, and no part of a message
// beyond Error.Beginning.
type Event struct {
	Operation *Operation
	Servicio  string
	RFC       string
	// Code is the system's own code, "ok" for an answer without one, "fault:<code>", or
	// the Class of the failure.
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
