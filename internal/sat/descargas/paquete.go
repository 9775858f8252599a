package descargas

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// maxCuenta is how long the counting of one package may take.
const maxCuenta = time.Hour

// FetchPaquete takes a package that is due in this turn, if nobody else has it, fetches
// it, counts what it holds and, when it was the last of its solicitud, closes that. The
// row then says when it is to be tried again; pause is for where it does not. When ctx
// ends first the download goes on, and the package is due again behind the others.
func (m *Engine) FetchPaquete(ctx context.Context, id, turn int64) (pause time.Duration, err error) {
	release, free := m.hands.take(paqueteRow(id))
	defer release()
	if !free || m.cfg.Cluster.Lost() {
		return takeover, nil
	}
	p, err := m.cfg.Store.TramosPaquetes.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return takeover, nil
	}
	if err != nil {
		return 0, err
	}
	yo := m.cfg.Cluster.ID()
	fresh, ok, err := m.cfg.Store.TramosPaquetes.Take(ctx, id, turn, m.cfg.Now(), yo)
	if err != nil || !ok {
		return takeover, err
	}
	p.Turn, p.Holder = fresh, yo
	done := false
	defer func() {
		if !done {
			m.let(ctx, func(ctx context.Context) error { return m.cfg.Store.TramosPaquetes.Release(ctx, p) })
		}
	}()
	d, err := m.cfg.Store.Descargas.Get(ctx, p.Descarga)
	if err != nil {
		return 0, err
	}
	err = m.fetchAndNote(ctx, d, p)
	done = err == nil
	return 0, err
}

func paqueteRow(id int64) string { return "paquete/" + strconv.FormatInt(id, 10) }

func (m *Engine) fetchAndNote(ctx context.Context, d store.Descarga, p store.TramoPaquete) error {
	ctx = gateway.WithWork(ctx, gateway.Work{IDDescarga: p.Descarga, Solicitud: p.Tramo})
	if err := m.fetch(ctx, d, &p); err != nil {
		if errors.Is(err, gateway.ErrStopping) || ctx.Err() != nil && !errors.As(err, new(*gateway.Error)) {
			// It flies on without a hand, and others come first.
			m.let(ctx, func(ctx context.Context) error {
				return m.cfg.Store.TramosPaquetes.TakeOver(ctx, p, m.cfg.Now(), m.cfg.Now())
			})
			return nil
		}
		return m.noteFailure(context.WithoutCancel(ctx), d, p, gateway.AsError(err))
	}
	ctx = context.WithoutCancel(ctx)
	second, err := m.second(ctx, d, &p)
	if err != nil {
		return err
	}
	if p.Estado == gateway.PaquetePendiente {
		return m.notePaquete(ctx, p, gateway.EventoDescarga{Tipo: "paquete_aplazado", Tramo: p.Tramo, Detalle: second})
	}
	detail := fmt.Sprintf("Se guardó el paquete %s: %s%s. %s", p.Paquete.IDPaquete, plural(p.Comprobantes, "comprobante"), besides(p.Fallas, p.Repeated, p.Detalle), second)
	return m.notePaquete(ctx, p, gateway.EventoDescarga{Tipo: "paquete_guardado", Tramo: p.Tramo, Detalle: strings.TrimSpace(detail)})
}

// bySecond says why a package is to be downloaded once more; empty where it is not.
// One without anything that is read, of a solicitud that the SAT has counted some for,
// has been reported (sat.md §11).
func bySecond(p store.TramoPaquete, t store.Tramo) string {
	switch {
	case p.Fallas > 0:
		return p.Detalle
	case p.Comprobantes == 0 && p.Repeated == 0 && t.NumeroCFDIs > 0:
		return "No trae ninguno de los comprobantes que contó el SAT."
	}
	return ""
}

