package ledger

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/cluster"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// neighbour is one process's view of the others.
type neighbour struct {
	id string

	mu   sync.Mutex
	dead map[string]bool
	lost bool
}

func (v *neighbour) ID() string { return v.id }

func (v *neighbour) Alive(id string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !v.dead[id]
}

func (v *neighbour) Lost() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.lost
}

func (v *neighbour) bury(id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.dead = map[string]bool{id: true}
}

// shared is the ledger of one of several processes on one PostgreSQL.
func shared(t *testing.T, url, id string) (*Ledger, *neighbour) {
	t.Helper()
	v := &neighbour{id: id}
	st := openShared(t, url)
	return New(st.Attempts, st.Titulos, v), v
}

func openShared(t *testing.T, url string) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), DatabaseURL: url, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() }) //nolint:errcheck // may be closed already
	return st
}

func TestOnce_WhenAnotherGatewayHasAnswered(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	a, _ := shared(t, url, "a")
	b, _ := shared(t, url, "b")
	s := once(ok, nil)
	if _, _, err := Once(t.Context(), a, message("k"), never, s.send); err != nil {
		t.Fatal(err)
	}
	if got, replayed, err := Once(t.Context(), b, message("k"), never, s.send); got != ok || !replayed || err != nil {
		t.Errorf("%+v, replayed %v, %v", got, replayed, err)
	}
	other := message("k")
	other.Criterios = "otra cosa"
	if _, _, err := Once(t.Context(), b, other, never, s.send); !gateway.IsKind(err, gateway.KindConflicto) {
		t.Errorf("another message: %v", err)
	}
	if got, _, held := Last[answer](t.Context(), b, operation, "lo mismo"); !held || got != ok {
		t.Errorf("%+v, held %v", got, held)
	}
	if n := s.calls.Load(); n != 1 {
		t.Errorf("%d sent", n)
	}
}

func TestOnce_WhenManyComeToTwoGateways(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	a, _ := shared(t, url, "a")
	b, _ := shared(t, url, "b")
	s := &sender{answer: func(int64) (answer, error) { return ok, nil }}
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			got, _, err := Once(t.Context(), []*Ledger{a, b}[i%2], message("k"), never, s.send)
			if err == nil && got != ok || err != nil && !gateway.IsKind(err, gateway.KindConflicto) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	wg.Wait()
	if n := s.calls.Load(); n != 1 {
		t.Errorf("%d sent", n)
	}
}

// While the other process sends, its message is in progress. Once it is dead, the outcome
// is unknown. If it was not dead after all, its answer counts.
func TestOnce_WhenAnotherGatewaySends(t *testing.T) {
	t.Parallel()
	for _, free := range []bool{false, true} {
		url := pgtest.Start(t)
		a, _ := shared(t, url, "a")
		b, fromB := shared(t, url, "b")
		m := message("k")
		m.Free = free
		begun, release := make(chan struct{}), make(chan struct{})
		var first sync.WaitGroup
		first.Go(func() {
			got, _, err := Once(t.Context(), a, m, never, func(context.Context) (answer, error) {
				close(begun)
				<-release
				return ok, nil
			})
			if err != nil || got != ok {
				t.Errorf("the first: %+v, %v", got, err)
			}
		})
		<-begun
		s := once(answer{}, refused(gateway.KindConflicto, false))
		_, _, err := Once(t.Context(), b, m, never, s.send)
		if e := gateway.AsError(err); err == nil || e.Kind != gateway.KindConflicto || !e.Retryable || e.RetryAfter <= 0 || !e.Unsent || s.calls.Load() != 0 {
			t.Errorf("libre %v, meanwhile: %+v, %d sent", free, e, s.calls.Load())
		}
		if lost, err := b.Lost(t.Context(), m.Operation, m.Key); lost || err != nil {
			t.Errorf("libre %v, meanwhile: lost %v, %v", free, lost, err)
		}

		fromB.bury("a")
		if lost, err := b.Lost(t.Context(), m.Operation, m.Key); !lost || err != nil {
			t.Errorf("libre %v, dead: lost %v, %v", free, lost, err)
		}
		_, _, err = Once(t.Context(), b, m, never, s.send)
		if want, calls := map[bool]gateway.Kind{false: gateway.KindResultadoDesconocido, true: gateway.KindConflicto}[free], map[bool]int64{true: 1}[free]; !gateway.IsKind(err, want) || s.calls.Load() != calls {
			t.Errorf("libre %v, dead: %v, %d sent", free, err, s.calls.Load())
		}

		close(release)
		first.Wait()
		if got, replayed, err := Once(t.Context(), b, m, never, s.send); got != ok || !replayed || err != nil {
			t.Errorf("libre %v, afterwards: %+v, replayed %v, %v", free, got, replayed, err)
		}
	}
}

