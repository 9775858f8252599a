package cliente

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/pasarela-mx/pasarela/gen/rest"
)

// The waits between two looks at a descarga. They are at the gateway, not at the
// SAT: a look costs a read of its database.
const (
	miraMinimo = time.Second
	miraMaximo = 5 * time.Second
	// maxPaginasDeUna bounds the lists of one descarga: a hundred thousand packages, or
	// events at a look.
	maxPaginasDeUna = 100
)

// Paso is how a descarga is, and what happened to it since the last Paso.
type Paso struct {
	Descarga rest.Descarga
	Eventos  []rest.EventoDeDescarga
}

// Sigue follows a descarga until its state is final, and tells of each look. It
// outlives restarts of the gateway. Pages of events are used and not their stream:
// proxies hold streams back, and a look at both is what shows the progress.
func (c *Cliente) Sigue(ctx context.Context, id string, avisa func(Paso)) (rest.Descarga, error) {
	var visto int64
	for {
		d, espera, err := c.consulta(ctx, id)
		if err != nil {
			return d, err
		}
		// Asked after the descarga, so that nothing of a final one is left out.
		eventos, err := c.eventos(ctx, id, visto)
		if err != nil {
			return d, err
		}
		if len(eventos) > 0 {
			visto = eventos[len(eventos)-1].Numero
		}
		avisa(Paso{d, eventos})
		if Final(d.Estado) {
			return d, nil
		}
		if err := duerme(ctx, min(max(espera, miraMinimo), miraMaximo)); err != nil {
			return d, err
		}
	}
}

func (c *Cliente) eventos(ctx context.Context, id string, despues int64) ([]rest.EventoDeDescarga, error) {
	var todos []rest.EventoDeDescarga
	// More are read at the next look.
	for range maxPaginasDeUna {
		var lista rest.ListaEventosDescarga
		_, err := c.llama(ctx, peticion{metodo: http.MethodGet, ruta: rutaDescargas + "/" + url.PathEscape(id) + "/eventos", intentos: intentosPaciente,
			query: url.Values{"despues": {strconv.FormatInt(despues, 10)}, "limite": {strconv.Itoa(pagina)}}}, &lista)
		if err != nil {
			return nil, err
		}
		todos = append(todos, lista.Eventos...)
		if len(lista.Eventos) < pagina {
			return todos, nil
		}
		despues = lista.Eventos[len(lista.Eventos)-1].Numero
	}
	return todos, nil
}

// paquetes lists every package of a descarga.
func (c *Cliente) paquetes(ctx context.Context, id string) ([]rest.PaqueteDeDescarga, error) {
	var todos []rest.PaqueteDeDescarga
	query := url.Values{"limite": {strconv.Itoa(pagina)}}
	for range maxPaginasDeUna {
		var lista rest.ListaPaquetesDescarga
		_, err := c.llama(ctx, peticion{metodo: http.MethodGet, ruta: rutaDescargas + "/" + url.PathEscape(id) + "/paquetes", query: query}, &lista)
		if err != nil {
			return nil, err
		}
		todos = append(todos, lista.Paquetes...)
		if lista.Siguiente == "" {
			return todos, nil
		}
		query.Set("cursor", lista.Siguiente)
	}
	return nil, fmt.Errorf("%w: su lista de paquetes no acaba", ErrAjena)
}
