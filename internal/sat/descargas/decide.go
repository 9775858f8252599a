package descargas

import (
	"fmt"
	"strconv"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// action is what becomes of a solicitud after the SAT has been heard, or not.
type action int

const (
	// wait: the same again, later.
	wait action = iota
	// follow: the SAT has it under an id, and is asked how far it is.
	follow
	// split: two solicitudes of half the range each.
	split
	// replace: another solicitud of the same range, whose criteria are new.
	replace
	// fetch: its packages are there.
	fetch
	// empty: there is nothing in the range, which is a good answer.
	empty
	// fail: nothing that the gateway may do brings it.
	fail
)

// verdict is a decision and why it was made.
type verdict struct {
	action action
	// wait is how long until the next step; zero for at once.
	wait time.Duration
	// cause names what made a replacement necessary.
	cause string
	// decision says it in Spanish, for the ledger, and motivo to programs: the SAT's code,
	// or one of ours; empty where all goes well.
	decision, motivo string
	// serie is what has been heard in a row; empty after a good answer.
	serie store.Serie
}

// The causes of solicitudes that are not a descarga's first.
const (
	causaMitad     = "mitad"
	causeUnknown   = "resultado_desconocido"
	causeForLife   = "5002"
	causeDuplicate = "5005"
	causeNone      = "5004"
	causeError     = "error_del_sat"
	causaVencida   = "vencida"
	causeLost      = "paquete_perdido"
	causeUsed      = "criterios_usados"
	causeMute      = "sin_motivo"
	causeEmpty     = "vacia_dudosa"
)

const (
	// maxSustituciones bounds how often a range is asked for with new criteria
	// because the answer was bad: each counts at the SAT.
	maxSustituciones = 5
	// PenultimateSustitucion is how often a range has been replaced that can be
	// replaced once more.
	PenultimateSustitucion = maxSustituciones - 1
	// maxLooks is how often the SAT is asked again for packages that it has counted
	// and not named: some seventy minutes at the normal rhythm, since they have been
	// seen to come an hour apart.
	maxLooks = 8
)

// Pace is how often the SAT is asked.
type Pace struct {
	// Min is the first wait, Max the longest (sat.md §10), and the pause after
	// a solicitud that failed at the SAT.
	Min, Max time.Duration
}

// Pace0 is the rhythm of production: one minute, growing to fifteen.
func Pace0() Pace { return Pace{Min: time.Minute, Max: 15 * time.Minute} }

// query is the wait before the n-th question, which grows by half.
func (r Pace) query(n int) time.Duration { return r.grow(n, 3, 2) }

// refusal is the wait after the n-th refusal in a row: it may last for hours, and
// those of a solicitud may count at the SAT (sat.md §10: 205 automatic retries
// burnt the quota), so the waits grow on to hours.
func (r Pace) refusal(n int) time.Duration {
	r.Max *= 16
	return r.failure(n)
}

// failure is the wait after the n-th failure in a row, which doubles.
func (r Pace) failure(n int) time.Duration { return r.grow(n-1, 2, 1) }

func (r Pace) grow(n int, by, between time.Duration) time.Duration {
	wait := r.Min
	for range n {
		if wait = wait * by / between; wait >= r.Max {
			return r.Max
		}
	}
	return min(wait, r.Max)
}

// frame is what a decision is made within.
type frame struct {
	Pace
	// now is an instant that has come, and doubt says that the machine's clock is
	// ahead of it or behind.
	now   time.Time
	doubt bool
	// limit and ceiling are the descarga's.
	limit, ceiling time.Time
}

// past tells whether the deadline has passed, and only what the SAT has accepted
// goes on.
func (m frame) past() bool { return !m.now.Before(m.limit) }

// remain is what is left.
func (m frame) remain() time.Duration {
	if m.past() {
		return m.ceiling.Sub(m.now)
	}
	return m.limit.Sub(m.now)
}

// afterRequest decides after a solicitud was presented: id is what the SAT gave,
// also beside an error.
func afterRequest(t store.Tramo, id string, err error, m frame) verdict {
	if err == nil {
		return verdict{action: follow, wait: m.Min, decision: "El SAT aceptó la solicitud; se le consultará hasta que termine."}
	}
	e := gateway.AsError(err)
	if id != "" {
		return verdict{action: follow, wait: m.Min, motivo: e.Code(), decision: "El SAT respondió " + e.Codigo + " y aun así dio un idSolicitud; se sigue por él y no se repite."}
	}
	return afterRefusal(t, onSubmit, e, m)
}

// afterVerify decides after the SAT was asked how far a solicitud is (sat.md §7).
func afterVerify(t store.Tramo, s gateway.EstadoSolicitud, err error, m frame) verdict {
	if err != nil {
		return afterRefusal(t, onQuery, gateway.AsError(err), m)
	}
	switch s.Estado.Codigo {
	case "3":
		switch {
		case len(s.IDsPaquetes) > 0:
			return verdict{action: fetch, decision: fmt.Sprintf("El SAT terminó: %s en %s, con 72 horas de vida. Se descargan ya.", plural(max(s.NumeroCFDIs, 0), "comprobante"), plural(int64(len(s.IDsPaquetes)), "paquete"))}
		case s.NumeroCFDIs == 0:
			return verdict{action: empty, motivo: string(gateway.OwnSinComprobantes), decision: "El SAT terminó y no encontró comprobantes en el rango."}
		}
		serie := t.Serie.Follow(condSinPaquetes)
		if serie.Times > mean(condSinPaquetes, onQuery).times {
			return m.replace(t, causeError, m.Max, "El SAT dice haber terminado y no entrega paquetes. Se pide el mismo rango con un segundo más.").by(gateway.OwnSinPaquetes)
		}
		return verdict{action: wait, wait: m.failure(serie.Times), serie: serie, motivo: string(gateway.OwnSinPaquetes), decision: "El SAT dice haber terminado y aún no nombra paquetes; se le vuelve a consultar."}
	case "4":
		return m.replace(t, causeError, m.Max, "El SAT no pudo procesar la solicitud (estado 4). Tras una pausa se pide el mismo rango con un segundo más.").by(gateway.OwnErrorDelSAT)
	case "5":
		return afterRefusal(t, byMotivo, &gateway.Error{Backend: "sat", Codigo: s.CodigoEstado.Codigo}, m)
	case "6":
		return m.replace(t, causaVencida, 0, "Los paquetes vencieron en el SAT antes de descargarse. Se pide el mismo rango con un segundo más.").by(gateway.OwnVencidaEnElSAT)
	}
	if m.past() {
		return verdict{action: wait, wait: m.Max, decision: "Pasó el plazo normal y el SAT sigue trabajando. Preguntar no cuesta y una solicitud sí: se le consulta hasta el " + gateway.InMexico(m.ceiling).Format(gateway.FechaFormat) + "."}
	}
	return verdict{action: wait, wait: m.query(t.Queries + 1), decision: "El SAT sigue trabajando; se le consulta cada vez con menos frecuencia."}
}

// afterDownload decides after a package did not come: to wait, or to give it up,
// which is fail whatever else would bring the range.
func afterDownload(p store.TramoPaquete, e *gateway.Error, m frame) verdict {
	v := afterRefusal(store.Tramo{Serie: p.Serie, Failures: p.Attempts}, onDownload, e, m)
	if v.action != wait {
		v.action = fail
	}
	if e.IsOwn() && !e.Unsent {
		// This machine has lost it, and needs time or a person.
		v.wait = max(v.wait, m.Max)
	}
	return v
}

// by gives the verdict a code of ours.
func (v verdict) by(motivo gateway.OwnCode) verdict {
	v.motivo = string(motivo)
	return v
}

// afterRefusal says what becomes of a solicitud, or of a package as if it were one,
// after a refusal or a failure in a step. The code of that is why.
func afterRefusal(t store.Tramo, en stage, e *gateway.Error, m frame) verdict {
	v := m.afterRefusal(t, en, e)
	v.motivo = e.Code()
	if en == byMotivo && v.motivo == "" {
		return v.by(gateway.OwnRechazadaSinMotivo)
	}
	return v
}

func (m frame) afterRefusal(t store.Tramo, en stage, e *gateway.Error) verdict {
	cond := condition(e)
	r, serie := mean(cond, en), t.Serie.Follow(cond)
	if m.doubt && (cond == condEFirma || cond == condFecha) {
		return verdict{action: wait, wait: max(m.wait(t, e), m.refusal(t.Failures+1)), serie: t.Serie,
			decision: "El reloj de este equipo está en duda, y puede ser la causa. Se intentará de nuevo: " + e.Detail}
	}
	switch r.direction {
	case passing:
		v := verdict{action: wait, wait: m.wait(t, e), serie: serie, decision: "Se intentará de nuevo: " + e.Detail}
		if en == onSubmit && !e.Unsent {
			v.wait = max(v.wait, m.refusal(t.Failures+1))
		}
		return v
	case dubious, foreign:
		if serie.Times <= r.times {
			return verdict{action: wait, wait: max(m.wait(t, e), m.refusal(t.Failures+1)), serie: serie,
				decision: fmt.Sprintf("Se intentará de nuevo, por si es una falla pasajera (%d de %d): %s", serie.Times, r.times, e.Detail)}
		}
		if r.direction == foreign {
			return m.replace(t, causeNone, 0, "El SAT dice no conocer la solicitud que aceptó. Se pide el mismo rango con un segundo más.")
		}
		return verdict{action: fail, decision: fmt.Sprintf("El SAT lo rechaza una y otra vez (%d seguidas): %s", serie.Times, e.Detail)}
	case uncertain:
		return m.replace(t, causeUnknown, m.failure(1), "No se sabe si el SAT recibió la solicitud. No se repite igual, porque podría gastar las de por vida: se pide el mismo rango con un segundo más.")
	case otherDay:
		return verdict{action: wait, wait: untilTomorrow(m.now), serie: serie, decision: "El SAT dice que se alcanzó el límite del día. Se sigue mañana."}
	case mute, thwarted:
		return m.afterMotivo(t, r.direction, e.Codigo)
	case definitive, lost:
		return verdict{action: fail, decision: "El SAT no lo acepta: " + e.Detail}
	}
	return m.byCriterios(t, r.direction)
}

// afterMotivo decides after a solicitud was rejected for what is no fault of its
// criteria.
func (m frame) afterMotivo(t store.Tramo, s direction, codigo string) verdict {
	if s == thwarted {
		return m.replace(t, causeError, m.Max, "El SAT rechazó la solicitud por un error suyo ("+codigo+"). Tras una pausa se pide el mismo rango con un segundo más.")
	}
	say := "sin dar un motivo"
	if codigo != "" {
		say = "con " + codigo + ", que no es un motivo"
	}
	if t.Cause == causeMute && t.Sustituciones >= few {
		return verdict{action: fail, decision: "El SAT rechazó la solicitud (estado 5) " + say + fmt.Sprintf(", y otra vez tras pedirla %d veces.", t.Sustituciones+1)}
	}
	return m.replace(t, causeMute, m.Max, "El SAT rechazó la solicitud (estado 5) "+say+". Tras una pausa se pide el mismo rango con un segundo más.")
}

// afterEmpty decides after the SAT said that there is nothing in a range, out of
// which it has delivered comprobantes before: empty answers to ranges that have some
// were reported (satcfdi#49, cfdiclient#40).
func (m frame) afterEmpty(t store.Tramo, comprobantes int64) verdict {
	has := fmt.Sprintf("El SAT dice que no hay comprobantes en el rango, y antes entregó %d de él", comprobantes)
	if t.Cause != causeEmpty && t.Sustituciones < maxSustituciones {
		return m.replace(t, causeEmpty, m.Max, has+". Tras una pausa se pide una vez más, con un segundo más.").by(gateway.OwnVaciaDudosa)
	}
	return verdict{action: empty, motivo: string(gateway.OwnVaciaDudosa), decision: has + "; lo ha dicho otra vez al pedirlo de nuevo. Lo que entregó antes sigue en su descarga."}
}

// byCriterios decides after what the SAT said of the criteria themselves: as the
// answer to Request, or as the reason of a rejection.
func (m frame) byCriterios(t store.Tramo, s direction) verdict {
	switch s {
	case exhausted:
		if t.Cause == causeForLife {
			return verdict{action: fail, decision: "El SAT dice que se agotaron las solicitudes de por vida, también con el rango desplazado. No se insiste, porque cada intento cuenta."}
		}
		return m.replace(t, causeForLife, 0, "El SAT dice que se agotaron las solicitudes de por vida con estos criterios. Se intenta una vez más con un segundo más, que son criterios nuevos.")
	case excessive:
		return verdict{action: split, decision: "El SAT dice que hay demasiados comprobantes en el rango. Se parte en dos mitades."}
	case duplicate:
		return m.replace(t, causeDuplicate, 0, "El SAT ya tiene una solicitud igual, que no presentó esta pasarela y cuyo id no da. Se pide el mismo rango con un segundo más.")
	case cancelled:
		return verdict{action: fail, decision: "El SAT no entrega XML cancelados. Pida tipoSolicitud Metadata para conocerlos."}
	default: // withoutNothing
		return verdict{action: empty, decision: "El SAT no encontró comprobantes en el rango: es una buena respuesta."}
	}
}

func (m frame) replace(t store.Tramo, cause string, pause time.Duration, decision string) verdict {
	if t.Sustituciones >= maxSustituciones {
		return verdict{action: fail, decision: fmt.Sprintf("Tras %d solicitudes del mismo rango no se gasta otra. La última causa: %s", t.Sustituciones+1, decision)}
	}
	if cause != causeForLife && cause != causeDuplicate { // which time does not cure
		pause = m.distribute(t.Sustituciones+1, pause)
	}
	return verdict{action: replace, wait: pause, cause: cause, decision: decision}
}

// distribute is the wait before the n-th replacement of a range. The first is for a
// fault that came once and waits no longer than pause; the others are few and an
// outage may take days, so that they are spread over what is left, the last at
// half of it.
func (m frame) distribute(n int, pause time.Duration) time.Duration {
	if n <= 1 {
		return pause
	}
	return max(pause, min(m.remain()>>(maxSustituciones+1-n), m.Max<<(2*n)))
}

// wait is the wait after a failure, or what the SAT has asked for: at the normal
// rhythm up to an hour.
func (m frame) wait(t store.Tramo, e *gateway.Error) time.Duration {
	return max(m.failure(t.Failures+1), min(e.RetryAfter, 4*m.Max))
}

// untilTomorrow is the time until five past midnight in Mexico.
func untilTomorrow(now time.Time) time.Duration {
	today := gateway.InMexico(now)
	return time.Date(today.Year(), today.Month(), today.Day()+1, 0, 5, 0, 0, today.Location()).Sub(now)
}

// plural writes how many of what there are.
func plural(n int64, que string) string {
	if n == 1 {
		return "1 " + que
	}
	return strconv.FormatInt(n, 10) + " " + que + "s"
}
