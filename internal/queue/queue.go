// Package queue is the job queue. The rows themselves are the queue: each says when it is
// due. Each kind of work has a few hands (goroutines), which take the rows that are due.
// Periodic rounds run on the gateway that holds the post.
//
// It remembers nothing that a row should say. Beside the rows it knows which of them have
// a hand and which have just failed; losing that with the process costs nothing.
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
	// pollEvery is the interval between looks at the rows, unless something asks for one
	// sooner.
	pollEvery = 500 * time.Millisecond
	// Ronda is the interval between rounds. takeovers is how often per Ronda the work of
	// dead gateways is looked for.
	Ronda     = 15 * time.Second
	takeovers = 3
	// cut is how long steps have to end after their context was cancelled.
	cut = 10 * time.Second
)

// Jobs is the work of a queue.
type Jobs struct {
	Kinds  []Work
	Rondas Rondas
	// Now is the clock to which due times are compared.
	Now func() time.Time
	// Poll and EveryRonda replace the intervals in tests and benchmarks; zero means the
	// default.
	Poll, EveryRonda time.Duration
}

// Rondas are the periodic tasks.
type Rondas struct {
	// Hold reports whether this gateway makes the rounds for all that share the database.
	// Let gives that up to another.
	Hold func(context.Context) (bool, error)
	Let  func(context.Context) error
	// TakeOver is called every 5 seconds on each gateway, Ronda every 15 seconds on one
	// of them.
	TakeOver, Ronda func(context.Context) error
}

// Queue runs Jobs.
type Queue struct {
	log zerolog.Logger

	mu      sync.Mutex
	pollers []runner
	rondas  *rondas
	// looks ends the looking for rows; steps ends the steps.
	looks, steps context.CancelFunc
	looking      sync.WaitGroup
}

// New returns a queue that is not started.
func New(log zerolog.Logger) *Queue { return &Queue{log: log} }

// Start starts working on t.
func (c *Queue) Start(t Jobs) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// The work ends with Stop, not with the caller's context.
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

// Wake makes the queue look now, because rows are due or are due sooner than before.
func (c *Queue) Wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pollers {
		p.ring()
	}
}

// Load says how busy one kind of work is on this gateway.
type Load struct {
	Kind        string
	Hands, Busy int
}

// Loads returns the Load of each kind of work.
func (c *Queue) Loads() []Load {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Load, len(c.pollers))
	for i, p := range c.pollers {
		out[i] = p.load()
	}
	return out
}

// Stop takes no more rows. It waits for running steps until ctx ends, and then cancels
// them.
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
