package tablero

import (
	"html/template"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func funciones() template.FuncMap {
	return template.FuncMap{
		"estado": nombreEstado, "explica": explicaEstado, "tramo": nombreTramo, "paquete": nombrePaquete, "palabras": palabras,
		"que": que, "rango": rango, "fecha": fecha, "instante": instante, "iso": iso, "falta": falta, "hace": hace,
		"ni": miles[int], "n": miles[int64], "plural": plural[int], "plural64": plural[int64], "bytes": tamano, "dias": dias,
		"barra": barraDe, "con": con, "mas": func(a, b int) int { return a + b },
	}
}

// nombreEstado is a state as a reader calls it.
func nombreEstado(e gateway.EstadoDescarga) string { return palabras(string(e)) }

// palabras makes words of a name of the contract.
func palabras(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "_", " "), "vacia", "vacía")
}

// explicaEstado says what goes on in a state, as docs/descargas.md does.
func explicaEstado(e gateway.EstadoDescarga) string {
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

func nombreTramo(e gateway.EstadoTramo) string {
	switch e {
	case gateway.TramoPendiente:
		return "por presentar"
	case gateway.TramoPartida:
		return "partida en dos"
	}
	return palabras(string(e))
}

func nombrePaquete(e gateway.EstadoPaquete) string {
	switch e {
	case gateway.PaquetePendiente:
		return "por traer"
	case gateway.PaqueteDanado:
		return "dañado"
	}
	return palabras(string(e))
}

// que says in a few words what is asked for.
func que(s gateway.Solicitud) string {
	servicio, forma := "CFDI", "XML"
	if s.Servicio == gateway.Retenciones {
		servicio = "Retenciones"
	}
	if s.TipoSolicitud == gateway.TipoMetadata {
		forma = "metadatos"
	}
	return servicio + " " + s.TipoDescarga + " · " + forma
}

// barra is how a descarga's progress is drawn.
type barra struct {
	// Hay is false where there is nothing to draw: a full bar would say that a failed
	// one is done.
	Hay        bool
	Porcentaje int
	Texto      string
}

// barraDe draws the work that is done while a descarga lives, and afterwards what
// came of what the SAT counted.
func barraDe(d gateway.Descarga) barra {
	p := d.Progreso
	switch {
	case enMovimiento(d.Estado):
		return barra{Hay: true, Porcentaje: p.Porcentaje, Texto: "del trabajo"}
	case d.Estado == gateway.DescargaTerminada:
		return barra{Hay: true, Porcentaje: 100, Texto: "de los comprobantes"}
	case (d.Estado == gateway.DescargaParcial || d.Estado == gateway.DescargaCancelada) && p.NumeroCFDIs > 0:
		// Never 100: something is missing, however little.
		return barra{Hay: true, Porcentaje: min(99, int(100*float64(p.Encontrados)/float64(p.NumeroCFDIs))), Texto: "de los comprobantes"}
	}
	return barra{}
}

// renglon is one descarga with what its place on a page needs.
type renglon struct {
	P pagina
	D gateway.Descarga
}

func con(p pagina, d gateway.Descarga) renglon { return renglon{p, d} }
