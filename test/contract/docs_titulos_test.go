package contract

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/handlers"
	"github.com/pasarela-mx/pasarela/internal/sep"
	"github.com/pasarela-mx/pasarela/internal/sep/lotes"
	"github.com/pasarela-mx/pasarela/internal/sep/titulo"
)

func TestErrors_TableOfSEPTextsIsTheMessages(t *testing.T) {
	types := handlers.ProblemTypes()
	var want []string
	for _, m := range sep.Messages() {
		p := types[m.Kind]
		want = append(want, fmt.Sprintf("| `%s` | %d | %s | %s |", m.Part, p.Status, link(string(m.Kind)), m.Detail))
	}
	got := lines(section(t, page(t, "docs/errores.md"), "## Textos de la SEP"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("texts (-code +page):\n%s\nthe table should be\n%s", diff, strings.Join(want, "\n"))
	}
}

func TestErrors_TableOfMotivosIsTheCodes(t *testing.T) {
	var want []string
	for _, m := range lotes.Motivos() {
		want = append(want, fmt.Sprintf("| `%s` | `%s` | %s |", m.Codigo, m.Part, m.WhatToDo))
	}
	got := lines(section(t, page(t, "docs/errores.md"), "## Motivos de rechazo de un título"))
	if len(got) == 0 || !strings.HasPrefix(got[len(got)-1], "| `"+lotes.MotivoOtro+"` |") {
		t.Fatalf("the last row is not that of %s: %q", lotes.MotivoOtro, got)
	}
	if diff := cmp.Diff(want, got[:len(got)-1]); diff != "" {
		t.Errorf("motivos (-code +page):\n%s\nthe table should be\n%s", diff, strings.Join(want, "\n"))
	}
}

// codes are the first cells of a section's rows, without their quotes, sorted.
func codes(t *testing.T, name, heading string) []string {
	t.Helper()
	var all []string
	for _, row := range rows(section(t, page(t, name), heading)) {
		all = append(all, strings.Trim(row[0], "`"))
	}
	slices.Sort(all)
	return all
}

func TestErrors_TableOfTitleProblemsIsTheCodes(t *testing.T) {
	var want []string
	for _, c := range titulo.Codigos() {
		want = append(want, string(c))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, codes(t, "docs/errores.md", "## Problemas de un título")); diff != "" {
		t.Errorf("codes (-code +page):\n%s", diff)
	}
	for _, row := range rows(section(t, page(t, "docs/errores.md"), "## Problemas de un título")) {
		if !slices.Contains([]string{"error", "aviso", "error o aviso"}, row[1]) || row[2] == "" {
			t.Errorf("%s: level %q, text %q", row[0], row[1], row[2])
		}
	}
}

func TestTitulos_TableOfResultsIsTheCodes(t *testing.T) {
	want := []string{"resultado", lotes.Registrado, lotes.YaRegistrado, lotes.Rechazado, lotes.Desconocido}
	slices.Sort(want)
	if diff := cmp.Diff(want, codes(t, "docs/titulos.md", "## Seguir y leer el resultado")); diff != "" {
		t.Errorf("results (-code +page):\n%s", diff)
	}
}

func TestTitulos_TableOfReasonsIsTheCatalogue(t *testing.T) {
	want := [][]string{{"`motCancelacion`", "motivo"}}
	for _, e := range motivos(t).Entradas {
		want = append(want, []string{"`" + e.ID + "`", e.Texto})
	}
	if diff := cmp.Diff(want, rows(section(t, page(t, "docs/titulos.md"), "## Cancelar"))); diff != "" {
		t.Errorf("reasons (-code +page):\n%s", diff)
	}
}

// cadenaOfStandard is the standard's example as docs/titulos.md shows it.
func cadenaOfStandard(t *testing.T) string {
	t.Helper()
	blocks := fences(page(t, "docs/titulos.md"), "text")
	if len(blocks) != 1 {
		t.Fatalf("%d examples of a cadena", len(blocks))
	}
	return strings.TrimSuffix(blocks[0], "\n")
}

func TestTitulos_DigestIsTrue(t *testing.T) {
	cadena := cadenaOfStandard(t)
	text := page(t, "docs/titulos.md")
	if size := fmt.Sprintf("de %d bytes:", len(cadena)); !strings.Contains(text, size) {
		t.Errorf("the page does not say %q", size)
	}
	if digest := fmt.Sprintf("SHA-256: `%x`", sha256.Sum256([]byte(cadena))); !strings.Contains(text, digest) {
		t.Errorf("the page does not say %q", digest)
	}
}

// TestTitulos_TableOfTheCadenaIsTheCadena makes a title whose every value is its
// own name, by the page's table, and compares the cadena with the table.
func TestTitulos_TableOfTheCadenaIsTheCadena(t *testing.T) {
	whole := map[string]any{}
	var want []string
	for _, row := range rows(section(t, page(t, "docs/titulos.md"), "## La cadena original y el sello")) {
		node := strings.Trim(row[0], "`")
		fields := map[string]any{}
		for name := range strings.SplitSeq(row[1], ", ") {
			fields[name] = node + "." + name
			want = append(want, node+"."+name)
		}
		switch node {
		case "TituloElectronico":
			maps.Copy(whole, fields)
		case "FirmaResponsable":
			whole["firmaResponsables"] = []any{fields}
		default:
			whole[strings.ToLower(node[:1])+node[1:]] = fields
		}
	}
	encoded, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	var made titulo.Titulo
	if err := json.Unmarshal(encoded, &made); err != nil {
		t.Fatal(err)
	}
	if len(made.FirmaResponsables) != 1 {
		t.Fatal("the table has no signer")
	}
	got := string(titulo.CadenaOriginal(made, 0, titulo.EscapeFlat))
	if diff := cmp.Diff("||"+strings.Join(want, "|")+"||", got); diff != "" {
		t.Errorf("cadena (-page +code):\n%s", diff)
	}
	if len(want) != 38 {
		t.Errorf("the table has %d fields", len(want))
	}
}

// TestTitulos_CommandsWork runs the lines of docs/titulos.md, one block after
// the other, and holds each against what the page says of it.
func TestTitulos_CommandsWork(t *testing.T) {
	t.Parallel()
	needs(t, "curl", "sed", "grep")
	commands(t, "docs/titulos.md", [][]string{
		{`<TituloElectronico `, `folioControl="PRU20250101"`},
		{`"cadenaOriginal":"` + cadenaOfStandard(t) + `"`},
		{`"valido":true`},
		{`"numeroLote":"`, `"procesado":true`, `,PRU20250101,registrado,`},
		{`cancelado exitosamente`, `"status":404`},
	})
}
