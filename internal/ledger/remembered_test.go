package ledger

import (
	"testing"
)

// A caller that repeats the request, under the key or without it, gets the outcome that
// this process knows, although the database has not accepted it.
func TestOnce_WhenAnOutcomeIsKnownAndNotWritten(t *testing.T) {
	t.Parallel()
	st := openStore(t, t.TempDir())
	l := over(st)
	build := func(statement string) {
		t.Helper()
		if _, err := st.DB().ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	build(`CREATE TRIGGER lleno BEFORE UPDATE ON intentos BEGIN SELECT RAISE(ABORT, 'full'); END`)
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
	if lost, err := l.Lost(t.Context(), operation, "k"); err != nil || lost {
		t.Errorf("lost %v, %v", lost, err)
	}
	views, err := Known(t.Context(), l, operation, "lo mismo", func(c KnownMessage, a answer) answer {
		if c.Pending {
			t.Error("it is told as pending")
		}
		return a
	})
	if err != nil || len(views) != 1 || views[0] != ok {
		t.Errorf("%+v, %v", views, err)
	}
	build(`DROP TRIGGER lleno`)
	if l.Settle(t.Context()); l.Unwritten() != 0 {
		t.Error("it is still unwritten")
	}
}
