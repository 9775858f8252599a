package portal

import (
	"bytes"
	"fmt"
	"html/template"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// repository is where links to files that are no pages lead.
const repository = "https://github.com/pasarela-mx/pasarela/blob/main/"

// render renders a page of a folder and cuts it into its sections. titulos are those
// of all pages, by their files.
func render(str []byte, folder string, titulos map[string]string) (composite, error) {
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(
		renderer.WithNodeRenderers(util.Prioritized(table{}, 100))))
	doc := md.Parser().Parse(text.NewReader(str))
	c := composite{sections: prepare(doc, str, folder, titulos)}
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok && h.Level == 2 {
			id, _ := h.AttributeString("id")
			c.Index = append(c.Index, section{ID: fmt.Sprintf("%s", id), Titulo: plainText(h, str)})
		}
	}
	var b bytes.Buffer
	if err := md.Renderer().Render(&b, str, doc); err != nil {
		return c, err
	}
	c.HTML = template.HTML(b.String()) //nolint:gosec // goldmark's own, of pages that are embedded; it leaves out their HTML
	return c, nil
}

// prepare gives headings the fragments that they have on GitHub, and links the
// addresses that they have here. A link whose text is a page's file has the page's
// title in its place. It returns the text under each heading.
func prepare(doc ast.Node, text []byte, folder string, titulos map[string]string) []section {
	link := func(n ast.Node, enter bool) (ast.WalkStatus, error) {
		if l, ok := n.(*ast.Link); ok && enter {
			if titulo := titulos[plainText(l, text)]; titulo != "" {
				l.RemoveChildren(l)
				l.AppendChild(l, ast.NewString([]byte(titulo)))
			}
			l.Destination = []byte(target(string(l.Destination), folder, titulos))
		}
		return ast.WalkContinue, nil
	}
	if err := ast.Walk(doc, link); err != nil {
		return nil // link has no errors
	}
	ids := map[string]int{}
	var sections []section
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok {
			titulo := plainText(h, text)
			id := fragment(titulo, ids)
			h.SetAttributeString("id", []byte(id))
			sections = append(sections, section{ID: id, Titulo: titulo})
		} else if len(sections) > 0 {
			sections[len(sections)-1].Text += plainText(n, text) + " "
		}
	}
	return sections
}

// fragment is what GitHub makes of a heading: letters, numbers, - and _ in lower
// case, hyphens for spaces, and a number when there was such a one before.
func fragment(titulo string, seen map[string]int) string {
	id := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.M, r):
			return unicode.ToLower(r)
		}
		return -1
	}, titulo)
	n := seen[id]
	seen[id]++
	if n > 0 {
		return id + "-" + strconv.Itoa(n)
	}
	return id
}

// target is where a link of a page in a folder of docs leads from /docs/guias/.
func target(d, folder string, titulos map[string]string) string {
	u, err := url.Parse(d)
	if err != nil || u.IsAbs() || u.Host != "" || u.Path == "" {
		return d
	}
	file := path.Join(folder, u.Path) // from docs
	switch {
	case file == "../api/openapi.yaml":
		u.Path = "../../openapi.yaml"
	case path.Ext(file) == ".md" && (titulos[file] != "" || !strings.Contains(file, "/")):
		u.Path = nameOf(file)
	case path.Dir(file) == "img":
		u.Path = file
	default:
		u.Path = path.Join("docs", file)
		return repository + u.String()
	}
	return u.String()
}

// plainText is the text of a node, without its marks.
func plainText(n ast.Node, text []byte) string {
	var b strings.Builder
	gather := func(n ast.Node, enter bool) (ast.WalkStatus, error) {
		if !enter {
			if n.Type() == ast.TypeBlock {
				b.WriteByte(' ')
			}
			return ast.WalkContinue, nil
		}
		switch t := n.(type) {
		case *ast.Text:
			b.Write(t.Segment.Value(text))
			if t.SoftLineBreak() || t.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(t.Value)
		case *ast.AutoLink:
			b.Write(t.Label(text))
		case *ast.FencedCodeBlock:
			b.Write(t.Lines().Value(text))
		case *ast.CodeBlock:
			b.Write(t.Lines().Value(text))
		}
		return ast.WalkContinue, nil
	}
	if err := ast.Walk(n, gather); err != nil {
		return "" // gather has no errors
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// plainParagraph is the text of a paragraph of Markdown.
func plainParagraph(paragraph string) string {
	str := []byte(paragraph)
	return plainText(parser.NewParser(parser.WithBlockParsers(parser.DefaultBlockParsers()...),
		parser.WithInlineParsers(parser.DefaultInlineParsers()...)).Parse(text.NewReader(str)), str)
}

// table puts tables into a box that scrolls by itself, so that a wide one does
// not widen the page; the keyboard reaches it.
type table struct{}

func (table) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(east.KindTable, func(w util.BufWriter, _ []byte, _ ast.Node, enter bool) (ast.WalkStatus, error) {
		html := "</table></div>\n"
		if enter {
			html = "<div class=\"tabla\" tabindex=\"0\"><table>\n"
		}
		_, err := w.WriteString(html)
		return ast.WalkContinue, err
	})
}
