package dashboard

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

const (
	perPage = 25
	// everyLive and everyQuiet are the seconds between two looks at a page with
	// something on the move and at one where only something new may come.
	everyLive, everyQuiet = 5, 60
	// maxFilter bounds what is read of a parameter.
	maxFilter = 200
)

// The groups of states that can be filtered by beside single ones.
const (
	grupoVivas    = "vivas"
	groupProblems = "con_problemas"
)

// listing is the content of the list.
type listing struct {
	RFC, Estado, Programacion string
	// ErrorRFC says what is wrong with the RFC that was asked for.
	ErrorRFC  string
	Cuentas   []cuenta
	Options   []option
	Descargas []gateway.Descarga
	Total     int
	// First and Next lead to other pages; empty for none.
	First, Next string
	Filtered    bool
}

// cuenta is one state, or group of them, with how many descargas are in it.
type cuenta struct {
	Text, Class, URL string
	HowMany          int
	Actual           bool
}

type option struct {
	Value, Text string
	Chosen      bool
}

// estadosOf returns the states of a group or of a single name; false for neither.
func estadosOf(name string) ([]gateway.EstadoDescarga, bool) {
	switch name {
	case "":
		return nil, true
	case grupoVivas:
		return slices.DeleteFunc(gateway.EstadosDescarga(), gateway.EstadoDescarga.Final), true
	case groupProblems:
		return []gateway.EstadoDescarga{gateway.DescargaParcial, gateway.DescargaFallida}, true
	}
	e := gateway.EstadoDescarga(name)
	return []gateway.EstadoDescarga{e}, slices.Contains(gateway.EstadosDescarga(), e)
}

// inMotion tells of states in which something may change from one second to the next.
func inMotion(e gateway.EstadoDescarga) bool {
	return !e.Final() && e != gateway.DescargaProgramada
}

func malformed(detail string) error {
	return &gateway.Error{Kind: gateway.KindMalformada, Own: gateway.OwnFiltroIlegible, Detail: detail}
}

// clean refuses what no link of the page has, and databases choke on.
func clean(q url.Values) error {
	for _, values := range q {
		for _, v := range values {
			if len(values) > 1 || len(v) > maxFilter || !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
				return malformed("La dirección repite un filtro, o uno no es texto o es demasiado largo.")
			}
		}
	}
	return nil
}

func (t *dashboard) listDescargas(r *http.Request) (*template.Template, page, error) {
	q := r.URL.Query()
	if err := clean(q); err != nil {
		return nil, page{}, err
	}
	l := listing{RFC: strings.ToUpper(strings.TrimSpace(q.Get("rfc"))), Estado: q.Get("estado"), Programacion: q.Get("programacion")}
	estados, ok := estadosOf(l.Estado)
	if !ok {
		return nil, page{}, malformed("No hay descargas en un estado con ese nombre.")
	}
	l.Filtered = l.RFC != "" || l.Estado != "" || l.Programacion != ""
	p := page{Titulo: "Descargas", Root: "descargas", Every: everyQuiet, Lateral: t.lateral(r)}
	if l.RFC != "" && !gateway.ValidRFC(l.RFC) {
		l.ErrorRFC = "No tiene la forma de un RFC: tres o cuatro letras, la fecha y la homoclave, como PRU010101AB1."
	} else if err := t.fill(r, &l, &p, estados); err != nil {
		return nil, page{}, err
	}
	l.Options = options(l.Estado)
	p.pause(q, "descargas")
	p.Content = l
	return t.list, p, nil
}

// fill reads what the filters let pass.
func (t *dashboard) fill(r *http.Request, l *listing, p *page, estados []gateway.EstadoDescarga) error {
	q := r.URL.Query()
	f := gateway.DescargasFilter{RFC: l.RFC, Estados: estados, IDProgramacion: l.Programacion, Cursor: q.Get("cursor"), Limit: perPage}
	counts, err := t.cfg.Descargas.Count(r.Context(), f)
	if err != nil {
		return err
	}
	if l.Descargas, l.Next, err = t.cfg.Descargas.List(r.Context(), f); err != nil {
		return err
	}
	for e, n := range counts {
		if l.Total += n; inMotion(e) && n > 0 {
			p.Every = everyLive
		}
	}
	l.Cuentas = l.counts(counts)
	if l.Next != "" {
		l.Next = l.link(l.Estado, l.Next)
	}
	if f.Cursor != "" {
		l.First = l.link(l.Estado, "")
	}
	return nil
}

// link leads to the list with these filters.
func (l *listing) link(estado, cursor string) string {
	q := url.Values{}
	for _, pair := range [][2]string{{"rfc", l.RFC}, {"estado", estado}, {"programacion", l.Programacion}, {"cursor", cursor}} {
		if pair[1] != "" {
			q.Set(pair[0], pair[1])
		}
	}
	if len(q) == 0 {
		return "descargas"
	}
	return "descargas?" + q.Encode()
}

// counts are all, and the states that there are descargas in.
func (l *listing) counts(by map[gateway.EstadoDescarga]int) []cuenta {
	out := []cuenta{{Text: "todas", Class: "todas", HowMany: l.Total, URL: l.link("", ""), Actual: l.Estado == ""}}
	for _, e := range gateway.EstadosDescarga() {
		if n := by[e]; n > 0 || l.Estado == string(e) {
			out = append(out, cuenta{Text: estadoName(e), Class: string(e), HowMany: n, URL: l.link(string(e), ""), Actual: l.Estado == string(e)})
		}
	}
	return out
}

func options(chosen string) []option {
	out := []option{{Text: "todos"}, {Value: grupoVivas, Text: "las que siguen vivas"}, {Value: groupProblems, Text: "con problemas"}}
	for _, e := range gateway.EstadosDescarga() {
		out = append(out, option{Value: string(e), Text: estadoName(e)})
	}
	for i := range out {
		out[i].Chosen = out[i].Value == chosen
	}
	return out
}

// pause lets the reader stop the page and start it again (WCAG 2.2, 2.2.2).
func (p *page) pause(q url.Values, relative string) {
	if p.Every == 0 {
		return
	}
	if p.Paused = q.Get("pausa") != ""; p.Paused {
		p.Every = 0
		q.Del("pausa")
	} else {
		q.Set("pausa", "1")
	}
	if p.Pause = relative; len(q) > 0 {
		p.Pause += "?" + q.Encode()
	}
}
