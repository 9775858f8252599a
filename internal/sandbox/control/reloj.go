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

// MaxVelocidad bounds how many sandbox seconds may pass in a real one.
const MaxVelocidad = 1_000_000

// Reloj is the sandbox's own clock. It runs on top of a real one and can be moved forward or made to
// run faster; it drives the life of requests and packages. Security is judged by Real, as in the
// service, because clients sign with theirs.
type Reloj struct {
	real func() time.Time

	mu        sync.Mutex
	anclaReal time.Time
	ancla     time.Time
	velocidad float64
}

// EstadoReloj is the clock as the admin port shows it.
type EstadoReloj struct {
	Velocidad float64   `json:"velocidad"`
	Adelanto  string    `json:"adelanto"`
	Ahora     time.Time `json:"ahora"`
	Real      time.Time `json:"real"`
}

// NewReloj returns a clock in step with real.
func NewReloj(real func() time.Time) *Reloj {
	r := &Reloj{real: real}
	r.Reinicia()
	return r
}

// Real returns the instant of the clock underneath.
func (r *Reloj) Real() time.Time { return r.real() }

// Now returns the sandbox's instant.
func (r *Reloj) Now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.en(r.real())
}

func (r *Reloj) en(real time.Time) time.Time {
	return r.ancla.Add(time.Duration(float64(real.Sub(r.anclaReal)) * r.velocidad))
}

// Adelanta moves the clock by d; a negative d moves it back.
func (r *Reloj) Adelanta(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ancla = r.ancla.Add(d)
}

// Cambia sets how fast the clock runs (1 is real time, 0 stops it) from this moment on.
func (r *Reloj) Cambia(velocidad float64) error {
	if !(velocidad >= 0 && velocidad <= MaxVelocidad) {
		return fmt.Errorf("velocidad debe estar entre 0 y %d", MaxVelocidad)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	ahora := r.real()
	r.ancla, r.anclaReal, r.velocidad = r.en(ahora), ahora, velocidad
	return nil
}

// Fija sets the distance to the real clock to d.
func (r *Reloj) Fija(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ahora := r.real()
	r.ancla, r.anclaReal = ahora.Add(d), ahora
}

// Lee returns the state of the clock.
func (r *Reloj) Lee() EstadoReloj {
	r.mu.Lock()
	defer r.mu.Unlock()
	real := r.real()
	ahora := r.en(real)
	return EstadoReloj{Velocidad: r.velocidad, Adelanto: ahora.Sub(real).String(), Ahora: ahora.UTC(), Real: real.UTC()}
}

// Reinicia puts the clock back in step with the real one.
func (r *Reloj) Reinicia() {
	r.mu.Lock()
	defer r.mu.Unlock()
	ahora := r.real()
	r.ancla, r.anclaReal, r.velocidad = ahora, ahora, 1
}
