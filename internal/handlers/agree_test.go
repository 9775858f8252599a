package handlers

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/pasarela-mx/pasarela/internal/conform"
)

// TestBody_AgreesWithAnotherValidator changes the contract's own examples in every
// place and in every way, and asks kin-openapi what it thinks of them.
func TestBody_AgreesWithAnotherValidator(t *testing.T) {
	t.Parallel()
	s := spec(t)
	base64 := openapi3.WithStringFormatValidator("byte", openapi3.NewCallbackValidator(func(text string) error { return checkBase64([]byte(text)) }))
	compared, refused := 0, 0
	for _, item := range s.doc.Paths.Map() {
		for _, op := range item.Operations() {
			q := s.requests[op.OperationID]
			if q.schema == nil {
				continue
			}
			media := op.RequestBody.Value.Content[contentJSON]
			examples := []any{media.Example}
			for _, e := range media.Examples {
				examples = append(examples, e.Value.Value)
			}
			for _, e := range examples {
				for _, changed := range variants(e) {
					body, err := json.Marshal(changed)
					if err != nil {
						t.Fatal(err)
					}
					if strings.HasPrefix(string(body), "{") {
						faults := &conform.Faults{}
						ours := q.schema.Body(body, faults)
						var value any
						if err := json.Unmarshal(body, &value); err != nil {
							t.Fatal(err)
						}
						theirs := media.Schema.Value.VisitJSON(value, openapi3.VisitAsRequest(), base64)
						if ours != nil || (faults.Err() == nil) != (theirs == nil) {
							t.Errorf("%s: %s\nours: %v %v\ntheirs: %v", op.OperationID, body, ours, faults.Err(), theirs)
						}
						compared++
						if theirs != nil {
							refused++
						}
					}
				}
			}
		}
	}
	if compared < 2000 || refused < 1000 || compared-refused < 100 {
		t.Errorf("%d bodies compared, %d refused", compared, refused)
	}
}

// variants are v itself and v with one value of it changed.
func variants(v any) []any {
	out := []any{v, nil, true, 0, -1, 7, 1000, 1000000, "", "x", "  ", "PRU010101AB1", "pru010101ab1", "2026-01-31T23:59:59", "2026-01-31T23:59:59Z", "cfdi", "UEsDBA==", "UEs", "ñ\x00",
		strings.Repeat("a", 3000), []any{}, []any{"x"}, []any{"x", "x"}, []any{map[string]any{}}, map[string]any{}, map[string]any{"x": 1}}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			for _, changed := range variants(v[name]) {
				other := maps.Clone(v)
				other[name] = changed
				out = append(out, other)
			}
			other := maps.Clone(v)
			delete(other, name)
			out = append(out, other, with(v, strings.ToUpper(name), v[name]))
		}
		out = append(out, with(v, "otro", nil))
	case []any:
		for i := range v {
			for _, changed := range variants(v[i]) {
				other := slices.Clone(v)
				other[i] = changed
				out = append(out, other)
			}
		}
		out = append(out, slices.Concat(v, v), slices.Repeat(v, 60))
	}
	return out
}

func with(v map[string]any, name string, value any) map[string]any {
	other := maps.Clone(v)
	other[name] = value
	return other
}
