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

// TraePaquete takes a package that is due in this turn, if nobody else has it, fetches
// it, counts what it holds and, when it was the last of its solicitud, closes that. The
// row then says when it is to be tried again; pausa is for where it does not. When ctx
// ends first the download goes on, and the package is due again behind the others.
func (m *Motor) TraePaquete(ctx context.Context, id, turno int64) (pausa time.Duration, err error) {
	suelta, libre := m.toma(filaPaquete(id))
	defer suelta()
	if !libre || m.cfg.Presencia.Perdida() {
		return relevo, nil
	}
	p, err := m.cfg.Store.PaqueteDeTramo(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return relevo, nil
	}
	if err != nil {
		return 0, err
	}
	yo := m.cfg.Presencia.ID()
	nuevo, ok, err := m.cfg.Store.TomaPaquete(ctx, id, turno, m.cfg.Now(), yo)
	if err != nil || !ok {
		return relevo, err
	}
	p.Turno, p.Ocupante = nuevo, yo
	hecho := false
	defer func() {
		if !hecho {
			m.deja(ctx, func(ctx context.Context) error { return m.cfg.Store.SueltaPaquete(ctx, p) })
		}
	}()
	d, err := m.cfg.Store.Descarga(ctx, p.Descarga)
	if err != nil {
		return 0, err
	}
	err = m.traeYAsienta(ctx, d, p)
	hecho = err == nil
	return 0, err
}

func filaPaquete(id int64) string { return "paquete/" + strconv.FormatInt(id, 10) }

func (m *Motor) traeYAsienta(ctx context.Context, d store.Descarga, p store.PaqueteDeTramo) error {
	ctx = gateway.WithWork(ctx, gateway.Work{IDDescarga: p.Descarga, Solicitud: p.Tramo})
	if err := m.trae(ctx, d, &p); err != nil {
		if errors.Is(err, gateway.ErrStopping) || ctx.Err() != nil && !errors.As(err, new(*gateway.Error)) {
			// It flies on without a hand, and others come first.
			m.deja(ctx, func(ctx context.Context) error { return m.cfg.Store.RelevaPaquete(ctx, p, m.cfg.Now(), m.cfg.Now()) })
			return nil
		}
		return m.asientaFallo(context.WithoutCancel(ctx), d, p, gateway.AsError(err))
	}
	ctx = context.WithoutCancel(ctx)
	segunda, err := m.segunda(ctx, d, &p)
	if err != nil {
		return err
	}
	if p.Estado == gateway.PaquetePendiente {
		return m.asientaPaquete(ctx, p, gateway.EventoDescarga{Tipo: "paquete_aplazado", Tramo: p.Tramo, Detalle: segunda})
	}
	detalle := fmt.Sprintf("Se guardó el paquete %s: %s%s. %s", p.Paquete.IDPaquete, plural(p.Comprobantes, "comprobante"), ademas(p.Fallas, p.Repetidos, p.Detalle), segunda)
	return m.asientaPaquete(ctx, p, gateway.EventoDescarga{Tipo: "paquete_guardado", Tramo: p.Tramo, Detalle: strings.TrimSpace(detalle)})
}

// porSegunda says why a package is to be downloaded once more; empty where it is not.
// One without anything that is read, of a solicitud that the SAT has counted some for,
// has been reported (sat.md §11).
func porSegunda(p store.PaqueteDeTramo, t store.Tramo) string {
	switch {
	case p.Fallas > 0:
		return p.Detalle
	case p.Comprobantes == 0 && p.Repetidos == 0 && t.NumeroCFDIs > 0:
		return "No trae ninguno de los comprobantes que contó el SAT."
	}
	return ""
}

