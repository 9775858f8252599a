package store

import (
	"context"
	"time"
)

// Reloj is the last instant at which the clock was believed.
type Reloj struct{ *core }

// Last is the last instant at which a gateway believed its clock; where
// none is kept, the last change of a descarga; zero for none.
func (s Reloj) Last(ctx context.Context) (time.Time, error) {
	var seen string
	if _, err := s.one(ctx, `SELECT COALESCE((SELECT visto FROM reloj), (SELECT MAX(actualizada) FROM descargas), '')`, nil, &seen); err != nil {
		return time.Time{}, err
	}
	return readInstant(seen)
}

// Record keeps an instant at which the clock was believed.
func (s Reloj) Record(ctx context.Context, seen time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	_, err := s.changes(ctx, s.light, `INSERT INTO reloj (id, visto) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET visto = excluded.visto`, Instant(seen))
	return err
}
