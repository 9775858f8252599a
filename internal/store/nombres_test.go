package store_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// TestFormas_HaveNamesOfTheirOwn: what is kept as JSON is called by words that no change of
// the code changes, and the golden rows have a value of each.
func TestFormas_HaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	samples := []any{peticion(), entera(), rechazo(gateway.KindConflicto).Campos}
	for _, name := range []string{"entera", "lote", "cancelación", "contrato"} {
		samples = append(samples, envios()[name].contesta)
	}
	seen := map[reflect.Type]bool{}
	for _, s := range samples {
		nombrada(t, reflect.ValueOf(s), fmt.Sprintf("%T", s), seen)
	}
	if len(seen) < 8 {
		t.Errorf("%d forms: %v", len(seen), seen)
	}
}

// nombrada wants that each field of v has a name in JSON, and a value.
func nombrada(t *testing.T, v reflect.Value, path string, seen map[reflect.Type]bool) {
	t.Helper()
	switch v.Kind() {
	case reflect.Pointer:
		nombrada(t, v.Elem(), path, seen)
	case reflect.Slice:
		for i := range v.Len() {
			nombrada(t, v.Index(i), path, seen)
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
			nombrada(t, v.Field(i), path+"."+f.Name, seen)
		}
	}
}
