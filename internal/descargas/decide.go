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
	// decision says it in Spanish, for the ledger, and motivo to programs: the SAT's code,
	// or one of ours; empty where all goes well.
	decision, motivo string
	// serie is what has been heard in a row; empty after a good answer.
	serie store.Serie
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
	causaMuda        = "sin_motivo"
	causaVacia       = "vacia_dudosa"
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

// rechazo is the wait after the n-th refusal in a row: it may last for hours, and
// those of a solicitud may count at the SAT (sat.md §10: 205 automatic retries
// burnt the quota), so the waits grow on to hours.
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

// marco is what a decision is made within.
type marco struct {
	Ritmo
	// ahora is an instant that has come, and duda says that the machine's clock is
	// ahead of it or behind.
	ahora time.Time
	duda  bool
	// limite and tope are the descarga's.
	limite, tope time.Time
}

// pasado tells whether the deadline has passed, and only what the SAT has accepted
// goes on.
func (m marco) pasado() bool { return !m.ahora.Before(m.limite) }

// queda is what is left.
func (m marco) queda() time.Duration {
	if m.pasado() {
		return m.tope.Sub(m.ahora)
	}
	return m.limite.Sub(m.ahora)
}

// trasSolicita decides after a solicitud was presented: id is what the SAT gave,
// also beside an error.
func trasSolicita(t store.Tramo, id string, err error, m marco) veredicto {
	if err == nil {
		return veredicto{accion: seguir, espera: m.Minimo, decision: "El SAT aceptó la solicitud; se le consultará hasta que termine."}
	}
	e := gateway.AsError(err)
	if id != "" {
		return veredicto{accion: seguir, espera: m.Minimo, motivo: e.Code(), decision: "El SAT respondió " + e.Codigo + " y aun así dio un idSolicitud; se sigue por él y no se repite."}
	}
	return trasRechazo(t, alPresentar, e, m)
}

// trasVerifica decides after the SAT was asked how far a solicitud is (sat.md §7).
func trasVerifica(t store.Tramo, s gateway.EstadoSolicitud, err error, m marco) veredicto {
	if err != nil {
		return trasRechazo(t, alConsultar, gateway.AsError(err), m)
	}
	switch s.Estado.Codigo {
	case "3":
		switch {
		case len(s.IDsPaquetes) > 0:
			return veredicto{accion: traer, decision: fmt.Sprintf("El SAT terminó: %s en %s, con 72 horas de vida. Se descargan ya.", plural(max(s.NumeroCFDIs, 0), "comprobante"), plural(int64(len(s.IDsPaquetes)), "paquete"))}
		case s.NumeroCFDIs == 0:
			return veredicto{accion: vaciar, motivo: string(gateway.OwnSinComprobantes), decision: "El SAT terminó y no encontró comprobantes en el rango."}
		}
		serie := t.Serie.Sigue(condSinPaquetes)
		if serie.Veces > significa(condSinPaquetes, alConsultar).veces {
			return m.sustituye(t, causaError, m.Maximo, "El SAT dice haber terminado y no entrega paquetes. Se pide el mismo rango con un segundo más.").por(gateway.OwnSinPaquetes)
		}
		return veredicto{accion: esperar, espera: m.fallo(serie.Veces), serie: serie, motivo: string(gateway.OwnSinPaquetes), decision: "El SAT dice haber terminado y aún no nombra paquetes; se le vuelve a consultar."}
	case "4":
		return m.sustituye(t, causaError, m.Maximo, "El SAT no pudo procesar la solicitud (estado 4). Tras una pausa se pide el mismo rango con un segundo más.").por(gateway.OwnErrorDelSAT)
	case "5":
		return trasRechazo(t, porMotivo, &gateway.Error{Backend: "sat", Codigo: s.CodigoEstado.Codigo}, m)
	case "6":
		return m.sustituye(t, causaVencida, 0, "Los paquetes vencieron en el SAT antes de descargarse. Se pide el mismo rango con un segundo más.").por(gateway.OwnVencidaEnElSAT)
	}
	if m.pasado() {
		return veredicto{accion: esperar, espera: m.Maximo, decision: "Pasó el plazo normal y el SAT sigue trabajando. Preguntar no cuesta y una solicitud sí: se le consulta hasta el " + gateway.EnMexico(m.tope).Format(gateway.FormatoFecha) + "."}
	}
	return veredicto{accion: esperar, espera: m.consulta(t.Consultas + 1), decision: "El SAT sigue trabajando; se le consulta cada vez con menos frecuencia."}
}

