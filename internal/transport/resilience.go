package transport

import (
	"errors"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

// The limits of insistence. A breaker opens when eight calls in a row to one
// endpoint found it down, and lets one try through after the pause.
const (
	maxRetries       = 2
	retryDelay       = 250 * time.Millisecond
	retryDelayMax    = 2 * time.Second
	retryJitter      = 0.25
	breakerThreshold = 8
	breakerPause     = 15 * time.Second
)

// policies guards one endpoint.
type policies struct {
	breaker    circuitbreaker.CircuitBreaker[*answer]
	repeatable failsafe.Executor[*answer]
	unsent     failsafe.Executor[*answer]
}

func newPolicies() *policies {
	breaker := circuitbreaker.NewBuilder[*answer]().
		HandleIf(func(_ *answer, err error) bool { return isDown(err) }).
		WithFailureThreshold(breakerThreshold).
		WithSuccessThreshold(1).
		WithDelay(breakerPause).
		Build()
	retry := func(worth func(*Error) bool) retrypolicy.RetryPolicy[*answer] {
		return retrypolicy.NewBuilder[*answer]().
			HandleIf(func(_ *answer, err error) bool {
				var e *Error
				return errors.As(err, &e) && worth(e)
			}).
			WithMaxRetries(maxRetries).
			WithBackoff(retryDelay, retryDelayMax).
			WithJitterFactor(retryJitter).
			ReturnLastFailure().
			Build()
	}
	return &policies{
		breaker:    breaker,
		repeatable: failsafe.With[*answer](retry(func(e *Error) bool { return isDown(e) && e.Class != ClassTimeout }), breaker),
		unsent:     failsafe.With[*answer](retry(func(e *Error) bool { return e.Class == ClassConnect && !e.Sent }), breaker),
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

// run executes attempt under the endpoint's policies.
func (p *policies) run(op *Operation, attempt func() (*answer, error)) (*answer, error) {
	executor := p.unsent
	if op.Repeatable {
		executor = p.repeatable
	}
	got, err := executor.Get(attempt)
	if errors.Is(err, circuitbreaker.ErrOpen) {
		return nil, &Error{Class: ClassBreaker, RetryAfter: p.breaker.RemainingDelay()}
	}
	return got, err
}
