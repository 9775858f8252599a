package transport

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// The limits of insistence. A breaker opens when eight calls in a row to one
// endpoint found it down, and lets one try through after the pause.
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

// run makes attempt, again as often as op allows, and keeps the breaker told.
// The loop is ours because a policy's executor costs fifteen allocations a call
// and waits without regard to the context.
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

// try makes one attempt and tells the breaker, whatever comes of it: a permit
// that is not given back is lost. What says nothing of the endpoint (a caller that
// left, our own message or disk) leaves a closed breaker as it is and does not
// close a half-open one.
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

// worthRepeating tells the failures after which the same message may go out
// again: it surely never left, or a repeat is harmless and the endpoint answers
// quickly enough to be asked again.
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

// pause waits before the repeat that follows attempt n, twice as long each time
// and never quite as long as another's. It returns false when ctx ends first.
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

// isDown tells an endpoint that is not there from one that answers something
// unwelcome: a fault is an answer.
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
