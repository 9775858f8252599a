package descargas

import (
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// rango is a range of the SAT's dates, both ends included. They are a wall
// clock's: the zone that a time.Time has does not count.
type rango struct{ since, until time.Time }

// readRango reads dates that have been validated.
func readRango(since, until string) (rango, error) {
	var r rango
	var err error
	if r.since, err = time.Parse(gateway.FechaFormat, since); err != nil {
		return r, err
	}
	r.until, err = time.Parse(gateway.FechaFormat, until)
	return r, err
}

func (r rango) texts() (since, until string) {
	return r.since.Format(gateway.FechaFormat), r.until.Format(gateway.FechaFormat)
}

// part halves the range; false when it is a single second.
func (r rango) part() (before, after rango, ok bool) {
	seconds := int64(r.until.Sub(r.since)/time.Second) + 1
	if seconds < 2 {
		return rango{}, rango{}, false
	}
	half := r.since.Add(time.Duration(seconds/2) * time.Second)
	return rango{r.since, half.Add(-time.Second)}, rango{half, r.until}, true
}

// ask is what the SAT is asked for a half: it wants the end after the beginning
// (sat.md §10), so that a single second takes one of its neighbours along, away
// from its other half.
func (r rango) ask(after bool) rango {
	if r.until.After(r.since) {
		return r
	}
	if after {
		return rango{r.since, r.until.Add(time.Second)}
	}
	return rango{r.since.Add(-time.Second), r.until}
}

// historyLimit is the first second that the SAT still gives (sat.md §10), as a
// wall clock's.
func historyLimit(now time.Time) time.Time {
	today := gateway.InMexico(now)
	return time.Date(today.Year()-6, today.Month(), today.Day(), 0, 0, 0, 0, time.UTC)
}

// shift widens the range by a second, which makes the criteria new to the
// SAT (sat.md §9, 5002): at its end, or at its beginning where the end would
// come to lie in the future. It never leaves a second out. False when neither
// side may be moved.
func (r rango) shift(now time.Time) (rango, bool) {
	today := gateway.InMexico(now)
	wall := time.Date(today.Year(), today.Month(), today.Day(), today.Hour(), today.Minute(), today.Second(), 0, time.UTC)
	if end := r.until.Add(time.Second); !end.After(wall) {
		return rango{r.since, end}, true
	}
	if start := r.since.Add(-time.Second); !start.Before(historyLimit(now)) {
		return rango{start, r.until}, true
	}
	return r, false
}