// segunda has a package some of whose content cannot be read downloaded once more,
// whatever the reason, where the SAT still owes that, and counts it again if the second
// copy is the better. It says what was done; p is due again where the SAT was not to be had.
func (m *Motor) segunda(ctx context.Context, d store.Descarga, p *store.PaqueteDeTramo) (string, error) {
	t, err := m.cfg.Store.Tramo(ctx, p.IDTramo)
	porque := porSegunda(*p, t)
	if err != nil || porque == "" {
		return "", err
	}
	if p.Detalle == "" {
		p.Detalle, p.MotivoCodigo = porque, string(gateway.OwnPaqueteSinComprobantes)
	}
	s, err := m.cfg.Almacen.Repite(ctx, p.Paquete, porque)
	now := m.cfg.Now()
	switch e := gateway.AsError(err); {
	case err != nil && p.Intentos < maxSegundas && m.cfg.Clock.Earliest().Before(d.Tope) && trasDescargar(*p, e, m.marco(d)).accion != fallar:
		p.Intentos++
		p.Estado, p.Siguiente = gateway.PaquetePendiente, antesDe(d.Tope, now, now.Add(m.cfg.Ritmo.fallo(p.Intentos)))
		return "El paquete " + p.Paquete.IDPaquete + " está guardado y no se lee todo lo que debe traer; se intentará bajarlo otra vez: " + e.Detail, nil
	case err != nil:
		return "No se lee todo lo que debe traer, y no se pudo bajar otra vez: " + e.Detail, nil //nolint:nilerr // what is kept stays
	case !s.Hecha:
		return "", nil
	case s.Igual:
		return "Se bajó las dos veces que permite el SAT y las dos entregas son idénticas.", nil
	case !s.Cambia:
		return "Se bajó las dos veces que permite el SAT; vale la entrega en que se lee más.", nil
	}
	if err := m.cfg.Store.QuitaIdentidades(ctx, *p); err != nil {
		return "", err
	}
	if err := m.cuentaPaquete(ctx, d, p); err != nil {
		return "", err
	}
	if porque = porSegunda(*p, t); porque != "" {
		// It owes nothing more: this only says so in its row.
		_, err = m.cfg.Almacen.Repite(ctx, p.Paquete, porque)
	}
	return "Se bajó otra vez, porque en la primera entrega no se leía todo, y vale la segunda.", err
}

// trae brings the package into storage and counts it.
func (m *Motor) trae(ctx context.Context, d store.Descarga, p *store.PaqueteDeTramo) error {
	if err := m.cfg.Almacen.Trae(ctx, p.Paquete); err != nil {
		return err
	}
	m.cfg.Paso("paquete-traido")
	// A million rows take as long as they take: to begin again would take as long.
	ctx, cancela := context.WithTimeout(context.WithoutCancel(ctx), maxCuenta)
	defer cancela()
	if err := m.cuentaPaquete(ctx, d, p); err != nil {
		return err
	}
	p.Estado, p.Siguiente = gateway.PaqueteGuardado, time.Time{}
	return nil
}

// asientaFallo decides what becomes of a package that did not come.
func (m *Motor) asientaFallo(ctx context.Context, d store.Descarga, p store.PaqueteDeTramo, e *gateway.Error) error {
	v := trasDescargar(p, e, m.marco(d))
	if p.Serie.Condicion == condNuestra && condicion(e) == condVencido {
		// It ran out while it waited for what this machine had not.
		if err := m.cfg.Store.AnotaNuestra(ctx, p.Paquete, 0); err != nil {
			return err
		}
	}
	p.Intentos++
	p.Detalle, p.MotivoCodigo, p.Serie = e.Detail, v.motivo, v.serie
	now := m.cfg.Now()
	switch {
	case v.accion == fallar, !m.cfg.Clock.Earliest().Before(d.Tope):
		p.Estado, p.Siguiente = gateway.PaquetePerdido, time.Time{}
		return m.asientaPaquete(ctx, p, gateway.EventoDescarga{Tipo: "paquete_perdido", Tramo: p.Tramo, Codigo: e.Codigo, Mensaje: e.Mensaje,
			Detalle: "El paquete " + p.Paquete.IDPaquete + " ya no se puede obtener: " + e.Detail})
	}
	p.Siguiente = antesDe(d.Tope, now, now.Add(v.espera))
	return m.asientaPaquete(ctx, p, gateway.EventoDescarga{Tipo: "paquete_aplazado", Tramo: p.Tramo, Codigo: e.Codigo, Mensaje: e.Mensaje,
		Detalle: "El paquete " + p.Paquete.IDPaquete + " no llegó; se intentará de nuevo: " + e.Detail})
}

func (m *Motor) asientaPaquete(ctx context.Context, p store.PaqueteDeTramo, evento gateway.EventoDescarga) error {
	m.cfg.Paso("antes-de-asentar-paquete")
	err := m.cambia(ctx, p.Descarga, func(c *store.Cambio) error {
		if c.Descarga().Estado.Final() {
			// What came after a cancellation is there, and paid for.
			if p.Estado == gateway.PaqueteGuardado {
				c.LlegaTarde(p)
				return c.Err()
			}
			return store.ErrTurno
		}
		c.GuardaPaquete(p)
		c.Evento(evento)
		if p.Estado != gateway.PaquetePendiente {
			m.cierraTramo(c, c.Tramo(p.Tramo))
		}
		m.resume(c)
		return c.Err()
	})
	m.cfg.Paso("paquete-asentado")
	if errors.Is(err, store.ErrTurno) {
		return nil
	}
	if err == nil && p.Estado == gateway.PaqueteGuardado {
		m.anuncia(ctx, p)
	}
	return err
}

