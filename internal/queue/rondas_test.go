package queue

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// The holder of the post makes the rounds, whether or not one fails. Other gateways make
// none, but take over from dead ones. The post is given up at the end.
func TestRondas_WhenThePostComesAndGoes(t *testing.T) {
	t.Parallel()
	var mine, left atomic.Bool
	var takeovers, done, foreign atomic.Int64
	cuenta := func(n *atomic.Int64) func(context.Context) error {
		return func(context.Context) error {
			if n == &done && !mine.Load() {
				foreign.Add(1)
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
	r := begin(Rondas{
		Hold:     func(context.Context) (bool, error) { return mine.Load(), nil },
		Let:      func(context.Context) error { left.Store(true); return nil },
		TakeOver: cuenta(&takeovers), Ronda: cuenta(&done),
	}, 30*time.Millisecond, zerolog.Nop())
	wait := func(so func() bool) {
		t.Helper()
		for end := time.Now().Add(3 * time.Minute); !so(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d takeovers and %d rounds", takeovers.Load(), done.Load())
			}
		}
	}
	wait(func() bool { return takeovers.Load() >= 5 })
	if done.Load() > 0 {
		t.Error("it makes rounds without the post")
	}
	mine.Store(true)
	wait(func() bool { return done.Load() >= 5 })
	if n, rondas := takeovers.Load(), done.Load(); n < 2*rondas {
		t.Errorf("%d takeovers in %d rounds", n, rondas)
	}
	r.finish(t.Context())
	n := takeovers.Load()
	time.Sleep(50 * time.Millisecond)
	if !left.Load() || takeovers.Load() != n || foreign.Load() > 0 {
		t.Errorf("given up %v, %d after the end, %d without the post", left.Load(), takeovers.Load()-n, foreign.Load())
	}
}

// A round that does not end is cancelled when the stop's time is up.
func TestRondas_WhenOneHangsTheStopDoesNot(t *testing.T) {
	t.Parallel()
	en := make(chan struct{})
	r := begin(Rondas{
		Hold: func(context.Context) (bool, error) { return true, nil },
		Let:  func(ctx context.Context) error { return ctx.Err() },
		TakeOver: func(ctx context.Context) error {
			close(en)
			<-ctx.Done()
			return ctx.Err()
		},
		Ronda: func(context.Context) error { return nil },
	}, time.Hour, zerolog.Nop())
	<-en
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	r.finish(ctx)
	select {
	case <-r.done:
	default:
		t.Error("it goes on")
	}
}
