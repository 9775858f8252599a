package descargas

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// relevo is how long a row is left alone that could not be taken, and how long freeing
// one may take.
const relevo = 5 * time.Second

// maxPaso is how long a step may take in all, far above what the SAT is given to
// answer: a database that hangs must not hold it for ever.
const maxPaso = 10 * time.Minute

// AvanzaTramo takes a solicitud that is due in this turn, if nobody else has it, and
// makes one step of it: it presents it, or asks the SAT how far it is. The row then
// says when the next is due; pausa is for where it does not. An error is the gateway's
// own; the caller tries again.
func (m *Motor) AvanzaTramo(ctx context.Context, id, turno int64) (pausa time.Duration, err error) {
	suelta, libre := m.toma(filaTramo(id))
	defer suelta()
	if !libre || m.cfg.Presencia.Perdida() {
		return relevo, nil
	}
	t, d, ok, err := m.cfg.Store.TomaTramo(ctx, id, turno, m.cfg.Now(), m.cfg.Presencia.ID())
	if err != nil || !ok {
		return relevo, err
	}
	hecho := false
	defer func() {
		// What failed, or panicked, must not look as if this process were at it still.
		if !hecho {
			m.deja(ctx, func(ctx context.Context) error { return m.cfg.Store.SueltaTramo(ctx, t) })
		}
	}()
	if t.Estado == gateway.TramoPendiente {
		if d, err = m.cfg.Store.Descarga(ctx, t.Descarga); err != nil {
			return 0, err
		}
	}
	pausa, err = m.avanza(ctx, d, t)
	hecho = err == nil
	return pausa, err
}

// deja frees a row that was not brought to an end. Should that fail too, a round
// of this process sees that its hands are empty.
func (m *Motor) deja(ctx context.Context, suelta func(context.Context) error) {
	ctx, cancela := context.WithTimeout(context.WithoutCancel(ctx), relevo)
	defer cancela()
	if err := suelta(ctx); err != nil {
		m.cfg.Log.Warn().Err(err).Msg("a row could not be freed")
	}
}

func filaTramo(id int64) string { return "tramo/" + strconv.FormatInt(id, 10) }

// toma makes a row this process's own until suelta is called.
func (m *Motor) toma(fila string) (suelta func(), libre bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.manos[fila] {
		return func() {}, false
	}
	m.manos[fila] = true
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.manos, fila)
	}, true
}

func (m *Motor) avanza(ctx context.Context, d store.Descarga, t store.Tramo) (pausa time.Duration, err error) {
	// What has been sent must be written down, whoever wants to stop.
	ctx, cancela := context.WithTimeout(context.WithoutCancel(ctx), maxPaso)
	defer cancela()
	ctx = gateway.WithWork(ctx, gateway.Work{IDDescarga: t.Descarga, Solicitud: t.Numero})
	ya := m.cfg.Clock.Earliest()
	switch {
	case !ya.Before(vence(d, t)):
		return 0, m.asienta(ctx, d, t, paso{tipo: "plazo", veredicto: veredicto{accion: fallar, motivo: string(gateway.OwnPlazoVencido), decision: "Venció el plazo de la descarga antes de que el SAT terminara."}})
	case t.Estado == gateway.TramoPendiente && (t.Fallos > 0 || t.Causa != "") && m.saltada(t.EsperaDesde, t.SiguienteIntento):
		// The wait spares what counts at the SAT. It is left as it is: the SAT may confirm the
		// jump, which ends it, or contradict it.
		return min(t.SiguienteIntento.Sub(ya), m.cfg.Ritmo.Maximo), m.cfg.Store.SueltaTramo(ctx, t)
	case t.Estado == gateway.TramoPendiente:
		return 0, m.presenta(ctx, d, t)
	}
	return 0, m.consulta(ctx, d, t)
}

// vence is when a solicitud is given up. One that the SAT does not accept ends with
// the deadline; behind that of nobody, what is left to be asked is asked once.
func vence(d store.Descarga, t store.Tramo) time.Time {
	if t.Estado == gateway.TramoPendiente && t.Fallos > 0 {
		return d.Limite
	}
	return d.Tope
}

// marco is what decisions about d are made within now.
func (m *Motor) marco(d store.Descarga) marco {
	ya := m.cfg.Clock.Earliest()
	return marco{Ritmo: m.cfg.Ritmo, ahora: ya, duda: m.cfg.Clock.Latest().After(ya), limite: d.Limite, tope: d.Tope}
}

