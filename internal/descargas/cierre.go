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
	tramos := c.Tramos()
	if c.Err() != nil {
		return
	}
	r := cuenta(tramos)
	if r.vivos > 0 {
		d.Estado = r.enCurso()
		return
	}
	var encontrados int64
	var bytes int64
	for _, t := range tramos {
		if t.Estado != gateway.TramoTerminada {
			continue
		}
		for _, p := range c.Paquetes(t.ID) {
			if p.Estado == gateway.PaqueteGuardado {
				encontrados += p.Comprobantes
				bytes += p.Bytes
			}
		}
	}
	d.Estado, d.Motivo = r.final(encontrados)
	d.Terminada = c.Ahora()
	c.Evento(gateway.EventoDescarga{Tipo: string(d.Estado), Detalle: strings.TrimSpace(fmt.Sprintf(
		"La descarga acabó: el SAT contó %s y los paquetes guardados tienen %d, en %s. %s", plural(r.contados, "comprobante"), encontrados, plural(bytes, "byte"), d.Motivo))})
}

// recuento is how many solicitudes are how far.
type recuento struct {
	vivos, presentadas, enProceso, descargando int
	terminadas, vacias, fallidas               int
	// contados is what the SAT says that the finished ones hold.
	contados int64
	// motivo of the first that failed.
	motivo string
}

func cuenta(tramos []store.Tramo) recuento {
	var r recuento
	for _, t := range tramos {
		if t.Estado.Vivo() {
			r.vivos++
		}
		switch t.Estado {
		case gateway.TramoPresentada:
			r.presentadas++
			if t.EstadoSolicitud == "2" {
				r.enProceso++
			}
		case gateway.TramoDescargando:
			r.descargando++
		case gateway.TramoTerminada:
			r.terminadas++
			r.contados += t.NumeroCFDIs
		case gateway.TramoVacia:
			r.vacias++
		case gateway.TramoFallida:
			r.fallidas++
			if r.motivo == "" {
				r.motivo = fmt.Sprintf("De %s a %s: %s", t.Desde, t.Hasta, t.Decision)
			}
		}
	}
	return r
}

func (r recuento) enCurso() gateway.EstadoDescarga {
	switch {
	case r.descargando > 0:
		return gateway.DescargaDescargando
	case r.enProceso > 0 || r.terminadas > 0:
		return gateway.DescargaEnProceso
	case r.presentadas > 0 || r.vacias > 0 || r.fallidas > 0:
		return gateway.DescargaSolicitada
	}
	return gateway.DescargaEnCola
}

// final is how a descarga ends whose packages hold encontrados comprobantes. What
// is not all that the SAT counted is never called finished.
func (r recuento) final(encontrados int64) (gateway.EstadoDescarga, string) {
	switch {
	case r.fallidas > 0 && r.terminadas == 0 && r.vacias == 0:
		return gateway.DescargaFallida, r.motivo
	case r.fallidas > 0:
		return gateway.DescargaParcial, fmt.Sprintf("Solicitudes que no trajeron nada: %d. La primera: %s", r.fallidas, r.motivo)
	case encontrados < r.contados:
		return gateway.DescargaParcial, fmt.Sprintf("El SAT contó %s y sus paquetes traen %d: faltan %d.", plural(r.contados, "comprobante"), encontrados, r.contados-encontrados)
	case encontrados > r.contados:
		return gateway.DescargaTerminada, fmt.Sprintf("El SAT contó %s y sus paquetes traen %d: sobran %d.", plural(r.contados, "comprobante"), encontrados, encontrados-r.contados)
	case r.terminadas == 0:
		return gateway.DescargaVacia, "El SAT no encontró comprobantes en el rango."
	}
	return gateway.DescargaTerminada, ""
}
