package descargas

import (
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// rango is a range of the SAT's dates, both ends included. They are a wall
// clock's: the zone that a time.Time has does not count.
type rango struct{ desde, hasta time.Time }

// leeRango reads dates that have been validated.
func leeRango(desde, hasta string) (rango, error) {
	var r rango
	var err error
	if r.desde, err = time.Parse(gateway.FormatoFecha, desde); err != nil {
		return r, err
	}
	r.hasta, err = time.Parse(gateway.FormatoFecha, hasta)
	return r, err
}

func (r rango) textos() (desde, hasta string) {
	return r.desde.Format(gateway.FormatoFecha), r.hasta.Format(gateway.FormatoFecha)
}

// parte halves the range; false when it is a single second.
func (r rango) parte() (antes, despues rango, ok bool) {
	segundos := int64(r.hasta.Sub(r.desde)/time.Second) + 1
	if segundos < 2 {
		return rango{}, rango{}, false
	}
	mitad := r.desde.Add(time.Duration(segundos/2) * time.Second)
	return rango{r.desde, mitad.Add(-time.Second)}, rango{mitad, r.hasta}, true
}

// pide is what the SAT is asked for a half: it wants the end after the beginning
// (sat.md §10), so that a single second takes one of its neighbours along, away
// from its other half.
func (r rango) pide(despues bool) rango {
	if r.hasta.After(r.desde) {
		return r
	}
	if despues {
		return rango{r.desde, r.hasta.Add(time.Second)}
	}
	return rango{r.desde.Add(-time.Second), r.hasta}
}

// limiteHistoria is the first second that the SAT still gives (sat.md §10), as a
// wall clock's.
func limiteHistoria(now time.Time) time.Time {
	hoy := gateway.EnMexico(now)
	return time.Date(hoy.Year()-6, hoy.Month(), hoy.Day(), 0, 0, 0, 0, time.UTC)
}

// desplaza widens the range by a second, which makes the criteria new to the
// SAT (sat.md §9, 5002): at its end, or at its beginning where the end would
// come to lie in the future. It never leaves a second out. False when neither
// side may be moved.
func (r rango) desplaza(now time.Time) (rango, bool) {
	hoy := gateway.EnMexico(now)
	pared := time.Date(hoy.Year(), hoy.Month(), hoy.Day(), hoy.Hour(), hoy.Minute(), hoy.Second(), 0, time.UTC)
	if fin := r.hasta.Add(time.Second); !fin.After(pared) {
		return rango{r.desde, fin}, true
	}
	if inicio := r.desde.Add(-time.Second); !inicio.Before(limiteHistoria(now)) {
		return rango{inicio, r.hasta}, true
	}
	return r, false
}
