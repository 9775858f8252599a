package sat

import (
	"iter"
	"time"
)

// Folios yields the folio of every CFDI that a taxpayer issued or received from desde to hasta, both ends
// included, in order of date, and whether it is cancelled by the sandbox's clock. The dates are read as wall
// clocks, whatever their zone. It is what a complete download must hold, known without any request.
func (s *Servidor) Folios(rfc string, d Sentido, desde, hasta time.Time) iter.Seq2[UUID, bool] {
	a := ambito{servicio: CFDI, rfc: rfc, sentido: d, porDia: s.porDia(d)}
	corte := pared(s.reloj.Now())
	return func(yield func(UUID, bool) bool) {
		for _, c := range s.universo.desde(a, s.universo.inicio(a, reloj(desde)), min(reloj(hasta), corte)) {
			if !yield(c.UUID, c.Cancelado(corte)) {
				return
			}
		}
	}
}

// reloj is what a clock on the wall shows at t, in seconds.
func reloj(t time.Time) int64 {
	_, distancia := t.Zone()
	return t.Unix() + int64(distancia)
}
