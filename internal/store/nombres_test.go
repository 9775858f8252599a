package store_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// TestForms_HaveNamesOfTheirOwn: what is kept as JSON is called by words that no change of
// the code changes, and the golden rows have a value of each.
func TestForms_HaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	samples := []any{request(), whole(), refusal(gateway.KindConflicto).Fields}
	for _, name := range []string{"entera", "lote", "cancelación", "contrato"} {
		samples = append(samples, sends()[name].answer)
	}
	seen := map[reflect.Type]bool{}
	for _, s := range samples {
		named(t, reflect.ValueOf(s), fmt.Sprintf("%T", s), seen)
	}
	if len(seen) < 8 {
		t.Errorf("%d forms: %v", len(seen), seen)
	}
}

// named wants that each field of v has a name in JSON, and a value.
func named(t *testing.T, v reflect.Value, path string, seen map[reflect.Type]bool) {
	t.Helper()
	switch v.Kind() {
	case reflect.Pointer:
		named(t, v.Elem(), path, seen)
	case reflect.Slice:
		for i := range v.Len() {
			named(t, v.Index(i), path, seen)
		}
	case reflect.Struct:
		seen[v.Type()] = true
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if v.Field(i).IsZero() {
				t.Errorf("the sample of %s says nothing in %s", path, f.Name)
			}
			if name == "-" {
				continue // it has a column, or a form of its own
			}
			if name == "" || strings.ToLower(name[:1]) != name[:1] {
				t.Errorf("%s.%s is kept as %q", path, f.Name, name)
			}
			named(t, v.Field(i), path+"."+f.Name, seen)
		}
	}
}
