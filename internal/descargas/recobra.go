package descargas

import (
	"context"
	"errors"
)

// porRecobro bounds what is woken of each kind in a round: there may be room for few.
const porRecobro = 16

// recobra wakes what waits because this machine had not what it takes, once it has: a
// file can be written, and the ledger takes the new turn. Nothing is woken before it has
// waited for the shortest interval.
func (m *Motor) recobra(ctx context.Context) error {
	ahora := m.cfg.Now()
	antes := ahora.Add(-m.cfg.Ritmo.Minimo)
	tramos, err := m.cfg.Store.TramosAplazados(ctx, condNuestra, antes, ahora, porRecobro)
	paquetes, errPaquetes := m.cfg.Store.PaquetesAplazados(ctx, condNuestra, antes, ahora, porRecobro)
	err = errors.Join(err, errPaquetes)
	if len(tramos)+len(paquetes) == 0 || m.cfg.Almacen.Listo() != nil {
		return err
	}
	for _, t := range tramos {
		err = errors.Join(err, m.cfg.Store.RelevaTramo(ctx, t, ahora, ahora))
	}
	for _, p := range paquetes {
		err = errors.Join(err, m.cfg.Store.RelevaPaquete(ctx, p, ahora, ahora))
	}
	return err
}
