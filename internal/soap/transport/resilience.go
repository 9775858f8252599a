package transport

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// The limits of repeats. A breaker opens after eight consecutive calls found one endpoint
// down. After the pause it lets one call through.
const (
	maxRetries       = 2
	retryDelay       = 250 * time.Millisecond
	breakerThreshold = 8
	breakerPause     = 15 * time.Second
)

// guard is the breaker of one endpoint.
type guard struct {
	breaker circuitbreaker.CircuitBreaker[any]
}

func newGuard() *guard {
	return &guard{circuitbreaker.NewBuilder[any]().
		WithFailureThreshold(breakerThreshold).
		WithSuccessThreshold(1).
		WithDelay(breakerPause).
		Build()}
}

// run makes attempts as op allows and reports each to the breaker. The loop is our own: a
// policy's executor costs fifteen allocations a call and ignores the context while it
// waits.
func (g *guard) run(ctx context.Context, op *Operation, attempt func() (*answer, error)) (*answer, error) {
	for n := 0; ; n++ {
		if !g.breaker.TryAcquirePermit() {
			return nil, &Error{Class: ClassBreaker, RetryAfter: g.breaker.RemainingDelay()}
		}
		got, err := g.try(attempt)
		if err == nil || n == maxRetries || !worthRepeating(op, err) || !pause(ctx, n) {
			return got, err
		}
	}
}

// try makes one attempt and always reports it to the breaker: an unreturned permit would
// be lost. An outcome that says nothing about the endpoint (the caller left, our own
// message or disk failed) neither opens a closed breaker nor closes a half-open one.
func (g *guard) try(attempt func() (*answer, error)) (got *answer, err error) {
	told := false
	defer func() {
		if !told { // a panic
			g.breaker.RecordFailure()
		}
	}()
	got, err = attempt()
	told = true
	switch {
	case isDown(err):
		g.breaker.RecordFailure()
	case !saysNothing(err):
		g.breaker.RecordSuccess()
	case g.breaker.IsHalfOpen():
		g.breaker.RecordFailure()
	}
	return got, err
}

func saysNothing(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Class == ClassCanceled || e.Own())
}

// worthRepeating reports whether the message may be sent again after err: it was
// certainly not sent, or a repeat is harmless and the endpoint answers quickly enough.
func worthRepeating(op *Operation, err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	if e.Class == ClassConnect && !e.Sent {
		return true
	}
	return op.Repeatable && isDown(e) && e.Class != ClassTimeout
}

// pause waits before the repeat after attempt n. The wait doubles with n and varies at
// random. It returns false if ctx ends first.
func pause(ctx context.Context, n int) bool {
	delay := retryDelay << n
	delay += rand.N(delay/2) - delay/4 //nolint:gosec // it spreads load and guards nothing
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// isDown reports whether err means that the endpoint is down. A fault is an answer.
func isDown(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Class {
	case ClassConnect, ClassLost, ClassTimeout, ClassEmpty:
		return true
	case ClassHTTP:
		return e.Status >= 500 || e.Status == 429
	}
	return false
}
