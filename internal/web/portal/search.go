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
	// maxSearch bounds what is searched for, in bytes.
	maxSearch = 100
	// maxHallazgos bounds what is found.
	maxHallazgos = 30
	// excerpt is how much of a section is shown, in bytes.
	excerpt = 220
)

// hallazgo is a section that holds every word.
type hallazgo struct {
	Page, Titulo, Link, Text string
	points                   int
}

// find finds sections of the guides and operations by their words, whatever
// their case and accents.
func (p *portal) find(w http.ResponseWriter, r *http.Request) {
	q := r.FormValue("q")
	if len(q) > maxSearch || !utf8.ValidString(q) {
		q = ""
	}
	hallazgos, err := p.hallazgos(strings.Fields(textfold.Fold(q)))
	if err != nil {
		http.Error(w, "No se pudo buscar.", http.StatusInternalServerError)
		return
	}
	html, err := p.html("busqueda", page{Titulo: "Buscar", Root: "../docs", Find: q, Content: hallazgos})
	if err != nil {
		http.Error(w, "No se pudo componer la página.", http.StatusInternalServerError)
		return
	}
	write(w, http.StatusOK, html)
}

// hallazgos are the best sections first.
func (p *portal) hallazgos(words []string) ([]hallazgo, error) {
	if len(words) == 0 {
		return nil, nil
	}
	guides, err := p.guides()
	if err != nil {
		return nil, err
	}
	var all []hallazgo
	for _, g := range guides {
		c, err := g.done()
		if err != nil {
			return nil, err
		}
		for _, a := range c.sections {
			if points := score(words, a.Titulo, a.Text); points > 0 {
				all = append(all, hallazgo{Page: g.Titulo, Titulo: a.Titulo, Link: "guias/" + g.Name + "#" + a.ID, Text: trim(a.Text, odd(words, a.Text)), points: points})
			}
		}
	}
	for _, g := range p.operations {
		for _, o := range g.Operations {
			if points := score(words, o.Summary+" "+o.ID, o.Method+" "+o.Path); points > 0 {
				all = append(all, hallazgo{Page: "Referencia del API", Titulo: o.Summary, Link: "api#/" + g.Name + "/" + o.ID, Text: o.Method + " " + o.Path, points: points})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b hallazgo) int { return cmp.Compare(b.points, a.points) })
	return all[:min(len(all), maxHallazgos)], nil
}

// score is 0 unless every word is there; those of the title count more.
func score(words []string, titulo, text string) int {
	titulo, text = textfold.Fold(titulo), textfold.Fold(text)
	points := 0
	for _, p := range words {
		inTitulo := strings.Contains(titulo, p)
		if !inTitulo && !strings.Contains(text, p) {
			return 0
		}
		if inTitulo {
			points += 10
		}
		points += min(strings.Count(text, p), 5)
	}
	return points
}

// odd is the word that a text holds least often, at least once: the one that tells
// the place.
func odd(words []string, text string) string {
	text = textfold.Fold(text)
	best, times := words[0], len(text)+1
	for _, p := range words {
		if n := strings.Count(text, p); n > 0 && n < times {
			best, times = p, n
		}
	}
	return best
}

// trim shows a text from shortly before the word on.
func trim(text, word string) string {
	since := 0
	// Folding changes lengths, so the place is found by the words before it.
	if i := strings.Index(textfold.Fold(text), word); i > 0 {
		before := len(strings.Fields(textfold.Fold(text)[:i])) - 8
		fields := strings.Fields(text)
		if before > 0 && before < len(fields) {
			since = len(strings.Join(fields[:before], " ")) + 1
		}
	}
	short := text[min(since, len(text)):]
	if len(short) > excerpt {
		short = short[:excerpt]
		short = short[:max(strings.LastIndexByte(short, ' '), 0)] + " …"
	}
	if since > 0 {
		short = "… " + short
	}
	return short
}
