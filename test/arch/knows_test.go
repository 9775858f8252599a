package arch

//go:generate go test . -run ^TestArchitecture_KnowsColumnIsTheRules$ -count=1 -args -write

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var write = flag.Bool("write", false, "write the column \"knows\" of docs/architecture.md again")

// packageRow is a row of the table of packages: its package, what it is for, what it knows.
var packageRow = regexp.MustCompile("(?m)^\\| `((?:api|docs|wsdl|cmd|internal)(?:/[^`]*)?)` \\| ([^|]*) \\|([^|]*)\\|$")

// knows is the column's text for a package by mayImport. A row that ends in "/…" is of
// all packages below, and tells what they know besides each other.
func knows(name string, table map[string][]string) string {
	allowed := slices.Clone(table[name])
	if stem, ok := strings.CutSuffix(name, "/…"); ok {
		for dir, imports := range table {
			if below(dir, stem) {
				allowed = append(allowed, imports...)
			}
		}
		allowed = slices.DeleteFunc(allowed, func(a string) bool { return below(strings.TrimSuffix(a, "/..."), stem) })
	}
	slices.Sort(allowed)
	names := make([]string, 0, len(allowed))
	for _, a := range slices.Compact(allowed) {
		names = append(names, "`"+strings.ReplaceAll(strings.TrimPrefix(a, "internal/"), "...", "…")+"`")
	}
	if len(names) == 0 {
		return "nothing of ours"
	}
	return strings.Join(names, ", ")
}

// described returns the page with its column as the rules have it, and the packages
// that the table has no row for.
func described(page string, table map[string][]string) (written string, missing []string) {
	var rows []string
	written = packageRow.ReplaceAllStringFunc(page, func(row string) string {
		m := packageRow.FindStringSubmatch(row)
		rows = append(rows, m[1])
		return "| `" + m[1] + "` | " + m[2] + " | " + knows(m[1], table) + " |"
	})
	for dir := range table {
		inside := func(row string) bool {
			stem, whole := strings.CutSuffix(row, "/…")
			return dir == row || whole && below(dir, stem)
		}
		if !strings.HasSuffix(dir, "/gendoc") && !slices.ContainsFunc(rows, inside) {
			missing = append(missing, dir)
		}
	}
	slices.Sort(missing)
	return written, missing
}

// TestArchitecture_KnowsColumnIsTheRules: whoever adds a package tells newcomers what it
// is for, and what it may know is told by the rules themselves.
func TestArchitecture_KnowsColumnIsTheRules(t *testing.T) {
	name := filepath.Join(root, "docs", "architecture.md")
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	written, missing := described(string(page), mayImport())
	for _, dir := range missing {
		t.Errorf("the table of packages in docs/architecture.md has no row for %s", dir)
	}
	for _, m := range packageRow.FindAllStringSubmatch(written, -1) {
		stem := strings.TrimSuffix(m[1], "/…")
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(stem))); err != nil {
			t.Errorf("docs/architecture.md has a row for %s, which is gone", m[1])
		}
	}
	switch {
	case written == string(page):
	case *write:
		if err := os.WriteFile(name, []byte(written), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Error("the column \"knows\" of docs/architecture.md is not what test/arch/rules_test.go allows; make generate writes it")
	}
}

func TestArchitecture_WhenTheTableDrifts(t *testing.T) {
	t.Parallel()
	table := map[string][]string{"internal/a": nil, "internal/b": {"internal/a", "gen/soap/..."}, "internal/c": nil, "internal/c/d": {"internal/c", "wsdl"}, "internal/e": nil}
	page := "| `internal/a` | one | `x` |\n| `internal/b` | two | |\n| `internal/c/…` | three | |\n| `other` | a row of another table | |\n"
	want := "| `internal/a` | one | nothing of ours |\n| `internal/b` | two | `gen/soap/…`, `a` |\n| `internal/c/…` | three | `wsdl` |\n| `other` | a row of another table | |\n"
	if got, missing := described(page, table); got != want || !slices.Equal(missing, []string{"internal/e"}) {
		t.Errorf("%v\n%s", missing, got)
	}
}
