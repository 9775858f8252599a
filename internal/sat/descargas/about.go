package descargas

import (
	"context"
	"errors"
	"time"

	"github.com/pasarela-mx/pasarela/internal/store"
)

// slack is how far the clocks of gateways that share a database may differ.
const slack = time.Minute

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
