// Package arch proves the rules of docs/architecture.md about who imports whom
// and what production code may do. It parses the files itself: a test that
// asks the go command would pass stale from the test cache.
//
// It refuses to judge style; that is the linter's. A rule here is one whose
// breach a reviewer would miss in a diff.
package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	module = "github.com/pasarela-mx/pasarela"
	root   = "../.."
)

// file is one parsed Go file. Its path is relative to the module's root.
type file struct {
	path    string
	dir     string
	test    bool
	imports []string
	ast     *ast.File
	set     *token.FileSet
}

func (f file) at(n ast.Node) string {
	return f.path + ":" + strconv.Itoa(f.set.Position(n.Pos()).Line)
}

// own returns the imports that are ours, relative to the module's root.
func (f file) own() []string {
	var own []string
	for _, i := range f.imports {
		if rel, ok := strings.CutPrefix(i, module+"/"); ok {
			own = append(own, rel)
		}
	}
	return own
}

// below reports whether dir is one of the roots or under one.
func below(dir string, roots ...string) bool {
	return slices.ContainsFunc(roots, func(r string) bool { return dir == r || strings.HasPrefix(dir, r+"/") })
}

func parse(name string, source any) (file, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return file{}, err
	}
	f := file{path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), ast: parsed, set: set}
	// What serves tests only is judged as tests are.
	f.test = f.test || below(f.dir, "test")
	for _, spec := range parsed.Imports {
		value, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file{}, err
		}
		f.imports = append(f.imports, value)
	}
	return f, nil
}

// tree is every Go file of the module.
func tree(t *testing.T) []file {
	t.Helper()
	files, err := parsedOnce()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// parsedOnce reads the module for all tests; none of them changes what it reads.
var parsedOnce = sync.OnceValues(func() ([]file, error) {
	var files []file
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		base := entry.Name()
		switch {
		case entry.IsDir() && rel != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || rel == "data" || rel == "bin"):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(base) != ".go":
			return nil
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		f, err := parse(rel, source)
		files = append(files, f)
		return err
	})
	return files, err
})

func TestTree_KeepsEveryRule(t *testing.T) {
	files := tree(t)
	if len(files) < 100 {
		t.Fatalf("only %d files were found; the walk is broken", len(files))
	}
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			for _, breach := range r.check(files) {
				t.Error(breach)
			}
		})
	}
}

// TestTables_WhenSomethingIsGone keeps the tables below from outliving what
// they speak of.
func TestTables_WhenSomethingIsGone(t *testing.T) {
	files := tree(t)
	dirs := map[string]bool{}
	for _, f := range files {
		dirs[f.dir] = true
	}
	for dir := range mayImport() {
		if !dirs[dir] {
			t.Errorf("mayImport has a row for %s, which is gone", dir)
		}
	}
	vars := map[string]bool{}
	for _, f := range files {
		for _, v := range packageVars(f) {
			vars[f.dir+"."+v.name] = true
		}
	}
	for name, why := range allowedVars() {
		if !vars[name] || why == "" {
			t.Errorf("allowedVars: %s is gone, or has no reason", name)
		}
	}
}
