package store

import (
	"testing"

	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// A gateway that stands still in the middle of a change, or is cut off then, holds the
// descarga's row for a while and not until somebody looks.
func TestChange_WhenAnotherGatewayStandsStillInAChange(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	one := open(t, Config{Dir: t.TempDir(), DatabaseURL: url, Now: now})
	other := open(t, Config{Dir: t.TempDir(), DatabaseURL: url, Now: now})
	if _, err := one.Descargas.Create(t.Context(), sampleDescarga("d", func(*Descarga) {}), nil); err != nil {
		t.Fatal(err)
	}
	tx, err := one.DB().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // it was ended
	if _, err := tx.ExecContext(t.Context(), `UPDATE descargas SET motivo = 'x' WHERE id = 'd'`); err != nil {
		t.Fatal(err)
	}
	if err := other.Descargas.Change(t.Context(), "d", func(*Change) error { return nil }); err != nil {
		t.Errorf("the other waits for ever: %v", err)
	}
	if err := tx.Commit(); err == nil {
		t.Error("what was interrupted was written all the same")
	}
}
