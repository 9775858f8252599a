package portal

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/pasarela-mx/pasarela/internal/textfold"
)

// guide is a Markdown page of the docs folder.
type guide struct {
	// Name is the file's, without its ending and with a hyphen after its folder.
	Name, Titulo string
	// Language is the language that it is written in: es or en.
	Language string
	// Entry is the first sentence: for whom the page is.
	Entry string
	done  func() (composite, error)
}

// composite is a guide that has been rendered.
type composite struct {
	HTML template.HTML
	// Index are the headings of the second level.
	Index    []section
	sections []section
}

// section is what stands under one heading.
type section struct{ ID, Titulo, Text string }

// first come first in the navigation, in this order; the others follow by
// their title. A page that is added needs no mention.
func first() []string { return []string{"primeros-pasos", "efirma", "descargas", "errores"} }

// english are the pages for operators and contributors that are in English.
func english() []string { return []string{"architecture", "configuration", "sandbox"} }

// filesOf are the files of the pages, those of folders too.
func filesOf(pages fs.FS) ([]string, error) {
	loose, err := fs.Glob(pages, "*.md")
	if err != nil {
		return nil, err
	}
	inFolders, err := fs.Glob(pages, "*/*.md")
	return append(loose, inFolders...), err
}

// nameOf is by what name a file's page is asked for.
func nameOf(file string) string {
	return strings.ReplaceAll(strings.TrimSuffix(file, ".md"), "/", "-")
}

// guides finds the pages.
func guides(pages fs.FS) ([]*guide, error) {
	files, err := filesOf(pages)
	if err != nil {
		return nil, err
	}
	var all []*guide
	titulos := map[string]string{}
	for _, file := range files {
		text, err := fs.ReadFile(pages, file)
		if err != nil {
			return nil, err
		}
		g := &guide{Name: nameOf(file), Language: "es"}
		if slices.Contains(english(), g.Name) {
			g.Language = "en"
		}
		if g.Titulo, g.Entry = head(text); g.Titulo == "" {
			return nil, fmt.Errorf("%s has no title", file)
		}
		titulos[file] = g.Titulo
		g.done = sync.OnceValues(func() (composite, error) {
			text, err := fs.ReadFile(pages, file) // again, and not kept meanwhile
			if err != nil {
				return composite{}, err
			}
			return render(text, path.Dir(file), titulos)
		})
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *guide) int {
		return cmp.Or(cmp.Compare(turn(a), turn(b)), cmp.Compare(textfold.Fold(a.Titulo), textfold.Fold(b.Titulo)))
	})
	return all, nil
}

func turn(g *guide) int {
	if i := slices.Index(first(), g.Name); i >= 0 {
		return i
	}
	return len(first())
}

// head reads the title of a page and its first sentence, without rendering it:
// every page shows those of all.
func head(text []byte) (titulo, entry string) {
	for line := range bytes.Lines(text) {
		l := strings.TrimSpace(string(line))
		switch {
		case titulo == "":
			if t, ok := strings.CutPrefix(l, "# "); ok {
				titulo = t
			}
		case l == "" && entry != "":
			return titulo, phrase(plainParagraph(entry))
		case l != "":
			entry += " " + l
		}
	}
	return titulo, phrase(plainParagraph(entry))
}

// short is a sentence that does not say enough alone, in bytes.
const short = 30

// phrase is how a text begins, up to a colon or the end of a sentence.
func phrase(text string) string {
	text = strings.TrimSpace(text)
	for i := short; i < len(text)-1; i++ {
		if strings.IndexByte(":.;", text[i]) >= 0 && text[i+1] == ' ' {
			return text[:i] + "."
		}
	}
	return strings.TrimRight(text, ".:;") + "."
}

// guide renders one.
func (p *portal) guide(name string) (string, page, error) {
	all, err := p.guides()
	if err != nil {
		return "", page{}, err
	}
	g := all[slices.IndexFunc(all, func(g *guide) bool { return g.Name == name })]
	c, err := g.done()
	return "guia", page{Titulo: g.Titulo, Actual: name, Content: struct {
		*guide
		composite
	}{g, c}}, err
}