// anuncia tells the subscribers of a package. It is a convenience and may be
// lost in a crash: the end of the descarga is told in any case.
func (m *Motor) anuncia(ctx context.Context, p store.PaqueteDeTramo) {
	d, err := m.cfg.Store.Descarga(ctx, p.Descarga)
	if err == nil {
		err = m.cfg.Publica(ctx, Aviso{Clave: p.Descarga + "/" + p.Paquete.IDPaquete, Tipo: PaqueteDisponible, Cuando: m.cfg.Now(), Descarga: d.Descarga, IDPaquete: p.Paquete.IDPaquete, MotivoCodigo: p.MotivoCodigo})
	}
	if err != nil {
		m.cfg.Log.Warn().Err(err).Str("idDescarga", p.Descarga).Str("idPaquete", p.Paquete.IDPaquete).Msg("a package could not be announced")
	}
}

// maxSegundas bounds how often the second download is tried for: what is kept is there
// to be read meanwhile.
const maxSegundas = 3

// causaRoto is a replacement for packages that the SAT delivered, and never as whole ZIPs.
const causaRoto = "paquete_roto"

// pedidaPorRotos tells whether t, or one that it replaces, was made because of broken
// packages: the SAT makes them anew for each solicitud, and once more is enough to see
// whether that helps.
func (m *Motor) pedidaPorRotos(c *store.Cambio, t store.Tramo) bool {
	for c.Err() == nil {
		if t.Causa == causaRoto {
			return true
		}
		if t.Origen == 0 || t.Causa == causaMitad {
			return false
		}
		t = c.Tramo(t.Origen)
	}
	return false
}

// rotosSinRemedio says why nothing more is asked for.
func rotosSinRemedio(cuantos int, iguales bool) string {
	porque := "ya se había pedido otra vez por lo mismo"
	if iguales {
		porque = "las dos entregas de cada uno son idénticas, así que es el SAT quien los tiene así"
	}
	return fmt.Sprintf("Paquetes que el SAT entregó y no son un ZIP completo: %d. No se gasta otra solicitud: %s. Lo que llegó se guardó aparte; vea «dudoso» en …/paquetes.", cuantos, porque)
}

// cierraVacio ends a solicitud whose packages hold nothing, or replaces it where that
// is doubted.
func (m *Motor) cierraVacio(c *store.Cambio, t *store.Tramo, evento *gateway.EventoDescarga) []store.Tramo {
	v := m.duda(c, *t, veredicto{accion: vaciar, motivo: string(gateway.OwnSinComprobantes), decision: "El SAT terminó, no contó comprobantes y sus paquetes no traen ninguno."})
	evento.Detalle = v.decision
	t.MotivoCodigo = v.motivo
	if v.accion == sustituir {
		return m.sucesor(t, evento, paso{veredicto: v}, c.Ahora())
	}
	t.Estado, evento.Tipo = gateway.TramoVacia, "solicitud_vacia"
	return nil
}

