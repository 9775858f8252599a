package handlers

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-chi/chi/v5"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/conform"
)

// slowBody is the longest time for a body to arrive.
const slowBody = 30 * time.Second

// Spec is the compiled contract. It is immutable, so surfaces of one process share it:
// reading it costs as much as the rest of a start.
type Spec struct {
	doc        *openapi3.T
	yaml, json []byte
	// requests holds what each operation accepts, by its id.
	requests map[string]*request
}

// LoadSpec reads the contract from OpenAPI 3.0 in YAML.
func LoadSpec(yaml []byte) (*Spec, error) {
	doc, err := openapi3.NewLoader().LoadFromData(yaml)
	if err != nil {
		return nil, fmt.Errorf("handlers: the contract: %w", err)
	}
	asJSON, err := doc.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("handlers: the contract: %w", err)
	}
	s := &Spec{doc: doc, yaml: yaml, json: asJSON, requests: make(map[string]*request)}
	schemas := conform.NewCompiler(map[string]conform.Format{"byte": checkBase64})
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			s.requests[op.OperationID], err = newRequest(schemas, item, op)
			if err = cmp.Or(err, checkScope(op)); err != nil {
				return nil, fmt.Errorf("handlers: the contract: %s: %w", op.OperationID, err)
			}
		}
	}
	return s, nil
}

// Doc returns the contract as read. Do not change it.
func (s *Spec) Doc() *openapi3.T { return s.doc }

// operationOf returns the contract's operation for a routed request. chi's patterns are
// the contract's paths, because both come from it.
func operationOf(doc *openapi3.T, r *http.Request) *openapi3.Operation {
	if item := doc.Paths.Value(chi.RouteContext(r.Context()).RoutePattern()); item != nil {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		if op := item.GetOperation(method); op != nil {
			return op
		}
	}
	return &openapi3.Operation{}
}

// validate checks each request against the contract and reports every fault.
func validate(spec *Spec) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return wrap(func(w http.ResponseWriter, r *http.Request) error {
			op := operationOf(spec.doc, r)
			if err := cmp.Or(checkMediaType(op, r), checkAccept(spec.doc, op, r)); err != nil {
				return err
			}
			takes, ok := spec.requests[op.OperationID]
			if !ok {
				return errNoRoute
			}
			control := http.NewResponseController(w)
			control.SetReadDeadline(time.Now().Add(slowBody)) //nolint:errcheck // a test's recorder has none
			if err := takes.check(w, r); err != nil {
				return err
			}
			control.SetReadDeadline(time.Time{}) //nolint:errcheck // see above
			next.ServeHTTP(w, r)
			return nil
		})
	}
}

// maxBody bounds the body of an operation that says nothing else: the largest legal one
// of those is under two KiB.
const maxBody = 64 << 10

// bodyPolicy is the largest body of an operation, and who reads it.
type bodyPolicy struct {
	max int64
	// streamed bodies are read only by the handler, in constant memory.
	streamed bool
}

// bodyOf returns the policy of an operation.
func bodyOf(op *openapi3.Operation) bodyPolicy {
	out := bodyPolicy{max: maxBody}
	if n, ok := op.Extensions["x-cuerpo-maximo"].(float64); ok {
		out.max = int64(n)
	}
	out.streamed, _ = op.Extensions["x-cuerpo-en-flujo"].(bool)
	return out
}

// scopeOf returns the scope that an operation asks of a key; empty for none.
func scopeOf(op *openapi3.Operation) string {
	scope, _ := op.Extensions["x-alcance"].(string)
	return scope
}

// public reports whether an operation asks for no key.
func public(op *openapi3.Operation) bool { return op.Security != nil && len(*op.Security) == 0 }

// checkScope returns an error unless the operation is public or asks for a scope that a
// key can have.
func checkScope(op *openapi3.Operation) error {
	if public(op) || slices.Contains(apikeys.Scopes(), scopeOf(op)) {
		return nil
	}
	return fmt.Errorf("x-alcance is %q; valid: %s", scopeOf(op), strings.Join(apikeys.Scopes(), ", "))
}

// asksFar reports whether reading by an operation asks a far system each time, which has
// no HEAD: looking must cost nothing there. The contract shows it by an answer that may not
// come (504), and by no part of a file that is kept here (206).
func asksFar(op *openapi3.Operation) bool {
	return op.Responses.Status(http.StatusGatewayTimeout) != nil && op.Responses.Status(http.StatusPartialContent) == nil
}
