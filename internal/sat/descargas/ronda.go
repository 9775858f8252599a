package descargas

import (
	"context"
	"errors"
)

// perRonda bounds what one round takes on of each kind; the next goes on.
const perRonda = 500

// Ronda starts the runs of recurrent descargas, publishes ends that were not published,
// and removes what is no longer kept. One gateway at a time makes rounds; two at once do
// no harm.
func (m *Engine) Ronda(ctx context.Context) error {
	return errors.Join(m.recurrentes.bringForward(ctx), m.recurrentes.run(ctx), m.repeat(ctx), m.retention.withdraw(ctx), m.retention.forget(ctx))
}

// repeat tells of the ends that nobody has been told of.
func (m *Engine) repeat(ctx context.Context) error {
	silent, err := m.cfg.Store.Descargas.ToPublish(ctx, perRonda)
	for _, d := range silent {
		m.publish(ctx, d.Descarga)
	}
	return err
}

// TakeOver frees what is in the hands of a process that has died or has let it fall, in
// a new turn, so that nothing that a dead one writes after all is taken. It also pulls
// in what waits in vain. Each gateway does this; two at once do no harm.
func (m *Engine) TakeOver(ctx context.Context) error {
	if m.cfg.Cluster.Lost() {
		return nil // it does not know who is dead
	}
	return errors.Join(m.letGo(ctx), m.about(ctx), m.recover(ctx))
}

// letGo frees what nobody alive is at work on.
func (m *Engine) letGo(ctx context.Context) error {
	now := m.cfg.Now()
	tramos, err := m.cfg.Store.Tramos.Busy(ctx, now, perRonda)
	for _, t := range tramos {
		if !m.inHands(tramoRow(t.ID), t.Holder) {
			err = errors.Join(err, m.cfg.Store.Tramos.TakeOver(ctx, t, t.SiguienteIntento, now))
		}
	}
	paquetes, errPaquetes := m.cfg.Store.TramosPaquetes.Busy(ctx, now, perRonda)
	err = errors.Join(err, errPaquetes)
	for _, p := range paquetes {
		if !m.inHands(paqueteRow(p.ID), p.Holder) {
			err = errors.Join(err, m.cfg.Store.TramosPaquetes.TakeOver(ctx, p, p.Next, now))
		}
	}
	return err
}

// inHands reports whether somebody alive is at work on a row. Of its own this
// process knows it exactly: a step that failed may have left its name behind.
func (m *Engine) inHands(row, holder string) bool {
	if holder != "" && holder != m.cfg.Cluster.ID() {
		return m.cfg.Cluster.Alive(holder)
	}
	return m.hands.have(row)
}
