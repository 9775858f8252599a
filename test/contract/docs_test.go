package contract

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/backends/sat"
	"github.com/pasarela-mx/pasarela/internal/backends/sep"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/handlers"
	"github.com/pasarela-mx/pasarela/internal/lotes"
	"github.com/pasarela-mx/pasarela/internal/titulo"
)

const root = "../.."

// page reads a file of the repository.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// section returns what stands under a heading, up to the next of its level or above.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut("\n"+text, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("there is no heading %q", heading)
	}
	level := len(heading) - len(strings.TrimLeft(heading, "#"))
	end := regexp.MustCompile(fmt.Sprintf(`(?m)^#{1,%d} `, level)).FindStringIndex(rest)
	if end != nil {
		rest = rest[:end[0]]
	}
	return rest
}

// rows returns the cells of the tables' rows whose first cell begins with code
// or a link to code.
func rows(text string) [][]string {
	var all [][]string
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(line, "| `") && !strings.HasPrefix(line, "| [`") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		all = append(all, cells)
	}
	return all
}

func link(slug string) string { return "[`" + slug + "`](#" + slug + ")" }

func TestErrores_TableOfTypesIsTheCodes(t *testing.T) {
	text := page(t, "docs/errores.md")
	got := map[string]string{}
	for _, row := range rows(section(t, text, "## Tipos")) {
		got[row[0]] = row[1] + " " + row[2]
	}
	want := map[string]string{}
	for kind, p := range handlers.ProblemTypes() {
		want[link(p.Slug)] = fmt.Sprintf("%d %s", p.Status, p.Title)
		opening := fmt.Sprintf("**HTTP %d · %s.** ", p.Status, p.Title)
		if body := strings.TrimSpace(section(t, text, "### "+p.Slug)); !strings.HasPrefix(body, opening) {
			t.Errorf("kind %d: section %s does not begin with %q", kind, p.Slug, opening)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("types (-code +page):\n%s", diff)
	}
	if n := len(gateway.Kinds()); n != len(want) {
		t.Errorf("%d kinds and %d types", n, len(want))
	}
	if n := strings.Count(section(t, text, "## Tipos"), "\n### "); n != len(want) {
		t.Errorf("%d sections for %d types", n, len(want))
	}
}

// places tells, for each SAT code, in which operations the contract shows it.
func places(t *testing.T) map[string]string {
	t.Helper()
	names := map[string]string{"solicitarDescarga": "solicitar", "verificarSolicitud": "verificar", "descargarPaquete": "descargar"}
	found := map[string][]string{}
	for _, id := range []string{"solicitarDescarga", "verificarSolicitud", "descargarPaquete"} {
		for _, op := range operations(load(t)) {
			if op.OperationID != id {
				continue
			}
			for _, a := range answers(t, op) {
				if a.status < 400 {
					continue
				}
				for _, ex := range a.Content[problemType].Examples {
					if codigo := problem(t, ex).Codigo; codigo != "" {
						found[codigo] = append(found[codigo], names[id])
					}
				}
			}
		}
	}
	out := map[string]string{}
	for codigo, in := range found {
		out[codigo] = strings.Join(in, ", ")
		if len(in) == len(names) {
			out[codigo] = "todas"
		}
	}
	return out
}

func TestErrores_TableOfSATCodesIsTheCodes(t *testing.T) {
	types, where := handlers.ProblemTypes(), places(t)
	var want []string
	for _, c := range sat.Codigos() {
		again := "no"
		switch {
		case c.Reintentable && c.RetryAfter >= time.Hour:
			again = fmt.Sprintf("sí, en %d h", int(c.RetryAfter.Hours()))
		case c.Reintentable && c.RetryAfter > 0:
			again = fmt.Sprintf("sí, en %d min", int(c.RetryAfter.Minutes()))
		case c.Reintentable:
			again = "sí"
		}
		p := types[c.Kind]
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %d | %s | %s | %s |", c.Codigo, c.Texto, where[c.Codigo], p.Status, link(p.Slug), again, c.Detalle))
	}
	var got []string
	for line := range strings.SplitSeq(section(t, page(t, "docs/errores.md"), "## Códigos del SAT"), "\n") {
		if strings.HasPrefix(line, "| `") {
			got = append(got, line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("codes (-code +page):\n%s\nthe table should be\n%s", diff, strings.Join(want, "\n"))
	}
}

// TestErrores_FaultsHaveTypesThatExist holds status and type of each row
// together; that the faults end so is test/integration's.
func TestErrores_FaultsHaveTypesThatExist(t *testing.T) {
	status := map[string]string{}
	for _, p := range handlers.ProblemTypes() {
		status[link(p.Slug)] = strconv.Itoa(p.Status)
	}
	faults := section(t, page(t, "docs/errores.md"), "## SOAP faults")
	matches := regexp.MustCompile(`(?m)^\| .* \| (\d{3}) \| (\[[^|]*) \|`).FindAllStringSubmatch(faults, -1)
	if len(matches) < 6 {
		t.Errorf("%d rows of faults", len(matches))
	}
	for _, m := range matches {
		if status[m[2]] != m[1] {
			t.Errorf("%s is said to be %s, and is %q", m[2], m[1], status[m[2]])
		}
	}
}

func TestErrores_TableOfEFirmaProblemsIsTheCodes(t *testing.T) {
	want := efirmaProblems(t)
	var got []string
	for _, row := range rows(section(t, page(t, "docs/errores.md"), "## Motivos de rechazo de una e.firma")) {
		got = append(got, strings.Trim(row[0], "`"))
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/errores.md (-code +page):\n%s", diff)
	}
	// What is listed in the contract is what a folder can be refused for.
	motivo := load(t).Components.Schemas["MotivoRechazo"].Value.Properties["codigo"].Value.Description
	got = []string{"no_encontrada"}
	for _, m := range regexp.MustCompile("`([a-z0-9_]+)`").FindAllStringSubmatch(motivo, -1) {
		got = append(got, m[1])
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
		t.Errorf("openapi.yaml (-code +contract):\n%s", diff)
	}
}

// efirmaProblems reads the constants of efirma.Problem from the source: Go
// cannot list constants.
func efirmaProblems(t *testing.T) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), "errores.go", page(t, "internal/efirma/errores.go"), 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); ok && id.Name == "Problem" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, value)
		}
		return true
	})
	if len(all) < 10 {
		t.Fatalf("only %d problems were found", len(all))
	}
	slices.Sort(all)
	return all
}

