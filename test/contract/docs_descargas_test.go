package contract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/backends/sat"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestDescargas_StatesAreTheCodes(t *testing.T) {
	var want, got []string
	for _, e := range gateway.EstadosDescarga() {
		want = append(want, string(e))
	}
	for _, row := range rows(section(t, page(t, "docs/descargas.md"), "## Seguir")) {
		estado := strings.Trim(row[0], "`")
		got = append(got, estado)
		if final := gateway.EstadoDescarga(estado).Final(); final != strings.HasPrefix(row[1], "**final:**") {
			t.Errorf("%s is final = %v, and the page says %q", estado, final, row[1])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-code +page):\n%s", diff)
	}
}

// TestDescargas_CodesExist: what the page decides about is in the SAT's table.
func TestDescargas_CodesExist(t *testing.T) {
	known := map[string]bool{"5000": true, "InvalidSecurity": true, "ActionNotSupported": true}
	for _, c := range sat.Codigos() {
		known[c.Codigo] = true
	}
	table := section(t, page(t, "docs/descargas.md"), "## Qué decide sola")
	codes := 0
	for line := range strings.SplitSeq(table, "\n") {
		said, ok := strings.CutPrefix(line, "| ")
		if !ok {
			continue
		}
		for _, word := range quoted(strings.SplitN(said, "|", 2)[0]) {
			codes++
			if !known[word] {
				t.Errorf("the SAT has no code %s", word)
			}
		}
	}
	if codes < 9 {
		t.Errorf("only %d codes were found", codes)
	}
}

// TestDescargas_FormsAreThoseOfTheContract holds the table of forms against what
// the routes give.
func TestDescargas_FormsAreThoseOfTheContract(t *testing.T) {
	var got []string
	for _, row := range rows(section(t, page(t, "docs/descargas.md"), "## Leer")) {
		got = append(got, strings.Trim(row[0], "`"))
	}
	for _, kind := range []string{"/metadatos", "/cfdis"} {
		var want []string
		for path := range load(t).Paths.Map() {
			if form, ok := strings.CutPrefix(path, "/v1/sat/descargas/{idDescarga}"+kind); ok && !strings.HasPrefix(form, "/") {
				want = append(want, "…/metadatos"+form)
			}
		}
		sameWords(t, want, append([]string{}, got...))
	}
}

// TestDescargas_CommandsWork runs the lines of docs/descargas.md, one block after
// the other.
func TestDescargas_CommandsWork(t *testing.T) {
	t.Parallel()
	needs(t, "curl", "sed", "grep", "tail", "wc")
	commands(t, "docs/descargas.md", [][]string{
		{"/v1/sat/descargas/", `"idDescarga":"`, `"estadoComprobante":"Todos"`},
		{"retry: ", "event: presentada\n", "event: fin\n", `"estado":"terminada"`, `"codigo":"5000","descripcion":`},
		{`"metadatos":[{`, `"siguiente":"`, `"estado":"guardado"`, `"url":"/v1/sat/cfdi/paquetes/`},
		{"event: fin", `"cfdis":[{`, "<cfdi:Comprobante "},
		{`"estado":"programada"`, `"descargas":[`, `"estado":"cancelada"`},
	})
}
