package ledger

import (
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// A database may report a failure and write all the same, for example if the connection
// breaks. The message was not sent, so no caller is told that it may have been.
func TestOnce_WhenAnIntentIsWrittenThoughItFailed(t *testing.T) {
	t.Parallel()
	for name, when := range map[string]string{"the first": "INSERT", "once more": "UPDATE"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := openStore(t, t.TempDir())
			l := over(st)
			build := func(statement string) {
				t.Helper()
				if _, err := st.DB().ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			if when == "UPDATE" {
				s := once(answer{}, refused(gateway.KindNoDisponible, true))
				if _, _, err := Once(t.Context(), l, message("k"), never, s.send); err == nil {
					t.Fatal("it was not refused")
				}
			}
			// FAIL leaves what was written before it (sqlite.org/lang_conflict.html).
			build(`CREATE TRIGGER tarde AFTER ` + when + ` ON intentos BEGIN SELECT RAISE(FAIL, 'late'); END`)
			s := once(ok, nil)
			if _, _, err := Once(t.Context(), l, message("k"), never, s.send); !gateway.AsError(err).IsOwn() || s.calls.Load() != 0 {
				t.Fatalf("%v after %d calls", err, s.calls.Load())
			}
			var n int
			if err := st.DB().QueryRowContext(t.Context(), `SELECT count(*) FROM intentos WHERE estado = 'intento'`).Scan(&n); err != nil || n != 1 {
				t.Fatalf("%d intents, %v", n, err)
			}
			build(`DROP TRIGGER tarde`)
			if lost, err := l.Lost(t.Context(), operation, "k"); err != nil || lost {
				t.Errorf("lost %v, %v", lost, err)
			}
			if _, err := Known(t.Context(), l, operation, "lo mismo", func(c KnownMessage, _ answer) answer {
				if c.Pending {
					t.Error("it is told as pending")
				}
				return ok
			}); err != nil {
				t.Error(err)
			}
			got, replayed, err := Once(t.Context(), l, message("k"), never, s.send)
			if err != nil || replayed || got != ok || s.calls.Load() != 1 {
				t.Errorf("%+v, replayed %v, %v after %d calls", got, replayed, err, s.calls.Load())
			}
		})
	}
}
