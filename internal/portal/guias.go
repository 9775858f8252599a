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

// guia is a Markdown page of the docs folder.
type guia struct {
	// Nombre is the file's, without its ending and with a hyphen after its folder.
	Nombre, Titulo string
	// Lengua is the language that it is written in: es or en.
	Lengua string
	// Entrada is the first sentence: for whom the page is.
	Entrada string
	hecha   func() (compuesta, error)
}

// compuesta is a guide that has been rendered.
type compuesta struct {
	HTML template.HTML
	// Indice are the headings of the second level.
	Indice    []apartado
	apartados []apartado
}

// apartado is what stands under one heading.
type apartado struct{ ID, Titulo, Texto string }

// primeras come first in the navigation, in this order; the others follow by
// their title. A page that is added needs no mention.
func primeras() []string { return []string{"primeros-pasos", "efirma", "descargas", "errores"} }

// ingles are the pages for operators and contributors that are in English.
func ingles() []string { return []string{"architecture", "configuration", "sandbox"} }

// archivosDe are the files of the pages, those of folders too.
func archivosDe(paginas fs.FS) ([]string, error) {
	sueltos, err := fs.Glob(paginas, "*.md")
	if err != nil {
		return nil, err
	}
	enCarpetas, err := fs.Glob(paginas, "*/*.md")
	return append(sueltos, enCarpetas...), err
}

// nombreDe is by what name a file's page is asked for.
func nombreDe(archivo string) string {
	return strings.ReplaceAll(strings.TrimSuffix(archivo, ".md"), "/", "-")
}

// guias finds the pages.
func guias(paginas fs.FS) ([]*guia, error) {
	archivos, err := archivosDe(paginas)
	if err != nil {
		return nil, err
	}
	var todas []*guia
	titulos := map[string]string{}
	for _, archivo := range archivos {
		texto, err := fs.ReadFile(paginas, archivo)
		if err != nil {
			return nil, err
		}
		g := &guia{Nombre: nombreDe(archivo), Lengua: "es"}
		if slices.Contains(ingles(), g.Nombre) {
			g.Lengua = "en"
		}
		if g.Titulo, g.Entrada = cabeza(texto); g.Titulo == "" {
			return nil, fmt.Errorf("%s has no title", archivo)
		}
		titulos[archivo] = g.Titulo
		g.hecha = sync.OnceValues(func() (compuesta, error) {
			texto, err := fs.ReadFile(paginas, archivo) // again, and not kept meanwhile
			if err != nil {
				return compuesta{}, err
			}
			return compon(texto, path.Dir(archivo), titulos)
		})
		todas = append(todas, g)
	}
	slices.SortFunc(todas, func(a, b *guia) int {
		return cmp.Or(cmp.Compare(turno(a), turno(b)), cmp.Compare(textfold.Fold(a.Titulo), textfold.Fold(b.Titulo)))
	})
	return todas, nil
}

func turno(g *guia) int {
	if i := slices.Index(primeras(), g.Nombre); i >= 0 {
		return i
	}
	return len(primeras())
}

// cabeza reads the title of a page and its first sentence, without rendering it:
// every page shows those of all.
func cabeza(texto []byte) (titulo, entrada string) {
	for linea := range bytes.Lines(texto) {
		l := strings.TrimSpace(string(linea))
		switch {
		case titulo == "":
			if t, ok := strings.CutPrefix(l, "# "); ok {
				titulo = t
			}
		case l == "" && entrada != "":
			return titulo, frase(llano(entrada))
		case l != "":
			entrada += " " + l
		}
	}
	return titulo, frase(llano(entrada))
}

// corta is a sentence that does not say enough alone, in bytes.
const corta = 30

// frase is how a text begins, up to a colon or the end of a sentence.
func frase(texto string) string {
	texto = strings.TrimSpace(texto)
	for i := corta; i < len(texto)-1; i++ {
		if strings.IndexByte(":.;", texto[i]) >= 0 && texto[i+1] == ' ' {
			return texto[:i] + "."
		}
	}
	return strings.TrimRight(texto, ".:;") + "."
}

// guia renders one.
func (p *portal) guia(nombre string) (string, pagina, error) {
	todas, err := p.guias()
	if err != nil {
		return "", pagina{}, err
	}
	g := todas[slices.IndexFunc(todas, func(g *guia) bool { return g.Nombre == nombre })]
	c, err := g.hecha()
	return "guia", pagina{Titulo: g.Titulo, Actual: nombre, Contenido: struct {
		*guia
		compuesta
	}{g, c}}, err
}
