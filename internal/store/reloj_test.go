package store

import (
	"testing"
	"time"
)

// A start always has something to hold its clock against, if the database was in use:
// the first round, which keeps the instant, may never have come.
func TestLastInstant_WhenNoneIsKept(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		written := time.Date(2026, 3, 1, 10, 0, 0, 123000, time.UTC)
		c.Now = func() time.Time { return written }
		s := open(t, c)
		wants := func(want time.Time) {
			t.Helper()
			if got, err := s.Reloj.Last(t.Context()); err != nil || !got.Equal(want) {
				t.Errorf("%s, %v, want %s", got, err, want)
			}
		}
		wants(time.Time{})
		if _, err := s.Descargas.Create(t.Context(), sampleDescarga("d", func(*Descarga) {}), nil); err != nil {
			t.Fatal(err)
		}
		wants(written)
		believed := written.Add(-time.Hour)
		if err := s.Reloj.Record(t.Context(), believed); err != nil {
			t.Fatal(err)
		}
		wants(believed)
	})
}
