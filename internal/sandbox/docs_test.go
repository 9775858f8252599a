package sandbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

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
	filas := filasDeTabla(seccion(t, "Faults"))
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
