package disk

import (
	"errors"
	"sync"
	"testing"
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
	d := NewPatient(2, time.Millisecond)
	hung := make(chan struct{})
	began := make(chan struct{}, 10)
	if _, err := Read(d, func() int { began <- struct{}{}; <-hung; return 1 }); !errors.Is(err, ErrHangs) {
		t.Fatal(err)
	}
	// It is known: nobody else waits, and nothing else is begun.
	d.wait = long
	if _, err := Read(d, func() int { began <- struct{}{}; return 2 }); !errors.Is(err, ErrHangs) {
		t.Fatal(err)
	}
	if n := len(began); n != 1 {
		t.Errorf("%d calls have begun", n)
	}
	close(hung)
	for deadline := time.Now().Add(time.Minute); ; {
		got, err := Read(d, func() int { return 3 })
		if err == nil && got == 3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it answers again, and is not asked")
		}
		time.Sleep(time.Millisecond)
	}
	if n := d.stuck.Load(); n < 0 || n > 1 {
		t.Errorf("%d calls are taken for stuck", n)
	}
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
