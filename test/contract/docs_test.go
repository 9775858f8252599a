package contract

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
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
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/handlers"
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

func TestErrors_TableOfTypesIsTheCodes(t *testing.T) {
	text := page(t, "docs/errores.md")
	got := map[string]string{}
	for _, row := range rows(section(t, text, "## Tipos")) {
		got[row[0]] = row[1] + " " + row[2]
	}
	want := map[string]string{}
	for kind, p := range handlers.ProblemTypes() {
		want[link(string(kind))] = fmt.Sprintf("%d %s", p.Status, p.Title)
		opening := fmt.Sprintf("**HTTP %d · %s.** ", p.Status, p.Title)
		if body := strings.TrimSpace(section(t, text, "### "+string(kind))); !strings.HasPrefix(body, opening) {
			t.Errorf("section %s does not begin with %q", kind, opening)
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

// places tells, for each code of the SAT, in which operations the contract shows it.
func places(t *testing.T) map[string]string {
	t.Helper()
	found := map[string][]string{}
	for _, op := range operations(load(t)) {
		for _, a := range answers(t, op) {
			media := a.Content[problemType]
			if media == nil {
				continue
			}
			for _, ex := range media.Examples {
				id := "`" + op.OperationID + "`"
				if p := problem(t, ex); p.Backend == "sat" && !slices.Contains(found[p.Codigo], id) {
					found[p.Codigo] = append(found[p.Codigo], id)
				}
			}
		}
	}
	out := map[string]string{}
	for codigo, in := range found {
		slices.Sort(in)
		out[codigo] = strings.Join(in, ", ")
	}
	return out
}

// again is how the pages write whether to repeat, and when.
func again(retryable bool, after time.Duration) string {
	switch {
	case retryable && after >= time.Hour:
		return fmt.Sprintf("sí, en %d h", int(after.Hours()))
	case retryable && after > 0:
		return fmt.Sprintf("sí, en %d min", int(after.Minutes()))
	case retryable:
		return "sí"
	}
	return "no"
}

func TestErrors_TableOfSATCodesIsTheCodes(t *testing.T) {
	types, where := handlers.ProblemTypes(), places(t)
	var want []string
	for _, c := range gateway.RechazosSAT() {
		p := types[c.Kind]
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %d | %s | %s | %s |", c.Codigo, c.Text, where[c.Codigo], p.Status, link(string(c.Kind)), again(c.Retryable, c.RetryAfter), c.Detail))
	}
	got := lines(section(t, page(t, "docs/errores.md"), "## Códigos del SAT"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("codes (-code +page):\n%s\nthe table should be\n%s", diff, strings.Join(want, "\n"))
	}
}

// TestErrors_FaultsHaveTypesThatExist holds status and type of each row
// together; that the faults end so is test/integration's.
func TestErrors_FaultsHaveTypesThatExist(t *testing.T) {
	status := map[string]string{}
	for kind, p := range handlers.ProblemTypes() {
		status[link(string(kind))] = strconv.Itoa(p.Status)
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

func TestErrors_TableOfEFirmaProblemsIsTheCodes(t *testing.T) {
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
	_, motivo, _ := strings.Cut(load(t).Components.Schemas["Efirma"].Value.Properties["motivoCodigo"].Value.Description, "Conocidos:")
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
	parsed, err := parser.ParseFile(token.NewFileSet(), "errores.go", page(t, "internal/efirma/errors.go"), 0)
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

func TestKeys_ScopesAreTheCodes(t *testing.T) {
	var got []string
	for _, row := range rows(section(t, page(t, "docs/claves.md"), "## Alcances")) {
		got = append(got, strings.Trim(row[0], "`"))
	}
	if diff := cmp.Diff(apikeys.Scopes(), got); diff != "" {
		t.Errorf("scopes (-code +page):\n%s", diff)
	}
}

// TestPages_ScopesThatTheyUseExist holds what the pages tell people to give a key.
func TestPages_ScopesThatTheyUseExist(t *testing.T) {
	found := 0
	for _, name := range pages(t) {
		for _, m := range regexp.MustCompile(`-scope ((?:[a-z]+:[a-z]+|webhooks)(?:,[a-z:]+)*)`).FindAllStringSubmatch(page(t, name), -1) {
			for scope := range strings.SplitSeq(m[1], ",") {
				found++
				if !slices.Contains(apikeys.Scopes(), scope) {
					t.Errorf("%s tells to use %s", name, scope)
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d scopes were found", found)
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

func TestErrors_ExamplesAreProblems(t *testing.T) {
	schema := load(t).Components.Schemas["Problema"].Value
	types := map[string]handlers.ProblemType{}
	for kind, p := range handlers.ProblemTypes() {
		types[problemBase+string(kind)] = p
	}
	blocks := fences(page(t, "docs/errores.md"), "json")
	if len(blocks) == 0 {
		t.Fatal("there are no examples")
	}
	for _, block := range blocks {
		var raw any
		var p problemExample
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
