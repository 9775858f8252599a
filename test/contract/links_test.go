package contract

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// TestSpec_WhenAnAnswerLeadsOnItLeadsToAnOperation: a link names an operation, gives
// it every parameter of its path, and takes what it gives from where it is.
func TestSpec_WhenAnAnswerLeadsOnItLeadsToAnOperation(t *testing.T) {
	t.Parallel()
	doc := load(t)
	params := map[string]map[string]*openapi3.Parameter{} // of each operation
	for path, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			of := map[string]*openapi3.Parameter{}
			for _, p := range append(slices.Clone(item.Parameters), op.Parameters...) {
				of[p.Value.Name] = p.Value
			}
			if params[op.OperationID] = of; strings.Contains(path, "{") && len(of) == 0 {
				t.Errorf("%s has no parameters", path)
			}
		}
	}
	used := map[string]bool{}
	for _, op := range operations(doc) {
		for status, answer := range op.Responses.Map() {
			for name, link := range answer.Value.Links {
				label := fmt.Sprintf("%s %s: the link %s", op.label, status, name)
				used[strings.TrimPrefix(link.Ref, "#/components/links/")] = true
				target, ok := params[link.Value.OperationID]
				if !ok {
					t.Errorf("%s leads to %q, which is no operation", label, link.Value.OperationID)
				}
				for param, p := range target {
					if _, given := link.Value.Parameters[param]; p.Required && !given {
						t.Errorf("%s does not give %s", label, param)
					}
				}
				for param, from := range link.Value.Parameters {
					if target[param] == nil {
						t.Errorf("%s gives %s, which its operation does not take", label, param)
					}
					wantSource(t, label, fmt.Sprint(from), params[op.OperationID], op, answer.Value)
				}
			}
		}
	}
	for name := range doc.Components.Links {
		if !used[name] {
			t.Errorf("no answer has the link %s", name)
		}
	}
	if len(used) < 20 {
		t.Errorf("only %d links were found", len(used))
	}
}

// wantSource wants what an expression (OpenAPI 3.0.3, runtime expressions) names.
func wantSource(t *testing.T, label, from string, params map[string]*openapi3.Parameter, op operation, answer *openapi3.Response) {
	t.Helper()
	var schema *openapi3.Schema
	source, pointer, body := strings.Cut(from, "#/")
	switch {
	case body && source == "$response.body":
		schema = answer.Content.Get("application/json").Schema.Value
	case body && source == "$request.body":
		schema = op.RequestBody.Value.Content.Get("application/json").Schema.Value
	default:
		in, name, _ := strings.Cut(strings.TrimPrefix(from, "$request."), ".")
		if p := params[name]; p == nil || p.In != in {
			t.Errorf("%s: %s is nowhere", label, from)
		}
		return
	}
	for _, step := range strings.Split(pointer, "/") {
		if schema = below(schema, step); schema == nil {
			t.Errorf("%s: %s is nowhere", label, from)
			return
		}
	}
}

// below is the schema of a step of a JSON pointer; nil when there is none.
func below(s *openapi3.Schema, step string) *openapi3.Schema {
	if step == "0" && s.Items != nil {
		return s.Items.Value
	}
	if p := s.Properties[step]; p != nil {
		return p.Value
	}
	for _, part := range slices.Concat(s.AllOf, s.OneOf, s.AnyOf) {
		if found := below(part.Value, step); found != nil {
			return found
		}
	}
	return nil
}
