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
	// breath is the least time between two looks, and breaths how many of them there are
	// between two looks that nothing asks for, where these are made more often.
	breath, breaths = 50 * time.Millisecond, 10
	// maxBlind is the longest time between two looks that fail.
	maxBlind = 5 * time.Second
	// rest is how long a row is left alone whose step has failed, once more with each
	// failure, up to maxRest.
	rest, maxRest = 5 * time.Second, time.Minute
)

// Kind is one kind of work: the rows of a table, each of which says when it is due.
type Kind[K comparable] struct {
	// Name is for the log and the metrics.
	Name string
	// Hands is how many rows are in hand at once, and Limit how long a step may take.
	Hands int
	Limit time.Duration
	// Next lists the first rows that nobody has in hand, by the instant at which they
	// are due, which may not have come yet.
	Next func(ctx context.Context, limit int) ([]store.Due[K], error)
	// Step takes a row, unless its turn is over or somebody else has it, and does what
	// is due. The row then says when it is due again. Where it does not, because it
	// could not be taken or its time is in doubt, pause is how long to leave it alone.
	Step func(ctx context.Context, id K, turn int64) (pause time.Duration, err error)
}

// Work is a Kind, whatever its rows are known by.
type Work interface{ runner(pace) runner }

type runner interface {
	// run takes rows until looks ends; their steps end with the context steps.
	run(looks, steps context.Context)
	// ring has the rows looked at now.
	ring()
	// wait returns when no step is under way. Call it after run has ended.
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

// poller works the rows of one kind off.
type poller[K comparable] struct {
	pace
	kind  Kind[K]
	bell  chan struct{}
	steps sync.WaitGroup

	mu sync.Mutex
	// held are the rows that have a hand here, rests those to be left alone.
	held  map[K]bool
	rests map[K]pause
}

// pause is for how long a row is left alone that is due since at. A row that has got
// another instant meanwhile is another matter.
type pause struct {
	at, until time.Time
	fails     int
}

func (p *poller[K]) ring() {
	select {
	case p.bell <- struct{}{}:
	default: // it will look anyway
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
		// Rows that come one by one are taken a few at a time.
		if !sleep(looks, breath, nil) || !sleep(looks, next-breath, p.bell) {
			return
		}
	}
}

// sleep returns after d, or when the bell rings; false when ctx has ended.
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

// look gives the rows that are due to the hands that are free, and returns when the
// next one is due, or the next look.
func (p *poller[K]) look(looks, steps context.Context) (time.Duration, error) {
	free, aside := p.hands()
	if free == 0 {
		return p.poll, nil // the hand that comes free rings
	}
	// One more says when the next look is due.
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

// hands returns how many are free, and how many rows may be listed that are not for
// them. What has been left alone for long is forgotten.
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

// due takes a hand for a row whose time has come, or returns how long that is away.
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

// hand makes the step of one row.
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

// step is Step, whose panics are failures.
func (p *poller[K]) step(ctx context.Context, row store.Due[K]) (wait time.Duration, err error) {
	defer func() {
		if value := recover(); value != nil {
			// Its value may hold anything.
			err = fmt.Errorf("queue: a panic with a %T", value)
			p.log.Error().Str("kind", p.kind.Name).Any("row", row.ID).Bytes("stack", debug.Stack()).Msg("a step panicked")
		}
	}()
	return p.kind.Step(ctx, row.ID, row.Turn)
}
