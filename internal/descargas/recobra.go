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
		turno, ok, errRelevo := m.cfg.Store.RelevaTramo(ctx, t, ahora, ahora)
		if err = errors.Join(err, errRelevo); ok && errRelevo == nil {
			t.Turno, t.SiguienteIntento = turno, ahora
			m.despierta(ctx, t)
		}
	}
	for _, p := range paquetes {
		turno, ok, errRelevo := m.cfg.Store.RelevaPaquete(ctx, p, ahora, ahora)
		if err = errors.Join(err, errRelevo); ok && errRelevo == nil {
			m.despiertaPaquete(ctx, p.ID, turno, ahora)
		}
	}
	return err
}
