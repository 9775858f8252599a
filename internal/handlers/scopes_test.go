package handlers

import (
	"regexp"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/api"
	"github.com/pasarela-mx/pasarela/internal/apikeys"
)

// TestScopes_WhenReadInTheContractAreThoseThatAreAsked: each operation says the
// scope that it asks for, and the security scheme lists them all.
func TestScopes_WhenReadInTheContractAreThoseThatAreAsked(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile("Pide el alcance `([^`]+)`")
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			scope := ""
			if m := said.FindStringSubmatch(op.Description); m != nil {
				scope = m[1]
			}
			if scope != scopes[op.OperationID] {
				t.Errorf("%s %s: says %q, asks %q", method, path, scope, scopes[op.OperationID])
			}
		}
	}
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(doc.Components.SecuritySchemes["claveDeAPI"].Value.Description, -1) {
		listed = append(listed, row[1])
	}
	want := slices.Sorted(slices.Values(apikeys.Scopes()))
	slices.Sort(listed)
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("scopes (-code +contract):\n%s", diff)
	}
}
