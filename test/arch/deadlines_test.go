package arch

import (
	"go/ast"
	"slices"
	"testing"
)

// Nobody waits for a database that stands still longer than the store says, also not
// with a context that does not end: each function of the store that hands a statement to
// database/sql bounds it. A start's have the start's own bound, and parsed is handed its
// statements by one that bounds them.
func TestEveryStatementOfTheStoreHasADeadline(t *testing.T) {
	t.Parallel()
	starts := []string{"internal/store/migrate.go", "internal/store/connection.go"}
	found := 0
	for _, f := range tree(t) {
		if !production(f) || f.dir != "internal/store" || slices.Contains(starts, f.path) {
			continue
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil || isOf(fn, "parsed") {
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
				case "QueryContext", "QueryRowContext", "ExecContext", "PrepareContext", "BeginTx":
					asks = true
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
	if found < 5 {
		t.Errorf("only %d functions of the store run statements: is this test blind?", found)
	}
}

// isOf reports whether fn is a method of the type.
func isOf(fn *ast.FuncDecl, name string) bool {
	if fn.Recv == nil {
		return false
	}
	of, ok := fn.Recv.List[0].Type.(*ast.Ident)
	return ok && of.Name == name
}
