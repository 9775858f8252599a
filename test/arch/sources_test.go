package arch

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// cited finds what a comment rests on: "sat.md §10", "sep.md §4, §5".
	cited   = regexp.MustCompile(`\b([a-z-]+\.md)((?:(?:,| and| y)? §[0-9]+(?:\.[0-9]+)*)*)`)
	section = regexp.MustCompile(`§[0-9]+(?:\.[0-9]+)*`)
	// numbered is the heading of a section.
	numbered = regexp.MustCompile(`(?m)^#{2,3} ([0-9]+(?:\.[0-9]+)*)\.? `)
	// rooted is a path from the root in a comment.
	rooted = regexp.MustCompile(`(?:^|[\s(` + "`" + `])((?:api|bench|cmd|deploy|docs|examples|internal|test|wsdl)/[\w./-]*\w)`)
)

// gone lists the paths that a comment names and the repository does not have.
func gone(text string) []string {
	var missing []string
	for _, m := range rooted.FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1]))); err != nil {
			missing = append(missing, m[1]+" is named and is not there")
		}
	}
	return missing
}

// protocols returns the sections of each page of docs/protocolos, by its name.
func protocols(t *testing.T) map[string]map[string]bool {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, "docs", "protocolos", "*.md"))
	if err != nil || len(found) < 4 {
		t.Fatalf("%d pages of protocols: %v", len(found), err)
	}
	all := map[string]map[string]bool{}
	for _, name := range found {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sections := map[string]bool{}
		for _, m := range numbered.FindAllStringSubmatch(string(text), -1) {
			if sections["§"+m[1]] {
				t.Errorf("%s has two sections %s", name, m[1])
			}
			sections["§"+m[1]] = true
		}
		all[filepath.Base(name)] = sections
	}
	return all
}

// unresolved lists the citations of a text that lead nowhere. A comment that names a
// page of a protocol says the section too; the pages themselves may link to it whole.
func unresolved(text string, pages map[string]map[string]bool, comment bool) []string {
	var wrong []string
	for _, m := range cited.FindAllStringSubmatch(text, -1) {
		page, sections := m[1], section.FindAllString(m[2], -1)
		known, ours := pages[page]
		switch {
		case len(sections) > 0 && !ours:
			wrong = append(wrong, fmt.Sprintf("%s%s: docs/protocolos has no such page", page, m[2]))
		case ours && comment && len(sections) == 0:
			wrong = append(wrong, page+" is cited without its section")
		}
		for _, s := range sections {
			if ours && !known[s] {
				wrong = append(wrong, fmt.Sprintf("%s has no %s", page, s))
			}
		}
	}
	return wrong
}

// groups are the comments of a file, each on one line, directives too.
func groups(f file) []string {
	var all []string
	for _, group := range f.ast.Comments {
		var lines []string
		for _, c := range group.List {
			lines = append(lines, strings.Fields(strings.TrimPrefix(c.Text, "//"))...)
		}
		all = append(all, strings.Join(lines, " "))
	}
	return all
}

// TestSources_WhatIsCitedIsThere: limits, codes and waits rest on what is known of the
// systems, and each comment says where that stands.
func TestSources_WhatIsCitedIsThere(t *testing.T) {
	t.Parallel()
	pages, found := protocols(t), 0
	for _, f := range tree(t) {
		if f.path == "test/arch/sources_test.go" {
			continue // its cases are wrong on purpose
		}
		for _, text := range groups(f) {
			found += len(section.FindAllString(text, -1))
			for _, wrong := range append(unresolved(text, pages, true), gone(text)...) {
				t.Errorf("%s: %s", f.path, wrong)
			}
		}
	}
	if found < 80 {
		t.Errorf("only %d citations were found; the search is broken", found)
	}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case filepath.Ext(name) != ".md":
			return nil
		}
		text, err := os.ReadFile(name)
		for _, wrong := range unresolved(strings.Join(strings.Fields(string(text)), " "), pages, false) {
			t.Errorf("%s: %s", name, wrong)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSources_WhenACitationLeadsNowhere(t *testing.T) {
	t.Parallel()
	pages := map[string]map[string]bool{"sat.md": {"§4": true, "§4.1": true}}
	for text, want := range map[string]int{
		"as it is said (sat.md §4.1)":         0,
		"sat.md §4, §4.1":                     0,
		"WS-Security 1.0 §10 says so":         0,
		"see docs/errores.md":                 0,
		"(sat.md §4.2)":                       1,
		"(sat.md §4, §9)":                     1,
		"as told (sat.md S13)":                1,
		"what the SAT does (sat.md)":          1,
		"nobody wrote that page (imss.md §1)": 1,
	} {
		if got := unresolved(text, pages, true); len(got) != want {
			t.Errorf("%q: %q, want %d", text, got, want)
		}
	}
	if got := gone("the table of docs/errores.md, internal/gateway and test/arch/nobody.go"); len(got) != 1 {
		t.Errorf("paths in a comment: %q", got)
	}
	if got := unresolved("see [sat.md](protocolos/sat.md)", pages, false); len(got) != 0 {
		t.Errorf("a page's link to a whole page: %q", got)
	}
}