// second has a package some of whose content cannot be read downloaded once more,
// whatever the reason, where the SAT still owes that, and counts it again if the second
// copy is the better. It says what was done; p is due again where the SAT was not to be had.
func (m *Engine) second(ctx context.Context, d store.Descarga, p *store.TramoPaquete) (string, error) {
	t, err := m.cfg.Store.Tramos.Get(ctx, p.IDTramo)
	why := bySecond(*p, t)
	if err != nil || why == "" {
		return "", err
	}
	if p.Detalle == "" {
		p.Detalle, p.MotivoCodigo = why, string(gateway.OwnPaqueteSinComprobantes)
	}
	s, err := m.cfg.Vault.Repeat(ctx, p.Paquete, why)
	now := m.cfg.Now()
	switch e := gateway.AsError(err); {
	case err != nil && p.Attempts < maxSecond && m.cfg.Clock.Earliest().Before(d.Ceiling) && afterDownload(*p, e, m.frame(d)).action != fail:
		p.Attempts++
		p.Estado, p.Next = gateway.PaquetePendiente, beforeOf(d.Ceiling, now, now.Add(m.cfg.Pace.failure(p.Attempts)))
		return "El paquete " + p.Paquete.IDPaquete + " está guardado y no se lee todo lo que debe traer; se intentará bajarlo otra vez: " + e.Detail, nil
	case err != nil:
		return "No se lee todo lo que debe traer, y no se pudo bajar otra vez: " + e.Detail, nil //nolint:nilerr // what is kept stays
	case !s.Done:
		return "", nil
	case s.Same:
		return "Se bajó las dos veces que permite el SAT y las dos entregas son idénticas.", nil
	case !s.Change:
		return "Se bajó las dos veces que permite el SAT; vale la entrega en que se lee más.", nil
	}
	if err := m.cfg.Store.Comprobantes.RemoveIdentities(ctx, *p); err != nil {
		return "", err
	}
	if err := m.countPaquete(ctx, d, p); err != nil {
		return "", err
	}
	if why = bySecond(*p, t); why != "" {
		// It owes nothing more: this only says so in its row.
		_, err = m.cfg.Vault.Repeat(ctx, p.Paquete, why)
	}
	return "Se bajó otra vez, porque en la primera entrega no se leía todo, y vale la segunda.", err
}

// fetch brings the package into storage and counts it.
func (m *Engine) fetch(ctx context.Context, d store.Descarga, p *store.TramoPaquete) error {
	if err := m.cfg.Vault.Fetch(ctx, p.Paquete); err != nil {
		return err
	}
	m.cfg.Step("paquete-traido")
	// A million rows take as long as they take: to begin again would take as long.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxCuenta)
	defer cancel()
	if err := m.countPaquete(ctx, d, p); err != nil {
		return err
	}
	p.Estado, p.Next = gateway.PaqueteGuardado, time.Time{}
	return nil
}

// noteFailure decides what becomes of a package that did not come.
func (m *Engine) noteFailure(ctx context.Context, d store.Descarga, p store.TramoPaquete, e *gateway.Error) error {
	v := afterDownload(p, e, m.frame(d))
	if p.Serie.Condition == condNuestra && condition(e) == condExpired {
		// It ran out while it waited for what this machine had not.
		if err := m.cfg.Store.Paquetes.RecordOurs(ctx, p.Paquete, 0); err != nil {
			return err
		}
	}
	p.Attempts++
	p.Detalle, p.MotivoCodigo, p.Serie = e.Detail, v.motivo, v.serie
	now := m.cfg.Now()
	switch {
	case v.action == fail, !m.cfg.Clock.Earliest().Before(d.Ceiling):
		p.Estado, p.Next = gateway.PaquetePerdido, time.Time{}
		return m.notePaquete(ctx, p, gateway.EventoDescarga{Tipo: "paquete_perdido", Tramo: p.Tramo, Codigo: e.Codigo, Mensaje: e.Mensaje,
			Detalle: "El paquete " + p.Paquete.IDPaquete + " ya no se puede obtener: " + e.Detail})
	}
	p.Next = beforeOf(d.Ceiling, now, now.Add(v.wait))
	return m.notePaquete(ctx, p, gateway.EventoDescarga{Tipo: "paquete_aplazado", Tramo: p.Tramo, Codigo: e.Codigo, Mensaje: e.Mensaje,
		Detalle: "El paquete " + p.Paquete.IDPaquete + " no llegó; se intentará de nuevo: " + e.Detail})
}

