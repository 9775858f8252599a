package queue

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/store"
)

const (
	// breath is the least time between two looks. Looks that nothing asked for are at
	// least breaths of them apart.
	breath, breaths = 50 * time.Millisecond, 10
	// maxBlind is the longest time between two failing looks.
	maxBlind = 5 * time.Second
	// rest is how long a row is left alone after its step failed. It grows by as much
	// with each failure, up to maxRest.
	rest, maxRest = 5 * time.Second, time.Minute
)

// Kind is one kind of work: the rows of a table. Each row says when it is due.
type Kind[K comparable] struct {
	// Name appears in the log and the metrics.
	Name string
	// Hands is how many rows are worked on at once. Limit is the longest time for a step.
	Hands int
	Limit time.Duration
	// Next returns the first rows that no process works on, ordered by their due time,
	// which may be in the future.
	Next func(ctx context.Context, limit int) ([]store.Due[K], error)
	// Step takes a row and does what is due, unless the turn has passed or another
	// process has the row. It then sets the row's next due time. If it could not take the
	// row or doubts the time, it returns pause: how long to leave the row alone.
	Step func(ctx context.Context, id K, turn int64) (pause time.Duration, err error)
}

// Work is a Kind with any type of id.
type Work interface{ runner(pace) runner }

type runner interface {
	// run takes rows until looks ends. The steps run until the context steps ends.
	run(looks, steps context.Context)
	// ring makes it look at the rows now.
	ring()
	// wait returns when no step is running. Call it after run has ended.
	wait()
	load() Load
}

type pace struct {
	now  func() time.Time
	poll time.Duration
	log  zerolog.Logger
}

func (k Kind[K]) runner(p pace) runner {
	return &poller[K]{pace: p, kind: k, bell: make(chan struct{}, 1), held: map[K]bool{}, rests: map[K]pause{}}
}

// poller works on the rows of one kind.
type poller[K comparable] struct {
	pace
	kind  Kind[K]
	bell  chan struct{}
	steps sync.WaitGroup

	mu sync.Mutex
	// held are the rows that have a hand on this gateway; rests are those to be left
	// alone.
	held  map[K]bool
	rests map[K]pause
}

// pause leaves a row alone that has been due since at. It ends early if the row gets
// another due time.
type pause struct {
	at, until time.Time
	fails     int
}

func (p *poller[K]) ring() {
	select {
	case p.bell <- struct{}{}:
	default: // a look is already asked for
	}
}

func (p *poller[K]) wait() { p.steps.Wait() }

func (p *poller[K]) load() Load {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Load{Kind: p.kind.Name, Hands: p.kind.Hands, Busy: len(p.held)}
}

func (p *poller[K]) run(looks, steps context.Context) {
	breath := min(breath, p.poll/breaths)
	blind := time.Duration(0)
	for {
		next, err := p.look(looks, steps)
		switch {
		case err == nil:
			blind = 0
		case looks.Err() == nil:
			blind = min(max(2*blind, p.poll), maxBlind)
			next = blind
			p.log.Error().Err(err).Str("kind", p.kind.Name).Msg("the rows that are due cannot be read; they are looked at again")
		}
		// Rows that arrive one by one are taken a few at a time.
		if !sleep(looks, breath, nil) || !sleep(looks, next-breath, p.bell) {
			return
		}
	}
}

// sleep returns true after d or when the bell rings, and false when ctx ends.
func sleep(ctx context.Context, d time.Duration, bell <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-bell:
	}
	return ctx.Err() == nil
}

// look gives due rows to free hands. It returns the time until the next row is due, or
// until the next look.
func (p *poller[K]) look(looks, steps context.Context) (time.Duration, error) {
	free, aside := p.hands()
	if free == 0 {
		return p.poll, nil // a hand that becomes free rings
	}
	// One row more tells when the next look is due.
	rows, err := p.kind.Next(looks, free+aside+1)
	if err != nil {
		return p.poll, err
	}
	next := p.poll
	for _, row := range rows {
		wait, ok := p.due(row)
		if !ok {
			next = min(next, wait)
			continue
		}
		p.steps.Go(func() { p.hand(steps, row) })
	}
	return next, nil
}

// hands returns the number of free hands, and how many rows may be listed although they
// get none. It forgets pauses that ended long ago.
func (p *poller[K]) hands() (free, aside int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for id, r := range p.rests {
		if now.Sub(r.until) > maxRest {
			delete(p.rests, id)
		}
	}
	return p.kind.Hands - len(p.held), len(p.held) + len(p.rests)
}

// due takes a hand for a row that is due, or returns the time until it is.
func (p *poller[K]) due(row store.Due[K]) (wait time.Duration, ok bool) {
	if wait := row.At.Sub(p.now()); wait > 0 {
		return wait, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[row.ID] {
		return p.poll, false
	}
	if r, resting := p.rests[row.ID]; resting && r.at.Equal(row.At) {
		if wait := time.Until(r.until); wait > 0 {
			return wait, false
		}
	}
	if len(p.held) >= p.kind.Hands {
		return p.poll, false
	}
	p.held[row.ID] = true
	return 0, true
}

// hand runs the step of one row.
func (p *poller[K]) hand(steps context.Context, row store.Due[K]) {
	ctx, cancel := context.WithTimeout(steps, p.kind.Limit)
	defer cancel()
	wait, err := p.step(ctx, row)
	p.mu.Lock()
	defer p.ring()
	defer p.mu.Unlock()
	delete(p.held, row.ID)
	before := p.rests[row.ID]
	delete(p.rests, row.ID)
	fails := 0
	if err != nil && steps.Err() == nil {
		if before.at.Equal(row.At) {
			fails = before.fails
		}
		fails++
		wait = min(time.Duration(fails)*rest, maxRest)
		p.log.Error().Err(err).Str("kind", p.kind.Name).Any("row", row.ID).Int("failures", fails).Msg("a step failed and will be tried again")
	}
	if wait > 0 {
		p.rests[row.ID] = pause{at: row.At, until: time.Now().Add(wait), fails: fails}
	}
}

// step calls Step and turns a panic into an error.
func (p *poller[K]) step(ctx context.Context, row store.Due[K]) (wait time.Duration, err error) {
	defer func() {
		if value := recover(); value != nil {
			// The panic's value may hold a secret.
			err = fmt.Errorf("queue: a panic with a %T", value)
			p.log.Error().Str("kind", p.kind.Name).Any("row", row.ID).Bytes("stack", debug.Stack()).Msg("a step panicked")
		}
	}()
	return p.kind.Step(ctx, row.ID, row.Turn)
}
