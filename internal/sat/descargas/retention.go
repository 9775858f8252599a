package descargas

import (
	"context"
	"errors"
	"time"

	"github.com/pasarela-mx/pasarela/internal/clock"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// memorySteps is how long after the end the events of polls and waits are kept.
const memorySteps = 30 * 24 * time.Hour

// Eraser removes packages from storage.
type Eraser interface {
	Delete(ctx context.Context, p gateway.Paquete) error
}

// retention removes what is no longer kept of descargas that have ended.
type retention struct {
	rows   Rows
	clock  *clock.Clock
	eraser Eraser
	// keep is how long packages are kept; zero for ever.
	keep            time.Duration
	change          func(ctx context.Context, id string, change func(*store.Change) error) error
	forgetNovedades func(ctx context.Context, programacion string) error
}

// withdraw removes the packages of descargas that ended long ago, unless another
// one needs them still, and says so in their ledgers.
func (m *retention) withdraw(ctx context.Context) error {
	if m.keep <= 0 || m.eraser == nil {
		return nil
	}
	before := m.clock.Earliest().Add(-m.keep)
	expired, err := m.rows.Descargas.ToWithdraw(ctx, before, perRonda)
	for _, d := range expired {
		err = errors.Join(err, m.withdrawOne(ctx, d, before))
	}
	return err
}

func (m *retention) withdrawOne(ctx context.Context, d store.Descarga, before time.Time) error {
	after := int64(0)
	deleted := 0
	for {
		paquetes, err := m.rows.TramosPaquetes.Page(ctx, d.ID, after, perRonda)
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

// withdrawPaquete removes a package that nobody else needs, and reports whether it did.
func (m *retention) withdrawPaquete(ctx context.Context, p store.TramoPaquete, before time.Time) (bool, error) {
	// One that was given up may have come all the same.
	if p.Estado != gateway.PaqueteGuardado && p.Saved.IsZero() {
		return false, nil
	}
	if used, err := m.rows.TramosPaquetes.InUse(ctx, p, before); used || err != nil {
		return false, err
	}
	if err := m.eraser.Delete(ctx, p.Paquete); err != nil && !gateway.IsKind(err, gateway.KindNoEncontrado) {
		return false, err
	}
	return true, nil
}

// forget removes what nobody needs of descargas that have ended: identities, when a count
// that came too late cannot be at work any more, and in time the events of polls and waits.
func (m *retention) forget(ctx context.Context) error {
	ya := m.clock.Earliest()
	return errors.Join(m.rows.Comprobantes.ForgetIdentities(ctx, ya.Add(-maxCuenta)), m.rows.Descargas.Prune(ctx, ya.Add(-memorySteps), perRonda))
}
