package descargas

import (
	"context"
	"errors"
)

// byRecovery bounds what is woken of each kind in a round: there may be room for few.
const byRecovery = 16

// recover wakes what waits because this machine had not what it takes, once it has: a
// file can be written, and the ledger takes the new turn. Nothing is woken before it has
// waited for the shortest interval.
func (m *Engine) recover(ctx context.Context) error {
	now := m.cfg.Now()
	before := now.Add(-m.cfg.Pace.Min)
	tramos, err := m.cfg.Store.Tramos.Postponed(ctx, condNuestra, before, now, byRecovery)
	paquetes, errPaquetes := m.cfg.Store.TramosPaquetes.Postponed(ctx, condNuestra, before, now, byRecovery)
	err = errors.Join(err, errPaquetes)
	if len(tramos)+len(paquetes) == 0 || m.cfg.Vault.Ready() != nil {
		return err
	}
	for _, t := range tramos {
		err = errors.Join(err, m.cfg.Store.Tramos.TakeOver(ctx, t, now, now))
	}
	for _, p := range paquetes {
		err = errors.Join(err, m.cfg.Store.TramosPaquetes.TakeOver(ctx, p, now, now))
	}
	return err
}
