package descargas

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// View reads what is known of descargas, and hears of their changes.
type View struct {
	rows    Rows
	hearers hearers
}

// NewView returns a view of rows.
func NewView(rows Rows) *View {
	return &View{rows: rows, hearers: hearers{of: make(map[string][]chan struct{})}}
}

// Registered returns a descarga without its solicitudes and what is counted.
func (v *View) Registered(ctx context.Context, id string) (gateway.Descarga, error) {
	d, err := v.rows.Descargas.Get(ctx, id)
	return d.Descarga, readingFailure(err)
}

// readingFailure is the failure of a reading of one descarga, as callers are told.
func readingFailure(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return ErrNotExist
	case err != nil:
		return internal(err)
	}
	return nil
}

// Descarga returns a descarga with its solicitudes.
func (v *View) Descarga(ctx context.Context, id string) (gateway.Descarga, error) {
	d, err := v.rows.Descargas.Get(ctx, id)
	if err != nil {
		return gateway.Descarga{}, readingFailure(err)
	}
	tramos, err := v.rows.Tramos.Of(ctx, id)
	if err != nil {
		return gateway.Descarga{}, internal(err)
	}
	for _, t := range tramos {
		d.Solicitudes = append(d.Solicitudes, t.Tramo)
	}
	all := []store.Descarga{d}
	err = v.complete(ctx, all)
	return all[0].Descarga, err
}

// List returns a page of descargas, the newest first, without their solicitudes,
// and the cursor of the page behind it; empty at the end.
func (v *View) List(ctx context.Context, f gateway.DescargasFilter) ([]gateway.Descarga, string, error) {
	rows, next, err := v.rows.Descargas.List(ctx, f)
	if errors.Is(err, store.ErrCursor) {
		return nil, "", errCursor
	}
	if err != nil {
		return nil, "", internal(err)
	}
	if err := v.complete(ctx, rows); err != nil {
		return nil, "", err
	}
	out := make([]gateway.Descarga, len(rows))
	for i, d := range rows {
		out[i] = d.Descarga
	}
	return out, next, nil
}

// complete fills in what is counted.
func (v *View) complete(ctx context.Context, rows []store.Descarga) error {
	ids := make([]string, len(rows))
	for i, d := range rows {
		ids[i] = d.ID
	}
	progresses, err := v.rows.Descargas.Progresses(ctx, ids)
	if err != nil {
		return internal(err)
	}
	for i := range rows {
		d := &rows[i]
		a := progresses[d.ID]
		d.Progreso, d.Cuota, d.SiguienteIntento = a.Progreso, a.Cuota, a.Next
		if p := d.Request.Programacion; p != nil {
			d.SiguienteIntento = p.Next
		}
		if d.Estado.Final() {
			d.Progreso.Percentage, d.SiguienteIntento = 100, time.Time{}
		}
	}
	return nil
}

// Eventos returns up to limit lines of the ledger behind the number after.
func (v *View) Eventos(ctx context.Context, id string, after int64, limit int) ([]gateway.EventoDescarga, error) {
	eventos, err := v.rows.Descargas.Eventos(ctx, id, after, limit)
	if err != nil {
		return nil, internal(err)
	}
	return eventos, nil
}

// LastEvento returns the number of the ledger's last line; 0 for none.
func (v *View) LastEvento(ctx context.Context, id string) (int64, error) {
	last, _, err := v.rows.Descargas.LastEvento(ctx, id)
	return last, readingFailure(err)
}

// Count counts descargas by state, as store.Descargas.Count does.
func (v *View) Count(ctx context.Context, f gateway.DescargasFilter) (map[gateway.EstadoDescarga]int, error) {
	cuentas, err := v.rows.Descargas.Count(ctx, f)
	if err != nil {
		return nil, internal(err)
	}
	return cuentas, nil
}

// glance is how long news of another gateway may take to be heard.
const glance = time.Second

// WaitEvento returns when there is an event behind the number after, or the
// descarga has ended; or ctx's error.
func (v *View) WaitEvento(ctx context.Context, id string, after int64) error {
	hear, silence := v.hearers.add(id)
	defer silence()
	clock := time.NewTicker(glance)
	defer clock.Stop()
	for {
		last, finished, err := v.rows.Descargas.LastEvento(ctx, id)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return readingFailure(err)
		case finished || last > after:
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-hear:
		case <-clock.C:
		}
	}
}

// hearers wait for changes of a descarga that this process makes.
type hearers struct {
	mu sync.Mutex
	of map[string][]chan struct{}
}

// add returns a channel that hears of the changes of a descarga until silence is called.
func (h *hearers) add(id string) (hear <-chan struct{}, silence func()) {
	c := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.of[id] = append(h.of[id], c)
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.of[id] = slices.DeleteFunc(h.of[id], func(other chan struct{}) bool { return other == c })
		if len(h.of[id]) == 0 {
			delete(h.of, id)
		}
	}
}

func (h *hearers) notify(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.of[id] {
		select {
		case c <- struct{}{}:
		default: // it has news to look at already
		}
	}
}

// errCursor says that a cursor is none of ours.
var errCursor = &gateway.Error{Kind: gateway.KindMalformada, Own: gateway.OwnCursorAjeno, Detail: "El cursor no es uno que haya dado esta pasarela.",
	Fields: []gateway.Field{{Campo: "cursor", Detalle: "Use el de la página anterior, tal cual."}}}

// detailDamaged says what can be done with a damaged package.
const detailDamaged = "Lo que hay en el almacén ya no son los bytes que llegaron del SAT, o no está. Restaure el archivo de un respaldo, o pida el mismo rango en una descarga nueva."

// Paquetes returns a page of a descarga's packages in the order in which the SAT
// named them, and the cursor of the page behind it; empty at the end.
func (v *View) Paquetes(ctx context.Context, id, cursor string, limit int) ([]gateway.PaqueteDescarga, string, error) {
	var after int64
	if cursor != "" {
		var err error
		if after, err = strconv.ParseInt(cursor, 10, 64); err != nil {
			return nil, "", errCursor
		}
	}
	rows, err := v.rows.TramosPaquetes.Page(ctx, id, after, limit+1)
	if err != nil {
		return nil, "", internal(err)
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = strconv.FormatInt(rows[limit-1].Number, 10)
	}
	out := make([]gateway.PaqueteDescarga, len(rows))
	for i, p := range rows {
		out[i] = p.PaqueteDescarga
		if p.Damaged && p.Estado == gateway.PaqueteGuardado {
			out[i].Estado, out[i].Detalle, out[i].MotivoCodigo = gateway.PaqueteDanado, detailDamaged, string(gateway.OwnPaqueteDanado)
		}
	}
	return out, next, nil
}
