package arch

import (
	_ "embed"
	"fmt"
	"go/ast"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// verbs are forms of Spanish verbs that are no noun, and no English word.
//
//go:embed testdata/verbos.txt
var verbs string

// spanishVerbs holds identifiers to one language: nouns are the domain's, in Spanish;
// every verb is English. What spells a word of the contract is not ours to name: a
// setting, a field as its tag, a constant as its value, what the generated code has.
func spanishVerbs(files []file) []string {
	known := map[string]bool{}
	for v := range strings.FieldsSeq(verbs) {
		known[v] = true
	}
	given := generated(files)
	var breaches []string
	for _, f := range files {
		if below(f.dir, "gen") {
			continue
		}
		spelled := contractWords(f.ast)
		for _, id := range declared(f.ast) {
			if spelled[id] || given[id.Name] {
				continue
			}
			name := id.Name
			if f.test && strings.HasPrefix(name, "Test") {
				name, _, _ = strings.Cut(name, "_") // the rest is prose, which may name an operation of the SAT
			}
			for _, w := range words(name) {
				if known[w] {
					breaches = append(breaches, fmt.Sprintf("%s: %s has the Spanish verb %s", f.at(id), id.Name, w))
				}
			}
		}
	}
	return breaches
}

// words cuts an identifier at its capitals, digits and underscores.
func words(name string) []string {
	var out []string
	start := 0
	r := []rune(name)
	cut := func(i int) {
		if w := strings.Trim(string(r[start:i]), "_0123456789"); w != "" {
			out = append(out, strings.ToLower(w))
		}
		start = i
	}
	for i := 1; i < len(r); i++ {
		if r[i] == '_' || unicode.IsUpper(r[i]) && (!unicode.IsUpper(r[i-1]) || i+1 < len(r) && unicode.IsLower(r[i+1])) {
			cut(i)
		}
	}
	cut(len(r))
	return out
}

// generated are the names that the contract gives methods and fields.
func generated(files []file) map[string]bool {
	given := map[string]bool{}
	for _, f := range files {
		if f.dir != "gen/rest" {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if l, ok := n.(*ast.FieldList); ok {
				for _, m := range l.List {
					for _, id := range m.Names {
						given[id.Name] = ast.IsExported(id.Name)
					}
				}
			}
			return true
		})
	}
	return given
}

// contractWords are the names in a file that spell what is outside: a field's tag, a
// constant's value, and the codes and kinds of problems.
func contractWords(f *ast.File) map[*ast.Ident]bool {
	spelled := map[*ast.Ident]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			if n.Tag != nil {
				tag, _ := strconv.Unquote(n.Tag.Value)
				for _, id := range n.Names {
					spelled[id] = slices.ContainsFunc([]string{"json", "xml", "yaml", "desc", "upstream", "split_words"}, func(key string) bool {
						if key == "desc" || key == "upstream" || key == "split_words" {
							return reflect.StructTag(tag).Get(key) != ""
						}
						value, _, _ := strings.Cut(reflect.StructTag(tag).Get(key), ",")
						return fold(value[strings.LastIndexAny(value, " >")+1:]) == fold(id.Name)
					})
				}
			}
		case *ast.ValueSpec:
			for i, id := range n.Names {
				spelled[id] = strings.HasPrefix(id.Name, "Own") || strings.HasPrefix(id.Name, "Kind")
				if i < len(n.Values) {
					if l, ok := n.Values[i].(*ast.BasicLit); ok && len(l.Value) > 5 {
						spelled[id] = spelled[id] || strings.HasSuffix(fold(id.Name), fold(strings.Trim(l.Value, "`\"")))
					}
				}
			}
		}
		return true
	})
	return spelled
}

func fold(s string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(s))
}

// declared are the names that a file gives: of functions, types, fields, parameters,
// constants, variables and labels.
func declared(f *ast.File) []*ast.Ident {
	var out []*ast.Ident
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			out = append(out, n.Name)
		case *ast.TypeSpec:
			out = append(out, n.Name)
		case *ast.Field:
			out = append(out, n.Names...)
		case *ast.ValueSpec:
			out = append(out, n.Names...)
		case *ast.LabeledStmt:
			out = append(out, n.Label)
		case *ast.AssignStmt:
			if n.Tok.String() == ":=" {
				for _, e := range n.Lhs {
					if id, ok := e.(*ast.Ident); ok {
						out = append(out, id)
					}
				}
			}
		case *ast.RangeStmt:
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if id, ok := e.(*ast.Ident); ok && n.Tok.String() == ":=" {
					out = append(out, id)
				}
			}
		}
		return true
	})
	return out
}
