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
	if _, err := s.read.one(ctx, `SELECT COALESCE((SELECT visto FROM reloj), (SELECT MAX(actualizada) FROM descargas), '')`, nil, &seen); err != nil {
		return time.Time{}, err
	}
	return readInstant(seen)
}

// Record keeps an instant at which the clock was believed.
func (s Reloj) Record(ctx context.Context, seen time.Time) error {
	const query = `INSERT INTO reloj (id, visto) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET visto = excluded.visto`
	return s.lightly(ctx, query, func(light conn) error {
		_, err := light.exec(ctx, query, Instant(seen))
		return err
	})
}
