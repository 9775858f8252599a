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

// seccion returns a section of the sandbox's page: from its heading to the next of the same level.
func seccion(t testing.TB, titulo string) string {
	t.Helper()
	pagina := lee(t, "..", "..", "docs", "sandbox.md")
	_, resto, ok := strings.Cut(pagina, "\n## "+titulo+"\n")
	if !ok {
		t.Fatalf("docs/sandbox.md has no section %q", titulo)
	}
	dentro, _, _ := strings.Cut(resto, "\n## ")
	return dentro
}

// filasDeTabla returns the lines of a Markdown table that begin with code.
func filasDeTabla(texto string) []string {
	var filas []string
	for linea := range strings.SplitSeq(texto, "\n") {
		if strings.HasPrefix(linea, "| `") {
			filas = append(filas, linea)
		}
	}
	return filas
}

func TestDocs_TableOfKnobsIsTheCodes(t *testing.T) {
	var quiere []string
	p := control.NewPerillas(slices.Concat(sat.Perillas(), sep.Perillas(), pade.Perillas())...)
	valores := p.Lee()
	for _, d := range p.Declaradas() {
		quiere = append(quiere, fmt.Sprintf("| `%s` | `%v` | %s |", d.Nombre, valores[d.Nombre], d.Nota))
	}
	if got := filasDeTabla(seccion(t, "Knobs")); strings.Join(got, "\n") != strings.Join(quiere, "\n") {
		t.Errorf("the table should be\n%s", strings.Join(quiere, "\n"))
	}
}

func TestDocs_TableOfFaultsIsTheCodes(t *testing.T) {
	_, tabla, _ := strings.Cut(seccion(t, "Faults"), "| type |")
	filas := filasDeTabla(tabla)
	tipos := slices.Concat(control.Tipos(), pade.CatalogoFallas().Propios)
	if len(filas) != len(tipos) {
		t.Errorf("%d rows for %d types of fault", len(filas), len(tipos))
	}
	for i, tipo := range tipos {
		if i < len(filas) && !strings.HasPrefix(filas[i], fmt.Sprintf("| `%s` | ", tipo)) {
			t.Errorf("row %d is %q, want %s", i, filas[i], tipo)
		}
	}
}

func TestDocs_TableOfRoutesIsTheCodes(t *testing.T) {
	b := arranca(t)
	var raiz struct {
		Rutas []struct{ Metodo, Ruta string }
	}
	b.adminJSON(t, "GET", "/", "", &raiz)
	filas := filasDeTabla(seccion(t, "Admin port"))
	if len(filas) != len(raiz.Rutas) || len(filas) == 0 {
		t.Fatalf("%d rows for %d routes", len(filas), len(raiz.Rutas))
	}
	for i, r := range raiz.Rutas {
		if !strings.HasPrefix(filas[i], fmt.Sprintf("| `%s %s` | ", r.Metodo, r.Ruta)) {
			t.Errorf("row %d is %q, want %s %s", i, filas[i], r.Metodo, r.Ruta)
		}
	}
}

func TestDocs_TableOfScenariosIsTheCodes(t *testing.T) {
	var quiere []string
	for _, e := range sandbox.Escenarios() {
		quiere = append(quiere, fmt.Sprintf("| `%s` | %s |", e.Nombre, e.Nota))
	}
	if got := filasDeTabla(seccion(t, "Scenarios")); strings.Join(got, "\n") != strings.Join(quiere, "\n") {
		t.Errorf("the table should be\n%s", strings.Join(quiere, "\n"))
	}
}

func TestDocs_TableOfFieldsIsTheCodes(t *testing.T) {
	todos, err := json.Marshal(sandbox.Falla{Contiene: "x", Cada: 1, Despues: true, Empieza: 1, Dura: 1, Repite: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, campo := range []string{"contiene", "cada", "despues", "dura", "empieza", "repite"} {
		if !strings.Contains(string(todos), `"`+campo+`":`) || !strings.Contains(seccion(t, "Faults"), "`"+campo+"`") {
			t.Errorf("%s is not in the JSON, or not on the page", campo)
		}
	}
}
