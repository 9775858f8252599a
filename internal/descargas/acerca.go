package descargas

import (
	"context"
	"errors"
	"time"

	"github.com/pasarela-mx/pasarela/internal/store"
)

const (
	// holgura is how far the clocks of gateways that share a database may differ.
	holgura = time.Minute
	// maxCorrida is more than the time between two runs of a recurrent descarga.
	maxCorrida = 25 * time.Hour
)

// acerca pulls in what waits for an instant that a wrong clock has set: its wait was
// begun in the future. It waits for as long as it was meant to, from now on.
func (m *Motor) acerca(ctx context.Context) error {
	ahora := m.cfg.Now()
	despues := m.cfg.Clock.Latest().Add(holgura)
	tramos, err := m.cfg.Store.TramosAdelantados(ctx, despues, porRonda)
	for _, t := range tramos {
		if m.enManos(filaTramo(t.ID), t.Ocupante) {
			continue
		}
		cuando := ahora.Add(m.quedaba(t.SiguienteIntento.Sub(t.EsperaDesde), t.Serie))
		err = errors.Join(err, m.cfg.Store.RelevaTramo(ctx, t, cuando, ahora))
	}
	paquetes, errPaquetes := m.cfg.Store.PaquetesAdelantados(ctx, despues, porRonda)
	err = errors.Join(err, errPaquetes)
	for _, p := range paquetes {
		if m.enManos(filaPaquete(p.ID), p.Ocupante) {
			continue
		}
		cuando := ahora.Add(m.quedaba(p.Siguiente.Sub(p.EsperaDesde), p.Serie))
		err = errors.Join(err, m.cfg.Store.RelevaPaquete(ctx, p, cuando, ahora))
	}
	return err
}

// saltada reports whether the clock has jumped over the end of a wait, which has not come.
func (m *Motor) saltada(desde, hasta time.Time) bool {
	ya := m.cfg.Clock.Earliest()
	return hasta.After(ya) && !desde.After(ya)
}

// quedaba is how long a wait was meant to be. One for tomorrow is for the right one.
func (m *Motor) quedaba(espera time.Duration, s store.Serie) time.Duration {
	if significa(s.Condicion, alConsultar).sentido == otroDia {
		return hastaManana(m.cfg.Clock.Earliest())
	}
	return max(espera, 0)
}

// adelanta sets the next run of the recurrent descargas anew whose time a wrong clock
// has set.
func (m *Motor) adelanta(ctx context.Context) error {
	lejanas, err := m.cfg.Store.ProgramadasTras(ctx, m.cfg.Clock.Latest().Add(maxCorrida), porRonda)
	for _, d := range lejanas {
		err = errors.Join(err, m.cambia(ctx, d.ID, func(c *store.Cambio) error {
			if p := c.Descarga().Peticion.Programacion; p != nil && !c.Descarga().Estado.Final() {
				p.Siguiente = proxima(m.cfg.Clock.Latest(), p.Hora)
			}
			return c.Err()
		}))
	}
	return err
}
