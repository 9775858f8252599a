package descargas

import (
	"context"
	"errors"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

const (
	// porRonda bounds what one round takes on of each kind; the next goes on.
	porRonda = 500
	// memoriaPasos is how long after the end the events of polls and waits are kept.
	memoriaPasos = 30 * 24 * time.Hour
)

// Ronda does what is nobody's job: it starts the runs of recurrent descargas,
// tells of ends that nobody was told of and removes what retention no longer
// keeps, and what nobody needs after an end. One gateway at a time makes rounds; two at once do no harm.
func (m *Motor) Ronda(ctx context.Context) error {
	return errors.Join(m.adelanta(ctx), m.corre(ctx), m.repite(ctx), m.retira(ctx), m.olvida(ctx))
}

// repite tells of the ends that nobody has been told of.
func (m *Motor) repite(ctx context.Context) error {
	calladas, err := m.cfg.Store.PorPublicar(ctx, porRonda)
	for _, d := range calladas {
		m.publica(ctx, d.Descarga)
	}
	return err
}

// olvida removes what nobody needs of descargas that have ended: identities, when a count
// that came too late cannot be at work any more, and in time the events of polls and waits.
func (m *Motor) olvida(ctx context.Context) error {
	ya := m.cfg.Clock.Earliest()
	return errors.Join(m.cfg.Store.OlvidaIdentidades(ctx, ya.Add(-maxCuenta)), m.cfg.Store.Poda(ctx, ya.Add(-memoriaPasos), porRonda))
}

// Releva frees what is in the hands of a process that has died or has let it fall, in
// a new turn, so that nothing that a dead one writes after all is taken. It also pulls
// in what waits in vain. Each gateway does this; two at once do no harm.
func (m *Motor) Releva(ctx context.Context) error {
	if m.cfg.Presencia.Perdida() {
		return nil // it does not know who is dead
	}
	return errors.Join(m.libera(ctx), m.acerca(ctx), m.recobra(ctx))
}

// libera frees what nobody alive is at work on.
func (m *Motor) libera(ctx context.Context) error {
	ahora := m.cfg.Now()
	tramos, err := m.cfg.Store.TramosOcupados(ctx, ahora, porRonda)
	for _, t := range tramos {
		if !m.enManos(filaTramo(t.ID), t.Ocupante) {
			err = errors.Join(err, m.cfg.Store.RelevaTramo(ctx, t, t.SiguienteIntento, ahora))
		}
	}
	paquetes, errPaquetes := m.cfg.Store.PaquetesOcupados(ctx, ahora, porRonda)
	err = errors.Join(err, errPaquetes)
	for _, p := range paquetes {
		if !m.enManos(filaPaquete(p.ID), p.Ocupante) {
			err = errors.Join(err, m.cfg.Store.RelevaPaquete(ctx, p, p.Siguiente, ahora))
		}
	}
	return err
}

// enManos tells whether somebody alive is at work on a row. Of its own this
// process knows it exactly: a step that failed may have left its name behind.
func (m *Motor) enManos(fila, ocupante string) bool {
	if ocupante != "" && ocupante != m.cfg.Presencia.ID() {
		return m.cfg.Presencia.Vive(ocupante)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.manos[fila]
}

// Borrador removes packages from storage.
type Borrador interface {
	Borra(ctx context.Context, p gateway.Paquete) error
}

// retira removes the packages of descargas that ended long ago, unless another
// one needs them still, and says so in their ledgers.
func (m *Motor) retira(ctx context.Context) error {
	if m.cfg.Retencion <= 0 || m.cfg.Borrador == nil {
		return nil
	}
	antes := m.cfg.Clock.Earliest().Add(-m.cfg.Retencion)
	vencidas, err := m.cfg.Store.PorRetirar(ctx, antes, porRonda)
	for _, d := range vencidas {
		err = errors.Join(err, m.retiraUna(ctx, d, antes))
	}
	return err
}

func (m *Motor) retiraUna(ctx context.Context, d store.Descarga, antes time.Time) error {
	despues := int64(0)
	borrados := 0
	for {
		paquetes, err := m.cfg.Store.PaquetesDeDescarga(ctx, d.ID, despues, porRonda)
		if err != nil {
			return err
		}
		for _, p := range paquetes {
			despues = p.Numero
			borrado, err := m.retiraPaquete(ctx, p, antes)
			if err != nil {
				return err
			}
			if borrado {
				borrados++
			}
		}
		if len(paquetes) < porRonda {
			break
		}
	}
	err := m.cambia(ctx, d.ID, func(c *store.Cambio) error {
		c.Retira()
		if borrados > 0 {
			c.Evento(gateway.EventoDescarga{Tipo: "retirada", Detalle: "Venció la retención: los paquetes se borraron del almacén. El SAT no los entrega otra vez."})
		}
		return nil
	})
	if err != nil || d.IDProgramacion == "" {
		return err
	}
	return m.olvidaNovedades(ctx, d.IDProgramacion)
}

// retiraPaquete removes a package that nobody else needs, and tells whether it did.
func (m *Motor) retiraPaquete(ctx context.Context, p store.PaqueteDeTramo, antes time.Time) (bool, error) {
	// One that was given up may have come all the same.
	if p.Estado != gateway.PaqueteGuardado && p.Guardado.IsZero() {
		return false, nil
	}
	if usado, err := m.cfg.Store.PaqueteEnUso(ctx, p, antes); usado || err != nil {
		return false, err
	}
	if err := m.cfg.Borrador.Borra(ctx, p.Paquete); err != nil && !gateway.IsKind(err, gateway.KindNoEncontrado) {
		return false, err
	}
	return true, nil
}
