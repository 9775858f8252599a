package descargas

import (
	"fmt"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// resume makes the descarga's state of its solicitudes', and ends it when none
// of them lives.
func (m *Engine) resume(c *store.Change) {
	d := c.Descarga()
	if d.Estado.Final() {
		return
	}
	standing := c.Standing()
	if c.Err() != nil {
		return
	}
	if standing.Live {
		d.Estado = inProgress(standing)
		return
	}
	c.RecordRepeated()
	r := c.Recount()
	metadata := d.Request.Solicitud.TipoSolicitud == gateway.TipoMetadata
	d.Estado, d.Motivo = final(r, metadata)
	d.MotivoCodigo = motivoFinal(d.Estado, r, metadata)
	if dubious := c.DecisionOf(gateway.TramoVacia, causeEmpty); dubious != "" {
		d.Motivo = strings.TrimSpace(d.Motivo + " " + dubious)
		if d.Estado == gateway.DescargaVacia || d.Estado == gateway.DescargaTerminada {
			d.MotivoCodigo = string(gateway.OwnVaciaDudosa)
		}
	}
	d.Finished = m.cfg.Clock.Latest()
	c.Evento(gateway.EventoDescarga{Tipo: string(d.Estado), Detalle: strings.TrimSpace(fmt.Sprintf(
		"La descarga acabó: el SAT contó %s y en los paquetes guardados, de %s, se %s. %s", plural(r.Counted, "comprobante"), plural(r.Bytes, "byte"), nowReadable(r.Found), d.Motivo))})
}

func inProgress(m store.Standing) gateway.EstadoDescarga {
	switch {
	case m.Downloading:
		return gateway.DescargaDescargando
	case m.EnProceso || m.Finished:
		return gateway.DescargaEnProceso
	case m.Submitted || m.EmptyOrFailed:
		return gateway.DescargaSolicitada
	}
	return gateway.DescargaEnCola
}

// final is how a descarga ends. Only where all that the SAT counted can be read, in
// entries that are whole, it is called finished; what has brought something never failed.
func final(r store.Recount, metadata bool) (gateway.EstadoDescarga, string) {
	first := fmt.Sprintf("De %s a %s: %s", r.FirstFailed.Since, r.FirstFailed.Until, r.FirstFailed.Decision)
	switch {
	case r.Failed > 0 && r.Finished == 0 && r.Empty == 0 && r.Found == 0 && r.Fallas == 0:
		return gateway.DescargaFallida, first
	case r.Failed > 0:
		motivo := fmt.Sprintf("Solicitudes que no trajeron nada, o no todo: %d. La primera: %s", r.Failed, first)
		if r.Fallas > 0 {
			motivo += " De lo que llegó, " + unreadable(r) + "."
		}
		return gateway.DescargaParcial, motivo
	case r.Missing > 0:
		return gateway.DescargaParcial, counted(r) + ": " + missing(r, metadata) + "."
	case r.DamagedEntries > 0:
		return gateway.DescargaParcial, counted(r) + ", pero " + unreadable(r) + ": lo que se leyó ahí puede no ser lo que el SAT empacó."
	case r.Finished == 0:
		return gateway.DescargaVacia, "El SAT no encontró comprobantes en el rango."
	}
	return gateway.DescargaTerminada, leftover(r)
}

// motivoFinal is the code of what final says in words: of several things the gravest.
func motivoFinal(estado gateway.EstadoDescarga, r store.Recount, metadata bool) string {
	var motivo gateway.OwnCode
	switch {
	case r.Failed > 0:
		return r.FirstFailed.MotivoCodigo
	case r.Missing > 0 && !explain(r.Fallas, r.Missing, metadata):
		motivo = gateway.OwnFaltanComprobantes
	case r.DamagedEntries > 0 && estado == gateway.DescargaParcial:
		motivo = gateway.OwnEntradasDanadas
	case r.Fallas > 0:
		motivo = gateway.OwnEntradasIlegibles
	case estado == gateway.DescargaVacia:
		motivo = gateway.OwnSinComprobantes
	case r.Found > r.Counted:
		motivo = gateway.OwnSobranComprobantes
	case r.Repeated > 0:
		motivo = gateway.OwnComprobantesRepetidos
	}
	return string(motivo)
}

// explain reports whether all that is missing may be in what cannot be read: a text of
// metadata that cannot be read holds nobody knows how many.
func explain(fallas, missing int64, metadata bool) bool {
	return fallas >= missing || fallas > 0 && metadata
}

// leftover says what a descarga that has everything has beside it; empty for nothing.
func leftover(r store.Recount) string {
	var said []string
	if r.Found > r.Counted {
		said = append(said, counted(r)+": "+withVerb(r.Found-r.Counted, "sobra", "sobran")+".")
	}
	if r.Fallas > 0 {
		said = append(said, "Están todos los que contó el SAT; además, "+unreadable(r)+".")
	}
	if r.Repeated > 0 {
		said = append(said, repeated(r.Repeated)+" en los paquetes.")
	}
	return strings.Join(said, " ")
}

func counted(r store.Recount) string {
	return fmt.Sprintf("El SAT contó %s y se %s", plural(r.Counted, "comprobante"), nowReadable(r.Found))
}

// missing shares what is missing out among what cannot be read and what did not
// come. Nothing of the first is told as the second: a damaged text of metadata holds
// nobody knows how many.
func missing(r store.Recount, metadata bool) string {
	text := withVerb(r.Missing, "falta", "faltan")
	switch {
	case r.Fallas > 0 && metadata:
		text = unreadable(r) + ", y ahí puede estar lo que no se lee: " + text
	case r.Fallas > 0:
		// Of two that do not fit the count one may be among those that cannot be read.
		text = unreadable(r) + ", " + withVerb(max(0, r.Missing-r.Fallas), "falta", "faltan")
	}
	if r.Foreign > 0 {
		text += ", y en los paquetes " + withVerb(r.Foreign, "archivo no se lee", "archivos no se leen") + ", porque el SAT no entrega otros así"
		if r.FirstForeign != "" {
			text += " (" + strings.TrimSuffix(r.FirstForeign, ".") + ")"
		}
	}
	if r.Repeated > 0 {
		text += ", " + repeated(r.Repeated)
	}
	if surplus := r.Found + r.Missing - r.Counted; surplus > 0 {
		text += ", y a otras solicitudes les " + withVerb(surplus, "sobra", "sobran")
	}
	return text
}

func unreadable(r store.Recount) string {
	return withVerb(r.Fallas, "no se puede leer", "no se pueden leer") + " (" + entry(r.Fallas, r.Falla) + ")"
}

// entry names the first of what cannot be read.
func entry(fallas int64, first string) string {
	first = strings.TrimSuffix(first, ".")
	if fallas > 1 {
		return "la primera entrada, " + first
	}
	return "entrada " + first
}

// besides says of a package what it has beside comprobantes; empty for nothing.
func besides(fallas, repes int64, first string) string {
	text := ""
	if fallas > 0 {
		text = "; " + withVerb(fallas, "no se puede leer", "no se pueden leer") + " (" + entry(fallas, first) + ")"
	}
	if repes > 0 {
		text += "; " + repeated(repes)
	}
	return text
}

func repeated(n int64) string { return withVerb(n, "viene repetido", "vienen repetidos") }

func nowReadable(n int64) string {
	if n == 1 {
		return "lee 1"
	}
	return fmt.Sprintf("leen %d", n)
}

// withVerb writes how many with what they do: the verb first where it is short.
func withVerb(n int64, one, several string) string {
	verb := several
	if n == 1 {
		verb = one
	}
	if strings.Contains(verb, " ") {
		return fmt.Sprintf("%d %s", n, verb)
	}
	return fmt.Sprintf("%s %d", verb, n)
}

// rescue gives a solicitud that ends without a package the place of the one it
// replaced, if that has brought some: the attempt to get all must not lose a part.
func rescue(c *store.Change, t store.Tramo) {
	if c.SumPaquetes(t.ID).Saved > 0 {
		return
	}
	for origin := t.Origin; origin != 0 && c.Err() == nil; {
		before := c.Tramo(origin)
		if before.Estado != gateway.TramoSustituida {
			return
		}
		if c.SumPaquetes(before.ID).Saved > 0 {
			before.Estado = t.Estado
			before.Decision += fmt.Sprintf(" La solicitud %d, que la sustituía, no trajo nada: vale lo que trajo esta.", t.Number)
			before.MotivoCodigo = t.MotivoCodigo
			c.SaveTramo(before)
			return
		}
		origin = before.Origin
	}
}
