// Package portal is /docs, the pages for people who write against the API: the
// contract as a reference to try it from, and the guides of the docs folder. All
// of it is embedded, and of the gateway's own version. It knows nothing but the
// contract and the pages, so that it can be public: it refuses to show anything
// of this gateway's data, keys or settings, and changes nothing.
package portal

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/pasarela-mx/pasarela/internal/web"
)

//go:embed plantillas/*.html
var templates embed.FS

//go:embed recursos/*
var resources embed.FS

// portal serves the pages.
type portal struct {
	operations []group
	// guides are read, and templates parsed, when the first page is asked for: most
	// gateways never show one.
	guides    func() ([]*guide, error)
	templates func() (map[string]*template.Template, error)
}

// New returns the handler of /docs and everything below it, for the contract and
// for a folder of Markdown pages. Each page is made when first asked for, and kept.
func New(contrato *openapi3.T, pages fs.FS) (http.Handler, error) {
	p := &portal{operations: operations(contrato), templates: sync.OnceValues(parseTemplates),
		guides: sync.OnceValues(func() ([]*guide, error) { return guides(pages) })}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /docs", p.fix("docs", p.cover))
	mux.HandleFunc("GET /docs/{$}", divert("../docs"))
	mux.HandleFunc("GET /docs/api", p.fix("../docs", p.reference))
	mux.HandleFunc("GET /docs/buscar", p.find)
	mux.HandleFunc("GET /docs/guias", divert("../docs"))
	files, err := filesOf(pages)
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	for _, file := range files {
		name := nameOf(file)
		mux.HandleFunc("GET /docs/guias/"+name, p.fix("../../docs", func() (string, page, error) { return p.guide(name) }))
		// Whoever comes from a file listing has the name with its ending.
		mux.HandleFunc("GET /docs/guias/"+file, divert(strings.Repeat("../", strings.Count(file, "/"))+name))
	}
	mux.HandleFunc("/docs/", p.missing)
	if err := errors.Join(web.Resources(mux, "/docs/recursos/", resources), web.Files(mux, "/docs/guias/img/", pages, "img"), serveUI(mux)); err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	return web.Guard(mux, "no-cache", policy), nil
}

// policy lets a page show its pictures. The reference, whose style sheet holds its icons
// (data:), also asks the gateway, its own origin.
func policy(r *http.Request) string {
	if r.URL.Path == "/docs/api" {
		return web.CSP + "; img-src 'self' data:; connect-src 'self'"
	}
	return web.CSP + "; img-src 'self'"
}

func parseTemplates() (map[string]*template.Template, error) {
	all := map[string]*template.Template{}
	for _, name := range []string{"portada", "guia", "referencia", "busqueda", "falta"} {
		t, err := template.ParseFS(templates, "plantillas/base.html", "plantillas/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("portal: %w", err)
		}
		all[name] = t
	}
	return all, nil
}

// divert redirects by a relative address, which http.Redirect would not leave
// one: a proxy may put a path before it.
func divert(a string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", a)
		w.WriteHeader(http.StatusPermanentRedirect)
	}
}

// page is what every page is made of.
type page struct {
	Titulo string
	// Root leads to /docs, relative, so that a proxy may put a path before it.
	Root string
	// Actual is the page's own entry of the navigation: "portada", "api" or the
	// name of a guide.
	Actual string
	// Guides in the two languages of the navigation.
	Guides, English []*guide
	// Find is what was searched for.
	Find    string
	Content any
}

// pageMaker makes a page: the name of its template and what goes in.
type pageMaker func() (template string, p page, err error)

// fix serves a page that is the same for everybody, and whose root is at root. It
// is made once.
func (p *portal) fix(root string, c pageMaker) http.HandlerFunc {
	done := sync.OnceValues(func() ([]byte, error) {
		name, pag, err := c()
		if err != nil {
			return nil, err
		}
		pag.Root = root
		return p.html(name, pag)
	})
	return func(w http.ResponseWriter, r *http.Request) {
		html, err := done()
		if err != nil {
			http.Error(w, "No se pudo componer la página.", http.StatusInternalServerError)
			return
		}
		web.Serve(w, r, "pagina.html", html)
	}
}

func (p *portal) html(template string, pag page) ([]byte, error) {
	guides, err1 := p.guides()
	templates, err2 := p.templates()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	for _, g := range guides {
		if g.Language == "es" {
			pag.Guides = append(pag.Guides, g)
		} else {
			pag.English = append(pag.English, g)
		}
	}
	var b bytes.Buffer
	err := templates[template].ExecuteTemplate(&b, "base.html", pag)
	return b.Bytes(), err
}

// cover is the way in: where to begin, every guide, every operation.
func (p *portal) cover() (string, page, error) {
	return "portada", page{Titulo: "Documentación", Actual: "portada", Content: p.operations}, nil
}

// missing answers what is not there with a page that leads back.
func (p *portal) missing(w http.ResponseWriter, r *http.Request) {
	html, err := p.html("falta", page{Titulo: "No hay tal página", Root: rootOf(r)})
	if err != nil {
		http.Error(w, "No hay tal página.", http.StatusNotFound)
		return
	}
	write(w, http.StatusNotFound, html)
}

func write(w http.ResponseWriter, status int, html []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(html) //nolint:errcheck // the caller is gone
}

// rootOf leads from wherever a request went to /docs.
func rootOf(r *http.Request) string {
	return strings.Repeat("../", strings.Count(r.URL.EscapedPath(), "/")-1) + "docs"
}
