package descargas

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// Descarga returns a descarga with its solicitudes.
func (m *Engine) Descarga(ctx context.Context, id string) (gateway.Descarga, error) {
	d, err := m.cfg.Store.Descargas.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return gateway.Descarga{}, ErrNotExist
	}
	if err != nil {
		return gateway.Descarga{}, internal(err)
	}
	tramos, err := m.cfg.Store.Tramos.Of(ctx, id)
	if err != nil {
		return gateway.Descarga{}, internal(err)
	}
	for _, t := range tramos {
		d.Solicitudes = append(d.Solicitudes, t.Tramo)
	}
	all := []store.Descarga{d}
	if err := m.complete(ctx, all); err != nil {
		return gateway.Descarga{}, err
	}
	return all[0].Descarga, nil
}

// List returns a page of descargas, the newest first, without their solicitudes,
// and the cursor of the page behind it; empty at the end.
func (m *Engine) List(ctx context.Context, f gateway.DescargasFilter) ([]gateway.Descarga, string, error) {
	rows, next, err := m.cfg.Store.Descargas.List(ctx, f)
	if errors.Is(err, store.ErrCursor) {
		return nil, "", errCursor
	}
	if err != nil {
		return nil, "", internal(err)
	}
	if err := m.complete(ctx, rows); err != nil {
		return nil, "", err
	}
	out := make([]gateway.Descarga, len(rows))
	for i, d := range rows {
		out[i] = d.Descarga
	}
	return out, next, nil
}

// complete fills in what is counted.
func (m *Engine) complete(ctx context.Context, rows []store.Descarga) error {
	ids := make([]string, len(rows))
	for i, d := range rows {
		ids[i] = d.ID
	}
	progresses, err := m.cfg.Store.Descargas.Progresses(ctx, ids)
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
func (m *Engine) Eventos(ctx context.Context, id string, after int64, limit int) ([]gateway.EventoDescarga, error) {
	eventos, err := m.cfg.Store.Descargas.Eventos(ctx, id, after, limit)
	if err != nil {
		return nil, internal(err)
	}
	if len(eventos) == 0 {
		if _, _, err := m.cfg.Store.Descargas.LastEvento(ctx, id); errors.Is(err, store.ErrNotFound) {
			return nil, ErrNotExist
		}
	}
	return eventos, nil
}

// LastEvento returns the number of the ledger's last line; 0 for none.
func (m *Engine) LastEvento(ctx context.Context, id string) (int64, error) {
	last, _, err := m.cfg.Store.Descargas.LastEvento(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return 0, ErrNotExist
	case err != nil:
		return 0, internal(err)
	}
	return last, nil
}

// Count counts descargas by state, as store.Descargas.Count does.
func (m *Engine) Count(ctx context.Context, f gateway.DescargasFilter) (map[gateway.EstadoDescarga]int, error) {
	cuentas, err := m.cfg.Store.Descargas.Count(ctx, f)
	if err != nil {
		return nil, internal(err)
	}
	return cuentas, nil
}

// glance is how long news of another gateway may take to be heard.
const glance = time.Second

// WaitEvento returns when there is an event behind the number after, or the
// descarga has ended; or ctx's error.
func (m *Engine) WaitEvento(ctx context.Context, id string, after int64) error {
	hear, silence := m.hear(id)
	defer silence()
	clock := time.NewTicker(glance)
	defer clock.Stop()
	for {
		last, finished, err := m.cfg.Store.Descargas.LastEvento(ctx, id)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, store.ErrNotFound):
			return ErrNotExist
		case err != nil:
			return internal(err)
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

// hear returns a channel that hears of this process's changes of a descarga until
// silence is called.
func (m *Engine) hear(id string) (hear <-chan struct{}, silence func()) {
	c := make(chan struct{}, 1)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hearers[id] = append(m.hearers[id], c)
	return c, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		remain := m.hearers[id][:0]
		for _, other := range m.hearers[id] {
			if other != c {
				remain = append(remain, other)
			}
		}
		if m.hearers[id] = remain; len(remain) == 0 {
			delete(m.hearers, id)
		}
	}
}

func (m *Engine) notify(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.hearers[id] {
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
func (m *Engine) Paquetes(ctx context.Context, id, cursor string, limit int) ([]gateway.PaqueteDescarga, string, error) {
	var after int64
	if cursor != "" {
		var err error
		if after, err = strconv.ParseInt(cursor, 10, 64); err != nil {
			return nil, "", errCursor
		}
	}
	rows, err := m.cfg.Store.TramosPaquetes.Page(ctx, id, after, limit+1)
	if err != nil {
		return nil, "", internal(err)
	}
	if len(rows) == 0 {
		if _, _, err := m.cfg.Store.Descargas.LastEvento(ctx, id); errors.Is(err, store.ErrNotFound) {
			return nil, "", ErrNotExist
		}
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
