package arch

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"
)

// ownCodes is the file with the codes of the gateway's own refusals, ownReasons that
// with those of what is no refusal.
const (
	ownCodes   = "internal/gateway/own_codes.go"
	ownReasons = "internal/gateway/own_reasons.go"
)

// refusals finds failures without a code, and codes that two places give or none: a
// program that decides by type, status and codigo would take one refusal for another.
// A code of a refusal may be a reason as well, as text; one of a reason alone is to be one.
func refusals(files []file) []string {
	var breaches []string
	kinds, reasons := declaredCodes(files, ownCodes), declaredCodes(files, ownReasons)
	used := map[string][]string{}
	for _, f := range files {
		if !production(f) || f.path == ownCodes || f.path == ownReasons {
			continue
		}
		prefix := "gateway."
		if f.dir == "internal/gateway" {
			prefix = ""
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if name, ok := asText(n, prefix); ok && kinds[name] != "" {
				return false
			}
			name, ok := named(n, prefix)
			if delete(reasons, name); ok && kinds[name] != "" {
				used[name] = append(used[name], f.at(n))
				return false
			}
			literal, ok := n.(*ast.CompositeLit)
			if !ok || len(literal.Elts) == 0 {
				return true
			}
			if name, ok := named(literal.Type, prefix); !ok || name != "Error" {
				return true
			}
			fields := fieldsOf(literal)
			own, _ := named(fields["Own"], prefix)
			kind, _ := named(fields["Kind"], prefix)
			switch {
			case fields["Own"] == nil && fields["Codigo"] == nil:
				breaches = append(breaches, f.at(n)+": a failure without a code of its own ("+ownCodes+")")
			case kinds[own] != "" && strings.HasPrefix(kind, "Kind") && kinds[own] != kind:
				breaches = append(breaches, fmt.Sprintf("%s: %s is of %s, and not of %s", f.at(n), own, kinds[own], kind))
			}
			return true
		})
	}
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		if len(used[name]) != 1 {
			breaches = append(breaches, fmt.Sprintf("%s is given in %d places: %s", name, len(used[name]), strings.Join(used[name], ", ")))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(reasons)) {
		breaches = append(breaches, name+" is nobody's reason")
	}
	return breaches
}

// asText returns the name of the vocabulary whose text n is.
func asText(n ast.Node, prefix string) (string, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		return "", false
	}
	if to, ok := call.Fun.(*ast.Ident); !ok || to.Name != "string" {
		return "", false
	}
	return named(call.Args[0], prefix)
}

// declaredCodes are the names of the table in the file at path, each with its Kind's if it
// has one.
func declaredCodes(files []file, path string) map[string]string {
	kinds := map[string]string{}
	for _, f := range files {
		if f.path != path {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if row, ok := n.(*ast.CompositeLit); ok && row.Type == nil && len(row.Elts) > 1 {
				name, _ := named(row.Elts[0], "")
				kinds[name], _ = named(row.Elts[1], "")
			}
			return true
		})
	}
	return kinds
}

func fieldsOf(literal *ast.CompositeLit) map[string]ast.Expr {
	fields := map[string]ast.Expr{}
	for _, e := range literal.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); ok {
				fields[key.Name] = pair.Value
			}
		}
	}
	return fields
}

// named returns the name that n is of the vocabulary, which is written with prefix.
func named(n ast.Node, prefix string) (string, bool) {
	switch x := n.(type) {
	case *ast.Ident:
		return x.Name, prefix == ""
	case *ast.SelectorExpr:
		return strings.CutPrefix(dotted(x), prefix)
	}
	return "", false
}
