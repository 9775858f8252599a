package disk

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// long is more than any test takes.
const long = 10 * time.Minute

func TestRead_WhenItAnswers(t *testing.T) {
	t.Parallel()
	d := NewPatient(2, long)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if got, err := Read(d, func() int { return i }); got != i || err != nil {
				t.Errorf("%d, %v", got, err)
			}
		})
	}
	all.Wait()
}

func TestRead_WhenItHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := NewPatient(2, long)
		var begun atomic.Int32
		hung, began := make(chan struct{}), time.Now()
		if _, err := Read(d, func() int { begun.Add(1); <-hung; return 1 }); !errors.Is(err, ErrHangs) || time.Since(began) != long {
			t.Fatalf("%v after %s", err, time.Since(began))
		}
		// It is known: nobody else waits, and nothing else is begun.
		if _, err := Read(d, func() int { begun.Add(1); return 2 }); !errors.Is(err, ErrHangs) || time.Since(began) != long {
			t.Fatalf("%v after %s", err, time.Since(began))
		}
		if n := begun.Load(); n != 1 {
			t.Errorf("%d calls have begun", n)
		}
		close(hung)
		synctest.Wait()
		if got, err := Read(d, func() int { return 3 }); err != nil || got != 3 {
			t.Errorf("it answers again, and is not asked: %d, %v", got, err)
		}
		if n := d.stuck.Load(); n != 0 {
			t.Errorf("%d calls are taken for stuck", n)
		}
	})
}

// A parser that panics on a hostile file must not take the process with it.
func TestRead_WhenItPanics(t *testing.T) {
	t.Parallel()
	d := NewPatient(1, long)
	func() {
		defer func() {
			if p := recover(); p != "hostile" {
				t.Errorf("recovered %v", p)
			}
		}()
		_, err := Read(d, func() int { panic("hostile") })
		t.Error("no panic", err)
	}()
	if got, err := Read(d, func() int { return 1 }); got != 1 || err != nil {
		t.Errorf("after it: %d, %v", got, err)
	}
}
