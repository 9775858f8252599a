package descargas

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// takeover is how long a row is left alone that could not be taken, and how long freeing
// one may take.
const takeover = 5 * time.Second

// maxStep is how long a step may take in all, far above what the SAT is given to
// answer: a database that hangs must not hold it for ever.
const maxStep = 10 * time.Minute

// AdvanceTramo takes a solicitud that is due in this turn, if nobody else has it, and
// makes one step of it: it presents it, or asks the SAT how far it is. The row then
// says when the next is due; pause is for where it does not. An error is the gateway's
// own; the caller tries again.
func (m *Engine) AdvanceTramo(ctx context.Context, id, turn int64) (pause time.Duration, err error) {
	release, free := m.hands.take(tramoRow(id))
	defer release()
	if !free || m.cfg.Cluster.Lost() {
		return takeover, nil
	}
	t, d, ok, err := m.cfg.Store.Tramos.Take(ctx, id, turn, m.cfg.Now(), m.cfg.Cluster.ID())
	if err != nil || !ok {
		return takeover, err
	}
	done := false
	defer func() {
		// What failed, or panicked, must not look as if this process were at it still.
		if !done {
			m.let(ctx, func(ctx context.Context) error { return m.cfg.Store.Tramos.Release(ctx, t) })
		}
	}()
	if t.Estado == gateway.TramoPendiente {
		if d, err = m.cfg.Store.Descargas.Get(ctx, t.Descarga); err != nil {
			return 0, err
		}
	}
	pause, err = m.advance(ctx, d, t)
	done = err == nil
	return pause, err
}

// let frees a row that was not brought to an end. Should that fail too, a round
// of this process sees that its hands are empty.
func (m *Engine) let(ctx context.Context, release func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeover)
	defer cancel()
	if err := release(ctx); err != nil {
		m.cfg.Log.Warn().Err(err).Msg("a row could not be freed")
	}
}

func tramoRow(id int64) string { return "tramo/" + strconv.FormatInt(id, 10) }

// hands are the rows that one process is at work on.
type hands struct {
	mu   sync.Mutex
	rows map[string]bool
}

// take makes a row this process's own until release is called.
func (h *hands) take(row string) (release func(), free bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rows[row] {
		return func() {}, false
	}
	h.rows[row] = true
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.rows, row)
	}, true
}

func (h *hands) have(row string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rows[row]
}

func (m *Engine) advance(ctx context.Context, d store.Descarga, t store.Tramo) (pause time.Duration, err error) {
	// What has been sent must be written down, whoever wants to stop.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxStep)
	defer cancel()
	ctx = gateway.WithWork(ctx, gateway.Work{IDDescarga: t.Descarga, Solicitud: t.Number})
	ya := m.cfg.Clock.Earliest()
	switch {
	case !ya.Before(expire(d, t)):
		return 0, m.note(ctx, d, t, step{tipo: "plazo", verdict: verdict{action: fail, motivo: string(gateway.OwnPlazoVencido), decision: "Venció el plazo de la descarga antes de que el SAT terminara."}})
	case t.Estado == gateway.TramoPendiente && (t.Failures > 0 || t.Cause != "") && m.skipped(t.WaitSince, t.SiguienteIntento):
		// The wait spares what counts at the SAT. It is left as it is: the SAT may confirm the
		// jump, which ends it, or contradict it.
		return min(t.SiguienteIntento.Sub(ya), m.cfg.Pace.Max), m.cfg.Store.Tramos.Release(ctx, t)
	case t.Estado == gateway.TramoPendiente:
		return 0, m.submit(ctx, d, t)
	}
	return 0, m.query(ctx, d, t)
}

// expire is when a solicitud is given up. One that the SAT does not accept ends with
// the deadline; behind that of nobody, what is left to be asked is asked once.
func expire(d store.Descarga, t store.Tramo) time.Time {
	if t.Estado == gateway.TramoPendiente && t.Failures > 0 {
		return d.Limit
	}
	return d.Ceiling
}

// frame is what decisions about d are made within now.
func (m *Engine) frame(d store.Descarga) frame {
	ya := m.cfg.Clock.Earliest()
	return frame{Pace: m.cfg.Pace, now: ya, doubt: m.cfg.Clock.Latest().After(ya), limit: d.Limit, ceiling: d.Ceiling}
}