// trasDescargar decides after a package did not come: to wait, or to give it up,
// which is fallar whatever else would bring the range.
func trasDescargar(p store.PaqueteDeTramo, e *gateway.Error, m marco) veredicto {
	v := trasRechazo(store.Tramo{Serie: p.Serie, Fallos: p.Intentos}, alBajar, e, m)
	if v.accion != esperar {
		v.accion = fallar
	}
	if e.IsOwn() && !e.NoEnviada {
		// This machine has lost it, and needs time or a person.
		v.espera = max(v.espera, m.Maximo)
	}
	return v
}

// por gives the verdict a code of ours.
func (v veredicto) por(motivo gateway.OwnCode) veredicto {
	v.motivo = string(motivo)
	return v
}

// trasRechazo says what becomes of a solicitud, or of a package as if it were one,
// after a refusal or a failure in a step. The code of that is why.
func trasRechazo(t store.Tramo, en etapa, e *gateway.Error, m marco) veredicto {
	v := m.trasRechazo(t, en, e)
	v.motivo = e.Code()
	if en == porMotivo && v.motivo == "" {
		return v.por(gateway.OwnRechazadaSinMotivo)
	}
	return v
}

func (m marco) trasRechazo(t store.Tramo, en etapa, e *gateway.Error) veredicto {
	cond := condicion(e)
	r, serie := significa(cond, en), t.Serie.Sigue(cond)
	if m.duda && (cond == condEFirma || cond == condFecha) {
		return veredicto{accion: esperar, espera: max(m.espera(t, e), m.rechazo(t.Fallos+1)), serie: t.Serie,
			decision: "El reloj de este equipo está en duda, y puede ser la causa. Se intentará de nuevo: " + e.Detail}
	}
	switch r.sentido {
	case pasajera:
		v := veredicto{accion: esperar, espera: m.espera(t, e), serie: serie, decision: "Se intentará de nuevo: " + e.Detail}
		if en == alPresentar && !e.NoEnviada {
			v.espera = max(v.espera, m.rechazo(t.Fallos+1))
		}
		return v
	case dudosa, ajena:
		if serie.Veces <= r.veces {
			return veredicto{accion: esperar, espera: max(m.espera(t, e), m.rechazo(t.Fallos+1)), serie: serie,
				decision: fmt.Sprintf("Se intentará de nuevo, por si es una falla pasajera (%d de %d): %s", serie.Veces, r.veces, e.Detail)}
		}
		if r.sentido == ajena {
			return m.sustituye(t, causaNoExiste, 0, "El SAT dice no conocer la solicitud que aceptó. Se pide el mismo rango con un segundo más.")
		}
		return veredicto{accion: fallar, decision: fmt.Sprintf("El SAT lo rechaza una y otra vez (%d seguidas): %s", serie.Veces, e.Detail)}
	case incierta:
		return m.sustituye(t, causaDesconocida, m.fallo(1), "No se sabe si el SAT recibió la solicitud. No se repite igual, porque podría gastar las de por vida: se pide el mismo rango con un segundo más.")
	case otroDia:
		return veredicto{accion: esperar, espera: hastaManana(m.ahora), serie: serie, decision: "El SAT dice que se alcanzó el límite del día. Se sigue mañana."}
	case muda, frustrada:
		return m.trasMotivo(t, r.sentido, e.Codigo)
	case definitiva, perdida:
		return veredicto{accion: fallar, decision: "El SAT no lo acepta: " + e.Detail}
	}
	return m.porCriterios(t, r.sentido)
}

