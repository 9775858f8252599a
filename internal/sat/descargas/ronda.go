package descargas

import (
	"context"
	"errors"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

const (
	// perRonda bounds what one round takes on of each kind; the next goes on.
	perRonda = 500
	// memorySteps is how long after the end the events of polls and waits are kept.
	memorySteps = 30 * 24 * time.Hour
)

// Ronda does what is nobody's job: it starts the runs of recurrent descargas,
// tells of ends that nobody was told of and removes what retention no longer
// keeps, and what nobody needs after an end. One gateway at a time makes rounds; two at once do no harm.
func (m *Engine) Ronda(ctx context.Context) error {
	return errors.Join(m.bringForward(ctx), m.run(ctx), m.repeat(ctx), m.withdraw(ctx), m.forget(ctx))
}

// repeat tells of the ends that nobody has been told of.
func (m *Engine) repeat(ctx context.Context) error {
	silent, err := m.cfg.Store.Descargas.ToPublish(ctx, perRonda)
	for _, d := range silent {
		m.publish(ctx, d.Descarga)
	}
	return err
}

// forget removes what nobody needs of descargas that have ended: identities, when a count
// that came too late cannot be at work any more, and in time the events of polls and waits.
func (m *Engine) forget(ctx context.Context) error {
	ya := m.cfg.Clock.Earliest()
	return errors.Join(m.cfg.Store.Comprobantes.ForgetIdentities(ctx, ya.Add(-maxCuenta)), m.cfg.Store.Descargas.Prune(ctx, ya.Add(-memorySteps), perRonda))
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

// Eraser removes packages from storage.
type Eraser interface {
	Delete(ctx context.Context, p gateway.Paquete) error
}

// withdraw removes the packages of descargas that ended long ago, unless another
// one needs them still, and says so in their ledgers.
func (m *Engine) withdraw(ctx context.Context) error {
	if m.cfg.Retencion <= 0 || m.cfg.Eraser == nil {
		return nil
	}
	before := m.cfg.Clock.Earliest().Add(-m.cfg.Retencion)
	expired, err := m.cfg.Store.Descargas.ToWithdraw(ctx, before, perRonda)
	for _, d := range expired {
		err = errors.Join(err, m.withdrawOne(ctx, d, before))
	}
	return err
}

func (m *Engine) withdrawOne(ctx context.Context, d store.Descarga, before time.Time) error {
	after := int64(0)
	deleted := 0
	for {
		paquetes, err := m.cfg.Store.TramosPaquetes.Page(ctx, d.ID, after, perRonda)
		if err != nil {
			return err
		}
		for _, p := range paquetes {
			after = p.Number
			removed, err := m.withdrawPaquete(ctx, p, before)
			if err != nil {
				return err
			}
			if removed {
				deleted++
			}
		}
		if len(paquetes) < perRonda {
			break
		}
	}
	err := m.change(ctx, d.ID, func(c *store.Change) error {
		c.Withdraw()
		if deleted > 0 {
			c.Evento(gateway.EventoDescarga{Tipo: "retirada", Detalle: "Venció la retención: los paquetes se borraron del almacén. El SAT no los entrega otra vez."})
		}
		return nil
	})
	if err != nil || d.IDProgramacion == "" {
		return err
	}
	return m.forgetNovedades(ctx, d.IDProgramacion)
}

// withdrawPaquete removes a package that nobody else needs, and tells whether it did.
func (m *Engine) withdrawPaquete(ctx context.Context, p store.TramoPaquete, before time.Time) (bool, error) {
	// One that was given up may have come all the same.
	if p.Estado != gateway.PaqueteGuardado && p.Saved.IsZero() {
		return false, nil
	}
	if used, err := m.cfg.Store.TramosPaquetes.InUse(ctx, p, before); used || err != nil {
		return false, err
	}
	if err := m.cfg.Eraser.Delete(ctx, p.Paquete); err != nil && !gateway.IsKind(err, gateway.KindNoEncontrado) {
		return false, err
	}
	return true, nil
}
