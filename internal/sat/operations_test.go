package sat

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/wsdl"
)

// TestOperations_WhenListedAreThoseOfTheContracts holds each operation against its
// contract. One without a bound of time or size would never be answered.
func TestOperations_WhenListedAreThoseOfTheContracts(t *testing.T) {
	t.Parallel()
	contracts, err := wsdl.Operations()
	if err != nil {
		t.Fatal(err)
	}
	want, got := map[string]string{}, map[string]string{}
	for _, o := range contracts {
		if strings.HasPrefix(o.Contract, "sat/") {
			want[o.Name] = o.Namespace
		}
	}
	all := reflect.ValueOf(newOperations()).Elem()
	for i := range all.NumField() {
		op := all.Field(i)
		got[op.FieldByName("Name").String()] = op.FieldByName("Namespace").String()
		if op.FieldByName("Timeout").Int() <= 0 || op.FieldByName("MaxAnswer").Int() <= 0 {
			t.Errorf("%s has no Timeout or no MaxAnswer", all.Type().Field(i).Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("namespaces of the operations (-contract +code):\n%s", diff)
	}
}
