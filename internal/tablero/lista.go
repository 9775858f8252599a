package tablero

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
	porPagina = 25
	// cadaVivo and cadaQuieto are the seconds between two looks at a page with
	// something on the move and at one where only something new may come.
	cadaVivo, cadaQuieto = 5, 60
	// maxFiltro bounds what is read of a parameter.
	maxFiltro = 200
)

// The groups of states that can be filtered by beside single ones.
const (
	grupoVivas     = "vivas"
	grupoProblemas = "con_problemas"
)

// listado is the content of the list.
type listado struct {
	RFC, Estado, Programacion string
	// ErrorRFC says what is wrong with the RFC that was asked for.
	ErrorRFC  string
	Cuentas   []cuenta
	Opciones  []opcion
	Descargas []gateway.Descarga
	Total     int
	// Primera and Siguiente lead to other pages; empty for none.
	Primera, Siguiente string
	Filtrada           bool
}

// cuenta is one state, or group of them, with how many descargas are in it.
type cuenta struct {
	Texto, Clase, URL string
	Cuantas           int
	Actual            bool
}

type opcion struct {
	Valor, Texto string
	Elegida      bool
}

// estadosDe returns the states of a group or of a single name; false for neither.
func estadosDe(nombre string) ([]gateway.EstadoDescarga, bool) {
	switch nombre {
	case "":
		return nil, true
	case grupoVivas:
		return slices.DeleteFunc(gateway.EstadosDescarga(), gateway.EstadoDescarga.Final), true
	case grupoProblemas:
		return []gateway.EstadoDescarga{gateway.DescargaParcial, gateway.DescargaFallida}, true
	}
	e := gateway.EstadoDescarga(nombre)
	return []gateway.EstadoDescarga{e}, slices.Contains(gateway.EstadosDescarga(), e)
}

// enMovimiento tells of states in which something may change from one second to the next.
func enMovimiento(e gateway.EstadoDescarga) bool {
	return !e.Final() && e != gateway.DescargaProgramada
}

func malformada(detalle string) error {
	return &gateway.Error{Kind: gateway.KindMalformada, Own: gateway.OwnFiltroIlegible, Detail: detalle}
}

// limpia refuses what no link of the page has, and databases choke on.
func limpia(q url.Values) error {
	for _, valores := range q {
		for _, v := range valores {
			if len(valores) > 1 || len(v) > maxFiltro || !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
				return malformada("La dirección repite un filtro, o uno no es texto o es demasiado largo.")
			}
		}
	}
	return nil
}

func (t *tablero) listaDescargas(r *http.Request) (*template.Template, pagina, error) {
	q := r.URL.Query()
	if err := limpia(q); err != nil {
		return nil, pagina{}, err
	}
	l := listado{RFC: strings.ToUpper(strings.TrimSpace(q.Get("rfc"))), Estado: q.Get("estado"), Programacion: q.Get("programacion")}
	estados, ok := estadosDe(l.Estado)
	if !ok {
		return nil, pagina{}, malformada("No hay descargas en un estado con ese nombre.")
	}
	l.Filtrada = l.RFC != "" || l.Estado != "" || l.Programacion != ""
	p := pagina{Titulo: "Descargas", Raiz: "descargas", Cada: cadaQuieto, Lateral: t.lateral(r)}
	if l.RFC != "" && !gateway.RFCValido(l.RFC) {
		l.ErrorRFC = "No tiene la forma de un RFC: tres o cuatro letras, la fecha y la homoclave, como PRU010101AB1."
	} else if err := t.llena(r, &l, &p, estados); err != nil {
		return nil, pagina{}, err
	}
	l.Opciones = opciones(l.Estado)
	p.pausa(q, "descargas")
	p.Contenido = l
	return t.lista, p, nil
}

// llena reads what the filters let pass.
func (t *tablero) llena(r *http.Request, l *listado, p *pagina, estados []gateway.EstadoDescarga) error {
	q := r.URL.Query()
	f := gateway.FiltroDescargas{RFC: l.RFC, Estados: estados, IDProgramacion: l.Programacion, Cursor: q.Get("cursor"), Limite: porPagina}
	cuentas, err := t.cfg.Descargas.Cuenta(r.Context(), f)
	if err != nil {
		return err
	}
	if l.Descargas, l.Siguiente, err = t.cfg.Descargas.Lista(r.Context(), f); err != nil {
		return err
	}
	for e, n := range cuentas {
		if l.Total += n; enMovimiento(e) && n > 0 {
			p.Cada = cadaVivo
		}
	}
	l.Cuentas = l.cuentas(cuentas)
	if l.Siguiente != "" {
		l.Siguiente = l.enlace(l.Estado, l.Siguiente)
	}
	if f.Cursor != "" {
		l.Primera = l.enlace(l.Estado, "")
	}
	return nil
}

// enlace leads to the list with these filters.
func (l *listado) enlace(estado, cursor string) string {
	q := url.Values{}
	for _, par := range [][2]string{{"rfc", l.RFC}, {"estado", estado}, {"programacion", l.Programacion}, {"cursor", cursor}} {
		if par[1] != "" {
			q.Set(par[0], par[1])
		}
	}
	if len(q) == 0 {
		return "descargas"
	}
	return "descargas?" + q.Encode()
}

// cuentas are all, and the states that there are descargas in.
func (l *listado) cuentas(por map[gateway.EstadoDescarga]int) []cuenta {
	out := []cuenta{{Texto: "todas", Clase: "todas", Cuantas: l.Total, URL: l.enlace("", ""), Actual: l.Estado == ""}}
	for _, e := range gateway.EstadosDescarga() {
		if n := por[e]; n > 0 || l.Estado == string(e) {
			out = append(out, cuenta{Texto: nombreEstado(e), Clase: string(e), Cuantas: n, URL: l.enlace(string(e), ""), Actual: l.Estado == string(e)})
		}
	}
	return out
}

func opciones(elegida string) []opcion {
	out := []opcion{{Texto: "todos"}, {Valor: grupoVivas, Texto: "las que siguen vivas"}, {Valor: grupoProblemas, Texto: "con problemas"}}
	for _, e := range gateway.EstadosDescarga() {
		out = append(out, opcion{Valor: string(e), Texto: nombreEstado(e)})
	}
	for i := range out {
		out[i].Elegida = out[i].Valor == elegida
	}
	return out
}

// pausa lets the reader stop the page and start it again (WCAG 2.2, 2.2.2).
func (p *pagina) pausa(q url.Values, relativa string) {
	if p.Cada == 0 {
		return
	}
	if p.Pausada = q.Get("pausa") != ""; p.Pausada {
		p.Cada = 0
		q.Del("pausa")
	} else {
		q.Set("pausa", "1")
	}
	if p.Pausa = relativa; len(q) > 0 {
		p.Pausa += "?" + q.Encode()
	}
}
