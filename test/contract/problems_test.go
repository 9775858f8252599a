package contract

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/handlers"
)

// TestProblems_WhenShownAgreeWithTheTypes ties each example to its type: one type has
// one status and one title.
func TestProblems_WhenShownAgreeWithTheTypes(t *testing.T) {
	doc := load(t)
	table := map[string]int{}
	for kind, p := range handlers.ProblemTypes() {
		table[string(kind)] = p.Status
	}
	titles := map[string]string{}
	for name, ex := range doc.Components.Examples {
		p := problem(t, ex)
		slug, ours := strings.CutPrefix(p.Type, problemBase)
		if !ours || table[slug] != p.Status {
			t.Errorf("example %s: type %q with status %d; that type has %d", name, p.Type, p.Status, table[slug])
		}
		if old, seen := titles[slug]; seen && old != p.Title {
			t.Errorf("type %s has two titles, %q and %q", slug, old, p.Title)
		}
		titles[slug] = p.Title
		if !slices.Contains([]string{"", "sat", "sep", "pade"}, p.Backend) {
			t.Errorf("example %s: there is no backend %s", name, p.Backend)
		}
		if p.Backend == "" && numbered(p.Codigo) {
			t.Errorf("example %s: codigo %s without a backend", name, p.Codigo)
		}
	}
	for slug, status := range table {
		// Given by the router, before any operation is known.
		if status == http.StatusMethodNotAllowed || status == http.StatusNotAcceptable {
			continue
		}
		if titles[slug] == "" {
			t.Errorf("type %s has no example", slug)
		}
	}
}

// A program that reads 501 in the contract writes code for it: it is there only where
// a system has an operation that it may not offer (SAT's of version 1.1, Prodigia's).
func TestProblems_WhenNotOfferedComeWhereTheyCan(t *testing.T) {
	t.Parallel()
	var got []string
	for _, item := range load(t).Paths.Map() {
		for _, op := range item.Operations() {
			if op.Responses.Value("501") != nil {
				got = append(got, op.OperationID)
			}
		}
	}
	slices.Sort(got)
	want := []string{"adjuntarAddenda", "crearSolicitud", "firmarContrato", "firmarContratoAdhesion", "firmarManifiesto", "procesarAddenda"}
	if !slices.Equal(got, want) {
		t.Errorf("501 is in %v, want %v", got, want)
	}
}

// TestSATCodes_WhenRefusedHaveTheirStatus is the table of the SAT's codes
// (documents 1 to 3 of version 1.5): where each can come, and as what.
// 5011 is Verifica's in the documents; a limit by day is one wherever it comes.
func TestSATCodes_WhenRefusedHaveTheirStatus(t *testing.T) {
	const request, check, fetch = "crearSolicitud", "verificarSolicitud", "descargarPaquete"
	want := map[string][]string{}
	for _, id := range []string{request, check, fetch} {
		want[id] = []string{"300 502", "301 502", "302 502", "303 422", "304 422", "305 422", "404 503", "5006 503", "5011 429"}
	}
	want[request] = append(want[request], "5001 403", "5002 409", "5003 409", "5005 409", "5012 409")
	want[check] = append(want[check], "5003 409", "5004 404")
	want[fetch] = append(want[fetch], "5004 404", "5007 410", "5008 410")

	checkCodes(t, "sat", want)
}

// TestSEPCodes_WhenRefusedHaveTheirStatus: the SEP numbers the refusals of a
// cancellation only, all of them 1; which one it is says its text.
func TestSEPCodes_WhenRefusedHaveTheirStatus(t *testing.T) {
	checkCodes(t, "sep", map[string][]string{"cancelarTitulo": {"1 404", "1 409"}})
}

// TestPADECodes_WhenRefusedHaveTheirStatus is the tables of the PAC's two
// services, in which the same number means different things (pade.md §3). 4 and
// 98 stand for the codes that are in no table.
func TestPADECodes_WhenRefusedHaveTheirStatus(t *testing.T) {
	addendas := []string{"1 403", "2 403", "3 422", "4 502", "5 503", "6 422"}
	firmas := []string{"2 409", "2 409", "98 502", "99 504", "400 502"}
	for codigo := 301; codigo <= 311; codigo++ {
		firmas = append(firmas, fmt.Sprintf("%d 422", codigo))
	}
	checkCodes(t, "pade", map[string][]string{
		"procesarAddenda": addendas, "adjuntarAddenda": slices.Clone(addendas),
		// The only one that carries an account that can be refused.
		"firmarContrato":   append(slices.Clone(firmas), "1 403"),
		"firmarManifiesto": firmas, "firmarContratoAdhesion": slices.Clone(firmas),
	})
}

// checkCodes holds the codes of a backend in the examples, with their status,
// against those wanted of each operation.
// numbered reports whether a codigo is a far system's: the gateway's own are words.
func numbered(codigo string) bool { return codigo != "" && codigo[0] <= '9' }

func checkCodes(t *testing.T, backend string, want map[string][]string) {
	t.Helper()
	for _, op := range operations(load(t)) {
		var got []string
		for _, a := range answers(t, op) {
			if media := a.Content[problemType]; media != nil {
				for _, ex := range media.Examples {
					if p := problem(t, ex); numbered(p.Codigo) && p.Backend == backend {
						got = append(got, fmt.Sprintf("%s %d", p.Codigo, a.status))
					}
				}
			}
		}
		slices.Sort(got)
		slices.Sort(want[op.OperationID])
		if diff := cmp.Diff(want[op.OperationID], got); diff != "" {
			t.Errorf("%s: codes of %s (-want +got):\n%s", op.label, backend, diff)
		}
	}
}

// TestBackends_WhenNamedAreThoseOfTheTag: a route of one system shows no failure
// of another, and those that call none show none.
func TestBackends_WhenNamedAreThoseOfTheTag(t *testing.T) {
	for _, op := range operations(load(t)) {
		for _, a := range answers(t, op) {
			media := a.Content[problemType]
			if media == nil {
				continue
			}
			for name, ex := range media.Examples {
				if got := problem(t, ex).Backend; got != "" && got != strings.ToLower(op.Tags[0]) {
					t.Errorf("%s: example %s has backend %s", a.label, name, got)
				}
			}
		}
	}
}