// trasPerdidos decides what becomes of a solicitud some of whose packages will not
// come: it is replaced by those that it returns, or has failed.
func (m *Motor) trasPerdidos(c *store.Cambio, t *store.Tramo, evento *gateway.EventoDescarga, u store.SumaPaquetes) (nuevos []store.Tramo) {
	perdidos := u.Perdidos
	t.MotivoCodigo = u.Motivo
	nuestros := c.PerdidosNuestros(t.ID)
	rotos, iguales := c.PerdidosRotos(t.ID)+nuestros == perdidos, c.PerdidosIguales(t.ID)+nuestros == perdidos
	switch {
	case !m.cfg.Clock.Earliest().Before(c.Descarga().Tope):
		t.Estado, evento.Tipo, t.MotivoCodigo = gateway.TramoFallida, "solicitud_fallida", string(gateway.OwnPlazoVencido)
		evento.Detalle = fmt.Sprintf("Venció el plazo de la descarga y %d paquetes no llegaron.", perdidos)
	case nuestros == perdidos:
		t.Estado, evento.Tipo, t.MotivoCodigo = gateway.TramoFallida, "solicitud_fallida", string(gateway.OwnPaquetePerdido)
		evento.Detalle = fmt.Sprintf("Paquetes que el SAT entregó y una falla de esta pasarela impidió guardar: %d. No se gasta otra solicitud por eso: corrija la falla y, si los necesita, pida el rango en una descarga nueva.", perdidos)
	case rotos && (iguales || m.pedidaPorRotos(c, *t)):
		t.Estado, evento.Tipo, t.MotivoCodigo = gateway.TramoFallida, "solicitud_fallida", string(gateway.OwnZipIncompleto)
		evento.Detalle = rotosSinRemedio(perdidos, iguales)
	case t.Sustituciones < maxSustituciones && rotos:
		t.MotivoCodigo = string(gateway.OwnZipIncompleto)
		evento.Detalle = fmt.Sprintf("Paquetes que el SAT entregó rotos las dos veces: %d. Se pide el mismo rango con un segundo más, una sola vez.", perdidos)
		nuevos = m.sucesor(t, evento, paso{veredicto: veredicto{causa: causaRoto}}, c.Ahora())
	case t.Sustituciones < maxSustituciones:
		evento.Detalle = fmt.Sprintf("Paquetes que ya no se pueden obtener: %d. Se pide el mismo rango con un segundo más.", perdidos)
		pausa := m.marco(*c.Descarga()).reparte(t.Sustituciones+1, 0)
		nuevos = m.sucesor(t, evento, paso{veredicto: veredicto{causa: causaPerdido, espera: pausa}}, c.Ahora())
	default:
		t.Estado, evento.Tipo = gateway.TramoFallida, "solicitud_fallida"
		evento.Detalle = fmt.Sprintf("Paquetes que ya no se pueden obtener: %d; y el rango se ha pedido ya %d veces.", perdidos, t.Sustituciones+1)
	}
	return nuevos
}

// cierraTramo ends a solicitud whose packages have all come, or will not.
func (m *Motor) cierraTramo(c *store.Cambio, t store.Tramo) {
	u := c.SumaPaquetes(t.ID)
	if c.Err() != nil || u.Pendientes > 0 || t.Estado != gateway.TramoDescargando {
		return
	}
	faltan := t.NumeroCFDIs - u.Comprobantes
	explicado := explica(u.Fallas, faltan, c.Descarga().Peticion.Solicitud.TipoSolicitud == gateway.TipoMetadata)
	t.MotivoCodigo = ""
	evento := gateway.EventoDescarga{Tipo: "completada", Tramo: t.Numero,
		Detalle: fmt.Sprintf("Se tienen todos los paquetes: %s, y el SAT contó %d%s.", plural(u.Comprobantes, "comprobante"), t.NumeroCFDIs, ademas(u.Fallas, u.Repetidos, u.Falla))}
	var nuevos []store.Tramo
	switch {
	case u.Perdidos > 0:
		nuevos = m.trasPerdidos(c, &t, &evento, u)
	case faltan > 0 && !explicado && t.Fallos < maxMiradas:
		// The list of packages has been seen to grow after the first look.
		t.Estado, t.SiguienteIntento, t.Fallos = gateway.TramoPresentada, c.Ahora().Add(m.cfg.Ritmo.fallo(t.Fallos+1)), t.Fallos+1
		evento.Tipo, t.MotivoCodigo = "incompleta", string(gateway.OwnFaltanComprobantes)
		evento.Detalle += " Faltan; se consulta otra vez por si hay más paquetes."
	case t.NumeroCFDIs == 0 && u.Comprobantes == 0 && u.Fallas == 0:
		nuevos = m.cierraVacio(c, &t, &evento)
	default:
		t.Estado = gateway.TramoTerminada
		switch {
		case faltan > 0 && explicado:
			evento.Tipo, t.MotivoCodigo = "incompleta", string(gateway.OwnEntradasIlegibles)
			evento.Detalle += " Los que no se leen están en lo que no se puede leer."
		case faltan > 0:
			evento.Tipo, t.MotivoCodigo = "incompleta", string(gateway.OwnFaltanComprobantes)
			evento.Detalle += " Los que faltan no vienen en ningún paquete."
		}
	}
	t.Decision = evento.Detalle
	c.GuardaTramo(t)
	for i := range nuevos {
		c.NuevoTramo(&nuevos[i])
	}
	if t.Estado == gateway.TramoFallida {
		rescata(c, t)
	}
	c.Evento(evento)
}