// paso is one step: what was heard, and what it means.
type paso struct {
	veredicto
	tipo            string
	codigo, mensaje string
	// callado says that nothing has changed that is worth a line of the ledger.
	callado bool
	// paquetes that the SAT has named.
	paquetes []string
}

func (m *Motor) consulta(ctx context.Context, d store.Descarga, t store.Tramo) error {
	s := d.Peticion.Solicitud
	m.cfg.Paso("antes-de-verifica")
	got, err := m.cfg.SAT.Verifica(ctx, s.Servicio, s.RFCSolicitante, t.IDSolicitud)
	m.cfg.Paso("verifica-contestada")
	marco := m.marco(d)
	p := paso{veredicto: trasVerifica(t, got, err, marco), tipo: "consultada", paquetes: got.IDsPaquetes}
	antes := t
	t.Consultas++
	t.Serie = p.serie
	if err != nil {
		e := gateway.AsError(err)
		p.codigo, p.mensaje = e.Codigo, e.Mensaje
		t.Fallos++
		if e.Codigo != "" {
			t.CodEstatus, t.Mensaje = e.Codigo, e.Mensaje
		}
	} else {
		p.codigo, p.mensaje = got.Estado.Codigo, got.Mensaje
		switch {
		case got.Estado.Codigo != "3":
			t.Fallos = 0
		case p.accion == esperar:
			t.Fallos++
		}
		t.CodEstatus, t.EstadoSolicitud, t.CodigoEstadoSolicitud, t.Mensaje = got.CodEstatus.Codigo, got.Estado.Codigo, got.CodigoEstado.Codigo, got.Mensaje
		t.NumeroCFDIs = max(got.NumeroCFDIs, 0)
	}
	p.callado = p.accion == esperar && err == nil && antes.EstadoSolicitud == t.EstadoSolicitud && antes.Fallos == 0 && antes.MotivoCodigo == p.motivo &&
		(!marco.pasado() || antes.Decision == p.decision)
	if p.callado {
		return m.aplaza(ctx, d, t, p)
	}
	return m.asienta(ctx, d, t, p)
}

// aplaza writes a step down that has changed nothing but when the next is due:
// one row, because this is what the engine does most. Nothing is due after the
// deadline, so that its passing is told in time.
func (m *Motor) aplaza(ctx context.Context, d store.Descarga, t store.Tramo, p paso) error {
	ahora := m.cfg.Now()
	t.SiguienteIntento, t.Decision = antesDe(d.Tope, ahora, ahora.Add(p.espera)), p.decision
	_, err := m.cfg.Store.AplazaTramo(ctx, t, ahora)
	m.cfg.Paso(p.tipo + "-registrada")
	return err
}

// asienta writes a step down, with everything that follows from it, in one piece.
func (m *Motor) asienta(ctx context.Context, d store.Descarga, t store.Tramo, p paso) error {
	err := m.cambia(ctx, d.ID, func(c *store.Cambio) error {
		if c.Descarga().Estado.Final() {
			return store.ErrTurno
		}
		if p.accion == vaciar {
			p.veredicto = m.duda(c, t, p.veredicto)
		}
		m.aplica(c, t, p)
		m.resume(c)
		return c.Err()
	})
	m.cfg.Paso(p.tipo + "-registrada")
	if errors.Is(err, store.ErrTurno) {
		return m.huerfana(ctx, t)
	}
	return err
}

// duda holds an empty answer against what this gateway has had out of the same
// range by the same criteria.
func (m *Motor) duda(c *store.Cambio, t store.Tramo, v veredicto) veredicto {
	d := *c.Descarga()
	s := d.Peticion.Solicitud
	sinFechas := func(p gateway.PeticionDescarga) string {
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "", ""
		return p.Solicitud.Criterios()
	}
	quiere := sinFechas(d.Peticion)
	n := c.ComprobantesDentro(t.PideDesde, t.PideHasta, func(p gateway.PeticionDescarga) bool { return sinFechas(p) == quiere })
	if n == 0 && d.Peticion.NovedadesDe != "" && t.Desde == s.FechaInicial && t.Hasta == s.FechaFinal {
		// The metadata have just named them.
		n = c.Vigentes(d.Peticion.NovedadesDe)
	}
	if n == 0 {
		return v
	}
	return m.marco(d).trasVacio(t, n)
}

// antesDe is cuando, or the deadline where that comes first and lies ahead: that
// it has passed is told in time.
func antesDe(limite, ahora, cuando time.Time) time.Time {
	if limite.After(ahora) && limite.Before(cuando) {
		return limite
	}
	return cuando
}

