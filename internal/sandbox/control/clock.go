// Package control holds what a person or a test can turn while the sandbox runs, whatever system is
// being simulated: the clock, the knobs, the faults and the counters.
//
// It refuses to know any protocol: the names of the knobs and of the operations come from the
// simulated system.
package control

import (
	"fmt"
	"sync"
	"time"
)

// MaxSpeed bounds how many sandbox seconds may pass in a real one.
const MaxSpeed = 1_000_000

// Clock is the sandbox's own clock. It runs on top of a real one, and can be moved or made faster. It
// decides the age of requests and packages. Signatures and tokens are judged by Real, because clients
// sign by their own real clock.
type Clock struct {
	real func() time.Time

	mu         sync.Mutex
	realAnchor time.Time
	anchor     time.Time
	speed      float64
}

// EstadoClock is the clock as the admin port shows it.
type EstadoClock struct {
	Velocidad float64   `json:"velocidad"`
	Adelanto  string    `json:"adelanto"`
	Ahora     time.Time `json:"ahora"`
	Real      time.Time `json:"real"`
}

// NewClock returns a clock in step with real.
func NewClock(real func() time.Time) *Clock {
	r := &Clock{real: real}
	r.Reset()
	return r
}

// Real returns the instant of the clock underneath.
func (r *Clock) Real() time.Time { return r.real() }

// Now returns the sandbox's instant.
func (r *Clock) Now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.en(r.real())
}

func (r *Clock) en(real time.Time) time.Time {
	return r.anchor.Add(time.Duration(float64(real.Sub(r.realAnchor)) * r.speed))
}

// BringForward moves the clock by d; a negative d moves it back.
func (r *Clock) BringForward(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.anchor = r.anchor.Add(d)
}

// Change sets how fast the clock runs (1 is real time, 0 stops it) from this moment on.
func (r *Clock) Change(speed float64) error {
	if !(speed >= 0 && speed <= MaxSpeed) {
		return fmt.Errorf("velocidad debe estar entre 0 y %d", MaxSpeed)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.real()
	r.anchor, r.realAnchor, r.speed = r.en(now), now, speed
	return nil
}

// Fix sets the distance to the real clock to d.
func (r *Clock) Fix(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.real()
	r.anchor, r.realAnchor = now.Add(d), now
}

// Read returns the state of the clock.
func (r *Clock) Read() EstadoClock {
	r.mu.Lock()
	defer r.mu.Unlock()
	real := r.real()
	now := r.en(real)
	return EstadoClock{Velocidad: r.speed, Adelanto: now.Sub(real).String(), Ahora: now.UTC(), Real: real.UTC()}
}

// Reset puts the clock back in step with the real one.
func (r *Clock) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.real()
	r.anchor, r.realAnchor, r.speed = now, now, 1
}
