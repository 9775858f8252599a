package contract

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/handlers"
)

// TestErrors_TableOfOwnCodesIsTheCodes: what a program may decide by is in the code,
// on the page and in the contract alike.
func TestErrors_TableOfOwnCodesIsTheCodes(t *testing.T) {
	want, listed := map[string]string{}, map[string]bool{}
	for _, r := range gateway.OwnRefusals() {
		want["`"+string(r.Code)+"`"] = link(string(r.Kind)) + " " + r.Means
		listed[string(r.Code)] = true
	}
	got := map[string]string{}
	for _, row := range rows(section(t, page(t, "docs/errores.md"), "## Códigos de la pasarela")) {
		if len(row) == 3 && row[0] != "`codigo`" {
			got[row[0]] = row[1] + " " + row[2]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("own codes (-code +page):\n%s", diff)
	}
	known, _ := load(t).Components.Schemas["Problema"].Value.Properties["codigo"].Value.Extensions["x-extensible-enum"].([]any)
	contract := map[string]bool{}
	for _, v := range known {
		contract[v.(string)] = true
	}
	if diff := cmp.Diff(listed, contract); diff != "" {
		t.Errorf("own codes (-code +contract):\n%s", diff)
	}
}

// TestErrors_TableOfReasonsIsTheReasons: whatever can be written as motivoCodigo is on the
// page, and no word means two things.
func TestErrors_TableOfReasonsIsTheReasons(t *testing.T) {
	want, listed := map[string]string{}, map[string]bool{}
	for _, r := range gateway.OwnReasons() {
		want["`"+string(r.Code)+"`"] = r.Means
		listed[string(r.Code)] = true
	}
	for _, r := range gateway.OwnRefusals() {
		if listed[string(r.Code)] {
			t.Errorf("%s is a refusal and a reason", r.Code)
		}
	}
	got := map[string]string{}
	for _, row := range rows(section(t, page(t, "docs/errores.md"), "## Motivos de una descarga")) {
		if len(row) == 2 && row[0] != "`motivoCodigo`" {
			got[row[0]] = row[1]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reasons (-code +page):\n%s", diff)
	}
	known, _ := load(t).Components.Schemas["MotivoCodigo"].Value.Extensions["x-extensible-enum"].([]any)
	contract := map[string]bool{}
	for _, v := range known {
		contract[v.(string)] = true
	}
	if diff := cmp.Diff(listed, contract); diff != "" {
		t.Errorf("reasons (-code +contract):\n%s", diff)
	}
}

// TestExamples_WhenTheyAreRefusals: no example leaves a program with a type alone.
func TestExamples_WhenTheyAreRefusals(t *testing.T) {
	kind := map[string]string{}
	for _, r := range gateway.OwnRefusals() {
		kind[string(r.Code)] = handlers.ProblemTypes()[r.Kind].Title
	}
	for _, op := range operations(load(t)) {
		for _, a := range answers(t, op) {
			media := a.Content[problemType]
			if media == nil {
				continue
			}
			for name, ex := range media.Examples {
				p := problem(t, ex)
				if own, ok := kind[p.Codigo]; p.Codigo == "" || ok && own != p.Title {
					t.Errorf("%s %d %s: codigo %q with %s", op.label, a.status, name, p.Codigo, p.Title)
				}
			}
		}
	}
}
