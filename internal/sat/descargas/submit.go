package descargas

import (
	"context"
	"fmt"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

const (
	// adoptionLife is how old a solicitud may be that another descarga goes on
	// with: its packages live for 72 hours after they are made (sat.md §10).
	adoptionLife = 48 * time.Hour
	// maxShifts bounds the seconds that a range is widened by at once to find
	// criteria that were never used.
	maxShifts = 100
)

// engineKey is the ledger's key of every solicitud of the engine: its criteria,
// so that the same are never sent twice, whoever wants them.
func engineKey(s gateway.Solicitud) string { return "descargas\x1f" + s.Criterios() }

// submit sends a solicitud whose criteria are new, or goes on with one that is
// on record.
func (m *Engine) submit(ctx context.Context, d store.Descarga, t store.Tramo) error {
	s := d.Request.Solicitud
	if short, err := m.trim(ctx, d, &t); short || err != nil {
		return err
	}
	for range maxShifts {
		s.FechaInicial, s.FechaFinal = t.PideDesde, t.PideHasta
		prior, err := m.prior(ctx, s)
		if err != nil {
			return err
		}
		switch prior.use {
		case fresh:
			return m.send(ctx, d, t, s)
		case adoptable:
			t.IDSolicitud, t.Submitted = prior.id, prior.when
			if prior.own {
				t.Presentations++
			}
			return m.note(ctx, d, t, step{tipo: "adoptada", verdict: verdict{action: follow,
				decision: fmt.Sprintf("Estos criterios ya se presentaron y el SAT los tiene como %s. Se sigue por él y no se gasta otra solicitud.", prior.id)}})
		}
		r, err := readRango(t.PideDesde, t.PideHasta)
		if err != nil {
			return err
		}
		widen, ok := r.shift(m.cfg.Now())
		if !ok {
			return m.note(ctx, d, t, step{tipo: "solicitud_fallida", verdict: verdict{action: fail, motivo: string(gateway.OwnCriteriosUsados),
				decision: "Estos criterios ya se presentaron antes y el rango no se puede ampliar un segundo sin salirse de lo que el SAT entrega."}})
		}
		t.PideDesde, t.PideHasta = widen.texts()
	}
	return m.note(ctx, d, t, step{tipo: "solicitud_fallida", verdict: verdict{action: fail, motivo: string(gateway.OwnCriteriosUsados),
		decision: fmt.Sprintf("Este rango se ha pedido ya %d veces; no se gasta otra solicitud.", maxShifts)}})
}

// trim moves the beginning of t to where the SAT's six years begin by now, so
// that what is still to be had is not refused with what no longer is. It tells
// whether nothing is left, and t has ended.
func (m *Engine) trim(ctx context.Context, d store.Descarga, t *store.Tramo) (bool, error) {
	limit := historyLimit(m.cfg.Clock.Earliest()).Format(gateway.FechaFormat)
	if t.PideDesde >= limit {
		return false, nil
	}
	if t.PideHasta <= limit {
		err := m.note(ctx, d, *t, step{tipo: "solicitud_fallida", verdict: verdict{action: fail, motivo: string(gateway.OwnRangoAntiguo),
			decision: "Mientras se esperaba, el rango quedó más atrás de los seis años que el SAT entrega."}})
		return true, err
	}
	t.PideDesde = limit
	return false, nil
}

// use is what the ledger knows of a solicitud's criteria.
type use int

const (
	fresh use = iota
	// adoptable: the SAT has it under an id that nobody has finished with.
	adoptable
	// spent: it was presented, and that is over or cannot be known.
	spent
)

type prior struct {
	use use
	id  string
	// own says that no solicitud of any descarga knows of it: the process that
	// had sent it for one of them did not live to write it there.
	own  bool
	when time.Time
}

// prior looks the criteria of s up: what the SAT refused, or never got, may be
// sent as it is.
func (m *Engine) prior(ctx context.Context, s gateway.Solicitud) (prior, error) {
	known, err := m.cfg.Solicitudes.Known(ctx, s)
	if err != nil {
		return prior{}, err
	}
	out := prior{use: fresh}
	for _, c := range known {
		switch {
		case c.IDSolicitud == "" && c.Rechazada:
			// See otherCriterios: the process may have ended before it came to that.
			out.use = spent
			continue
		case c.IDSolicitud == "" && !c.Pendiente:
			continue
		case c.IDSolicitud == "":
			if c.Clave == engineKey(s) {
				// It is the ledger that knows whether somebody is sending it now.
				continue
			}
			out.use = spent
			continue
		}
		free, nobody, err := m.free(ctx, c.IDSolicitud)
		if err != nil {
			return prior{}, err
		}
		if free && m.cfg.Clock.Earliest().Sub(c.Cuando) < adoptionLife {
			return prior{use: adoptable, id: c.IDSolicitud, when: c.Cuando, own: nobody && c.Clave == engineKey(s)}, nil
		}
		out.use = spent
	}
	return out, nil
}

// free tells whether no descarga has come to an end with a solicitud, and whether
// none has it at all.
func (m *Engine) free(ctx context.Context, idSolicitud string) (free, nobody bool, err error) {
	tramos, err := m.cfg.Store.Tramos.BySolicitud(ctx, idSolicitud)
	for _, t := range tramos {
		if !t.Estado.Live() {
			return false, false, err
		}
	}
	return err == nil, len(tramos) == 0, err
}

// otherCriterios makes what has left ask for a second more the next time: the SAT
// may have counted it whatever it said, and new criteria cost nothing.
func (m *Engine) otherCriterios(t *store.Tramo, p *step, e *gateway.Error) {
	if e.Unsent {
		return
	}
	r, err := readRango(t.PideDesde, t.PideHasta)
	if widen, ok := r.shift(m.cfg.Now()); err == nil && ok {
		t.PideDesde, t.PideHasta = widen.texts()
		p.decision += " Será con un segundo más, por si el SAT contó esta."
	}
}

// revokePrevious lets d send what was refused before d was asked for: an e.firma
// has been replaced since, or the SAT had a bad day (sat.md §9, 305). Not the
// refusals that count: those hold. One of an instant that has not come yet was written
// by a wrong clock, and came before whatever is asked now.
func revokePrevious(d store.Descarga, now time.Time) func(*gateway.Error, time.Time) bool {
	return func(falla *gateway.Error, when time.Time) bool {
		return falla.Codigo != "5002" && falla.Codigo != "5005" && (when.Before(d.Created) || when.After(now))
	}
}

func (m *Engine) send(ctx context.Context, d store.Descarga, t store.Tramo, s gateway.Solicitud) error {
	m.cfg.Step("antes-de-intento")
	got, _, err := m.cfg.Solicitudes.submit(ctx, engineKey(s), s, revokePrevious(d, m.cfg.Clock.Latest().Add(slack)), m.cfg.Step)
	m.cfg.Step("solicita-anotada")
	if err == nil || !gateway.AsError(err).Unsent {
		t.Presentations++
	}
	p := step{verdict: afterRequest(t, got.IDSolicitud, err, m.frame(d)), tipo: "presentada", codigo: got.CodEstatus, mensaje: got.Mensaje}
	t.Serie = p.serie
	if err == nil {
		t.Failures = 0
	} else {
		e := gateway.AsError(err)
		p.codigo, p.mensaje = e.Codigo, e.Mensaje
		t.Failures++
		if p.action == wait {
			p.tipo = "aplazada"
			m.otherCriterios(&t, &p, e)
		}
	}
	if p.codigo != "" {
		t.CodEstatus, t.Mensaje = p.codigo, p.mensaje
	}
	if got.IDSolicitud != "" {
		t.IDSolicitud, t.Submitted = got.IDSolicitud, m.cfg.Now()
	}
	return m.note(ctx, d, t, p)
}
