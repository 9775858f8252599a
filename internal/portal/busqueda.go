package portal

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pasarela-mx/pasarela/internal/textfold"
)

const (
	// maxBusqueda bounds what is searched for, in bytes.
	maxBusqueda = 100
	// maxHallazgos bounds what is found.
	maxHallazgos = 30
	// extracto is how much of a section is shown, in bytes.
	extracto = 220
)

// hallazgo is a section that holds every word.
type hallazgo struct {
	Pagina, Titulo, Enlace, Texto string
	puntos                        int
}

// busca finds sections of the guides and operations by their words, whatever
// their case and accents.
func (p *portal) busca(w http.ResponseWriter, r *http.Request) {
	q := r.FormValue("q")
	if len(q) > maxBusqueda || !utf8.ValidString(q) {
		q = ""
	}
	hallazgos, err := p.hallazgos(strings.Fields(textfold.Fold(q)))
	if err != nil {
		http.Error(w, "No se pudo buscar.", http.StatusInternalServerError)
		return
	}
	html, err := p.html("busqueda", pagina{Titulo: "Buscar", Raiz: "../docs", Busca: q, Contenido: hallazgos})
	if err != nil {
		http.Error(w, "No se pudo componer la página.", http.StatusInternalServerError)
		return
	}
	escribe(w, http.StatusOK, html)
}

// hallazgos are the best sections first.
func (p *portal) hallazgos(palabras []string) ([]hallazgo, error) {
	if len(palabras) == 0 {
		return nil, nil
	}
	guias, err := p.guias()
	if err != nil {
		return nil, err
	}
	var todos []hallazgo
	for _, g := range guias {
		c, err := g.hecha()
		if err != nil {
			return nil, err
		}
		for _, a := range c.apartados {
			if puntos := puntua(palabras, a.Titulo, a.Texto); puntos > 0 {
				todos = append(todos, hallazgo{Pagina: g.Titulo, Titulo: a.Titulo, Enlace: "guias/" + g.Nombre + "#" + a.ID, Texto: recorta(a.Texto, rara(palabras, a.Texto)), puntos: puntos})
			}
		}
	}
	for _, g := range p.operaciones {
		for _, o := range g.Operaciones {
			if puntos := puntua(palabras, o.Resumen+" "+o.ID, o.Metodo+" "+o.Ruta); puntos > 0 {
				todos = append(todos, hallazgo{Pagina: "Referencia del API", Titulo: o.Resumen, Enlace: "api#/" + g.Nombre + "/" + o.ID, Texto: o.Metodo + " " + o.Ruta, puntos: puntos})
			}
		}
	}
	slices.SortStableFunc(todos, func(a, b hallazgo) int { return cmp.Compare(b.puntos, a.puntos) })
	return todos[:min(len(todos), maxHallazgos)], nil
}

// puntua is 0 unless every word is there; those of the title count more.
func puntua(palabras []string, titulo, texto string) int {
	titulo, texto = textfold.Fold(titulo), textfold.Fold(texto)
	puntos := 0
	for _, p := range palabras {
		enTitulo := strings.Contains(titulo, p)
		if !enTitulo && !strings.Contains(texto, p) {
			return 0
		}
		if enTitulo {
			puntos += 10
		}
		puntos += min(strings.Count(texto, p), 5)
	}
	return puntos
}

// rara is the word that a text holds least often, at least once: the one that tells
// the place.
func rara(palabras []string, texto string) string {
	texto = textfold.Fold(texto)
	mejor, veces := palabras[0], len(texto)+1
	for _, p := range palabras {
		if n := strings.Count(texto, p); n > 0 && n < veces {
			mejor, veces = p, n
		}
	}
	return mejor
}

// recorta shows a text from shortly before the word on.
func recorta(texto, palabra string) string {
	desde := 0
	// Folding changes lengths, so the place is found by the words before it.
	if i := strings.Index(textfold.Fold(texto), palabra); i > 0 {
		antes := len(strings.Fields(textfold.Fold(texto)[:i])) - 8
		campos := strings.Fields(texto)
		if antes > 0 && antes < len(campos) {
			desde = len(strings.Join(campos[:antes], " ")) + 1
		}
	}
	corto := texto[min(desde, len(texto)):]
	if len(corto) > extracto {
		corto = corto[:extracto]
		corto = corto[:max(strings.LastIndexByte(corto, ' '), 0)] + " …"
	}
	if desde > 0 {
		corto = "… " + corto
	}
	return corto
}
