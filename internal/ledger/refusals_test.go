package ledger

import (
	"context"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Whether a first use is in progress or lost is decided by who is at work, not by the
// clock.
func TestOnce_WhenTheFirstIsUnderWay(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	for _, free := range []bool{false, true} {
		m := message("k")
		m.Operation, m.Free = m.Operation+map[bool]string{true: ".libre"}[free], free
		_, _, err := Once(t.Context(), l, m, never, func(ctx context.Context) (answer, error) {
			if _, _, err := Once(ctx, l, m, never, once(ok, nil).send); !gateway.IsKind(err, gateway.KindConflicto) {
				t.Errorf("libre %v: a second use while the first is under way: %v", free, err)
			}
			return ok, nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// With Free, only an answer binds the key.
func TestOnce_WhenOnlyAnAnswerBinds(t *testing.T) {
	t.Parallel()
	for _, kind := range []gateway.Kind{gateway.KindInvalida, gateway.KindResultadoDesconocido} {
		l, s := newLedger(t), once(answer{}, refused(kind, false))
		m := message("k")
		m.Free = true
		if _, _, err := Once(t.Context(), l, m, never, s.send); !gateway.IsKind(err, kind) {
			t.Fatal(err)
		}
		if lost, err := l.Lost(t.Context(), m.Operation, m.Key); err != nil || lost != (kind == gateway.KindResultadoDesconocido) {
			t.Errorf("kind %s: lost %v, %v", kind, lost, err)
		}
		for i, replayed := range []bool{false, true} {
			if got, again, err := Once(t.Context(), l, m, never, s.send); err != nil || got != ok || again != replayed {
				t.Errorf("use %d: %+v, replayed %v, %v", i+2, got, again, err)
			}
		}
		if n := s.calls.Load(); n != 2 {
			t.Errorf("%d sent", n)
		}
	}
}

// A refusal before the message left does not bind the key: its cause may be repaired.
func TestOnce_WhenTheRefusedNeverLeft(t *testing.T) {
	t.Parallel()
	first := refused(gateway.KindEFirma, false)
	first.Unsent = true
	l, s := newLedger(t), once(answer{}, first)
	Once(t.Context(), l, message("k"), never, s.send) //nolint:errcheck // it is refused
	if got, _, err := Once(t.Context(), l, message("k"), never, s.send); err != nil || got != ok || s.calls.Load() != 2 {
		t.Errorf("%+v, %v after %d calls", got, err, s.calls.Load())
	}
}

// A recorded loss survives later failures, and a final failure is not asked for again.
func TestOnce_WhenAFailureLeavesSomethingBehind(t *testing.T) {
	t.Parallel()
	for rest, want := range map[Rest]struct {
		lost  bool
		calls int64
	}{Nothing: {false, 2}, Perdida: {true, 2}, Definitiva: {false, 1}} {
		l, s := newLedger(t), once(answer{}, refused(gateway.KindConflicto, false))
		m := message("k")
		m.Free, m.Rest = true, func(error) Rest { return rest }
		if _, _, err := Once(t.Context(), l, m, never, s.send); !gateway.IsKind(err, gateway.KindConflicto) {
			t.Fatal(err)
		}
		if lost, err := l.Lost(t.Context(), m.Operation, m.Key); err != nil || lost != want.lost {
			t.Errorf("resto %q: lost %v, %v", rest, lost, err)
		}
		_, again, err := Once(t.Context(), l, m, never, s.send)
		if n := s.calls.Load(); n != want.calls {
			t.Errorf("resto %q: %d sent, want %d", rest, n, want.calls)
		}
		if bound := gateway.IsKind(err, gateway.KindConflicto) && again; bound != (rest == Definitiva) {
			t.Errorf("resto %q: replayed %v, %v", rest, again, err)
		}
	}
}

// A value recorded with a refusal is returned with it again, to the same message only.
func TestOnce_WhenSomethingWasKeptBesideARefusal(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	m := message("k")
	m.Free, m.Rest = true, func(error) Rest { return Definitiva }
	keep := func(answer) bool { return true }
	send := func(context.Context) (answer, error) { return ok, refused(gateway.KindConflicto, false) }
	for i := range 2 {
		if got, again, err := Once(t.Context(), l, m, keep, send); got != ok || again != (i > 0) || !gateway.IsKind(err, gateway.KindConflicto) {
			t.Errorf("%+v, %v, %v", got, again, err)
		}
	}
	m.Criterios += " otros"
	if got, _, err := Once(t.Context(), l, m, keep, send); got != (answer{}) || !gateway.IsKind(err, gateway.KindConflicto) {
		t.Errorf("another message: %+v, %v", got, err)
	}
}