// lines are the rows of a section's tables, whole.
func lines(text string) []string {
	var all []string
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "| `") {
			all = append(all, line)
		}
	}
	return all
}

func TestErrores_TableOfSEPTextsIsTheMessages(t *testing.T) {
	types := handlers.ProblemTypes()
	var want []string
	for _, m := range sep.Messages() {
		p := types[m.Kind]
		want = append(want, fmt.Sprintf("| `%s` | %d | %s | %s |", m.Part, p.Status, link(p.Slug), m.Detalle))
	}
	got := lines(section(t, page(t, "docs/errores.md"), "## Textos de la SEP"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("texts (-code +page):\n%s\nthe table should be\n%s", diff, strings.Join(want, "\n"))
	}
}

func TestErrores_TableOfMotivosIsTheCodes(t *testing.T) {
	var want []string
	for _, m := range lotes.Motivos() {
		want = append(want, fmt.Sprintf("| `%s` | `%s` | %s |", m.Codigo, m.Part, m.QueHacer))
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

func TestErrores_TableOfTitleProblemsIsTheCodes(t *testing.T) {
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
	for _, e := range titulo.MotivosCancelacion().Entradas {
		want = append(want, []string{"`" + e.ID + "`", e.Texto})
	}
	if diff := cmp.Diff(want, rows(section(t, page(t, "docs/titulos.md"), "## Cancelar"))); diff != "" {
		t.Errorf("reasons (-code +page):\n%s", diff)
	}
}

// cadenaDeLaNorma is the standard's example as docs/titulos.md shows it.
func cadenaDeLaNorma(t *testing.T) string {
	t.Helper()
	blocks := fences(page(t, "docs/titulos.md"), "text")
	if len(blocks) != 1 {
		t.Fatalf("%d examples of a cadena", len(blocks))
	}
	return strings.TrimSuffix(blocks[0], "\n")
}

func TestTitulos_DigestIsTrue(t *testing.T) {
	cadena := cadenaDeLaNorma(t)
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
	got := string(titulo.CadenaOriginal(made, 0, titulo.EscapePlano))
	if diff := cmp.Diff("||"+strings.Join(want, "|")+"||", got); diff != "" {
		t.Errorf("cadena (-page +code):\n%s", diff)
	}
	if len(want) != 38 {
		t.Errorf("the table has %d fields", len(want))
	}
}

func TestREADME_ScopesAreTheCodes(t *testing.T) {
	text := section(t, page(t, "README.md"), "## Against the real systems")
	var got []string
	for _, m := range regexp.MustCompile("(?m)^ *\\| `([a-z]+:[a-z]+)` \\|").FindAllStringSubmatch(text, -1) {
		got = append(got, m[1])
	}
	if diff := cmp.Diff(apikeys.Scopes(), got); diff != "" {
		t.Errorf("scopes (-code +page):\n%s", diff)
	}
	for _, m := range regexp.MustCompile(`-scope ([a-z:,]+)`).FindAllStringSubmatch(text, -1) {
		for scope := range strings.SplitSeq(m[1], ",") {
			if !slices.Contains(apikeys.Scopes(), scope) {
				t.Errorf("the page tells to use %s", scope)
			}
		}
	}
}

// TestContributing_FuzzListIsThePackages holds the list of what `make fuzz` is
// for against the packages that have targets.
func TestContributing_FuzzListIsThePackages(t *testing.T) {
	var want []string
	internal := filepath.Join(root, "internal")
	err := filepath.WalkDir(internal, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), "\nfunc Fuzz") {
			dir, relErr := filepath.Rel(internal, filepath.Dir(path))
			want, err = append(want, filepath.ToSlash(dir)), relErr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	var got []string
	for line := range strings.SplitSeq(page(t, "CONTRIBUTING.md"), "\n") {
		if list, ok := strings.CutPrefix(line, "| `make fuzz` |"); ok {
			for _, m := range regexp.MustCompile("`([a-z/]+)`").FindAllStringSubmatch(list, -1) {
				got = append(got, m[1])
			}
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(slices.Compact(want), got); diff != "" {
		t.Errorf("packages with fuzz targets (-code +page):\n%s", diff)
	}
}

func TestErrores_ExamplesAreProblems(t *testing.T) {
	schema := load(t).Components.Schemas["Problema"].Value
	types := map[string]handlers.ProblemType{}
	for _, p := range handlers.ProblemTypes() {
		types[problemBase+p.Slug] = p
	}
	blocks := fences(page(t, "docs/errores.md"), "json")
	if len(blocks) == 0 {
		t.Fatal("there are no examples")
	}
	for _, block := range blocks {
		var raw any
		var p problema
		if err := json.Unmarshal([]byte(block), &raw); err != nil {
			t.Fatalf("%v in\n%s", err, block)
		}
		if err := schema.VisitJSON(raw); err != nil {
			t.Errorf("%v", err)
		}
		if err := json.Unmarshal([]byte(block), &p); err != nil {
			t.Fatal(err)
		}
		if want := types[p.Type]; want.Status != p.Status || want.Title != p.Title {
			t.Errorf("the example of %s has status %d and title %q; want %d and %q", p.Type, p.Status, p.Title, want.Status, want.Title)
		}
	}
}

// fences returns the fenced blocks of a language.
func fences(text, language string) []string {
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// TestContract_TableOfTypesIsTheCodes holds the table in the contract's own
// description against the code: status, and the SAT codes that end there.
func TestContract_TableOfTypesIsTheCodes(t *testing.T) {
	codes := map[gateway.Kind][]string{}
	for _, c := range sat.Codigos() {
		codes[c.Kind] = append(codes[c.Kind], c.Codigo)
	}
	want := map[string]string{}
	for kind, p := range handlers.ProblemTypes() {
		want["`"+p.Slug+"`"] = fmt.Sprintf("%d %v", p.Status, codes[kind])
	}
	got := map[string]string{}
	for _, row := range rows(load(t).Info.Description) {
		got[row[0]] = row[1] + " " + fmt.Sprint(regexp.MustCompile(`\b\d{3,4}\b`).FindAllString(row[2], -1))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("types (-code +contract):\n%s", diff)
	}
}

// TestFirma_DigestsAreTrue recomputes every digest that docs/firma.md shows
// under the bytes that it shows.
func TestFirma_DigestsAreTrue(t *testing.T) {
	pairs := regexp.MustCompile("(?ms)^```xml\n([^\n]*)\n```\n+SHA-1 en base64: `([^`]*)`").FindAllStringSubmatch(page(t, "docs/firma.md"), -1)
	if len(pairs) < 4 {
		t.Fatalf("only %d digests were found", len(pairs))
	}
	for _, p := range pairs {
		sum := sha1.Sum([]byte(p[1]))
		if got := base64.StdEncoding.EncodeToString(sum[:]); got != p[2] {
			t.Errorf("the digest is %s and the page says %s, of\n%s", got, p[2], p[1])
		}
	}
}
