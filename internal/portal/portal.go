// Package portal is /docs, the pages for people who write against the API: the
// contract as a reference to try it from, and the guides of the docs folder. All
// of it is embedded, and of the gateway's own version. It knows nothing but the
// contract and the pages, so that it can be public: it refuses to show anything
// of this gateway's data, keys or settings, and changes nothing.
package portal

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:embed plantillas/*.html
var plantillas embed.FS

//go:embed recursos/*
var recursos embed.FS

// portal serves the pages.
type portal struct {
	operaciones []grupo
	// guias are read, and plantillas parsed, when the first page is asked for: most
	// gateways never show one.
	guias      func() ([]*guia, error)
	plantillas func() (map[string]*template.Template, error)
}

// New returns the handler of /docs and everything below it, for the contract and
// for a folder of Markdown pages. Each page is made when first asked for, and kept.
func New(contrato *openapi3.T, paginas fs.FS) (http.Handler, error) {
	p := &portal{operaciones: operaciones(contrato), plantillas: sync.OnceValues(lasPlantillas),
		guias: sync.OnceValues(func() ([]*guia, error) { return guias(paginas) })}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /docs", p.fija("docs", p.portada))
	mux.HandleFunc("GET /docs/{$}", desvia("../docs"))
	mux.HandleFunc("GET /docs/api", p.fija("../docs", p.referencia))
	mux.HandleFunc("GET /docs/buscar", p.busca)
	mux.HandleFunc("GET /docs/guias", desvia("../docs"))
	archivos, err := archivosDe(paginas)
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	for _, archivo := range archivos {
		nombre := nombreDe(archivo)
		mux.HandleFunc("GET /docs/guias/"+nombre, p.fija("../../docs", func() (string, pagina, error) { return p.guia(nombre) }))
		// Whoever comes from a file listing has the name with its ending.
		mux.HandleFunc("GET /docs/guias/"+archivo, desvia(strings.Repeat("../", strings.Count(archivo, "/"))+nombre))
	}
	mux.HandleFunc("/docs/", p.falta)
	if err := errors.Join(sirve(mux, "/docs/recursos/", recursos, "recursos"), sirve(mux, "/docs/guias/img/", paginas, "img"), sirveUI(mux)); err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	return guarda(mux), nil
}

func lasPlantillas() (map[string]*template.Template, error) {
	todas := map[string]*template.Template{}
	for _, nombre := range []string{"portada", "guia", "referencia", "busqueda", "falta"} {
		t, err := template.ParseFS(plantillas, "plantillas/base.html", "plantillas/"+nombre+".html")
		if err != nil {
			return nil, fmt.Errorf("portal: %w", err)
		}
		todas[nombre] = t
	}
	return todas, nil
}

// desvia redirects by a relative address, which http.Redirect would not leave
// one: a proxy may put a path before it.
func desvia(a string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", a)
		w.WriteHeader(http.StatusPermanentRedirect)
	}
}

// sirve adds every file of a folder to mux. They are read when asked for.
func sirve(mux *http.ServeMux, ruta string, archivos fs.FS, carpeta string) error {
	lista, err := fs.ReadDir(archivos, carpeta)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, a := range lista {
		mux.HandleFunc("GET "+ruta+a.Name(), func(w http.ResponseWriter, r *http.Request) {
			contenido, err := fs.ReadFile(archivos, carpeta+"/"+a.Name())
			if err != nil {
				http.Error(w, "No se pudo leer el archivo.", http.StatusInternalServerError)
				return
			}
			entrega(w, r, a.Name(), contenido)
		})
	}
	return err
}

// etag names content; a browser keeps it until it is another.
func etag(contenido []byte) string {
	suma := sha256.Sum256(contenido)
	return `"` + hex.EncodeToString(suma[:16]) + `"`
}

func entrega(w http.ResponseWriter, r *http.Request, nombre string, contenido []byte) {
	w.Header().Set("ETag", etag(contenido))
	http.ServeContent(w, r, nombre, time.Time{}, bytes.NewReader(contenido))
}

// pagina is what every page is made of.
type pagina struct {
	Titulo string
	// Raiz leads to /docs, relative, so that a proxy may put a path before it.
	Raiz string
	// Actual is the page's own entry of the navigation: "portada", "api" or the
	// name of a guide.
	Actual string
	// Guias in the two languages of the navigation.
	Guias, Ingles []*guia
	// Busca is what was searched for.
	Busca     string
	Contenido any
}

// compone makes a page: the name of its template and what goes in.
type compone func() (plantilla string, p pagina, err error)

// fija serves a page that is the same for everybody, and whose root is at raiz. It
// is made once.
func (p *portal) fija(raiz string, c compone) http.HandlerFunc {
	hecha := sync.OnceValues(func() ([]byte, error) {
		nombre, pag, err := c()
		if err != nil {
			return nil, err
		}
		pag.Raiz = raiz
		return p.html(nombre, pag)
	})
	return func(w http.ResponseWriter, r *http.Request) {
		html, err := hecha()
		if err != nil {
			http.Error(w, "No se pudo componer la página.", http.StatusInternalServerError)
			return
		}
		entrega(w, r, "pagina.html", html)
	}
}

func (p *portal) html(plantilla string, pag pagina) ([]byte, error) {
	guias, err1 := p.guias()
	plantillas, err2 := p.plantillas()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	for _, g := range guias {
		if g.Lengua == "es" {
			pag.Guias = append(pag.Guias, g)
		} else {
			pag.Ingles = append(pag.Ingles, g)
		}
	}
	var b bytes.Buffer
	err := plantillas[plantilla].ExecuteTemplate(&b, "base.html", pag)
	return b.Bytes(), err
}

// portada is the way in: where to begin, every guide, every operation.
func (p *portal) portada() (string, pagina, error) {
	return "portada", pagina{Titulo: "Documentación", Actual: "portada", Contenido: p.operaciones}, nil
}

// falta answers what is not there with a page that leads back.
func (p *portal) falta(w http.ResponseWriter, r *http.Request) {
	html, err := p.html("falta", pagina{Titulo: "No hay tal página", Raiz: raizDe(r)})
	if err != nil {
		http.Error(w, "No hay tal página.", http.StatusNotFound)
		return
	}
	escribe(w, http.StatusNotFound, html)
}

func escribe(w http.ResponseWriter, status int, html []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(html) //nolint:errcheck // the caller is gone
}

// raizDe leads from wherever a request went to /docs.
func raizDe(r *http.Request) string {
	return strings.Repeat("../", strings.Count(r.URL.EscapedPath(), "/")-1) + "docs"
}
