package dashboard

import (
	"html/template"
	"net/http"
	"net/url"
	"strconv"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

const (
	eventosPerPage  = 50
	paquetesPerPage = 50
	tramosPerPage   = 100
	corridasInView  = 20
)

// detail is the content of the page of one descarga.
type detail struct {
	gateway.Descarga
	// Tramos are a page of the tree; the links beside each list lead to its others.
	Tramos                      []branch
	TramosBefore, TramosAfter   string
	Paquetes                    []gateway.PaqueteDescarga
	FirstPaquetes, PaquetesMore string
	Eventos                     []gateway.EventoDescarga
	RecentEventos, EventosMore  string
	LastEvento                  int64
	Corridas                    []gateway.Descarga
	AllCorridas                 string
}

// happening describes the code of an event: of Verifica it is the EstadoSolicitud,
// which is of one digit (sat.md §7), and otherwise a CodEstatus.
func happening(codigo string) string {
	if len(codigo) == 1 {
		return estadoSAT(codigo)
	}
	return codigoSAT(codigo)
}

func codigoSAT(codigo string) string { return gateway.CodigoSAT(codigo).Descripcion }

func estadoSAT(estado string) string { return gateway.EstadoSAT(estado).Descripcion }

func (t *dashboard) detail(r *http.Request) (*template.Template, page, error) {
	if err := clean(url.Values{"id": {r.PathValue("id")}}); err != nil {
		return nil, page{}, err
	}
	if err := clean(r.URL.Query()); err != nil {
		return nil, page{}, err
	}
	d, err := t.cfg.Descargas.Descarga(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, page{}, err
	}
	c := detail{Descarga: d}
	e := links{id: d.ID, q: r.URL.Query()}
	for _, fill := range []func(*http.Request, *detail, links) error{t.tramos, t.paquetes, t.eventos, t.corridas} {
		if err := fill(r, &c, e); err != nil {
			return nil, page{}, err
		}
	}
	p := page{Titulo: "Descarga de " + d.Request.Solicitud.RFCSolicitante, Root: "../descargas", Content: c}
	switch {
	case inMotion(d.Estado):
		p.Every = everyLive
	case !d.Estado.Final():
		p.Every = everyQuiet
	}
	p.pause(r.URL.Query(), url.PathEscape(d.ID))
	return t.one, p, nil
}

// links makes links to the same page with one parameter changed.
type links struct {
	id string
	q  url.Values
}

func (e links) with(name, value, anchor string) string {
	q := url.Values{}
	for k := range e.q {
		q.Set(k, e.q.Get(k))
	}
	if q.Set(name, value); value == "" {
		q.Del(name)
	}
	out := url.PathEscape(e.id)
	if len(q) > 0 {
		out += "?" + q.Encode()
	}
	return out + "#" + anchor
}

// number reads a parameter that counts; 0 for none.
func (e links) number(name string) (int64, error) {
	text := e.q.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, malformed("El parámetro " + name + " es un número desde 1.")
	}
	return n, nil
}

func (t *dashboard) tramos(_ *http.Request, c *detail, e links) error {
	n, err := e.number("solicitudes")
	if err != nil {
		return err
	}
	all := tree(c.Solicitudes)
	last := max(1, (int64(len(all))+tramosPerPage-1)/tramosPerPage)
	n = min(max(1, n), last)
	c.Tramos = all[(n-1)*tramosPerPage : min(int64(len(all)), n*tramosPerPage)]
	if n > 1 {
		c.TramosBefore = e.with("solicitudes", strconv.FormatInt(n-1, 10), "solicitudes")
	}
	if n < last {
		c.TramosAfter = e.with("solicitudes", strconv.FormatInt(n+1, 10), "solicitudes")
	}
	return nil
}

func (t *dashboard) paquetes(r *http.Request, c *detail, e links) error {
	cursor := e.q.Get("paquetes")
	page, next, err := t.cfg.Descargas.Paquetes(r.Context(), c.ID, cursor, paquetesPerPage)
	if err != nil {
		return err
	}
	c.Paquetes = page
	if cursor != "" {
		c.FirstPaquetes = e.with("paquetes", "", "paquetes")
	}
	if next != "" {
		c.PaquetesMore = e.with("paquetes", next, "paquetes")
	}
	return nil
}

// eventos reads a page of the ledger, the newest first: numbers have no gaps, so
// that the page in front of any number is known.
func (t *dashboard) eventos(r *http.Request, c *detail, e links) error {
	before, err := e.number("antes")
	if err != nil {
		return err
	}
	if c.LastEvento, err = t.cfg.Descargas.LastEvento(r.Context(), c.ID); err != nil {
		return err
	}
	until := c.LastEvento
	if before > 0 && before <= until {
		until = before - 1
		c.RecentEventos = e.with("antes", "", "libro")
	}
	since := max(0, until-eventosPerPage)
	if until == since {
		return nil
	}
	page, err := t.cfg.Descargas.Eventos(r.Context(), c.ID, since, int(until-since))
	if err != nil {
		return err
	}
	for i := len(page) - 1; i >= 0; i-- {
		c.Eventos = append(c.Eventos, page[i])
	}
	if since > 0 {
		c.EventosMore = e.with("antes", strconv.FormatInt(since+1, 10), "libro")
	}
	return nil
}

// corridas reads the last runs of a recurrent descarga.
func (t *dashboard) corridas(r *http.Request, c *detail, _ links) error {
	if c.Request.Programacion == nil {
		return nil
	}
	page, next, err := t.cfg.Descargas.List(r.Context(), gateway.DescargasFilter{IDProgramacion: c.ID, Limit: corridasInView})
	if err != nil {
		return err
	}
	c.Corridas = page
	if next != "" {
		c.AllCorridas = "../descargas?" + url.Values{"programacion": {c.ID}}.Encode()
	}
	return nil
}