func (m *Engine) notePaquete(ctx context.Context, p store.TramoPaquete, evento gateway.EventoDescarga) error {
	m.cfg.Step("antes-de-asentar-paquete")
	err := m.change(ctx, p.Descarga, func(c *store.Change) error {
		if c.Descarga().Estado.Final() {
			// What came after a cancellation is there, and paid for.
			if p.Estado == gateway.PaqueteGuardado {
				c.ArrivesLate(p)
				return c.Err()
			}
			return store.ErrTurn
		}
		c.SavePaquete(p)
		c.Evento(evento)
		if p.Estado != gateway.PaquetePendiente {
			m.closeTramo(c, c.Tramo(p.Tramo))
		}
		m.resume(c)
		return c.Err()
	})
	m.cfg.Step("paquete-asentado")
	if errors.Is(err, store.ErrTurn) {
		return nil
	}
	if err == nil && p.Estado == gateway.PaqueteGuardado {
		m.announce(ctx, p)
	}
	return err
}

// announce tells the subscribers of a package. It is a convenience and may be
// lost in a crash: the end of the descarga is told in any case.
func (m *Engine) announce(ctx context.Context, p store.TramoPaquete) {
	d, err := m.cfg.Store.Descargas.Get(ctx, p.Descarga)
	if err == nil {
		err = m.cfg.Publish(ctx, Aviso{Key: p.Descarga + "/" + p.Paquete.IDPaquete, Tipo: PaqueteAvailable, When: m.cfg.Now(), Descarga: d.Descarga, IDPaquete: p.Paquete.IDPaquete, MotivoCodigo: p.MotivoCodigo})
	}
	if err != nil {
		m.cfg.Log.Warn().Err(err).Str("idDescarga", p.Descarga).Str("idPaquete", p.Paquete.IDPaquete).Msg("a package could not be announced")
	}
}

// maxSecond bounds how often the second download is tried for: what is kept is there
// to be read meanwhile.
const maxSecond = 3

// causeBroken is a replacement for packages that the SAT delivered, and never as whole ZIPs.
const causeBroken = "paquete_roto"

// requestedForBroken reports whether t, or one that it replaces, was made because of broken
// packages: the SAT makes them anew for each solicitud, and once more is enough to see
// whether that helps.
func requestedForBroken(c *store.Change, t store.Tramo) bool {
	for c.Err() == nil {
		if t.Cause == causeBroken {
			return true
		}
		if t.Origin == 0 || t.Cause == causaMitad {
			return false
		}
		t = c.Tramo(t.Origin)
	}
	return false
}

// brokenWithoutRemedy says why nothing more is asked for.
func brokenWithoutRemedy(howMany int, equal bool) string {
	why := "ya se había pedido otra vez por lo mismo"
	if equal {
		why = "las dos entregas de cada uno son idénticas, así que es el SAT quien los tiene así"
	}
	return fmt.Sprintf("Paquetes que el SAT entregó y no son un ZIP completo: %d. No se gasta otra solicitud: %s. Lo que llegó se guardó aparte; vea «dudoso» en …/paquetes.", howMany, why)
}

// closeEmpty ends a solicitud whose packages hold nothing, or replaces it where that
// is doubted.
func (m *Engine) closeEmpty(c *store.Change, t *store.Tramo, evento *gateway.EventoDescarga) []store.Tramo {
	v := m.doubt(c, *t, verdict{action: empty, motivo: string(gateway.OwnSinComprobantes), decision: "El SAT terminó, no contó comprobantes y sus paquetes no traen ninguno."})
	evento.Detalle = v.decision
	t.MotivoCodigo = v.motivo
	if v.action == replace {
		return successor(t, evento, step{verdict: v}, c.Now())
	}
	t.Estado, evento.Tipo = gateway.TramoVacia, "solicitud_vacia"
	return nil
}

