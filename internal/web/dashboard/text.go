package dashboard

import (
	"html/template"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func functions() template.FuncMap {
	return template.FuncMap{
		"estado": estadoName, "explica": explainEstado, "tramo": tramoName, "paquete": paqueteName, "palabras": words,
		"que": que, "rango": rango, "fecha": fecha, "instante": instant, "iso": iso, "falta": missing, "hace": build,
		"ni": func(n int) string { return humanize.Comma(int64(n)) }, "n": humanize.Comma, "plural": plural[int], "plural64": plural[int64], "bytes": size, "dias": days,
		"codigoSAT": codigoSAT, "estadoSAT": estadoSAT, "happening": happening,
		"barra": barOf, "con": with, "mas": func(a, b int) int { return a + b },
	}
}

// estadoName is a state as a reader calls it.
func estadoName(e gateway.EstadoDescarga) string { return words(string(e)) }

// words makes words of a name of the contract.
func words(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "_", " "), "vacia", "vacía")
}

// explainEstado says what goes on in a state, as docs/descargas.md does.
func explainEstado(e gateway.EstadoDescarga) string {
	switch e {
	case gateway.DescargaProgramada:
		return "Es recurrente: lo que trae son sus corridas."
	case gateway.DescargaEnCola:
		return "Aún no se presenta nada al SAT."
	case gateway.DescargaSolicitada:
		return "El SAT tiene solicitudes y todavía no trabaja en ellas."
	case gateway.DescargaEnProceso:
		return "El SAT trabaja en alguna solicitud."
	case gateway.DescargaDescargando:
		return "Hay paquetes que traer."
	case gateway.DescargaTerminada:
		return "Todo lo que contó el SAT está guardado y se puede leer."
	case gateway.DescargaVacia:
		return "El SAT no tiene comprobantes en el rango; es una buena respuesta."
	case gateway.DescargaParcial:
		return "Una parte está guardada y el resto no vendrá o no se puede leer."
	case gateway.DescargaFallida:
		return "No hay nada guardado ni vendrá."
	case gateway.DescargaCancelada:
		return "Se canceló; lo que había llegado se conserva."
	}
	return ""
}

func tramoName(e gateway.EstadoTramo) string {
	switch e {
	case gateway.TramoPendiente:
		return "por presentar"
	case gateway.TramoPartida:
		return "partida en dos"
	}
	return words(string(e))
}

func paqueteName(e gateway.EstadoPaquete) string {
	switch e {
	case gateway.PaquetePendiente:
		return "por traer"
	case gateway.PaqueteDanado:
		return "dañado"
	}
	return words(string(e))
}

// que says in a few words what is asked for.
func que(s gateway.Solicitud) string {
	servicio, form := "CFDI", "XML"
	if s.Servicio == gateway.Retenciones {
		servicio = "Retenciones"
	}
	if s.TipoSolicitud == gateway.TipoMetadata {
		form = "metadatos"
	}
	return servicio + " " + s.TipoDescarga + " · " + form
}

// bar is how a descarga's progress is drawn.
type bar struct {
	// Has is false where there is nothing to draw: a full bar would say that a failed
	// one is done.
	Has        bool
	Percentage int
	Text       string
}

// barOf draws the work that is done while a descarga lives, and afterwards what
// came of what the SAT counted.
func barOf(d gateway.Descarga) bar {
	p := d.Progreso
	switch {
	case inMotion(d.Estado):
		return bar{Has: true, Percentage: p.Percentage, Text: "del trabajo"}
	case d.Estado == gateway.DescargaTerminada:
		return bar{Has: true, Percentage: 100, Text: "de los comprobantes"}
	case (d.Estado == gateway.DescargaParcial || d.Estado == gateway.DescargaCancelada) && p.NumeroCFDIs > 0:
		// Never 100: something is missing, however little.
		return bar{Has: true, Percentage: min(99, int(100*float64(p.Found)/float64(p.NumeroCFDIs))), Text: "de los comprobantes"}
	}
	return bar{}
}

// line is one descarga with what its place on a page needs.
type line struct {
	P page
	D gateway.Descarga
}

func with(p page, d gateway.Descarga) line { return line{p, d} }
