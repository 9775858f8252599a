// Package disk has what this program asks of a disk: how much is free, reads of one that
// may hang, and files that are replaced in one step and outlast a power cut.
//
// It refuses to wait for a disk that is known to hang, and knows nothing of what files hold.
package disk

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Patient reads a disk that may hang. A call into a file system whose server is away does
// not return, no context ends it, and it holds a thread of the system as long. Whoever
// asks gets an error after a while instead, and few threads are ever held.
type Patient struct {
	wait  time.Duration
	slots chan struct{}
	// stuck counts the calls that nobody waits for any more.
	stuck atomic.Int64
}

// NewPatient returns one by which so many calls at a time may read, each of which is
// waited for so long.
func NewPatient(calls int, wait time.Duration) *Patient {
	return &Patient{wait: wait, slots: make(chan struct{}, calls)}
}

// ErrHangs is that the disk does not answer. It is a deadline's error too: it passes.
var ErrHangs = fmt.Errorf("the disk has not answered: %w", context.DeadlineExceeded)

// result is what a call has come to.
type result[T any] struct {
	value    T
	panicked any
}

// Read returns what f returns, or an error if the disk hangs. f then still runs, and
// what it returns is thrown away: it must leave nothing half done for others to see.
func Read[T any](p *Patient, f func() T) (value T, err error) {
	if p.stuck.Load() > 0 {
		return value, ErrHangs
	}
	timer := time.NewTimer(p.wait)
	defer timer.Stop()
	select {
	case p.slots <- struct{}{}:
	case <-timer.C:
		return value, ErrHangs
	}
	// One of both comes first: the end of f, or the end of the patience.
	var over atomic.Bool
	done := make(chan result[T], 1)
	go func() {
		var r result[T]
		defer func() {
			// A panic is the caller's, who may be a request that survives it.
			r.panicked = recover()
			done <- r
			if !over.CompareAndSwap(false, true) {
				p.stuck.Add(-1)
			}
			<-p.slots
		}()
		r.value = f()
	}()
	select {
	case r := <-done:
		return r.get(), nil
	case <-timer.C:
	}
	p.stuck.Add(1)
	if !over.CompareAndSwap(false, true) {
		p.stuck.Add(-1)
		return (<-done).get(), nil
	}
	return value, ErrHangs
}

func (r result[T]) get() T {
	if r.panicked != nil {
		panic(r.panicked)
	}
	return r.value
}