// This test uses the gateway's own presence instead of a fake.
func TestOnce_WhenAnotherGatewayWasKilled(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	enter := func() (*Ledger, *store.Store, *cluster.Cluster) {
		st := openShared(t, url)
		p := cluster.New(st, cluster.Options{Beat: 20 * time.Millisecond, Death: 2 * time.Second})
		if err := p.Enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { p.Run(ctx) })
		t.Cleanup(func() { cancel(); wg.Wait() })
		return New(st.Attempts, st.Titulos, p), st, p
	}
	_, ofA, fromA := enter()
	b, _, fromB := enter()
	m := message("k")
	if _, mine, err := ofA.Attempts.Try(t.Context(), store.Attempt{Operation: m.Operation, Key: m.Key, Digest: m.digest(), Criterios: m.Criterios, Process: fromA.ID()}); err != nil || !mine {
		t.Fatalf("mine %v, %v", mine, err)
	}
	if _, _, err := Once(t.Context(), b, m, never, once(ok, nil).send); !gateway.IsKind(err, gateway.KindConflicto) {
		t.Fatalf("while it lives: %v", err)
	}
	if err := ofA.Close(); err != nil { // nothing of it arrives after this
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); fromB.Alive(fromA.ID()) && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
	}
	s := once(ok, nil)
	if _, _, err := Once(t.Context(), b, m, never, s.send); !gateway.IsKind(err, gateway.KindResultadoDesconocido) || s.calls.Load() != 0 {
		t.Errorf("dead: %v, %d sent", err, s.calls.Load())
	}
}

func TestOnce_WhenOthersHoldThisGatewayForDead(t *testing.T) {
	t.Parallel()
	st := openStore(t, t.TempDir())
	l := New(st.Attempts, st.Titulos, &neighbour{id: "a", lost: true})
	s := once(ok, nil)
	_, _, err := Once(t.Context(), l, message("k"), never, s.send)
	if e := gateway.AsError(err); err == nil || !e.Unsent || s.calls.Load() != 0 {
		t.Errorf("%+v, %d sent", e, s.calls.Load())
	}
}

// An outcome that could not be written is written when the database is back. Until then,
// other gateways see the message as being sent.
func TestSettle_WhenTheDatabaseWasAway(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	a, _ := shared(t, url, "a")
	b, _ := shared(t, url, "b")
	aside := openShared(t, url)
	sql := func(statement string) {
		if _, err := aside.DB().ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	got, _, err := Once(t.Context(), a, message("k"), never, func(context.Context) (answer, error) {
		sql(`ALTER TABLE intentos RENAME TO fuera`)
		return ok, nil
	})
	if err != nil || got != ok {
		t.Fatalf("%+v, %v", got, err)
	}
	a.Settle(t.Context())
	if n := a.Unwritten(); n != 1 {
		t.Errorf("%d outcomes are not written, want 1", n)
	}
	sql(`ALTER TABLE fuera RENAME TO intentos`)
	if _, _, err := Once(t.Context(), b, message("k"), never, once(ok, nil).send); !gateway.IsKind(err, gateway.KindConflicto) {
		t.Fatalf("its outcome is known: this test sees nothing: %v", err)
	}
	a.Settle(t.Context())
	if n := a.Unwritten(); n != 0 {
		t.Errorf("%d outcomes are not written, want none", n)
	}
	if got, replayed, err := Once(t.Context(), b, message("k"), never, once(answer{}, nil).send); got != ok || !replayed || err != nil {
		t.Errorf("%+v, replayed %v, %v", got, replayed, err)
	}
}
