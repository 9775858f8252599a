package descargas

import (
	"fmt"
	"strconv"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// accion is what becomes of a solicitud after the SAT has been heard, or not.
type accion int

const (
	// esperar: the same again, later.
	esperar accion = iota
	// seguir: the SAT has it under an id, and is asked how far it is.
	seguir
	// partir: two solicitudes of half the range each.
	partir
	// sustituir: another solicitud of the same range, whose criteria are new.
	sustituir
	// traer: its packages are there.
	traer
	// vaciar: there is nothing in the range, which is a good answer.
	vaciar
	// fallar: nothing that the gateway may do brings it.
	fallar
)

// veredicto is a decision and why it was made.
type veredicto struct {
	accion accion
	// espera is how long until the next step; zero for at once.
	espera time.Duration
	// causa names what made a replacement necessary.
	causa string
	// decision says it in Spanish, for the ledger.
	decision string
}

// The causes of solicitudes that are not a descarga's first.
const (
	causaMitad       = "mitad"
	causaDesconocida = "resultado_desconocido"
	causaDePorVida   = "5002"
	causaDuplicada   = "5005"
	causaNoExiste    = "5004"
	causaError       = "error_del_sat"
	causaVencida     = "vencida"
	causaPerdido     = "paquete_perdido"
	causaUsada       = "criterios_usados"
)

const (
	// maxSustituciones bounds how often a range is asked for with new criteria
	// because the answer was bad: each counts at the SAT.
	maxSustituciones = 5
	// PenultimaSustitucion is how often a range has been replaced that can be
	// replaced once more.
	PenultimaSustitucion = maxSustituciones - 1
	// maxMiradas is how often the SAT is asked again for packages that it has counted
	// and not named: some seventy minutes at the normal rhythm, since they have been
	// seen to come an hour apart.
	maxMiradas = 8
	// maxFallos is how many refusals in a row are taken for a passing fault, where
	// the code says that it is none.
	maxFallos = 3
)

// Ritmo is how often the SAT is asked.
type Ritmo struct {
	// Minimo is the first wait, Maximo the longest (sat.md §10), and the pause after
	// a solicitud that failed at the SAT.
	Minimo, Maximo time.Duration
}

// Ritmo0 is the rhythm of production: one minute, growing to fifteen.
func Ritmo0() Ritmo { return Ritmo{Minimo: time.Minute, Maximo: 15 * time.Minute} }

// consulta is the wait before the n-th question, which grows by half.
func (r Ritmo) consulta(n int) time.Duration { return r.crece(n, 3, 2) }

// rechazo is the wait after the n-th refusal in a row of a solicitud: each may
// count at the SAT (sat.md §10: 205 automatic retries burnt the quota), so the
// waits grow on to hours.
func (r Ritmo) rechazo(n int) time.Duration {
	r.Maximo *= 16
	return r.fallo(n)
}

// fallo is the wait after the n-th failure in a row, which doubles.
func (r Ritmo) fallo(n int) time.Duration { return r.crece(n-1, 2, 1) }

func (r Ritmo) crece(n int, por, entre time.Duration) time.Duration {
	espera := r.Minimo
	for range n {
		if espera = espera * por / entre; espera >= r.Maximo {
			return r.Maximo
		}
	}
	return min(espera, r.Maximo)
}

// trasSolicita decides after a solicitud was presented: id is what the SAT gave,
// also beside an error.
func trasSolicita(t store.Tramo, id string, err error, r Ritmo, now time.Time) veredicto {
	if err == nil {
		return veredicto{accion: seguir, espera: r.Minimo, decision: "El SAT aceptó la solicitud; se le consultará hasta que termine."}
	}
	e := gateway.AsError(err)
	switch {
	case id != "":
		return veredicto{accion: seguir, espera: r.Minimo, decision: "El SAT respondió " + e.Codigo + " y aun así dio un idSolicitud; se sigue por él y no se repite."}
	case e.Kind == gateway.KindResultadoDesconocido:
		return sustituye(t, causaDesconocida, r.fallo(t.Sustituciones+1), "No se sabe si el SAT recibió la solicitud. No se repite igual, porque podría gastar las de por vida: se pide el mismo rango con un segundo más.")
	}
	if v, ok := porCodigo(t, e.Codigo, now); ok {
		return v
	}
	if e.NoEnviada && e.Kind != gateway.KindEFirma && e.Kind != gateway.KindInvalida || e.Reintentable {
		v := espera(t, e, r)
		if e.Codigo != "" && !e.NoEnviada {
			v.espera = max(v.espera, r.rechazo(t.Fallos+1))
		}
		return v
	}
	return veredicto{accion: fallar, decision: "El SAT no aceptó la solicitud: " + e.Detail}
}

// trasVerifica decides after the SAT was asked how far a solicitud is (sat.md §7).
func trasVerifica(t store.Tramo, s gateway.EstadoSolicitud, err error, r Ritmo, now time.Time) veredicto {
	if err != nil {
		return trasFalloDeVerifica(t, gateway.AsError(err), r, now)
	}
	switch s.Estado.Codigo {
	case "3":
		switch {
		case len(s.IDsPaquetes) > 0:
			return veredicto{accion: traer, decision: fmt.Sprintf("El SAT terminó: %s en %s, con 72 horas de vida. Se descargan ya.", plural(s.NumeroCFDIs, "comprobante"), plural(int64(len(s.IDsPaquetes)), "paquete"))}
		case s.NumeroCFDIs == 0:
			return veredicto{accion: vaciar, decision: "El SAT terminó y no encontró comprobantes en el rango."}
		case t.Fallos >= maxSustituciones:
			return sustituye(t, causaError, r.Maximo, "El SAT dice haber terminado y no entrega paquetes. Se pide el mismo rango con un segundo más.")
		}
		return veredicto{accion: esperar, espera: r.fallo(t.Fallos + 1), decision: "El SAT dice haber terminado y aún no nombra paquetes; se le vuelve a consultar."}
	case "4":
		return sustituye(t, causaError, r.Maximo, "El SAT no pudo procesar la solicitud (estado 4). Tras una pausa se pide el mismo rango con un segundo más.")
	case "5":
		if v, ok := porCodigo(t, s.CodigoEstado.Codigo, now); ok {
			return v
		}
		if codigo := s.CodigoEstado.Codigo; codigo == "404" || codigo == "5006" {
			return sustituye(t, causaError, r.Maximo, "El SAT rechazó la solicitud por un error suyo ("+codigo+"). Tras una pausa se pide el mismo rango con un segundo más.")
		}
		return veredicto{accion: fallar, decision: "El SAT rechazó la solicitud (estado 5) sin un motivo conocido."}
	case "6":
		return sustituye(t, causaVencida, 0, "Los paquetes vencieron en el SAT antes de descargarse. Se pide el mismo rango con un segundo más.")
	}
	return veredicto{accion: esperar, espera: r.consulta(t.Consultas + 1), decision: "El SAT sigue trabajando; se le consulta cada vez con menos frecuencia."}
}

func trasFalloDeVerifica(t store.Tramo, e *gateway.Error, r Ritmo, now time.Time) veredicto {
	if e.Codigo == "5004" {
		// Right after Solicita it may only be late.
		if t.Fallos < maxFallos {
			return espera(t, e, r)
		}
		return sustituye(t, causaNoExiste, 0, "El SAT dice no conocer la solicitud que aceptó. Se pide el mismo rango con un segundo más.")
	}
	if v, ok := porCodigo(t, e.Codigo, now); ok {
		return v
	}
	// A refusal of the message or of the e.firma may be the SAT's bad day
	// (sat.md §9, 305); the id is worth asking again.
	definitivo := !e.Reintentable && !e.NoEnviada || e.Kind == gateway.KindEFirma
	if definitivo && t.Fallos >= maxFallos {
		return veredicto{accion: fallar, decision: "El SAT rechaza la consulta una y otra vez: " + e.Detail}
	}
	return espera(t, e, r)
}

// porCodigo is the part of the table that does not depend on where the SAT said
// the code: as the answer to Solicita, or as the reason of a rejection (sat.md §9).
func porCodigo(t store.Tramo, codigo string, now time.Time) (veredicto, bool) {
	switch codigo {
	case "5002":
		if t.Causa == causaDePorVida {
			return veredicto{accion: fallar, decision: "El SAT dice que se agotaron las solicitudes de por vida, también con el rango desplazado. No se insiste, porque cada intento cuenta."}, true
		}
		return sustituye(t, causaDePorVida, 0, "El SAT dice que se agotaron las solicitudes de por vida con estos criterios. Se intenta una vez más con un segundo más, que son criterios nuevos."), true
	case "5003":
		return veredicto{accion: partir, decision: "El SAT dice que hay demasiados comprobantes en el rango. Se parte en dos mitades."}, true
	case "5004":
		return veredicto{accion: vaciar, decision: "El SAT no encontró comprobantes en el rango: es una buena respuesta."}, true
	case "5005":
		return sustituye(t, causaDuplicada, 0, "El SAT ya tiene una solicitud igual, que no presentó esta pasarela y cuyo id no da. Se pide el mismo rango con un segundo más."), true
	case "5011":
		return veredicto{accion: esperar, espera: hastaManana(now), decision: "El SAT dice que se alcanzó el límite del día. Se sigue mañana."}, true
	case "5012":
		return veredicto{accion: fallar, decision: "El SAT no entrega XML cancelados. Pida tipoSolicitud Metadata para conocerlos."}, true
	}
	return veredicto{}, false
}

func sustituye(t store.Tramo, causa string, pausa time.Duration, decision string) veredicto {
	if t.Sustituciones >= maxSustituciones {
		return veredicto{accion: fallar, decision: fmt.Sprintf("Tras %d solicitudes del mismo rango no se gasta otra. La última causa: %s", t.Sustituciones+1, decision)}
	}
	return veredicto{accion: sustituir, espera: pausa, causa: causa, decision: decision}
}

func espera(t store.Tramo, e *gateway.Error, r Ritmo) veredicto {
	return veredicto{accion: esperar, espera: max(r.fallo(t.Fallos+1), min(e.RetryAfter, r.Maximo)), decision: "Se intentará de nuevo: " + e.Detail}
}

// hastaManana is the time until five past midnight in Mexico.
func hastaManana(now time.Time) time.Duration {
	hoy := gateway.EnMexico(now)
	return time.Date(hoy.Year(), hoy.Month(), hoy.Day()+1, 0, 5, 0, 0, hoy.Location()).Sub(now)
}

// plural writes how many of what there are.
func plural(n int64, que string) string {
	if n == 1 {
		return "1 " + que
	}
	return strconv.FormatInt(n, 10) + " " + que + "s"
}
