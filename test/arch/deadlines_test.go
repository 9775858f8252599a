package arch

import (
	"go/ast"
	"slices"
	"testing"
)

// Nobody waits for a database that stands still longer than the store says, also not
// with a context that does not end: each function of the store that runs a statement
// outside of a transaction bounds it. A start's have the start's own bound.
func TestEveryStatementOfTheStoreHasADeadline(t *testing.T) {
	t.Parallel()
	starts := []string{"internal/store/libro.go", "internal/store/migrate.go", "internal/store/connection.go", "internal/store/damage.go", "internal/store/store.go", "internal/store/current.go"}
	found := 0
	for _, f := range tree(t) {
		if !production(f) || f.dir != "internal/store" || slices.Contains(starts, f.path) {
			continue
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			asks, bounds := false, false
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				name, ok := call.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				switch name.Sel.Name {
				case "QueryContext", "QueryRowContext", "ExecContext", "BeginTx":
					asks = asks || ofTheStore(name.X)
				case "WithTimeout":
					bounds = true
				}
				return true
			})
			if asks {
				found++
			}
			if asks && !bounds {
				t.Errorf("%s: %s runs a statement without a deadline", f.path, fn.Name.Name)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d functions of the store run statements: is this test blind?", found)
	}
}

// ofTheStore reports whether x is one of the store's databases, or a parameter that is.
func ofTheStore(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name == "db"
	case *ast.SelectorExpr:
		return slices.Contains([]string{"db", "readings", "light", "pool"}, x.Sel.Name)
	}
	return false
}
