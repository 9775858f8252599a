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
	c.AnotaRepetidos()
	r := c.Recuento()
	metadata := d.Peticion.Solicitud.TipoSolicitud == gateway.TipoMetadata
	d.Estado, d.Motivo = final(r, metadata)
	d.MotivoCodigo = motivoFinal(d.Estado, r, metadata)
	if dudosa := c.DecisionDe(gateway.TramoVacia, causaVacia); dudosa != "" {
		d.Motivo = strings.TrimSpace(d.Motivo + " " + dudosa)
		if d.Estado == gateway.DescargaVacia || d.Estado == gateway.DescargaTerminada {
			d.MotivoCodigo = string(gateway.OwnVaciaDudosa)
		}
	}
	d.Terminada = m.cfg.Clock.Latest()
	c.Evento(gateway.EventoDescarga{Tipo: string(d.Estado), Detalle: strings.TrimSpace(fmt.Sprintf(
		"La descarga acabó: el SAT contó %s y en los paquetes guardados, de %s, se %s. %s", plural(r.Contados, "comprobante"), plural(r.Bytes, "byte"), leen(r.Encontrados), d.Motivo))})
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

// final is how a descarga ends. Only where all that the SAT counted can be read, in
// entries that are whole, it is called finished; what has brought something never failed.
func final(r store.Recuento, metadata bool) (gateway.EstadoDescarga, string) {
	primera := fmt.Sprintf("De %s a %s: %s", r.Fallida.Desde, r.Fallida.Hasta, r.Fallida.Decision)
	switch {
	case r.Fallidas > 0 && r.Terminadas == 0 && r.Vacias == 0 && r.Encontrados == 0 && r.Fallas == 0:
		return gateway.DescargaFallida, primera
	case r.Fallidas > 0:
		motivo := fmt.Sprintf("Solicitudes que no trajeron nada, o no todo: %d. La primera: %s", r.Fallidas, primera)
		if r.Fallas > 0 {
			motivo += " De lo que llegó, " + ilegibles(r) + "."
		}
		return gateway.DescargaParcial, motivo
	case r.Faltan > 0:
		return gateway.DescargaParcial, contados(r) + ": " + faltantes(r, metadata) + "."
	case r.Danadas > 0:
		return gateway.DescargaParcial, contados(r) + ", pero " + ilegibles(r) + ": lo que se leyó ahí puede no ser lo que el SAT empacó."
	case r.Terminadas == 0:
		return gateway.DescargaVacia, "El SAT no encontró comprobantes en el rango."
	}
	return gateway.DescargaTerminada, sobrantes(r)
}

// motivoFinal is the code of what final says in words: of several things the gravest.
func motivoFinal(estado gateway.EstadoDescarga, r store.Recuento, metadata bool) string {
	var motivo gateway.OwnCode
	switch {
	case r.Fallidas > 0:
		return r.Fallida.MotivoCodigo
	case r.Faltan > 0 && !explica(r.Fallas, r.Faltan, metadata):
		motivo = gateway.OwnFaltanComprobantes
	case r.Danadas > 0 && estado == gateway.DescargaParcial:
		motivo = gateway.OwnEntradasDanadas
	case r.Fallas > 0:
		motivo = gateway.OwnEntradasIlegibles
	case estado == gateway.DescargaVacia:
		motivo = gateway.OwnSinComprobantes
	case r.Encontrados > r.Contados:
		motivo = gateway.OwnSobranComprobantes
	case r.Repetidos > 0:
		motivo = gateway.OwnComprobantesRepetidos
	}
	return string(motivo)
}

// explica reports whether all that is missing may be in what cannot be read: a text of
// metadata that cannot be read holds nobody knows how many.
func explica(fallas, faltan int64, metadata bool) bool {
	return fallas >= faltan || fallas > 0 && metadata
}

// sobrantes says what a descarga that has everything has beside it; empty for nothing.
func sobrantes(r store.Recuento) string {
	var dichos []string
	if r.Encontrados > r.Contados {
		dichos = append(dichos, contados(r)+": "+conVerbo(r.Encontrados-r.Contados, "sobra", "sobran")+".")
	}
	if r.Fallas > 0 {
		dichos = append(dichos, "Están todos los que contó el SAT; además, "+ilegibles(r)+".")
	}
	if r.Repetidos > 0 {
		dichos = append(dichos, repetidos(r.Repetidos)+" en los paquetes.")
	}
	return strings.Join(dichos, " ")
}

func contados(r store.Recuento) string {
	return fmt.Sprintf("El SAT contó %s y se %s", plural(r.Contados, "comprobante"), leen(r.Encontrados))
}

// faltantes shares what is missing out among what cannot be read and what did not
// come. Nothing of the first is told as the second: a damaged text of metadata holds
// nobody knows how many.
func faltantes(r store.Recuento, metadata bool) string {
	texto := conVerbo(r.Faltan, "falta", "faltan")
	switch {
	case r.Fallas > 0 && metadata:
		texto = ilegibles(r) + ", y ahí puede estar lo que no se lee: " + texto
	case r.Fallas > 0:
		// Of two that do not fit the count one may be among those that cannot be read.
		texto = ilegibles(r) + ", " + conVerbo(max(0, r.Faltan-r.Fallas), "falta", "faltan")
	}
	if r.Ajenas > 0 {
		texto += ", y en los paquetes " + conVerbo(r.Ajenas, "archivo no se lee", "archivos no se leen") + ", porque el SAT no entrega otros así"
		if r.Ajena != "" {
			texto += " (" + strings.TrimSuffix(r.Ajena, ".") + ")"
		}
	}
	if r.Repetidos > 0 {
		texto += ", " + repetidos(r.Repetidos)
	}
	if sobran := r.Encontrados + r.Faltan - r.Contados; sobran > 0 {
		texto += ", y a otras solicitudes les " + conVerbo(sobran, "sobra", "sobran")
	}
	return texto
}

func ilegibles(r store.Recuento) string {
	return conVerbo(r.Fallas, "no se puede leer", "no se pueden leer") + " (" + entrada(r.Fallas, r.Falla) + ")"
}

// entrada names the first of what cannot be read.
func entrada(fallas int64, primera string) string {
	primera = strings.TrimSuffix(primera, ".")
	if fallas > 1 {
		return "la primera entrada, " + primera
	}
	return "entrada " + primera
}

// ademas says of a package what it has beside comprobantes; empty for nothing.
func ademas(fallas, repes int64, primera string) string {
	texto := ""
	if fallas > 0 {
		texto = "; " + conVerbo(fallas, "no se puede leer", "no se pueden leer") + " (" + entrada(fallas, primera) + ")"
	}
	if repes > 0 {
		texto += "; " + repetidos(repes)
	}
	return texto
}

func repetidos(n int64) string { return conVerbo(n, "viene repetido", "vienen repetidos") }

func leen(n int64) string {
	if n == 1 {
		return "lee 1"
	}
	return fmt.Sprintf("leen %d", n)
}

// conVerbo writes how many with what they do: the verb first where it is short.
func conVerbo(n int64, uno, varios string) string {
	verbo := varios
	if n == 1 {
		verbo = uno
	}
	if strings.Contains(verbo, " ") {
		return fmt.Sprintf("%d %s", n, verbo)
	}
	return fmt.Sprintf("%s %d", verbo, n)
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
			antes.Decision += fmt.Sprintf(" La solicitud %d, que la sustituía, no trajo nada: vale lo que trajo esta.", t.Numero)
			antes.MotivoCodigo = t.MotivoCodigo
			c.GuardaTramo(antes)
			return
		}
		origen = antes.Origen
	}
}