// step is one step: what was heard, and what it means.
type step struct {
	verdict
	tipo            string
	codigo, mensaje string
	// silent says that nothing has changed that is worth a line of the ledger.
	silent bool
	// paquetes that the SAT has named.
	paquetes []string
}

func (m *Engine) query(ctx context.Context, d store.Descarga, t store.Tramo) error {
	s := d.Request.Solicitud
	m.cfg.Step("antes-de-verifica")
	got, err := m.cfg.SAT.Verify(ctx, s.Servicio, s.RFCSolicitante, t.IDSolicitud)
	m.cfg.Step("verifica-contestada")
	frame := m.frame(d)
	p := step{verdict: afterVerify(t, got, err, frame), tipo: "consultada", paquetes: got.IDsPaquetes}
	before := t
	t.Queries++
	t.Serie = p.serie
	if err != nil {
		e := gateway.AsError(err)
		p.codigo, p.mensaje = e.Codigo, e.Mensaje
		t.Failures++
		if e.Codigo != "" {
			t.CodEstatus, t.Mensaje = e.Codigo, e.Mensaje
		}
	} else {
		p.codigo, p.mensaje = got.Estado.Codigo, got.Mensaje
		switch {
		case got.Estado.Codigo != "3":
			t.Failures = 0
		case p.action == wait:
			t.Failures++
		}
		t.CodEstatus, t.EstadoSolicitud, t.CodigoEstadoSolicitud, t.Mensaje = got.CodEstatus.Codigo, got.Estado.Codigo, got.CodigoEstado.Codigo, got.Mensaje
		t.NumeroCFDIs = max(got.NumeroCFDIs, 0)
	}
	p.silent = p.action == wait && err == nil && before.EstadoSolicitud == t.EstadoSolicitud && before.Failures == 0 && before.MotivoCodigo == p.motivo &&
		(!frame.past() || before.Decision == p.decision)
	if p.silent {
		return m.postpone(ctx, d, t, p)
	}
	return m.note(ctx, d, t, p)
}

// postpone writes a step down that has changed nothing but when the next is due:
// one row, because this is what the engine does most. Nothing is due after the
// deadline, so that its passing is told in time.
func (m *Engine) postpone(ctx context.Context, d store.Descarga, t store.Tramo, p step) error {
	now := m.cfg.Now()
	t.SiguienteIntento, t.Decision = beforeOf(d.Ceiling, now, now.Add(p.wait)), p.decision
	_, err := m.cfg.Store.Tramos.Postpone(ctx, t, now)
	m.cfg.Step(p.tipo + "-registrada")
	return err
}

// note writes a step down, with everything that follows from it, in one piece.
func (m *Engine) note(ctx context.Context, d store.Descarga, t store.Tramo, p step) error {
	err := m.change(ctx, d.ID, func(c *store.Change) error {
		if c.Descarga().Estado.Final() {
			return store.ErrTurn
		}
		if p.action == empty {
			p.verdict = m.doubt(c, t, p.verdict)
		}
		m.apply(c, t, p)
		m.resume(c)
		return c.Err()
	})
	m.cfg.Step(p.tipo + "-registrada")
	if errors.Is(err, store.ErrTurn) {
		return m.orphan(ctx, t)
	}
	return err
}

// doubt holds an empty answer against what this gateway has had out of the same
// range by the same criteria.
func (m *Engine) doubt(c *store.Change, t store.Tramo, v verdict) verdict {
	d := *c.Descarga()
	s := d.Request.Solicitud
	withoutFechas := func(p gateway.PeticionDescarga) string {
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "", ""
		return p.Solicitud.Criterios()
	}
	wants := withoutFechas(d.Request)
	n := c.ComprobantesWithin(t.PideDesde, t.PideHasta, func(p gateway.PeticionDescarga) bool { return withoutFechas(p) == wants })
	if n == 0 && d.Request.NovedadesDe != "" && t.Since == s.FechaInicial && t.Until == s.FechaFinal {
		// The metadata have just named them.
		n = c.Current(d.Request.NovedadesDe)
	}
	if n == 0 {
		return v
	}
	return m.frame(d).afterEmpty(t, n)
}

// beforeOf is when, or the deadline where that comes first and lies ahead: that
// it has passed is told in time.
func beforeOf(limit, now, when time.Time) time.Time {
	if limit.After(now) && limit.Before(when) {
		return limit
	}
	return when
}

