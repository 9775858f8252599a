package arch

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Whoever compares instants says in docs/architecture/clocks.md by which clock, and what a
// wrong one may do there.
func TestWhatIsComparedWithTheClockIsTold(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "docs", "architecture", "clocks.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range tree(t) {
		if !production(f) || below(f.dir, "gen") || !comparesWithNow(f) {
			continue
		}
		if !regexp.MustCompile("(?m)^\\|.*`" + regexp.QuoteMeta(f.path) + "`").Match(page) {
			t.Errorf("%s compares with the clock, and the table in docs/architecture/clocks.md does not have it", f.path)
		}
	}
}

// comparesWithNow reports whether a file reads the clock, and holds instants against
// each other.
func comparesWithNow(f file) bool {
	found := false
	ast.Inspect(f.ast, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		name, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if of, ok := name.X.(*ast.Ident); ok && of.Name == "time" {
			return true
		}
		switch name.Sel.Name {
		case "Before", "After", "Earliest", "Latest":
			found = true
		}
		return true
	})
	return found
}