// aplica changes the rows as a step wants it.
func (m *Motor) aplica(c *store.Cambio, t store.Tramo, p paso) {
	var nuevos []store.Tramo
	paquetes := 0
	t.SiguienteIntento = time.Time{}
	evento := gateway.EventoDescarga{Tipo: p.tipo, Detalle: p.decision, Tramo: t.Numero, Codigo: p.codigo, Mensaje: p.mensaje}
	switch p.accion {
	case esperar:
		t.SiguienteIntento = antesDe(vence(*c.Descarga(), t), c.Ahora(), c.Ahora().Add(p.espera))
	case seguir:
		t.Estado = gateway.TramoPresentada
		t.SiguienteIntento = antesDe(vence(*c.Descarga(), t), c.Ahora(), c.Ahora().Add(p.espera))
	case vaciar:
		t.Estado, evento.Tipo = gateway.TramoVacia, "solicitud_vacia"
	case fallar:
		t.Estado, evento.Tipo = gateway.TramoFallida, "solicitud_fallida"
	case partir:
		nuevos = m.mitades(&t, &evento, c.Ahora())
	case sustituir:
		nuevos = m.sucesor(&t, &evento, p, c.Ahora())
	case traer:
		t.Estado = gateway.TramoDescargando
		for _, id := range p.paquetes {
			if c.NuevoPaquete(t.ID, id, c.Ahora()) != 0 {
				paquetes++
			}
		}
		if paquetes > 0 {
			// The patience for what is still missing begins anew.
			t.Fallos = 0
		}
	}
	t.Decision, t.MotivoCodigo = evento.Detalle, p.motivo
	c.GuardaTramo(t)
	for i := range nuevos {
		c.NuevoTramo(&nuevos[i])
	}
	if t.Estado == gateway.TramoFallida {
		rescata(c, t)
	}
	if !p.callado {
		c.Evento(evento)
	}
	if p.accion == traer && paquetes == 0 {
		m.cierraTramo(c, t)
	}
}

// huerfana keeps the id of a solicitud whose descarga has gone on without it, and
// what it has spent.
func (m *Motor) huerfana(ctx context.Context, t store.Tramo) error {
	if t.Presentaciones == 0 && t.IDSolicitud == "" {
		return nil
	}
	return m.cfg.Store.AnotaSolicitud(ctx, t)
}

// mitades splits t.
func (m *Motor) mitades(t *store.Tramo, evento *gateway.EventoDescarga, now time.Time) []store.Tramo {
	r, err := leeRango(t.Desde, t.Hasta)
	antes, despues, ok := r.parte()
	if err != nil || !ok {
		t.Estado, evento.Tipo = gateway.TramoFallida, "solicitud_fallida"
		evento.Detalle = "El SAT dice que hay demasiados comprobantes en un solo segundo, que no se puede partir. Acote la descarga con tipoComprobante, complemento o un receptor."
		return nil
	}
	t.Estado = gateway.TramoPartida
	evento.Tipo = "partida"
	mitad := func(r rango, segunda bool) store.Tramo {
		n := store.Tramo{Causa: causaMitad}
		n.Origen, n.Estado, n.SiguienteIntento = t.Numero, gateway.TramoPendiente, now
		n.Desde, n.Hasta = r.textos()
		n.PideDesde, n.PideHasta = r.pide(segunda).textos()
		n.Decision = "Es una mitad de un rango con demasiados comprobantes."
		return n
	}
	return []store.Tramo{mitad(antes, false), mitad(despues, true)}
}

// sucesor replaces t by a solicitud of the same range with new criteria.
func (m *Motor) sucesor(t *store.Tramo, evento *gateway.EventoDescarga, p paso, now time.Time) []store.Tramo {
	pide, err := leeRango(t.PideDesde, t.PideHasta)
	nuevo, ok := pide.desplaza(now)
	if err != nil || !ok {
		t.Estado, evento.Tipo = gateway.TramoFallida, "solicitud_fallida"
		evento.Detalle += " El rango no se puede ampliar: terminaría en el futuro y empieza donde empieza lo que el SAT entrega."
		return nil
	}
	t.Estado = gateway.TramoSustituida
	evento.Tipo = "sustituida"
	n := store.Tramo{Causa: p.causa, Sustituciones: t.Sustituciones + 1}
	n.Origen, n.Estado, n.SiguienteIntento = t.Numero, gateway.TramoPendiente, now.Add(p.espera)
	n.Desde, n.Hasta = t.Desde, t.Hasta
	n.PideDesde, n.PideHasta = nuevo.textos()
	n.Decision = fmt.Sprintf("Sustituye a la solicitud %d del mismo rango.", t.Numero)
	return []store.Tramo{n}
}
