package cluster

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/store"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// clock is a clock that a test sets.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) moves(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// shared are processes on one PostgreSQL, each with its own directory and clock.
type shared struct {
	t   *testing.T
	url string
}

func (s shared) enters(dir string) (*Cluster, *clock) {
	s.t.Helper()
	st, err := store.Open(s.t.Context(), store.Config{Dir: dir, DatabaseURL: s.url, Now: time.Now})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { st.Close() }) //nolint:errcheck // may be closed already
	c := &clock{t: time.Now()}
	p := New(st, Options{Now: c.now})
	if err := p.Enter(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return p, c
}

func beats(t *testing.T, ps ...*Cluster) {
	t.Helper()
	for _, p := range ps {
		if err := p.beat(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func alive(t *testing.T, p *Cluster, id string, want bool, when string) {
	t.Helper()
	if p.Alive(id) != want {
		t.Fatalf("%s: alive %v, want %v", when, !want, want)
	}
}

func TestAlive_WhenTheOtherGoesQuiet(t *testing.T) {
	t.Parallel()
	s := shared{t, pgtest.Start(t)}
	b, _ := s.enters(t.TempDir())
	a, at := s.enters(t.TempDir())
	alive(t, a, a.ID(), true, "itself")
	for range 20 { // much longer than Death
		at.moves(beatUsual)
		beats(t, b, a)
		alive(t, a, b.ID(), true, "beating")
	}
	for range 5 {
		at.moves(beatUsual)
		beats(t, a)
		alive(t, a, b.ID(), true, "not quiet for long enough")
	}
	at.moves(time.Hour)
	alive(t, a, b.ID(), true, "the last reading is old, and says nothing of now")
	beats(t, a)
	alive(t, a, b.ID(), false, "quiet")
	beats(t, b, a)
	alive(t, a, b.ID(), true, "back")
}

// A process that has just started has not watched anyone for long enough.
func TestAlive_WhenJustEntered(t *testing.T) {
	t.Parallel()
	s := shared{t, pgtest.Start(t)}
	dead, _ := s.enters(t.TempDir())
	a, at := s.enters(t.TempDir())
	alive(t, a, dead.ID(), true, "just entered")
	at.moves(deathUsual - time.Second)
	beats(t, a)
	alive(t, a, dead.ID(), true, "not watched for long enough")
	at.moves(time.Second)
	beats(t, a)
	alive(t, a, dead.ID(), false, "watched for long enough")
}

func TestAlive_WhenThereIsNoRow(t *testing.T) {
	t.Parallel()
	s := shared{t, pgtest.Start(t)}
	a, at := s.enters(t.TempDir())
	alive(t, a, "nadie", true, "asked for the first time: it may have entered after the last reading")
	alive(t, a, "nadie", true, "not read again")
	b, _ := s.enters(t.TempDir())
	alive(t, a, b.ID(), true, "entered after the last reading")
	at.moves(time.Second)
	beats(t, a)
	alive(t, a, "nadie", false, "read again")
	alive(t, a, b.ID(), true, "read again, with a row")
	alive(t, a, "", false, "no process at all")
}

func TestRun_WhenItEndsOthersKnowAtOnce(t *testing.T) {
	t.Parallel()
	s := shared{t, pgtest.Start(t)}
	b, _ := s.enters(t.TempDir())
	a, _ := s.enters(t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.Run(ctx)
	beats(t, a)
	alive(t, a, b.ID(), false, "gone in good order")
}

// A process that starts in a directory knows that the previous one there is dead.
func TestEnter_WhenItsDirectoryHadAnother(t *testing.T) {
	t.Parallel()
	s, dir := shared{t, pgtest.Start(t)}, filepath.Join(t.TempDir(), "x")
	killed, _ := s.enters(dir)
	a, _ := s.enters(t.TempDir())
	alive(t, a, killed.ID(), true, "beating")
	if err := killed.store.Close(); err != nil { // its row stays
		t.Fatal(err)
	}
	again, _ := s.enters(dir)
	alive(t, again, killed.ID(), false, "its directory is mine")
	beats(t, a)
	alive(t, a, killed.ID(), false, "its directory is another's")
	alive(t, a, again.ID(), true, "the other")
}

func TestBeat_WhenOthersAreLongDead(t *testing.T) {
	t.Parallel()
	s := shared{t, pgtest.Start(t)}
	dead, _ := s.enters(t.TempDir())
	b, _ := s.enters(t.TempDir())
	a, at := s.enters(t.TempDir())
	rows := func() (n int) {
		if err := a.store.DB().QueryRowContext(t.Context(), `SELECT count(*) FROM procesos`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 2 * deathUsual / beatUsual {
		if n := rows(); n != 3 {
			t.Fatalf("%d rows: too early", n)
		}
		at.moves(beatUsual)
		beats(t, b, a)
	}
	if n := rows(); n != 2 {
		t.Errorf("%d rows, want those of the living", n)
	}
	beats(t, a)
	alive(t, a, dead.ID(), false, "buried")
	beats(t, dead, a)
	alive(t, a, dead.ID(), true, "it was not dead")
}

func TestLost_WhenTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	s := shared{t, pgtest.Start(t)}
	b, _ := s.enters(t.TempDir())
	a, at := s.enters(t.TempDir())
	sql := func(statement string) {
		if _, err := b.store.DB().ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	sql(`ALTER TABLE procesos RENAME TO fuera`)
	for range 5 {
		if a.Lost() {
			t.Fatal("too early")
		}
		at.moves(beatUsual)
		if err := a.beat(t.Context()); err == nil {
			t.Fatal("the database is not away: this test sees nothing")
		}
	}
	if !a.Lost() {
		t.Error("others are about to hold it for dead, and it does not know")
	}
	alive(t, a, b.ID(), true, "the database is away, not the other")
	sql(`ALTER TABLE fuera RENAME TO procesos`)
	beats(t, a)
	if a.Lost() {
		t.Error("the database is back")
	}
}

func TestEnter_WhenNobodySharesTheDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	enter := func() (*Cluster, *store.Store) {
		st, err := store.Open(t.Context(), store.Config{Dir: dir, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { st.Close() }) //nolint:errcheck // may be closed already
		c := &clock{t: time.Now()}
		p := New(st, Options{Now: c.now})
		if err := p.Enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.moves(time.Hour)
		if p.Lost() {
			t.Error("nobody holds it for dead")
		}
		return p, st
	}
	rows := func(st *store.Store) (n int) {
		if err := st.DB().QueryRowContext(t.Context(), `SELECT count(*) FROM procesos`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	killed, st := enter()
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	p, st := enter()
	alive(t, p, killed.ID(), false, "the directory is ours")
	alive(t, p, p.ID(), true, "itself")
	if n := rows(st); n != 1 {
		t.Errorf("%d rows", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.Run(ctx)
	if n := rows(st); n != 0 {
		t.Errorf("%d rows after it ended", n)
	}
}

// With real clocks, as in the gateway.
func TestRun_WhenOneIsKilled(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	start := func() *Cluster {
		st, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), DatabaseURL: url, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { st.Close() }) //nolint:errcheck // may be closed already
		p := New(st, Options{Beat: 10 * time.Millisecond, Death: time.Second})
		if err := p.Enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { p.Run(ctx) })
		t.Cleanup(func() { cancel(); wg.Wait() })
		return p
	}
	a, b := start(), start()
	until := func(what string, so func() bool) {
		t.Helper()
		for end := time.Now().Add(3 * time.Minute); !so(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(what)
			}
		}
	}
	until("a never sees b", func() bool { a.mu.Lock(); defer a.mu.Unlock(); _, seen := a.other[b.ID()]; return seen })
	alive(t, a, b.ID(), true, "beating")
	if err := b.store.Close(); err != nil { // its later writes do not arrive
		t.Fatal(err)
	}
	until("b is not found dead", func() bool { return !a.Alive(b.ID()) })
	if !b.Lost() {
		t.Error("b is dead to others and does not know")
	}
}
