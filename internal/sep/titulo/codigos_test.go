package titulo

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCodigos_WhenComparedWithTheConstants(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "codigos.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want []Codigo
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, Codigo(value))
		}
		return true
	})
	if diff := cmp.Diff(want, Codigos()); diff != "" {
		t.Error(diff)
	}
	if slices.Sort(want); len(slices.Compact(want)) != len(Codigos()) {
		t.Error("two constants are one code")
	}
}
