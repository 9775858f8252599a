package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/pasarela-mx/pasarela/gen/rest"
)

// The waits between two looks at a descarga. A look asks the gateway, not the SAT, and
// costs it a read of its database.
const (
	lookMin = time.Second
	lookMax = 5 * time.Second
	// oneMaxPages bounds the lists of one descarga: a hundred thousand packages, or
	// events per look.
	oneMaxPages = 100
)

// Step is the state of a descarga, and its events since the last Step.
type Step struct {
	Descarga rest.Descarga
	Eventos  []rest.EventoDeDescarga
}

// Follow follows a descarga until its state is final, and reports each look. It continues
// across restarts of the gateway. It uses pages of events instead of the stream, because
// proxies hold streams back and each look also shows the progress.
func (c *Client) Follow(ctx context.Context, id string, notify func(Step)) (rest.Descarga, error) {
	var seen int64
	for {
		d, wait, err := c.query(ctx, id)
		if err != nil {
			return d, err
		}
		// Read after the descarga, so that no event of a final one is missed.
		eventos, err := c.eventos(ctx, id, seen)
		if err != nil {
			return d, err
		}
		if len(eventos) > 0 {
			seen = eventos[len(eventos)-1].Numero
		}
		notify(Step{d, eventos})
		if Final(d.Estado) {
			return d, nil
		}
		if err := sleep(ctx, min(max(wait, lookMin), lookMax)); err != nil {
			return d, err
		}
	}
}

func (c *Client) eventos(ctx context.Context, id string, after int64) ([]rest.EventoDeDescarga, error) {
	var all []rest.EventoDeDescarga
	// The next look reads more.
	for range oneMaxPages {
		var list rest.ListaEventosDescarga
		_, err := c.call(ctx, request{method: http.MethodGet, path: pathDescargas + "/" + url.PathEscape(id) + "/eventos", attempts: patientAttempts,
			query: url.Values{"despues": {strconv.FormatInt(after, 10)}, "limite": {strconv.Itoa(page)}}}, &list)
		if err != nil {
			return nil, err
		}
		all = append(all, list.Eventos...)
		if len(list.Eventos) < page {
			return all, nil
		}
		after = list.Eventos[len(list.Eventos)-1].Numero
	}
	return all, nil
}

// paquetes lists every package of a descarga.
func (c *Client) paquetes(ctx context.Context, id string) ([]rest.PaqueteDeDescarga, error) {
	var all []rest.PaqueteDeDescarga
	query := url.Values{"limite": {strconv.Itoa(page)}}
	for range oneMaxPages {
		var list rest.ListaPaquetesDescarga
		_, err := c.call(ctx, request{method: http.MethodGet, path: pathDescargas + "/" + url.PathEscape(id) + "/paquetes", query: query}, &list)
		if err != nil {
			return nil, err
		}
		all = append(all, list.Paquetes...)
		if list.Siguiente == "" {
			return all, nil
		}
		query.Set("cursor", list.Siguiente)
	}
	return nil, fmt.Errorf("%w: su lista de paquetes no acaba", ErrForeign)
}
