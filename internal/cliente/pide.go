package cliente

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Origen is where a descarga comes from.
type Origen string

// Where a descarga comes from.
const (
	Nueva       Origen = "nueva"       // it was asked for just now
	EnCurso     Origen = "en_curso"    // one with the same criteria lived
	Reutilizada Origen = "reutilizada" // one with the same criteria had ended
)

const (
	rutaDescargas = "/v1/sat/descargas"
	pagina        = 1000
	// maxPaginas bounds the look at what is there: twenty thousand descargas of one RFC.
	maxPaginas = 20
)

// Pide returns the descarga that answers p: one that lives, one that has ended
// after the end of the range and so knows all of it, or else a new one. With
// nueva, those that have ended do not count.
func (c *Cliente) Pide(ctx context.Context, p rest.PeticionDescarga, nueva bool) (rest.Descarga, Origen, error) {
	hasta, err := EnMexico(p.FechaFinal)
	if err != nil {
		return rest.Descarga{}, "", err
	}
	d, hay, err := c.busca(ctx, p, hasta, nueva)
	switch {
	case err != nil:
		return rest.Descarga{}, "", err
	case hay && Final(d.Estado):
		return d, Reutilizada, nil
	case hay:
		return d, EnCurso, nil
	}
	_, err = c.llama(ctx, peticion{metodo: http.MethodPost, ruta: rutaDescargas, cuerpo: p,
		encabezados: map[string]string{"Idempotency-Key": uuid.NewString()}}, &d)
	var problema *Problema
	if errors.As(err, &problema) && problema.Status == http.StatusConflict && problema.Recurso != "" {
		// Somebody else asked for the same meanwhile.
		d, err = c.Descarga(ctx, path.Base(problema.Recurso))
		return d, EnCurso, err
	}
	return d, Nueva, err
}

// busca looks for a descarga of the same criteria, the newest first.
func (c *Cliente) busca(ctx context.Context, p rest.PeticionDescarga, hasta time.Time, soloVivas bool) (rest.Descarga, bool, error) {
	query := url.Values{"rfcSolicitante": {p.RFCSolicitante}, "limite": {strconv.Itoa(pagina)}, "creacionDesde": {hasta.UTC().Format(time.RFC3339)}}
	for range maxPaginas {
		var lista rest.ListaDescargas
		if _, err := c.llama(ctx, peticion{metodo: http.MethodGet, ruta: rutaDescargas, query: query, intentos: intentosPrimeros}, &lista); err != nil {
			return rest.Descarga{}, false, err
		}
		for _, d := range lista.Descargas {
			if Iguales(p, d) && (!soloVivas || !Final(d.Estado)) {
				return d, true, nil
			}
		}
		if lista.Siguiente == "" {
			break
		}
		query.Set("cursor", lista.Siguiente)
	}
	return rest.Descarga{}, false, nil
}

// Iguales tells whether d is what p asks for. What p leaves out counts as what the
// contract supposes.
func Iguales(p rest.PeticionDescarga, d rest.Descarga) bool {
	emisor := p.RFCEmisor
	if p.TipoDescarga == gateway.Emitidos && emisor == "" {
		emisor = p.RFCSolicitante
	}
	suyo := d.RFCEmisor
	if d.TipoDescarga == gateway.Emitidos && suyo == "" {
		suyo = d.RFCSolicitante
	}
	return d.IDProgramacion == "" && d.Programacion == nil && emisor == suyo &&
		p.Servicio == d.Servicio && p.RFCSolicitante == d.RFCSolicitante && p.TipoDescarga == d.TipoDescarga &&
		p.TipoSolicitud == d.TipoSolicitud && p.FechaInicial == d.FechaInicial && p.FechaFinal == d.FechaFinal &&
		slices.Equal(enOrden(p.RFCReceptores), enOrden(d.RFCReceptores)) &&
		estado(p.EstadoComprobante, p.TipoSolicitud) == estado(d.EstadoComprobante, d.TipoSolicitud) &&
		p.TipoComprobante == d.TipoComprobante && p.Complemento == d.Complemento && p.RFCACuentaTerceros == d.RFCACuentaTerceros
}

func enOrden(rfcs []rest.RFC) []rest.RFC { return slices.Sorted(slices.Values(rfcs)) }

// estado is the state of comprobantes that is meant where none is said.
func estado(dicho rest.EstadoComprobante, tipo rest.TipoSolicitud) rest.EstadoComprobante {
	switch {
	case dicho != "":
		return dicho
	case tipo == gateway.TipoMetadata:
		return gateway.EstadoTodos
	}
	return gateway.EstadoVigente
}

// EnMexico reads a date of the contract: the clock of central Mexico, without a zone.
func EnMexico(fecha string) (time.Time, error) {
	return time.ParseInLocation(gateway.FormatoFecha, fecha, gateway.EnMexico(time.Time{}).Location())
}

// Final tells whether the state never changes again.
func Final(e rest.EstadoDescarga) bool { return gateway.EstadoDescarga(e).Final() }

// Descarga returns one with its solicitudes.
func (c *Cliente) Descarga(ctx context.Context, id string) (rest.Descarga, error) {
	d, _, err := c.consulta(ctx, id)
	return d, err
}

// consulta is Descarga with how long there will be nothing new.
func (c *Cliente) consulta(ctx context.Context, id string) (rest.Descarga, time.Duration, error) {
	var d rest.Descarga
	h, err := c.llama(ctx, peticion{metodo: http.MethodGet, ruta: rutaDescargas + "/" + url.PathEscape(id), intentos: intentosPaciente}, &d)
	segundos, _ := strconv.Atoi(h.Get("Retry-After"))
	return d, time.Duration(segundos) * time.Second, err
}
