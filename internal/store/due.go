package store

import (
	"context"
	"time"
)

// Due is a row that waits for its time, which may have come.
type Due[K comparable] struct {
	ID   K
	Turn int64
	At   time.Time
}

// due runs a query for rows of an id, a turn and an instant.
func due[K comparable](ctx context.Context, s *core, query string, args ...any) ([]Due[K], error) {
	return all(ctx, s.poll, func(f scanner) (Due[K], error) {
		var d Due[K]
		var at string
		if err := f.Scan(&d.ID, &d.Turn, &at); err != nil {
			return d, err
		}
		return d, readInstantIn(at, &d.At)
	}, query, args...)
}

// Waiting is what is due of a kind of work and has no hand: how many rows, and since
// when the first; zero for none.
type Waiting struct {
	Rows  int64
	Since time.Time
}

func (s *core) waiting(ctx context.Context, query string, now time.Time) (w Waiting, err error) {
	var since string
	if _, err = s.read.one(ctx, query, []any{Instant(now)}, &w.Rows, &since); err == nil {
		err = readInstantIn(since, &w.Since)
	}
	return w, err
}
