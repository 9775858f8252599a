package cola

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/descargas"
	"github.com/pasarela-mx/pasarela/internal/store"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// motor notes what it was woken for and answers as told.
type motor struct {
	mu      sync.Mutex
	tramos  []string
	llegan  chan string
	contest func(id, turno int64, vez int) (descargas.Despues, error)
}

func (m *motor) AvanzaTramo(_ context.Context, id, turno int64) (descargas.Despues, error) {
	m.mu.Lock()
	uno := fmt.Sprintf("%d/%d", id, turno)
	m.tramos = append(m.tramos, uno)
	vez := 0
	for _, x := range m.tramos {
		if x == uno {
			vez++
		}
	}
	m.mu.Unlock()
	m.llegan <- uno
	return m.contest(id, turno, vez)
}

func (m *motor) TraePaquete(context.Context, int64, int64) (descargas.Despues, error) {
	return descargas.Despues{Nunca: true}, nil
}

func arranca(t *testing.T, cfg store.Config, m *motor, now func() time.Time) *Cola {
	t.Helper()
	cfg.Dir, cfg.Now = t.TempDir(), time.Now
	cfg.Migra = []func(context.Context, *store.Store) error{Migra}
	st, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := New(st, zerolog.Nop())
	if err := c.Start(t.Context(), Trabajos{Motor: m, Ronda: func(context.Context) error { return nil }, Now: now, Sondeo: 20 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		st.Close() //nolint:errcheck // the test is over
	})
	return c
}

func (m *motor) espera(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-m.llegan:
		if got != want {
			t.Fatalf("woken for %s, want %s", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("never woken for %s", want)
	}
}

func enAmbas(t *testing.T, test func(*testing.T, store.Config)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, store.Config{}) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); test(t, store.Config{DatabaseURL: pgtest.Start(t)}) })
}

// TestTramo_WhenAskedForAgainWhileItWaits: one job of a turn waits at a time, and
// one that was set too late is brought forward.
func TestTramo_WhenAskedForAgainWhileItWaits(t *testing.T) {
	enAmbas(t, func(t *testing.T, cfg store.Config) {
		ctx := t.Context()
		m := &motor{llegan: make(chan string, 100), contest: func(int64, int64, int) (descargas.Despues, error) { return descargas.Despues{Nunca: true}, nil }}
		c := arranca(t, cfg, m, nil)
		tarde := time.Now().Add(time.Hour)
		for range 5 {
			if err := c.Tramo(ctx, 1, 0, tarde); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Tramo(ctx, 1, 0, time.Now()); err != nil {
			t.Fatal(err)
		}
		m.espera(t, "1/0")
		// Another turn is another job; what has ended is in nobody's way.
		if err := c.Tramo(ctx, 1, 1, time.Now()); err != nil {
			t.Fatal(err)
		}
		m.espera(t, "1/1")
		for vez := 0; vez == 0; {
			if err := c.Tramo(ctx, 1, 1, time.Now()); err != nil {
				t.Fatal(err)
			}
			select {
			case <-m.llegan:
				vez++
			case <-time.After(100 * time.Millisecond): // the first may not be over yet
			}
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		primeras := 0
		for _, x := range m.tramos {
			if x == "1/0" {
				primeras++
			}
		}
		if primeras != 1 {
			t.Errorf("%v", m.tramos)
		}
	})
}

// TestTramo_WhenAJobSnoozesAndComesAgain: its uniqueness does not stand in its
// own way.
func TestTramo_WhenAJobSnoozesAndComesAgain(t *testing.T) {
	enAmbas(t, func(t *testing.T, cfg store.Config) {
		m := &motor{llegan: make(chan string, 100), contest: func(_, _ int64, vez int) (descargas.Despues, error) {
			if vez < 4 {
				return descargas.Despues{Cuando: time.Now().Add(30 * time.Millisecond)}, nil
			}
			return descargas.Despues{Nunca: true}, nil
		}}
		c := arranca(t, cfg, m, nil)
		if err := c.Tramo(t.Context(), 7, 0, time.Now()); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			m.espera(t, "7/0")
		}
	})
}

func TestTramo_WhenAJobPanicsOthersGoOn(t *testing.T) {
	enAmbas(t, func(t *testing.T, cfg store.Config) {
		m := &motor{llegan: make(chan string, 100), contest: func(id, _ int64, _ int) (descargas.Despues, error) {
			if id == 1 {
				panic("a defect")
			}
			return descargas.Despues{Nunca: true}, nil
		}}
		c := arranca(t, cfg, m, nil)
		for id := range int64(3) {
			if err := c.Tramo(t.Context(), id+1, 0, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		vistos := map[string]int{}
		for vistos["2/0"] == 0 || vistos["3/0"] == 0 || vistos["1/0"] < 2 {
			select {
			case uno := <-m.llegan:
				vistos[uno]++
			case <-time.After(30 * time.Second):
				t.Fatalf("only %v", vistos)
			}
		}
	})
}

func TestTramo_WhenItIsNotRunning(t *testing.T) {
	t.Parallel()
	st, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Now: time.Now, Migra: []func(context.Context, *store.Store) error{Migra}})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // the test is over
	if err := New(st, zerolog.Nop()).Tramo(t.Context(), 1, 0, time.Now()); err == nil {
		t.Error("a job for nobody was taken")
	}
}
