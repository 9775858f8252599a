package store

import (
	"testing"
	"time"
)

// A start always has something to hold its clock against, if the database was in use:
// the first round, which keeps the instant, may never have come.
func TestUltimoInstante_WhenNoneIsKept(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		escrito := time.Date(2026, 3, 1, 10, 0, 0, 123000, time.UTC)
		c.Now = func() time.Time { return escrito }
		s := open(t, c)
		quiere := func(want time.Time) {
			t.Helper()
			if got, err := s.UltimoInstante(t.Context()); err != nil || !got.Equal(want) {
				t.Errorf("%s, %v, want %s", got, err, want)
			}
		}
		quiere(time.Time{})
		if _, err := s.CreaDescarga(t.Context(), unaDescarga("d", func(*Descarga) {}), nil); err != nil {
			t.Fatal(err)
		}
		quiere(escrito)
		creido := escrito.Add(-time.Hour)
		if err := s.AnotaInstante(t.Context(), creido); err != nil {
			t.Fatal(err)
		}
		quiere(creido)
	})
}
