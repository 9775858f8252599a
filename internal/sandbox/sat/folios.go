package sat

import (
	"iter"
	"time"
)

// Folios yields the folio of every CFDI that a taxpayer issued or received from since to until, both ends
// included, in order of date, and whether it is cancelled by the sandbox's clock. The dates are read as wall
// clocks, whatever their zone. It is what a complete download must hold, known without any request.
func (s *Server) Folios(rfc string, d Direction, since, until time.Time) iter.Seq2[UUID, bool] {
	a := scope{servicio: CFDI, rfc: rfc, direction: d, perDay: s.perDay(d)}
	cut := wall(s.Clock.Now())
	return func(yield func(UUID, bool) bool) {
		for _, c := range s.universe.since(a, s.universe.start(a, clock(since)), min(clock(until), cut)) {
			if !yield(c.UUID, c.Cancelled(cut)) {
				return
			}
		}
	}
}

// clock is what a clock on the wall shows at t, in seconds.
func clock(t time.Time) int64 {
	_, distance := t.Zone()
	return t.Unix() + int64(distance)
}
