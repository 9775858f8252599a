package store

import (
	"context"
	"strconv"
	"time"
)

// PostponedTramos returns up to limit live solicitudes in nobody's hands that wait
// beyond now because of condition, and have since before at the latest.
func (s *Store) PostponedTramos(ctx context.Context, condition string, before, now time.Time, limit int) ([]Tramo, error) {
	return s.tramos(ctx, `estado IN ('pendiente', 'presentada') AND rechazo = $1 AND espera_desde <= $2 AND siguiente > $3 AND ocupante = '' ORDER BY espera_desde LIMIT `+strconv.Itoa(limit),
		condition, Instant(before), Instant(now))
}

// PostponedPaquetes is PostponedTramos for packages.
func (s *Store) PostponedPaquetes(ctx context.Context, condition string, before, now time.Time, limit int) ([]TramoPaquete, error) {
	return s.ofPaquetes(ctx, `p.estado = 'pendiente' AND p.rechazo = $1 AND p.espera_desde <= $2 AND p.siguiente > $3 AND p.ocupante = '' ORDER BY p.espera_desde LIMIT `+strconv.Itoa(limit),
		condition, Instant(before), Instant(now))
}