// apply changes the rows as a step wants it.
func (m *Engine) apply(c *store.Change, t store.Tramo, p step) {
	var fresh []store.Tramo
	paquetes := 0
	t.SiguienteIntento = time.Time{}
	evento := gateway.EventoDescarga{Tipo: p.tipo, Detalle: p.decision, Tramo: t.Number, Codigo: p.codigo, Mensaje: p.mensaje}
	switch p.action {
	case wait:
		t.SiguienteIntento = beforeOf(expire(*c.Descarga(), t), c.Now(), c.Now().Add(p.wait))
	case follow:
		t.Estado = gateway.TramoPresentada
		t.SiguienteIntento = beforeOf(expire(*c.Descarga(), t), c.Now(), c.Now().Add(p.wait))
	case empty:
		t.Estado, evento.Tipo = gateway.TramoVacia, "solicitud_vacia"
	case fail:
		t.Estado, evento.Tipo = gateway.TramoFallida, "solicitud_fallida"
	case split:
		fresh = halvesOf(&t, &evento, c.Now())
	case replace:
		fresh = successor(&t, &evento, p, c.Now())
	case fetch:
		t.Estado = gateway.TramoDescargando
		for _, id := range p.paquetes {
			if c.NewPaquete(t.ID, id, c.Now()) != 0 {
				paquetes++
			}
		}
		if paquetes > 0 {
			// The patience for what is still missing begins anew.
			t.Failures = 0
		}
	}
	t.Decision, t.MotivoCodigo = evento.Detalle, p.motivo
	c.SaveTramo(t)
	for i := range fresh {
		c.NewTramo(&fresh[i])
	}
	if t.Estado == gateway.TramoFallida {
		rescue(c, t)
	}
	if !p.silent {
		c.Evento(evento)
	}
	if p.action == fetch && paquetes == 0 {
		m.closeTramo(c, t)
	}
}

// orphan keeps the id of a solicitud whose descarga has gone on without it, and
// what it has spent.
func (m *Engine) orphan(ctx context.Context, t store.Tramo) error {
	if t.Presentations == 0 && t.IDSolicitud == "" {
		return nil
	}
	return m.cfg.Store.Tramos.RecordSolicitud(ctx, t)
}

// halvesOf splits t.
func halvesOf(t *store.Tramo, evento *gateway.EventoDescarga, now time.Time) []store.Tramo {
	r, err := readRango(t.Since, t.Until)
	before, after, ok := r.part()
	if err != nil || !ok {
		t.Estado, evento.Tipo = gateway.TramoFallida, "solicitud_fallida"
		evento.Detalle = "El SAT dice que hay demasiados comprobantes en un solo segundo, que no se puede partir. Acote la descarga con tipoComprobante, complemento o un receptor."
		return nil
	}
	t.Estado = gateway.TramoPartida
	evento.Tipo = "partida"
	half := func(r rango, second bool) store.Tramo {
		n := store.Tramo{Cause: causaMitad}
		n.Origin, n.Estado, n.SiguienteIntento = t.Number, gateway.TramoPendiente, now
		n.Since, n.Until = r.texts()
		n.PideDesde, n.PideHasta = r.ask(second).texts()
		n.Decision = "Es una mitad de un rango con demasiados comprobantes."
		return n
	}
	return []store.Tramo{half(before, false), half(after, true)}
}

// successor replaces t by a solicitud of the same range with new criteria.
func successor(t *store.Tramo, evento *gateway.EventoDescarga, p step, now time.Time) []store.Tramo {
	ask, err := readRango(t.PideDesde, t.PideHasta)
	fresh, ok := ask.shift(now)
	if err != nil || !ok {
		t.Estado, evento.Tipo = gateway.TramoFallida, "solicitud_fallida"
		evento.Detalle += " El rango no se puede ampliar: terminaría en el futuro y empieza donde empieza lo que el SAT entrega."
		return nil
	}
	t.Estado = gateway.TramoSustituida
	evento.Tipo = "sustituida"
	n := store.Tramo{Cause: p.cause, Sustituciones: t.Sustituciones + 1}
	n.Origin, n.Estado, n.SiguienteIntento = t.Number, gateway.TramoPendiente, now.Add(p.wait)
	n.Since, n.Until = t.Since, t.Until
	n.PideDesde, n.PideHasta = fresh.texts()
	n.Decision = fmt.Sprintf("Sustituye a la solicitud %d del mismo rango.", t.Number)
	return []store.Tramo{n}
}
