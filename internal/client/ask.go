package client

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

// Origin is where a descarga comes from.
type Origin string

// The origins of a descarga.
const (
	Nueva       Origin = "nueva"       // it was requested just now
	EnCurso     Origin = "en_curso"    // one with the same criteria was live
	Reutilizada Origin = "reutilizada" // one with the same criteria had ended
)

const (
	pathDescargas = "/v1/sat/descargas"
	page          = 1000
	// maxPages bounds the search: twenty thousand descargas of one RFC.
	maxPages = 20
)

// Ask returns the descarga that answers p: a live one, one that ended after the end of
// the range and so covers all of it, or else a new one. With fresh, ended ones do not
// count.
func (c *Client) Ask(ctx context.Context, p rest.PeticionDescarga, fresh bool) (rest.Descarga, Origin, error) {
	until, err := InMexico(p.FechaFinal)
	if err != nil {
		return rest.Descarga{}, "", err
	}
	d, has, err := c.find(ctx, p, until, fresh)
	switch {
	case err != nil:
		return rest.Descarga{}, "", err
	case has && Final(d.Estado):
		return d, Reutilizada, nil
	case has:
		return d, EnCurso, nil
	}
	_, err = c.call(ctx, request{method: http.MethodPost, path: pathDescargas, body: p,
		headers: map[string]string{"Idempotency-Key": uuid.NewString()}}, &d)
	var problem *Problem
	if errors.As(err, &problem) && problem.Status == http.StatusConflict && problem.Resource != "" {
		// Another caller requested the same in the meantime.
		d, err = c.Descarga(ctx, path.Base(problem.Resource))
		return d, EnCurso, err
	}
	return d, Nueva, err
}

// find looks for a descarga with the same criteria, newest first.
func (c *Client) find(ctx context.Context, p rest.PeticionDescarga, until time.Time, onlyLive bool) (rest.Descarga, bool, error) {
	query := url.Values{"rfcSolicitante": {p.RFCSolicitante}, "limite": {strconv.Itoa(page)}, "creacionDesde": {until.UTC().Format(time.RFC3339)}}
	for range maxPages {
		var list rest.ListaDescargas
		if _, err := c.call(ctx, request{method: http.MethodGet, path: pathDescargas, query: query, attempts: firstAttempts}, &list); err != nil {
			return rest.Descarga{}, false, err
		}
		for _, d := range list.Descargas {
			if Equal(p, d) && (!onlyLive || !Final(d.Estado)) {
				return d, true, nil
			}
		}
		if list.Siguiente == "" {
			break
		}
		query.Set("cursor", list.Siguiente)
	}
	return rest.Descarga{}, false, nil
}

// Equal reports whether d is what p asks for. Fields that p omits have the contract's
// defaults.
func Equal(p rest.PeticionDescarga, d rest.Descarga) bool {
	emisor := p.RFCEmisor
	if p.TipoDescarga == gateway.Emitidos && emisor == "" {
		emisor = p.RFCSolicitante
	}
	its := d.RFCEmisor
	if d.TipoDescarga == gateway.Emitidos && its == "" {
		its = d.RFCSolicitante
	}
	return d.IDProgramacion == "" && d.Programacion == nil && emisor == its &&
		p.Servicio == d.Servicio && p.RFCSolicitante == d.RFCSolicitante && p.TipoDescarga == d.TipoDescarga &&
		p.TipoSolicitud == d.TipoSolicitud && p.FechaInicial == d.FechaInicial && p.FechaFinal == d.FechaFinal &&
		slices.Equal(inOrder(p.RFCReceptores), inOrder(d.RFCReceptores)) &&
		estado(p.EstadoComprobante, p.TipoSolicitud) == estado(d.EstadoComprobante, d.TipoSolicitud) &&
		p.TipoComprobante == d.TipoComprobante && p.Complemento == d.Complemento && p.RFCACuentaTerceros == d.RFCACuentaTerceros
}

func inOrder(rfcs []rest.RFC) []rest.RFC { return slices.Sorted(slices.Values(rfcs)) }

// estado is the default state of comprobantes.
func estado(said rest.EstadoComprobante, tipo rest.TipoSolicitud) rest.EstadoComprobante {
	switch {
	case said != "":
		return said
	case tipo == gateway.TipoMetadata:
		return gateway.EstadoTodos
	}
	return gateway.EstadoVigente
}

// InMexico parses a date of the contract: the clock of central Mexico, without a zone.
func InMexico(fecha string) (time.Time, error) {
	return time.ParseInLocation(gateway.FechaFormat, fecha, gateway.InMexico(time.Time{}).Location())
}

// Final reports whether the state never changes again.
func Final(e rest.EstadoDescarga) bool { return gateway.EstadoDescarga(e).Final() }

// Descarga returns one descarga with its solicitudes.
func (c *Client) Descarga(ctx context.Context, id string) (rest.Descarga, error) {
	d, _, err := c.query(ctx, id)
	return d, err
}

// query is Descarga, and also returns how long there will be nothing new.
func (c *Client) query(ctx context.Context, id string) (rest.Descarga, time.Duration, error) {
	var d rest.Descarga
	h, err := c.call(ctx, request{method: http.MethodGet, path: pathDescargas + "/" + url.PathEscape(id), attempts: patientAttempts}, &d)
	seconds, _ := strconv.Atoi(h.Get("Retry-After"))
	return d, time.Duration(seconds) * time.Second, err
}
