package contract

import (
	"encoding/json"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/webhooks"
)

// TestAvisos_EveryEventHasASchema that generators reach: a callback's.
func TestAvisos_EveryEventHasASchema(t *testing.T) {
	got, err := gatewaytest.Avisos()
	if err != nil {
		t.Fatal(err)
	}
	want := append(webhooks.Eventos(), webhooks.EventoTrial)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-code +contract):\n%s", diff)
	}
}

// TestAvisos_ExamplesAreOfTheirSchemas: in the contract, where a delivery shows its body
// as text, and on the page.
func TestAvisos_ExamplesAreOfTheirSchemas(t *testing.T) {
	seen := 0
	check := func(where string, body []byte) {
		t.Helper()
		seen++
		if _, err := gatewaytest.Aviso(body); err != nil {
			t.Errorf("%s: %v: %s", where, err, body)
		}
	}
	doc := load(t)
	for name, callback := range doc.Paths.Value("/v1/webhooks").Post.Callbacks {
		for _, path := range callback.Value.Map() {
			for _, example := range path.Post.RequestBody.Value.Content.Get("application/json").Examples {
				body, err := json.Marshal(example.Value.Value)
				if err != nil {
					t.Fatal(err)
				}
				check(name, body)
			}
		}
	}
	ofDelivery := regexp.MustCompile(`(?m)^\s*(?:cuerpo|example): '(\{"type":.*\})'$`)
	for _, m := range ofDelivery.FindAllStringSubmatch(page(t, "api/openapi.yaml"), -1) {
		check("a delivery", []byte(m[1]))
	}
	for _, m := range regexp.MustCompile(`(?m)^\{"type":.*\}$`).FindAllString(page(t, "docs/webhooks.md"), -1) {
		check("docs/webhooks.md", []byte(m))
	}
	if seen < 10 {
		t.Errorf("%d examples; the test looks for them where they are not", seen)
	}
}