// afterLost decides what becomes of a solicitud some of whose packages will not
// come: it is replaced by those that it returns, or has failed.
func (m *Engine) afterLost(c *store.Change, t *store.Tramo, evento *gateway.EventoDescarga, u store.PaquetesSum) (fresh []store.Tramo) {
	lost := u.Lost
	t.MotivoCodigo = u.Motivo
	ours := c.LostOurs(t.ID)
	broken, equal := c.LostBroken(t.ID)+ours == lost, c.LostEqual(t.ID)+ours == lost
	switch {
	case !m.cfg.Clock.Earliest().Before(c.Descarga().Ceiling):
		t.Estado, evento.Tipo, t.MotivoCodigo = gateway.TramoFallida, "solicitud_fallida", string(gateway.OwnPlazoVencido)
		evento.Detalle = fmt.Sprintf("Venció el plazo de la descarga y %d paquetes no llegaron.", lost)
	case ours == lost:
		t.Estado, evento.Tipo, t.MotivoCodigo = gateway.TramoFallida, "solicitud_fallida", string(gateway.OwnPaquetePerdido)
		evento.Detalle = fmt.Sprintf("Paquetes que el SAT entregó y una falla de esta pasarela impidió guardar: %d. No se gasta otra solicitud por eso: corrija la falla y, si los necesita, pida el rango en una descarga nueva.", lost)
	case broken && (equal || requestedForBroken(c, *t)):
		t.Estado, evento.Tipo, t.MotivoCodigo = gateway.TramoFallida, "solicitud_fallida", string(gateway.OwnZipIncompleto)
		evento.Detalle = brokenWithoutRemedy(lost, equal)
	case t.Sustituciones < maxSustituciones && broken:
		t.MotivoCodigo = string(gateway.OwnZipIncompleto)
		evento.Detalle = fmt.Sprintf("Paquetes que el SAT entregó rotos las dos veces: %d. Se pide el mismo rango con un segundo más, una sola vez.", lost)
		fresh = successor(t, evento, step{verdict: verdict{cause: causeBroken}}, c.Now())
	case t.Sustituciones < maxSustituciones:
		evento.Detalle = fmt.Sprintf("Paquetes que ya no se pueden obtener: %d. Se pide el mismo rango con un segundo más.", lost)
		pause := m.frame(*c.Descarga()).distribute(t.Sustituciones+1, 0)
		fresh = successor(t, evento, step{verdict: verdict{cause: causeLost, wait: pause}}, c.Now())
	default:
		t.Estado, evento.Tipo = gateway.TramoFallida, "solicitud_fallida"
		evento.Detalle = fmt.Sprintf("Paquetes que ya no se pueden obtener: %d; y el rango se ha pedido ya %d veces.", lost, t.Sustituciones+1)
	}
	return fresh
}

// closeTramo ends a solicitud whose packages have all come, or will not.
func (m *Engine) closeTramo(c *store.Change, t store.Tramo) {
	u := c.SumPaquetes(t.ID)
	if c.Err() != nil || u.Pending > 0 || t.Estado != gateway.TramoDescargando {
		return
	}
	missing := t.NumeroCFDIs - u.Comprobantes
	explained := explain(u.Fallas, missing, c.Descarga().Request.Solicitud.TipoSolicitud == gateway.TipoMetadata)
	t.MotivoCodigo = ""
	evento := gateway.EventoDescarga{Tipo: "completada", Tramo: t.Number,
		Detalle: fmt.Sprintf("Se tienen todos los paquetes: %s, y el SAT contó %d%s.", plural(u.Comprobantes, "comprobante"), t.NumeroCFDIs, besides(u.Fallas, u.Repeated, u.Falla))}
	var fresh []store.Tramo
	switch {
	case u.Lost > 0:
		fresh = m.afterLost(c, &t, &evento, u)
	case missing > 0 && !explained && t.Failures < maxLooks:
		// The list of packages has been seen to grow after the first look.
		t.Estado, t.SiguienteIntento, t.Failures = gateway.TramoPresentada, c.Now().Add(m.cfg.Pace.failure(t.Failures+1)), t.Failures+1
		evento.Tipo, t.MotivoCodigo = "incompleta", string(gateway.OwnFaltanComprobantes)
		evento.Detalle += " Faltan; se consulta otra vez por si hay más paquetes."
	case t.NumeroCFDIs == 0 && u.Comprobantes == 0 && u.Fallas == 0:
		fresh = m.closeEmpty(c, &t, &evento)
	default:
		t.Estado = gateway.TramoTerminada
		switch {
		case missing > 0 && explained:
			evento.Tipo, t.MotivoCodigo = "incompleta", string(gateway.OwnEntradasIlegibles)
			evento.Detalle += " Los que no se leen están en lo que no se puede leer."
		case missing > 0:
			evento.Tipo, t.MotivoCodigo = "incompleta", string(gateway.OwnFaltanComprobantes)
			evento.Detalle += " Los que faltan no vienen en ningún paquete."
		}
	}
	t.Decision = evento.Detalle
	c.SaveTramo(t)
	for i := range fresh {
		c.NewTramo(&fresh[i])
	}
	if t.Estado == gateway.TramoFallida {
		rescue(c, t)
	}
	c.Evento(evento)
}
