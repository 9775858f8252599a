package descargas

import (
	"context"
	"fmt"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

const (
	// vidaAdopcion is how old a solicitud may be that another descarga goes on
	// with: its packages live for 72 hours after they are made (sat.md §10).
	vidaAdopcion = 48 * time.Hour
	// maxDesplazos bounds the seconds that a range is widened by at once to find
	// criteria that were never used.
	maxDesplazos = 100
)

// claveMotor is the ledger's key of every solicitud of the engine: its criteria,
// so that the same are never sent twice, whoever wants them.
func claveMotor(s gateway.Solicitud) string { return "descargas\x1f" + s.Criterios() }

// presenta sends a solicitud whose criteria are new, or goes on with one that is
// on record.
func (m *Motor) presenta(ctx context.Context, d store.Descarga, t store.Tramo) error {
	s := d.Peticion.Solicitud
	if corto, err := m.recorta(ctx, d, &t); corto || err != nil {
		return err
	}
	for range maxDesplazos {
		s.FechaInicial, s.FechaFinal = t.PideDesde, t.PideHasta
		previa, err := m.previa(ctx, s)
		if err != nil {
			return err
		}
		switch previa.uso {
		case nueva:
			return m.envia(ctx, d, t, s)
		case adoptable:
			t.IDSolicitud, t.Presentada = previa.id, previa.cuando
			if previa.propia {
				t.Presentaciones++
			}
			return m.asienta(ctx, d, t, paso{tipo: "adoptada", veredicto: veredicto{accion: seguir,
				decision: fmt.Sprintf("Estos criterios ya se presentaron y el SAT los tiene como %s. Se sigue por él y no se gasta otra solicitud.", previa.id)}})
		}
		r, err := leeRango(t.PideDesde, t.PideHasta)
		if err != nil {
			return err
		}
		amplia, ok := r.desplaza(m.cfg.Now())
		if !ok {
			return m.asienta(ctx, d, t, paso{tipo: "solicitud_fallida", veredicto: veredicto{accion: fallar, motivo: string(gateway.OwnCriteriosUsados),
				decision: "Estos criterios ya se presentaron antes y el rango no se puede ampliar un segundo sin salirse de lo que el SAT entrega."}})
		}
		t.PideDesde, t.PideHasta = amplia.textos()
	}
	return m.asienta(ctx, d, t, paso{tipo: "solicitud_fallida", veredicto: veredicto{accion: fallar, motivo: string(gateway.OwnCriteriosUsados),
		decision: fmt.Sprintf("Este rango se ha pedido ya %d veces; no se gasta otra solicitud.", maxDesplazos)}})
}

// recorta moves the beginning of t to where the SAT's six years begin by now, so
// that what is still to be had is not refused with what no longer is. It tells
// whether nothing is left, and t has ended.
func (m *Motor) recorta(ctx context.Context, d store.Descarga, t *store.Tramo) (bool, error) {
	limite := limiteHistoria(m.cfg.Clock.Earliest()).Format(gateway.FormatoFecha)
	if t.PideDesde >= limite {
		return false, nil
	}
	if t.PideHasta <= limite {
		err := m.asienta(ctx, d, *t, paso{tipo: "solicitud_fallida", veredicto: veredicto{accion: fallar, motivo: string(gateway.OwnRangoAntiguo),
			decision: "Mientras se esperaba, el rango quedó más atrás de los seis años que el SAT entrega."}})
		return true, err
	}
	t.PideDesde = limite
	return false, nil
}

// uso is what the ledger knows of a solicitud's criteria.
type uso int

const (
	nueva uso = iota
	// adoptable: the SAT has it under an id that nobody has finished with.
	adoptable
	// gastada: it was presented, and that is over or cannot be known.
	gastada
)

type previa struct {
	uso uso
	id  string
	// propia says that no solicitud of any descarga knows of it: the process that
	// had sent it for one of them did not live to write it there.
	propia bool
	cuando time.Time
}

// previa looks the criteria of s up: what the SAT refused, or never got, may be
// sent as it is.
func (m *Motor) previa(ctx context.Context, s gateway.Solicitud) (previa, error) {
	conocidas, err := m.cfg.Solicitudes.Conocidas(ctx, s)
	if err != nil {
		return previa{}, err
	}
	out := previa{uso: nueva}
	for _, c := range conocidas {
		switch {
		case c.IDSolicitud == "" && c.Rechazada:
			// See otrosCriterios: the process may have ended before it came to that.
			out.uso = gastada
			continue
		case c.IDSolicitud == "" && !c.Pendiente:
			continue
		case c.IDSolicitud == "":
			if c.Clave == claveMotor(s) {
				// It is the ledger that knows whether somebody is sending it now.
				continue
			}
			out.uso = gastada
			continue
		}
		libre, nadie, err := m.libre(ctx, c.IDSolicitud)
		if err != nil {
			return previa{}, err
		}
		if libre && m.cfg.Clock.Earliest().Sub(c.Cuando) < vidaAdopcion {
			return previa{uso: adoptable, id: c.IDSolicitud, cuando: c.Cuando, propia: nadie && c.Clave == claveMotor(s)}, nil
		}
		out.uso = gastada
	}
	return out, nil
}

// libre tells whether no descarga has come to an end with a solicitud, and whether
// none has it at all.
func (m *Motor) libre(ctx context.Context, idSolicitud string) (libre, nadie bool, err error) {
	tramos, err := m.cfg.Store.TramosDeSolicitud(ctx, idSolicitud)
	for _, t := range tramos {
		if !t.Estado.Vivo() {
			return false, false, err
		}
	}
	return err == nil, len(tramos) == 0, err
}

// otrosCriterios makes what has left ask for a second more the next time: the SAT
// may have counted it whatever it said, and new criteria cost nothing.
func (m *Motor) otrosCriterios(t *store.Tramo, p *paso, e *gateway.Error) {
	if e.NoEnviada {
		return
	}
	r, err := leeRango(t.PideDesde, t.PideHasta)
	if amplia, ok := r.desplaza(m.cfg.Now()); err == nil && ok {
		t.PideDesde, t.PideHasta = amplia.textos()
		p.decision += " Será con un segundo más, por si el SAT contó esta."
	}
}

// revocaAnteriores lets d send what was refused before d was asked for: an e.firma
// has been replaced since, or the SAT had a bad day (sat.md §9, 305). Not the
// refusals that count: those hold. One of an instant that has not come yet was written
// by a wrong clock, and came before whatever is asked now.
func revocaAnteriores(d store.Descarga, ahora time.Time) func(*gateway.Error, time.Time) bool {
	return func(falla *gateway.Error, cuando time.Time) bool {
		return falla.Codigo != "5002" && falla.Codigo != "5005" && (cuando.Before(d.Creada) || cuando.After(ahora))
	}
}

func (m *Motor) envia(ctx context.Context, d store.Descarga, t store.Tramo, s gateway.Solicitud) error {
	m.cfg.Paso("antes-de-intento")
	got, _, err := m.cfg.Solicitudes.presenta(ctx, claveMotor(s), s, revocaAnteriores(d, m.cfg.Clock.Latest().Add(holgura)), m.cfg.Paso)
	m.cfg.Paso("solicita-anotada")
	if err == nil || !gateway.AsError(err).NoEnviada {
		t.Presentaciones++
	}
	p := paso{veredicto: trasSolicita(t, got.IDSolicitud, err, m.marco(d)), tipo: "presentada", codigo: got.CodEstatus, mensaje: got.Mensaje}
	t.Serie = p.serie
	if err == nil {
		t.Fallos = 0
	} else {
		e := gateway.AsError(err)
		p.codigo, p.mensaje = e.Codigo, e.Mensaje
		t.Fallos++
		if p.accion == esperar {
			p.tipo = "aplazada"
			m.otrosCriterios(&t, &p, e)
		}
	}
	if p.codigo != "" {
		t.CodEstatus, t.Mensaje = p.codigo, p.mensaje
	}
	if got.IDSolicitud != "" {
		t.IDSolicitud, t.Presentada = got.IDSolicitud, m.cfg.Now()
	}
	return m.asienta(ctx, d, t, p)
}
