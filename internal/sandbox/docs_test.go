package sandbox_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/internal/sandbox/pade"
	"github.com/pasarela-mx/pasarela/internal/sandbox/sat"
	"github.com/pasarela-mx/pasarela/internal/sandbox/sep"
)

// section returns a section of the sandbox's page: from its heading to the next of the same level.
func section(t testing.TB, titulo string) string {
	t.Helper()
	page := read(t, "..", "..", "docs", "sandbox.md")
	_, rest, ok := strings.Cut(page, "\n## "+titulo+"\n")
	if !ok {
		t.Fatalf("docs/sandbox.md has no section %q", titulo)
	}
	within, _, _ := strings.Cut(rest, "\n## ")
	return within
}

// tableRows returns the lines of a Markdown table that begin with code.
func tableRows(text string) []string {
	var rows []string
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "| `") {
			rows = append(rows, line)
		}
	}
	return rows
}

func TestDocs_TableOfKnobsIsTheCodes(t *testing.T) {
	var wants []string
	p := control.NewKnobs(slices.Concat(sat.Knobs(), sep.Knobs(), pade.Knobs())...)
	values := p.Read()
	for _, d := range p.Declared() {
		wants = append(wants, fmt.Sprintf("| `%s` | `%v` | %s |", d.Name, values[d.Name], d.Note))
	}
	if got := tableRows(section(t, "Knobs")); strings.Join(got, "\n") != strings.Join(wants, "\n") {
		t.Errorf("the table should be\n%s", strings.Join(wants, "\n"))
	}
}

func TestDocs_TableOfFaultsIsTheCodes(t *testing.T) {
	_, table, _ := strings.Cut(section(t, "Faults"), "| type |")
	rows := tableRows(table)
	tipos := slices.Concat(control.Tipos(), pade.CatalogoFallas().Own)
	if len(rows) != len(tipos) {
		t.Errorf("%d rows for %d types of fault", len(rows), len(tipos))
	}
	for i, tipo := range tipos {
		if i < len(rows) && !strings.HasPrefix(rows[i], fmt.Sprintf("| `%s` | ", tipo)) {
			t.Errorf("row %d is %q, want %s", i, rows[i], tipo)
		}
	}
}

func TestDocs_TableOfRoutesIsTheCodes(t *testing.T) {
	b := start(t)
	var root struct {
		Rutas []struct{ Metodo, Ruta string }
	}
	b.adminJSON(t, "GET", "/", "", &root)
	rows := tableRows(section(t, "Admin port"))
	if len(rows) != len(root.Rutas) || len(rows) == 0 {
		t.Fatalf("%d rows for %d routes", len(rows), len(root.Rutas))
	}
	for i, r := range root.Rutas {
		if !strings.HasPrefix(rows[i], fmt.Sprintf("| `%s %s` | ", r.Metodo, r.Ruta)) {
			t.Errorf("row %d is %q, want %s %s", i, rows[i], r.Metodo, r.Ruta)
		}
	}
}

func TestDocs_TableOfScenariosIsTheCodes(t *testing.T) {
	var wants []string
	for _, e := range sandbox.Scenarios() {
		wants = append(wants, fmt.Sprintf("| `%s` | %s |", e.Nombre, e.Nota))
	}
	if got := tableRows(section(t, "Scenarios")); strings.Join(got, "\n") != strings.Join(wants, "\n") {
		t.Errorf("the table should be\n%s", strings.Join(wants, "\n"))
	}
}

func TestDocs_TableOfFieldsIsTheCodes(t *testing.T) {
	all, err := json.Marshal(sandbox.Falla{Contiene: "x", Cada: 1, Despues: true, Begin: 1, Last: 1, Repeat: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"contiene", "cada", "despues", "dura", "empieza", "repite"} {
		if !strings.Contains(string(all), `"`+field+`":`) || !strings.Contains(section(t, "Faults"), "`"+field+"`") {
			t.Errorf("%s is not in the JSON, or not on the page", field)
		}
	}
}
