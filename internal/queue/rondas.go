package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"
)

// letDeadline bounds giving up the post during a stop.
const letDeadline = 5 * time.Second

// rondas runs the periodic tasks.
type rondas struct {
	queue   Rondas
	log     zerolog.Logger
	forWhom chan struct{}
	done    chan struct{}
	cut     context.CancelFunc
}

// begin starts the rounds; finish ends them.
func begin(t Rondas, every time.Duration, log zerolog.Logger) *rondas {
	ctx, cancel := context.WithCancel(context.Background())
	r := &rondas{queue: t, log: log, forWhom: make(chan struct{}), done: make(chan struct{}), cut: cancel}
	go r.run(ctx, every/takeovers)
	return r
}

func (r *rondas) run(ctx context.Context, every time.Duration) {
	defer close(r.done)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	// turnOf counts the ticks since this process got the post.
	for turnOf := 0; ; turnOf++ {
		if !r.one(ctx, turnOf%takeovers == 0) {
			turnOf = -1
		}
		select {
		case <-r.forWhom:
			return
		case <-ticker.C:
		}
	}
}

// one does what is due at this tick, and reports whether this process makes the rounds.
func (r *rondas) one(ctx context.Context, ronda bool) (mine bool) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error().Str("panic", fmt.Sprintf("%T", p)).Bytes("stack", debug.Stack()).Msg("a round panicked")
		}
	}()
	err := r.queue.TakeOver(ctx)
	mine, errHold := r.queue.Hold(ctx)
	err = errors.Join(err, errHold)
	if mine && ronda {
		err = errors.Join(err, r.queue.Ronda(ctx))
	}
	if err != nil && ctx.Err() == nil {
		r.log.Error().Err(err).Msg("a round failed and will be made again")
	}
	return mine
}

// finish waits for a round until ctx ends, and gives up the post.
func (r *rondas) finish(ctx context.Context) {
	if r == nil {
		return
	}
	close(r.forWhom)
	select {
	case <-r.done:
	case <-ctx.Done():
		r.cut()
		<-r.done
	}
	r.cut()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), letDeadline)
	defer cancel()
	if err := r.queue.Let(ctx); err != nil {
		r.log.Warn().Err(err).Msg("others will make the rounds later")
	}
}
