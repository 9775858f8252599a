package pace

import (
	"errors"
	"testing"
	"time"
)

// TestPace_WhenItIsSlowAndAlive: the SAT is slow, and a file at any pace above the
// least comes to its end.
func TestPace_WhenItIsSlowAndAlive(t *testing.T) {
	t.Parallel()
	var came int64
	p := &Pace{Period: 5 * time.Minute, Least: 300 << 10}
	for i := range 3600 {
		came += 1 << 10
		if err := p.Step(time.Second, came); err != nil {
			t.Fatalf("second %d: %v", i, err)
		}
	}
	// A burst is no credit for ever.
	came += 100 << 20
	for i := range 300 {
		if err := p.Step(time.Second, came); err != nil {
			t.Fatalf("the period of the burst, second %d: %v", i, err)
		}
	}
	var err error
	for i := 0; i < 300 && err == nil; i++ {
		came++
		err = p.Step(time.Second, came)
	}
	if !errors.Is(err, ErrSlow) {
		t.Errorf("error %v after five minutes of a byte a second", err)
	}
}
