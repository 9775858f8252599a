package ledger

import (
	"testing"
)

// TestOnce_WhenAnOutcomeIsKnownAndNotWritten: who asks again, under the key or by what
// was asked for, gets what this process knows, though the database does not take it.
func TestOnce_WhenAnOutcomeIsKnownAndNotWritten(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	haz := func(statement string) {
		t.Helper()
		if _, err := l.store.DB().ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	haz(`CREATE TRIGGER lleno BEFORE UPDATE ON intentos BEGIN SELECT RAISE(ABORT, 'full'); END`)
	s := once(ok, nil)
	if _, _, err := Once(t.Context(), l, message("k"), never, s.send); err != nil {
		t.Fatal(err)
	}
	if n := l.Unwritten(); n != 1 {
		t.Fatalf("%d are unwritten", n)
	}
	got, replayed, err := Once(t.Context(), l, message("k"), never, s.send)
	if err != nil || !replayed || got != ok || s.calls.Load() != 1 {
		t.Errorf("%+v, replayed %v, %v after %d calls", got, replayed, err, s.calls.Load())
	}
	if lost, err := l.Lost(t.Context(), operacion, "k"); err != nil || lost {
		t.Errorf("lost %v, %v", lost, err)
	}
	vistas, err := Conocidas(t.Context(), l, operacion, "lo mismo", func(c Conocida, a answer) answer {
		if c.Pendiente {
			t.Error("it is told as pending")
		}
		return a
	})
	if err != nil || len(vistas) != 1 || vistas[0] != ok {
		t.Errorf("%+v, %v", vistas, err)
	}
	haz(`DROP TRIGGER lleno`)
	if l.Salda(t.Context()); l.Unwritten() != 0 {
		t.Error("it is still unwritten")
	}
}
