package tablero

import (
	"html/template"
	"net/http"
	"net/url"
	"strconv"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

const (
	eventosPorPagina  = 50
	paquetesPorPagina = 50
	tramosPorPagina   = 100
	corridasALaVista  = 20
)

// detalle is the content of the page of one descarga.
type detalle struct {
	gateway.Descarga
	// Tramos are a page of the tree; the links beside each list lead to its others.
	Tramos                       []rama
	TramosAntes, TramosDespues   string
	Codigos                      codigos
	Paquetes                     []gateway.PaqueteDescarga
	PaquetesPrimera, PaquetesMas string
	Eventos                      []gateway.EventoDescarga
	EventosRecientes, EventosMas string
	UltimoEvento                 int64
	Corridas                     []gateway.Descarga
	CorridasTodas                string
}

// codigos gives the meaning of what the SAT said.
type codigos struct{ codigo, estado func(string) string }

// Codigo describes a CodEstatus or a CodigoEstadoSolicitud.
func (c codigos) Codigo(codigo string) string { return c.codigo(codigo) }

// Estado describes an EstadoSolicitud.
func (c codigos) Estado(estado string) string { return c.estado(estado) }

// Suceso describes the code of an event: of Verifica it is the EstadoSolicitud,
// which is of one digit (sat.md §7), and otherwise a CodEstatus.
func (c codigos) Suceso(codigo string) string {
	if len(codigo) == 1 {
		return c.estado(codigo)
	}
	return c.codigo(codigo)
}

func (t *tablero) detalle(r *http.Request) (*template.Template, pagina, error) {
	if err := limpia(url.Values{"id": {r.PathValue("id")}}); err != nil {
		return nil, pagina{}, err
	}
	if err := limpia(r.URL.Query()); err != nil {
		return nil, pagina{}, err
	}
	d, err := t.cfg.Descargas.Descarga(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, pagina{}, err
	}
	c := detalle{Descarga: d, Codigos: codigos{t.cfg.DescribeCodigo, t.cfg.DescribeEstado}}
	e := enlaces{id: d.ID, q: r.URL.Query()}
	for _, llena := range []func(*http.Request, *detalle, enlaces) error{t.tramos, t.paquetes, t.eventos, t.corridas} {
		if err := llena(r, &c, e); err != nil {
			return nil, pagina{}, err
		}
	}
	p := pagina{Titulo: "Descarga de " + d.Peticion.Solicitud.RFCSolicitante, Raiz: "../descargas", Contenido: c}
	switch {
	case enMovimiento(d.Estado):
		p.Cada = cadaVivo
	case !d.Estado.Final():
		p.Cada = cadaQuieto
	}
	p.pausa(r.URL.Query(), url.PathEscape(d.ID))
	return t.una, p, nil
}

// enlaces makes links to the same page with one parameter changed.
type enlaces struct {
	id string
	q  url.Values
}

func (e enlaces) con(nombre, valor, ancla string) string {
	q := url.Values{}
	for k := range e.q {
		q.Set(k, e.q.Get(k))
	}
	if q.Set(nombre, valor); valor == "" {
		q.Del(nombre)
	}
	out := url.PathEscape(e.id)
	if len(q) > 0 {
		out += "?" + q.Encode()
	}
	return out + "#" + ancla
}

// numero reads a parameter that counts; 0 for none.
func (e enlaces) numero(nombre string) (int64, error) {
	texto := e.q.Get(nombre)
	if texto == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(texto, 10, 64)
	if err != nil || n < 1 {
		return 0, malformada("El parámetro " + nombre + " es un número desde 1.")
	}
	return n, nil
}

func (t *tablero) tramos(_ *http.Request, c *detalle, e enlaces) error {
	n, err := e.numero("solicitudes")
	if err != nil {
		return err
	}
	todas := arbol(c.Solicitudes)
	ultima := max(1, (int64(len(todas))+tramosPorPagina-1)/tramosPorPagina)
	n = min(max(1, n), ultima)
	c.Tramos = todas[(n-1)*tramosPorPagina : min(int64(len(todas)), n*tramosPorPagina)]
	if n > 1 {
		c.TramosAntes = e.con("solicitudes", strconv.FormatInt(n-1, 10), "solicitudes")
	}
	if n < ultima {
		c.TramosDespues = e.con("solicitudes", strconv.FormatInt(n+1, 10), "solicitudes")
	}
	return nil
}

func (t *tablero) paquetes(r *http.Request, c *detalle, e enlaces) error {
	cursor := e.q.Get("paquetes")
	pagina, siguiente, err := t.cfg.Descargas.Paquetes(r.Context(), c.ID, cursor, paquetesPorPagina)
	if err != nil {
		return err
	}
	c.Paquetes = pagina
	if cursor != "" {
		c.PaquetesPrimera = e.con("paquetes", "", "paquetes")
	}
	if siguiente != "" {
		c.PaquetesMas = e.con("paquetes", siguiente, "paquetes")
	}
	return nil
}

// eventos reads a page of the ledger, the newest first: numbers have no gaps, so
// that the page in front of any number is known.
func (t *tablero) eventos(r *http.Request, c *detalle, e enlaces) error {
	antes, err := e.numero("antes")
	if err != nil {
		return err
	}
	if c.UltimoEvento, err = t.cfg.Descargas.UltimoEvento(r.Context(), c.ID); err != nil {
		return err
	}
	hasta := c.UltimoEvento
	if antes > 0 && antes <= hasta {
		hasta = antes - 1
		c.EventosRecientes = e.con("antes", "", "libro")
	}
	desde := max(0, hasta-eventosPorPagina)
	if hasta == desde {
		return nil
	}
	pagina, err := t.cfg.Descargas.Eventos(r.Context(), c.ID, desde, int(hasta-desde))
	if err != nil {
		return err
	}
	for i := len(pagina) - 1; i >= 0; i-- {
		c.Eventos = append(c.Eventos, pagina[i])
	}
	if desde > 0 {
		c.EventosMas = e.con("antes", strconv.FormatInt(desde+1, 10), "libro")
	}
	return nil
}

// corridas reads the last runs of a recurrent descarga.
func (t *tablero) corridas(r *http.Request, c *detalle, _ enlaces) error {
	if c.Peticion.Programacion == nil {
		return nil
	}
	pagina, siguiente, err := t.cfg.Descargas.Lista(r.Context(), gateway.FiltroDescargas{IDProgramacion: c.ID, Limite: corridasALaVista})
	if err != nil {
		return err
	}
	c.Corridas = pagina
	if siguiente != "" {
		c.CorridasTodas = "../descargas?" + url.Values{"programacion": {c.ID}}.Encode()
	}
	return nil
}
