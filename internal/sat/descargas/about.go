package descargas

import (
	"context"
	"errors"
	"time"

	"github.com/pasarela-mx/pasarela/internal/store"
)

const (
	// slack is how far the clocks of gateways that share a database may differ.
	slack = time.Minute
	// maxCorrida is more than the time between two runs of a recurrent descarga.
	maxCorrida = 25 * time.Hour
)

// about pulls in what waits for an instant that a wrong clock has set: its wait was
// begun in the future. It waits for as long as it was meant to, from now on.
func (m *Engine) about(ctx context.Context) error {
	now := m.cfg.Now()
	after := m.cfg.Clock.Latest().Add(slack)
	tramos, err := m.cfg.Store.Tramos.Early(ctx, after, perRonda)
	for _, t := range tramos {
		if m.inHands(tramoRow(t.ID), t.Holder) {
			continue
		}
		when := now.Add(m.remained(t.SiguienteIntento.Sub(t.WaitSince), t.Serie))
		err = errors.Join(err, m.cfg.Store.Tramos.TakeOver(ctx, t, when, now))
	}
	paquetes, errPaquetes := m.cfg.Store.TramosPaquetes.Early(ctx, after, perRonda)
	err = errors.Join(err, errPaquetes)
	for _, p := range paquetes {
		if m.inHands(paqueteRow(p.ID), p.Holder) {
			continue
		}
		when := now.Add(m.remained(p.Next.Sub(p.WaitSince), p.Serie))
		err = errors.Join(err, m.cfg.Store.TramosPaquetes.TakeOver(ctx, p, when, now))
	}
	return err
}

// skipped reports whether the clock has jumped over the end of a wait, which has not come.
func (m *Engine) skipped(since, until time.Time) bool {
	ya := m.cfg.Clock.Earliest()
	return until.After(ya) && !since.After(ya)
}

// remained is how long a wait was meant to be. One for tomorrow is for the right one.
func (m *Engine) remained(wait time.Duration, s store.Serie) time.Duration {
	if mean(s.Condition, onQuery).direction == otherDay {
		return untilTomorrow(m.cfg.Clock.Earliest())
	}
	return max(wait, 0)
}

// bringForward sets the next run of the recurrent descargas anew whose time a wrong clock
// has set.
func (m *Engine) bringForward(ctx context.Context) error {
	distant, err := m.cfg.Store.Descargas.ScheduledAfter(ctx, m.cfg.Clock.Latest().Add(maxCorrida), perRonda)
	for _, d := range distant {
		err = errors.Join(err, m.change(ctx, d.ID, func(c *store.Change) error {
			if p := c.Descarga().Request.Programacion; p != nil && !c.Descarga().Estado.Final() {
				p.Next = next(m.cfg.Clock.Latest(), p.Hora)
			}
			return c.Err()
		}))
	}
	return err
}
