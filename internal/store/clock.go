package store

import (
	"context"
	"strconv"
	"time"
)

// LastInstant is the last instant at which a gateway believed its clock; where
// none is kept, the last change of a descarga; zero for none.
func (s *Store) LastInstant(ctx context.Context) (time.Time, error) {
	var seen string
	if _, err := s.one(ctx, `SELECT COALESCE((SELECT visto FROM reloj), (SELECT MAX(actualizada) FROM descargas), '')`, nil, &seen); err != nil {
		return time.Time{}, err
	}
	return readInstant(seen)
}

// RecordInstant keeps an instant at which the clock was believed.
func (s *Store) RecordInstant(ctx context.Context, seen time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	_, err := s.changes(ctx, s.light, `INSERT INTO reloj (id, visto) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET visto = excluded.visto`, Instant(seen))
	return err
}

// EarlyTramos returns up to limit live ones whose wait was begun after
// after: by a clock that was ahead.
func (s *Store) EarlyTramos(ctx context.Context, after time.Time, limit int) ([]Tramo, error) {
	return s.tramos(ctx, `estado IN ('pendiente', 'presentada') AND espera_desde > $1 ORDER BY espera_desde LIMIT `+strconv.Itoa(limit), Instant(after))
}

// EarlyPaquetes is EarlyTramos for packages.
func (s *Store) EarlyPaquetes(ctx context.Context, after time.Time, limit int) ([]TramoPaquete, error) {
	return s.ofPaquetes(ctx, `p.estado = 'pendiente' AND p.espera_desde > $1 ORDER BY p.espera_desde LIMIT `+strconv.Itoa(limit), Instant(after))
}

// EarlyEntregas is EarlyTramos for deliveries.
func (s *Store) EarlyEntregas(ctx context.Context, after time.Time, limit int) ([]WebhookEntrega, error) {
	return s.entregas(ctx, `SELECT `+columnsEntrega+` FROM webhooks_entregas WHERE estado = 'pendiente' AND espera_desde > $1 ORDER BY espera_desde LIMIT $2`,
		Instant(after), limit)
}

// PostponeEntrega makes a delivery due at next, in a turn of its own, if nobody
// has taken it since it was read.
func (s *Store) PostponeEntrega(ctx context.Context, e WebhookEntrega, next, now time.Time) (bool, error) {
	return s.changes(ctx, s.db, `UPDATE webhooks_entregas SET siguiente = $1, espera_desde = $2, turno = turno + 1 WHERE id = $3 AND turno = $4 AND estado = 'pendiente'`,
		Instant(next), Instant(now), e.ID, e.Turn)
}

// ScheduledAfter returns up to limit recurrent descargas whose run is due after
// after.
func (s *Store) ScheduledAfter(ctx context.Context, after time.Time, limit int) ([]Descarga, error) {
	return s.descargas(ctx, `estado = 'programada' AND siguiente > $1 ORDER BY siguiente LIMIT `+strconv.Itoa(limit), Instant(after))
}
