// Package pace tells a stream that moves and brings next to nothing from one that is slow.
//
// It refuses to count the time in which nobody waits for the stream, and reads nothing
// itself.
package pace

import (
	"errors"
	"fmt"
	"time"
)

// ErrSlow says that a stream moved, and brought less than it must.
var ErrSlow = errors.New("the stream is slower than its least pace")

// Pace is what a stream must bring: Least bytes in each Period that is spent waiting for
// it. A Period of zero asks for nothing.
type Pace struct {
	Period time.Duration
	Least  int64

	waited time.Duration
	before int64
}

// Step counts one more wait, after which so many bytes have come in all. It fails at the
// end of a period that has brought too little.
func (p *Pace) Step(waited time.Duration, came int64) error {
	if p.waited += waited; p.Period == 0 || p.waited < p.Period {
		return nil
	}
	if came-p.before < p.Least {
		return fmt.Errorf("%w: %d bytes in %s", ErrSlow, came-p.before, p.waited.Round(time.Millisecond))
	}
	p.waited, p.before = 0, came
	return nil
}
