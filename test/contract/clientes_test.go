package contract

import (
	"maps"
	"slices"
	"testing"
)

// TestBooleans_WhenLeftOutOfARequestMeanWhatTheContractSays: generators of some
// languages know no boolean that is absent, and send false for it, unless the
// contract gives it a default.
func TestBooleans_WhenLeftOutOfARequestMeanWhatTheContractSays(t *testing.T) {
	seen := 0
	schemas := load(t).Components.Schemas
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		s := schemas[name].Value
		// A schema that admits nothing else is one of a request.
		if s.AdditionalProperties.Has == nil || *s.AdditionalProperties.Has {
			continue
		}
		for _, field := range slices.Sorted(maps.Keys(s.Properties)) {
			p := s.Properties[field].Value
			if !p.Type.Is("boolean") || slices.Contains(s.Required, field) {
				continue
			}
			seen++
			if _, given := p.Default.(bool); !given {
				t.Errorf("%s.%s is an optional boolean without a default", name, field)
			}
		}
	}
	if seen == 0 {
		t.Error("no request has an optional boolean")
	}
}
