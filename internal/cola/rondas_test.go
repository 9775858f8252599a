package cola

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// Whoever has the post makes the rounds, whatever one of them ends with; who has
// it not makes none, and takes over from the dead all the same; and the post is given
// up at the end.
func TestRondas_WhenThePostComesAndGoes(t *testing.T) {
	t.Parallel()
	var mia, dejada atomic.Bool
	var relevos, hechas, ajenas atomic.Int64
	cuenta := func(n *atomic.Int64) func(context.Context) error {
		return func(context.Context) error {
			if n == &hechas && !mia.Load() {
				ajenas.Add(1)
			}
			switch n.Add(1) {
			case 1:
				return errors.New("the database is away")
			case 2:
				panic("a bug")
			}
			return nil
		}
	}
	r := empieza(Rondas{
		Ocupa:  func(context.Context) (bool, error) { return mia.Load(), nil },
		Deja:   func(context.Context) error { dejada.Store(true); return nil },
		Releva: cuenta(&relevos), Ronda: cuenta(&hechas),
	}, 30*time.Millisecond, zerolog.Nop())
	espera := func(so func() bool) {
		t.Helper()
		for fin := time.Now().Add(3 * time.Minute); !so(); time.Sleep(time.Millisecond) {
			if time.Now().After(fin) {
				t.Fatalf("%d takeovers and %d rounds", relevos.Load(), hechas.Load())
			}
		}
	}
	espera(func() bool { return relevos.Load() >= 5 })
	if hechas.Load() > 0 {
		t.Error("it makes rounds without the post")
	}
	mia.Store(true)
	espera(func() bool { return hechas.Load() >= 5 })
	if n, rondas := relevos.Load(), hechas.Load(); n < 2*rondas {
		t.Errorf("%d takeovers in %d rounds", n, rondas)
	}
	r.termina(t.Context())
	n := relevos.Load()
	time.Sleep(50 * time.Millisecond)
	if !dejada.Load() || relevos.Load() != n || ajenas.Load() > 0 {
		t.Errorf("given up %v, %d after the end, %d without the post", dejada.Load(), relevos.Load()-n, ajenas.Load())
	}
}

// A round that does not end is cut when the stop's time is up.
func TestRondas_WhenOneHangsTheStopDoesNot(t *testing.T) {
	t.Parallel()
	en := make(chan struct{})
	r := empieza(Rondas{
		Ocupa: func(context.Context) (bool, error) { return true, nil },
		Deja:  func(ctx context.Context) error { return ctx.Err() },
		Releva: func(ctx context.Context) error {
			close(en)
			<-ctx.Done()
			return ctx.Err()
		},
		Ronda: func(context.Context) error { return nil },
	}, time.Hour, zerolog.Nop())
	<-en
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	r.termina(ctx)
	select {
	case <-r.hecho:
	default:
		t.Error("it goes on")
	}
}
