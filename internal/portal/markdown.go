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

// repositorio is where links to files that are no pages lead.
const repositorio = "https://github.com/pasarela-mx/pasarela/blob/main/"

// compon renders a page of a folder and cuts it into its sections. titulos are those
// of all pages, by their files.
func compon(texto []byte, carpeta string, titulos map[string]string) (compuesta, error) {
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(
		renderer.WithNodeRenderers(util.Prioritized(tabla{}, 100))))
	doc := md.Parser().Parse(text.NewReader(texto))
	c := compuesta{apartados: prepara(doc, texto, carpeta, titulos)}
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok && h.Level == 2 {
			id, _ := h.AttributeString("id")
			c.Indice = append(c.Indice, apartado{ID: fmt.Sprintf("%s", id), Titulo: llana(h, texto)})
		}
	}
	var b bytes.Buffer
	if err := md.Renderer().Render(&b, texto, doc); err != nil {
		return c, err
	}
	c.HTML = template.HTML(b.String()) //nolint:gosec // goldmark's own, of pages that are embedded; it leaves out their HTML
	return c, nil
}

// prepara gives headings the fragments that they have on GitHub, and links the
// addresses that they have here. A link whose text is a page's file has the page's
// title in its place. It returns the text under each heading.
func prepara(doc ast.Node, texto []byte, carpeta string, titulos map[string]string) []apartado {
	enlaza := func(n ast.Node, entra bool) (ast.WalkStatus, error) {
		if l, ok := n.(*ast.Link); ok && entra {
			if titulo := titulos[llana(l, texto)]; titulo != "" {
				l.RemoveChildren(l)
				l.AppendChild(l, ast.NewString([]byte(titulo)))
			}
			l.Destination = []byte(destino(string(l.Destination), carpeta, titulos))
		}
		return ast.WalkContinue, nil
	}
	if err := ast.Walk(doc, enlaza); err != nil {
		return nil // enlaza has no errors
	}
	ids := map[string]int{}
	var apartados []apartado
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok {
			titulo := llana(h, texto)
			id := fragmento(titulo, ids)
			h.SetAttributeString("id", []byte(id))
			apartados = append(apartados, apartado{ID: id, Titulo: titulo})
		} else if len(apartados) > 0 {
			apartados[len(apartados)-1].Texto += llana(n, texto) + " "
		}
	}
	return apartados
}

// fragmento is what GitHub makes of a heading: letters, numbers, - and _ in lower
// case, hyphens for spaces, and a number when there was such a one before.
func fragmento(titulo string, vistos map[string]int) string {
	id := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.M, r):
			return unicode.ToLower(r)
		}
		return -1
	}, titulo)
	n := vistos[id]
	vistos[id]++
	if n > 0 {
		return id + "-" + strconv.Itoa(n)
	}
	return id
}

// destino is where a link of a page in a folder of docs leads from /docs/guias/.
func destino(d, carpeta string, titulos map[string]string) string {
	u, err := url.Parse(d)
	if err != nil || u.IsAbs() || u.Host != "" || u.Path == "" {
		return d
	}
	archivo := path.Join(carpeta, u.Path) // from docs
	switch {
	case archivo == "../api/openapi.yaml":
		u.Path = "../../openapi.yaml"
	case path.Ext(archivo) == ".md" && (titulos[archivo] != "" || !strings.Contains(archivo, "/")):
		u.Path = nombreDe(archivo)
	case path.Dir(archivo) == "img":
		u.Path = archivo
	default:
		u.Path = path.Join("docs", archivo)
		return repositorio + u.String()
	}
	return u.String()
}

// llana is the text of a node, without its marks.
func llana(n ast.Node, texto []byte) string {
	var b strings.Builder
	junta := func(n ast.Node, entra bool) (ast.WalkStatus, error) {
		if !entra {
			if n.Type() == ast.TypeBlock {
				b.WriteByte(' ')
			}
			return ast.WalkContinue, nil
		}
		switch t := n.(type) {
		case *ast.Text:
			b.Write(t.Segment.Value(texto))
			if t.SoftLineBreak() || t.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(t.Value)
		case *ast.AutoLink:
			b.Write(t.Label(texto))
		case *ast.FencedCodeBlock:
			b.Write(t.Lines().Value(texto))
		case *ast.CodeBlock:
			b.Write(t.Lines().Value(texto))
		}
		return ast.WalkContinue, nil
	}
	if err := ast.Walk(n, junta); err != nil {
		return "" // junta has no errors
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// llano is the text of a paragraph of Markdown.
func llano(parrafo string) string {
	texto := []byte(parrafo)
	return llana(parser.NewParser(parser.WithBlockParsers(parser.DefaultBlockParsers()...),
		parser.WithInlineParsers(parser.DefaultInlineParsers()...)).Parse(text.NewReader(texto)), texto)
}

// tabla puts tables into a box that scrolls by itself, so that a wide one does
// not widen the page; the keyboard reaches it.
type tabla struct{}

func (tabla) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(east.KindTable, func(w util.BufWriter, _ []byte, _ ast.Node, entra bool) (ast.WalkStatus, error) {
		html := "</table></div>\n"
		if entra {
			html = "<div class=\"tabla\" tabindex=\"0\"><table>\n"
		}
		_, err := w.WriteString(html)
		return ast.WalkContinue, err
	})
}
