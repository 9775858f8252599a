package handlers

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/api"
	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/sep/lotes"
)

// TestScopes_WhenReadInTheContractAreThoseThatAreAsked: each operation says the
// scope that it asks for, and the security scheme lists them all.
func TestScopes_WhenReadInTheContractAreThoseThatAreAsked(t *testing.T) {
	t.Parallel()
	doc := spec(t).doc
	said := regexp.MustCompile("Pide el alcance `([^`]+)`")
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			scope := ""
			if m := said.FindStringSubmatch(op.Description); m != nil {
				scope = m[1]
			}
			if scope != scopeOf(op) {
				t.Errorf("%s %s: says %q, asks %q", method, path, scope, scopeOf(op))
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

// TestSpec_WhenAnOperationAsksForNoScopeIsRefused: nobody would be let in, or everybody.
func TestSpec_WhenAnOperationAsksForNoScopeIsRefused(t *testing.T) {
	t.Parallel()
	for _, scope := range []string{"", "sat:nada"} {
		text := bytes.Replace(api.Spec, []byte("x-alcance: sat:token"), []byte("x-alcance: '"+scope+"'"), 1)
		if _, err := LoadSpec(text); err == nil || !strings.Contains(err.Error(), "obtenerTokenSat: x-alcance is \""+scope+"\"; valid: sat:token, ") {
			t.Errorf("%q: %v", scope, err)
		}
	}
}

// TestBodies_WhenTheyCarryAFileHaveRoomForIt: base64 and multipart make a file a third
// larger, at most, and fields come beside it.
func TestBodies_WhenTheyCarryAFileHaveRoomForIt(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bodyPolicy{
		"cargarLote":     {lotes.MaxFile/3*4 + maxFields, true},
		"validarTitulos": {lotes.MaxFile/3*4 + maxFields, true},
		"emitirTitulos":  {maxFields, true},
		"crearDescarga":  {maxBody, false},
	} {
		if got := spec(t).requests[id].body; got != want {
			t.Errorf("%s: %+v, want %+v", id, got, want)
		}
	}
}
