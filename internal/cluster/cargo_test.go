package cluster

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/store"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

func holds(t *testing.T, p *Cluster, want bool, when string) {
	t.Helper()
	if got, err := p.Hold(t.Context(), "ronda"); err != nil || got != want {
		t.Fatalf("%s: %v, %v, want %v", when, got, err, want)
	}
}

func TestHold_WhenSeveralWantThePost(t *testing.T) {
	t.Parallel()
	s := shared{t, pgtest.Start(t)}
	a, _ := s.enters(t.TempDir())
	b, bt := s.enters(t.TempDir())
	beats(t, a, b)
	holds(t, a, true, "the first")
	holds(t, b, false, "while the first lives")
	holds(t, a, true, "still")
	for range 5 {
		bt.moves(beatUsual)
		beats(t, b)
	}
	holds(t, b, false, "not quiet for long enough")
	bt.moves(beatUsual)
	beats(t, b)
	holds(t, b, true, "the first is dead")
	beats(t, a, b)
	holds(t, a, false, "another has taken over")
	if err := b.Let(t.Context()); err != nil {
		t.Fatal(err)
	}
	holds(t, a, true, "given up")
	if err := a.Let(t.Context()); err != nil {
		t.Fatal(err)
	}
	bt.moves(time.Hour)
	holds(t, b, false, "held for dead itself")
}

func TestHold_WhenAllWantItAtOnceOneGetsIt(t *testing.T) {
	t.Parallel()
	s := shared{t, pgtest.Start(t)}
	var got atomic.Int64
	var wg sync.WaitGroup
	for range 6 {
		p, _ := s.enters(t.TempDir())
		wg.Go(func() {
			if mine, err := p.Hold(t.Context(), "ronda"); err != nil {
				t.Error(err)
			} else if mine {
				got.Add(1)
			}
		})
	}
	wg.Wait()
	if got.Load() != 1 {
		t.Errorf("%d hold the post", got.Load())
	}
}

// On SQLite, and in the same directory, the previous process is dead.
func TestHold_WhenTheOneBeforeWasKilled(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"SQLite": "", "PostgreSQL": pgtest.Start(t)} {
		dir := t.TempDir()
		for range 2 {
			st, err := store.Open(t.Context(), store.Config{Dir: dir, DatabaseURL: url, Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			p := New(st, Options{})
			if err := p.Enter(t.Context()); err != nil {
				t.Fatal(err)
			}
			holds(t, p, true, name)
			if err := st.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
