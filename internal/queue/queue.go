// Package queue is the job queue. The rows that say when they are due are the queue
// itself: each kind of work has a few hands, which take the rows whose time has come,
// and the rounds are made by the gateway that has the post.
//
// It refuses to remember anything that a row should say. What it knows beside them,
// which rows have a hand and which have just failed, is lost with the process, and
// nothing is lost by that.
package queue

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// pollEvery is how often the rows are looked at where nothing asks for it sooner.
	pollEvery = 500 * time.Millisecond
	// Ronda is the time between two rounds, and takeovers how often in it what a dead
	// gateway left is looked for.
	Ronda     = 15 * time.Second
	takeovers = 3
	// cut is how long steps that were told to stop have for it.
	cut = 10 * time.Second
)

// Jobs is the work that is woken.
type Jobs struct {
	Kinds  []Work
	Rondas Rondas
	// Now is the clock that rows are held against.
	Now func() time.Time
	// Poll and EveryRonda replace the intervals, for tests and benchmarks; zero
	// for the normal ones.
	Poll, EveryRonda time.Duration
}

// Rondas is what is done at times.
type Rondas struct {
	// Hold tells whether it is this gateway that makes the rounds, for all that share
	// the database, and Let lets another do it.
	Hold func(context.Context) (bool, error)
	Let  func(context.Context) error
	// TakeOver is called every 5 seconds on each gateway, Ronda every 15 on one.
	TakeOver, Ronda func(context.Context) error
}

// Queue is the queue.
type Queue struct {
	log zerolog.Logger

	mu      sync.Mutex
	pollers []runner
	rondas  *rondas
	// looks ends the looking for rows, steps the steps.
	looks, steps context.CancelFunc
	looking      sync.WaitGroup
}

// New returns a queue that is not yet started.
func New(log zerolog.Logger) *Queue { return &Queue{log: log} }

// Start begins to work t off.
func (c *Queue) Start(t Jobs) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// The work ends with Stop, which lets it; not with whoever started it.
	looks, endLooks := context.WithCancel(context.Background())
	steps, endSteps := context.WithCancel(context.Background())
	c.looks, c.steps = endLooks, endSteps
	for _, work := range t.Kinds {
		p := work.runner(pace{now: t.Now, poll: cmp.Or(t.Poll, pollEvery), log: c.log})
		c.pollers = append(c.pollers, p)
		c.looking.Go(func() { p.run(looks, steps) })
	}
	c.rondas = begin(t.Rondas, cmp.Or(t.EveryRonda, Ronda), c.log)
}

// Wake has the rows looked at now: some have come that are due, or are due sooner.
func (c *Queue) Wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pollers {
		p.ring()
	}
}

// Load is how busy one kind of work is here.
type Load struct {
	Kind        string
	Hands, Busy int
}

// Loads tells how busy each kind of work is.
func (c *Queue) Loads() []Load {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Load, len(c.pollers))
	for i, p := range c.pollers {
		out[i] = p.load()
	}
	return out
}

// Stop takes no more rows, lets steps under way end for as long as ctx lasts, and
// then cuts them.
func (c *Queue) Stop(ctx context.Context) error {
	c.mu.Lock()
	pollers, build, looks, steps := c.pollers, c.rondas, c.looks, c.steps
	c.rondas = nil
	c.mu.Unlock()
	if looks == nil {
		return nil
	}
	looks()
	build.finish(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.looking.Wait()
		for _, p := range pollers {
			p.wait()
		}
	}()
	defer steps()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	steps()
	select {
	case <-ended:
		return nil
	case <-time.After(cut):
		return errors.New("queue: steps are still under way")
	}
}
