package contract

import (
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	fenced = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	span   = regexp.MustCompile("`([^`\n]+)`")
	// placeholder is what a page leaves open in a path: wsdl/<system>/, deploy/*.yaml.
	placeholder = regexp.MustCompile(`<[^>]*>|…|\*+`)
	pathLike    = regexp.MustCompile(`^[A-Za-z0-9_.*<>…-]+(?:/[A-Za-z0-9_.*<>…-]+)*/?$`)
)

// listing is what a path in a page may name: the files and folders of the repository.
type listing struct {
	entries []string        // every file and folder, relative to the root
	bases   map[string]bool // the names of all files
	folders map[string]bool // those of the root
}

func list(t *testing.T) listing {
	t.Helper()
	l := listing{bases: map[string]bool{}, folders: map[string]bool{}}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == root {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if entry.IsDir() && (local(rel) || entry.Name() == "node_modules") {
			return filepath.SkipDir
		}
		l.entries = append(l.entries, rel)
		if !entry.IsDir() {
			l.bases[entry.Name()] = true
			return nil
		}
		if path.Dir(rel) == "." {
			l.folders[rel] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// local reports whether an entry of the root is of the one who works there, and not
// of the repository.
func local(rel string) bool {
	return slices.Contains([]string{"data", "bin", "efirmas", "descargas", ".git", ".cache"}, rel)
}

// missing returns the paths that a page names in code spans and the repository does
// not have. A path is from the root; that of a source or a page may also be from
// internal or from the page's own folder.
func (l listing) missing(page, text string) (missing []string, found int) {
	for _, m := range span.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		for word := range strings.FieldsSeq(m[1]) {
			word = strings.TrimPrefix(word, "./")
			first, _, deep := strings.Cut(word, "/")
			source := slices.Contains([]string{".go", ".md"}, path.Ext(word)) && word != ".md"
			switch {
			case !pathLike.MatchString(word) || strings.HasPrefix(word, "…") || word == "...":
				continue
			case !source && (!deep || !l.folders[first]):
				continue
			}
			found++
			if !l.has(path.Dir(page), word) {
				missing = append(missing, word)
			}
		}
	}
	return missing, found
}

// has reports whether a path, with what it leaves open, is there.
func (l listing) has(dir, word string) bool {
	pattern := strings.TrimSuffix(strings.TrimSuffix(placeholder.ReplaceAllString(word, "*"), "..."), "/")
	if !strings.Contains(pattern, "/") && l.bases[pattern] {
		return true
	}
	return slices.ContainsFunc([]string{".", "internal", dir}, func(from string) bool {
		want := path.Join(from, pattern)
		return slices.ContainsFunc(l.entries, func(entry string) bool {
			ok, err := path.Match(want, entry)
			return err == nil && ok
		})
	})
}

// TestPages_FilesThatTheyNameAreThere: a page that names a file which has moved sends
// its reader nowhere. CHANGELOG.md tells of what was, and api/base of what broke.
func TestPages_FilesThatTheyNameAreThere(t *testing.T) {
	t.Parallel()
	l, total := list(t), 0
	for _, name := range pages(t) {
		if name == "CHANGELOG.md" || strings.HasPrefix(name, "api/base/") {
			continue
		}
		missing, found := l.missing(name, page(t, name))
		total += found
		for _, m := range missing {
			t.Errorf("%s names %s, which is not there", name, m)
		}
	}
	if total < 150 {
		t.Errorf("only %d paths were found; the search is broken", total)
	}
}

func TestPages_WhenAFileIsGone(t *testing.T) {
	t.Parallel()
	l := list(t)
	for text, want := range map[string]string{
		"`internal/gateway/error.go` and `store/migrations`":   "",
		"`wsdl/<system>/`, `go test ./test/arch`, `./...`":     "",
		"`application/json`, `/docs`, `sat:paquetes`, `a.cer`": "",
		"`rules_test.go`":                   "",
		"```\n`internal/gone.go`\n```":      "",
		"`internal/sat/paquetes/zip.go`":    "internal/sat/paquetes/zip.go",
		"`paquetes/zip.go` walks":           "paquetes/zip.go",
		"`nobody_wrote_this.go`":            "nobody_wrote_this.go",
		"`docs/of-nothing.md` has the rest": "docs/of-nothing.md",
		"`internal/<system>/gone.go`":       "internal/<system>/gone.go",
	} {
		missing, _ := l.missing("docs/architecture.md", text)
		if got := strings.Join(missing, " "); got != want {
			t.Errorf("%s: missing %q, want %q", text, got, want)
		}
	}
}

// TestPages_TestsThatTheyNameAreThere: what a page says that a test holds, a test holds.
func TestPages_TestsThatTheyNameAreThere(t *testing.T) {
	t.Parallel()
	tests := declared(t)
	found := 0
	for _, name := range pages(t) {
		for _, m := range regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w+)(…?)`").FindAllStringSubmatch(page(t, name), -1) {
			found++
			named := func(test string) bool { return test == m[1] || m[2] != "" && strings.HasPrefix(test, m[1]) }
			if m[1] != "TestThing_WhenSo" && name != "CHANGELOG.md" && !slices.ContainsFunc(tests, named) {
				t.Errorf("%s names %s, which is no test", name, m[1])
			}
		}
	}
	if found < 3 {
		t.Errorf("only %d tests were found in the pages", found)
	}
}

// declared are the names of the repository's tests.
func declared(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, entry := range list(t).entries {
		if !strings.HasSuffix(entry, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(page(t, entry), -1) {
			names = append(names, m[1])
		}
	}
	return names
}

// TestPages_NamesForContributorsAreInTheCode: whoever renames a thing finds the pages
// that speak of it. A decision that another has replaced may name what is gone.
func TestPages_NamesForContributorsAreInTheCode(t *testing.T) {
	t.Parallel()
	known, checked := sourceWords(t), 0
	for _, name := range pages(t) {
		text := page(t, name)
		contributors := name == "CONTRIBUTING.md" || strings.HasPrefix(name, "docs/architecture") || strings.HasPrefix(name, "docs/decisiones/")
		if !contributors || strings.Contains(text, "**Replaced by [") {
			continue
		}
		for _, word := range namesIn(text) {
			checked++
			if !known[word] {
				t.Errorf("%s names %s, which is nowhere in the code", name, word)
			}
		}
	}
	if checked < 500 {
		t.Errorf("only %d names were found", checked)
	}
	if got := namesIn("`store.Seguro` and `test/arch/x_test.go`, `TestA…`, not this\n```\nnor `that`\n```\n"); !slices.Equal(got, []string{"store", "Seguro"}) {
		t.Errorf("names of a text: %q", got)
	}
}

var identifier = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)

// namesIn are the identifiers in a page's code spans. Paths and names of tests have
// tests of their own.
func namesIn(text string) []string {
	var names []string
	for _, m := range span.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		for word := range strings.FieldsSeq(m[1]) {
			if !strings.Contains(word, ".go") && !strings.HasPrefix(word, "Test") {
				names = append(names, identifier.FindAllString(word, -1)...)
			}
		}
	}
	return names
}

// sourceWords are the words of everything that is no page: code, contracts, migrations,
// settings, and the names of files.
func sourceWords(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	for _, entry := range list(t).entries {
		for _, word := range identifier.FindAllString(entry, -1) {
			known[word] = true
		}
		source := slices.Contains([]string{".go", ".yaml", ".yml", ".sql", ".html", ".js", ".css", ".wsdl", ".mod"}, path.Ext(entry)) || path.Base(entry) == "Makefile"
		if !source || strings.HasPrefix(entry, "gen/") {
			continue
		}
		for _, word := range identifier.FindAllString(page(t, entry), -1) {
			known[word] = true
		}
	}
	return known
}
