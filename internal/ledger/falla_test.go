package ledger

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// A refusal written by another version binds the key and is a failure of the gateway.
func TestOnce_WhenTheRefusalOnRecordIsNotUnderstood(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]string{
		"a kind of another version": `{"tipo":"de-otra-version","detail":"d","reintentable":true}`,
		"a number":                  `{"tipo":8,"detail":"d"}`,
		"no kind":                   `{"detail":"d","reintentable":true}`,
		"no JSON":                   `canario`,
		"nothing":                   ``,
	} {
		for _, free := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, libre %v", name, free), func(t *testing.T) {
				t.Parallel()
				st := openStore(t, t.TempDir())
				l := over(st)
				m := message("k")
				m.Free = free
				if _, _, err := Once(t.Context(), l, m, never, once(answer{}, refused(gateway.KindNoDisponible, true)).send); err == nil {
					t.Fatal("it was not refused")
				}
				if _, err := st.DB().ExecContext(t.Context(), `UPDATE intentos SET falla = $1`, row); err != nil {
					t.Fatal(err)
				}
				s := once(ok, nil)
				_, again, err := Once(t.Context(), l, m, never, s.send)
				if e := gateway.AsError(err); !again || e.Kind != gateway.KindInterno || e.Retryable || strings.Contains(e.Detail, "canario") || s.calls.Load() != 0 {
					t.Errorf("replayed %v, %d sent: %+v", again, s.calls.Load(), e)
				}
			})
		}
	}
}

// unwritable is an answer that cannot be encoded.
type unwritable struct{ Why func() }

// An answer that cannot be encoded is a failure the first time too, and its message is
// not sent again.
func TestOnce_WhenTheAnswerCannotBeKept(t *testing.T) {
	t.Parallel()
	l, calls := newLedger(t), 0
	for i := range 2 {
		_, again, err := Once(t.Context(), l, message("k"), func(unwritable) bool { return false }, func(context.Context) (unwritable, error) {
			calls++
			return unwritable{}, nil
		})
		if again != (i > 0) || !gateway.IsKind(err, gateway.KindInterno) {
			t.Errorf("use %d: replayed %v, %v", i+1, again, err)
		}
	}
	if row, err := l.attempts.Get(t.Context(), operation, "k"); err != nil || row.Estado != store.EstadoRechazado || calls != 1 {
		t.Errorf("%+v, %v after %d calls", row, err, calls)
	}
	// If send also returned a refusal, the refusal is reported.
	_, _, err := Once(t.Context(), l, message("k2"), func(unwritable) bool { return true }, func(context.Context) (unwritable, error) {
		return unwritable{}, refused(gateway.KindConflicto, false)
	})
	if !gateway.IsKind(err, gateway.KindConflicto) {
		t.Error(err)
	}
}
