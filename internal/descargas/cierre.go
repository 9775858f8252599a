package descargas

import (
	"fmt"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// resume makes the descarga's state of its solicitudes', and ends it when none
// of them lives.
func (m *Motor) resume(c *store.Cambio) {
	d := c.Descarga()
	if d.Estado.Final() {
		return
	}
	marcha := c.Marcha()
	if c.Err() != nil {
		return
	}
	if marcha.Vivos {
		d.Estado = enCurso(marcha)
		return
	}
	r := c.Recuento()
	d.Estado, d.Motivo = final(r)
	d.Motivo = strings.TrimSpace(d.Motivo + " " + c.DecisionDe(gateway.TramoVacia, causaVacia))
	d.Terminada = c.Ahora()
	c.Evento(gateway.EventoDescarga{Tipo: string(d.Estado), Detalle: strings.TrimSpace(fmt.Sprintf(
		"La descarga acabó: el SAT contó %s y los paquetes guardados tienen %d, en %s. %s", plural(r.Contados, "comprobante"), r.Encontrados, plural(r.Bytes, "byte"), d.Motivo))})
}

func enCurso(m store.Marcha) gateway.EstadoDescarga {
	switch {
	case m.Descargando:
		return gateway.DescargaDescargando
	case m.EnProceso || m.Terminadas:
		return gateway.DescargaEnProceso
	case m.Presentadas || m.Acabadas:
		return gateway.DescargaSolicitada
	}
	return gateway.DescargaEnCola
}

// final is how a descarga ends. What is not all that the SAT counted is never
// called finished, and what has brought something never failed.
func final(r store.Recuento) (gateway.EstadoDescarga, string) {
	primera := fmt.Sprintf("De %s a %s: %s", r.Fallida.Desde, r.Fallida.Hasta, r.Fallida.Decision)
	switch {
	case r.Fallidas > 0 && r.Terminadas == 0 && r.Vacias == 0 && r.Encontrados == 0:
		return gateway.DescargaFallida, primera
	case r.Fallidas > 0:
		return gateway.DescargaParcial, fmt.Sprintf("Solicitudes que no trajeron nada, o no todo: %d. La primera: %s", r.Fallidas, primera)
	case r.Encontrados < r.Contados:
		return gateway.DescargaParcial, fmt.Sprintf("El SAT contó %s y sus paquetes traen %d: faltan %d.", plural(r.Contados, "comprobante"), r.Encontrados, r.Contados-r.Encontrados)
	case r.Encontrados > r.Contados:
		return gateway.DescargaTerminada, fmt.Sprintf("El SAT contó %s y sus paquetes traen %d: sobran %d.", plural(r.Contados, "comprobante"), r.Encontrados, r.Encontrados-r.Contados)
	case r.Terminadas == 0:
		return gateway.DescargaVacia, "El SAT no encontró comprobantes en el rango."
	}
	return gateway.DescargaTerminada, ""
}

// rescata gives a solicitud that ends without a package the place of the one it
// replaced, if that has brought some: the attempt to get all must not lose a part.
func rescata(c *store.Cambio, t store.Tramo) {
	if c.SumaPaquetes(t.ID).Guardados > 0 {
		return
	}
	for origen := t.Origen; origen != 0 && c.Err() == nil; {
		antes := c.Tramo(origen)
		if antes.Estado != gateway.TramoSustituida {
			return
		}
		if c.SumaPaquetes(antes.ID).Guardados > 0 {
			antes.Estado = t.Estado
			antes.Decision += fmt.Sprintf(" La solicitud %d, que la sustituía, no trajo nada: vale lo que trajo esta.", t.ID)
			c.GuardaTramo(antes)
			return
		}
		origen = antes.Origen
	}
}