// trasMotivo decides after a solicitud was rejected for what is no fault of its
// criteria.
func (m marco) trasMotivo(t store.Tramo, s sentido, codigo string) veredicto {
	if s == frustrada {
		return m.sustituye(t, causaError, m.Maximo, "El SAT rechazó la solicitud por un error suyo ("+codigo+"). Tras una pausa se pide el mismo rango con un segundo más.")
	}
	dice := "sin dar un motivo"
	if codigo != "" {
		dice = "con " + codigo + ", que no es un motivo"
	}
	if t.Causa == causaMuda && t.Sustituciones >= pocas {
		return veredicto{accion: fallar, decision: "El SAT rechazó la solicitud (estado 5) " + dice + fmt.Sprintf(", y otra vez tras pedirla %d veces.", t.Sustituciones+1)}
	}
	return m.sustituye(t, causaMuda, m.Maximo, "El SAT rechazó la solicitud (estado 5) "+dice+". Tras una pausa se pide el mismo rango con un segundo más.")
}

// trasVacio decides after the SAT said that there is nothing in a range, out of
// which it has delivered comprobantes before: empty answers to ranges that have some
// were reported (satcfdi#49, cfdiclient#40).
func (m marco) trasVacio(t store.Tramo, comprobantes int64) veredicto {
	hay := fmt.Sprintf("El SAT dice que no hay comprobantes en el rango, y antes entregó %d de él", comprobantes)
	if t.Causa != causaVacia && t.Sustituciones < maxSustituciones {
		return m.sustituye(t, causaVacia, m.Maximo, hay+". Tras una pausa se pide una vez más, con un segundo más.").por(gateway.OwnVaciaDudosa)
	}
	return veredicto{accion: vaciar, motivo: string(gateway.OwnVaciaDudosa), decision: hay + "; lo ha dicho otra vez al pedirlo de nuevo. Lo que entregó antes sigue en su descarga."}
}

// porCriterios decides after what the SAT said of the criteria themselves: as the
// answer to Solicita, or as the reason of a rejection.
func (m marco) porCriterios(t store.Tramo, s sentido) veredicto {
	switch s {
	case agotada:
		if t.Causa == causaDePorVida {
			return veredicto{accion: fallar, decision: "El SAT dice que se agotaron las solicitudes de por vida, también con el rango desplazado. No se insiste, porque cada intento cuenta."}
		}
		return m.sustituye(t, causaDePorVida, 0, "El SAT dice que se agotaron las solicitudes de por vida con estos criterios. Se intenta una vez más con un segundo más, que son criterios nuevos.")
	case excesiva:
		return veredicto{accion: partir, decision: "El SAT dice que hay demasiados comprobantes en el rango. Se parte en dos mitades."}
	case duplicada:
		return m.sustituye(t, causaDuplicada, 0, "El SAT ya tiene una solicitud igual, que no presentó esta pasarela y cuyo id no da. Se pide el mismo rango con un segundo más.")
	case cancelados:
		return veredicto{accion: fallar, decision: "El SAT no entrega XML cancelados. Pida tipoSolicitud Metadata para conocerlos."}
	default: // sinNada
		return veredicto{accion: vaciar, decision: "El SAT no encontró comprobantes en el rango: es una buena respuesta."}
	}
}

func (m marco) sustituye(t store.Tramo, causa string, pausa time.Duration, decision string) veredicto {
	if t.Sustituciones >= maxSustituciones {
		return veredicto{accion: fallar, decision: fmt.Sprintf("Tras %d solicitudes del mismo rango no se gasta otra. La última causa: %s", t.Sustituciones+1, decision)}
	}
	if causa != causaDePorVida && causa != causaDuplicada { // which time does not cure
		pausa = m.reparte(t.Sustituciones+1, pausa)
	}
	return veredicto{accion: sustituir, espera: pausa, causa: causa, decision: decision}
}

// reparte is the wait before the n-th replacement of a range. The first is for a
// fault that came once and waits no longer than pausa; the others are few and an
// outage may take days, so that they are spread over what is left, the last at
// half of it.
func (m marco) reparte(n int, pausa time.Duration) time.Duration {
	if n <= 1 {
		return pausa
	}
	return max(pausa, min(m.queda()>>(maxSustituciones+1-n), m.Maximo<<(2*n)))
}

// espera is the wait after a failure, or what the SAT has asked for: at the normal
// rhythm up to an hour.
func (m marco) espera(t store.Tramo, e *gateway.Error) time.Duration {
	return max(m.fallo(t.Fallos+1), min(e.RetryAfter, 4*m.Maximo))
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
