package apikeys

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/pasarela-mx/pasarela/internal/disk"
)

const (
	// Tolerance is how long the last good keys apply while the file is faulty: the
	// unreadable version may revoke one of them.
	Tolerance = 30 * time.Minute
	// retell is how often a fault is reported again.
	retell = time.Minute
	// unread is the longest time for reading the file. A hanging disk is a fault.
	unread = 5 * time.Second
)

// ErrClosed means that the file has been faulty for longer than Tolerance, so it is
// unknown who may call.
var ErrClosed = errors.New("apikeys: the file has been at fault for too long, and no key is taken")

// Fault is a fault of the file.
type Fault struct {
	Err error // nil for nothing
	// Since is how long the fault has lasted.
	Since time.Duration
	// Closed reports that every key is refused.
	Closed bool
}

// Ring holds the keys of one file and follows its changes. It reads the file at every use
// and compares the content, because the size and times may stay equal when a key is
// removed.
type Ring struct {
	path string
	// disk holds the file. One caller at a time reads it.
	disk *disk.Patient
	// now measures how long a fault lasts.
	now  func() time.Time
	tell func(Fault)

	// mu is not held during a read.
	mu sync.Mutex
	// next is the read that has not begun.
	next *turn
	// content was read last; spare is the buffer for the next read, unless a read is
	// using it. keys come from content, or from the last good content.
	content, spare []byte
	keys           []Key
	parseErr       error

	fault       error
	gone        bool
	began, told time.Time
}

// Open reads path. tell is called for each later fault of the file, again each minute
// while the ring is used, and when the fault ends.
func Open(path string, now func() time.Time, tell func(Fault)) (*Ring, error) {
	r := &Ring{path: path, disk: disk.NewPatient(1, unread), now: now, tell: tell}
	if err := r.take(r.load(&turn{})); err != nil {
		return nil, err
	}
	return r, nil
}

// Find returns the entry of key, or ErrUnknown or ErrClosed. It compares every entry in
// constant time, so the time taken does not reveal which one matched.
func (r *Ring) Find(key string) (Key, error) {
	keys, fault := r.current()
	if fault.Closed && len(keys) > 0 {
		return Key{}, ErrClosed
	}
	digest := []byte(Digest(key))
	found, err := Key{}, ErrUnknown
	for _, k := range keys {
		if subtle.ConstantTimeCompare(digest, []byte(k.SHA256)) == 1 {
			found, err = k, nil
		}
	}
	return found, err
}

// May reports whether a key of that owner holds scope and has access to rfc at that
// instant. It is for work that is done for the owner without a call. It returns ErrClosed
// while this is unknown.
func (r *Ring) May(owner, scope, rfc string, at time.Time) (bool, error) {
	keys, fault := r.current()
	if fault.Closed {
		return false, ErrClosed
	}
	return slices.ContainsFunc(keys, func(k Key) bool {
		return k.Owner() == owner && k.Allows(scope) && k.Sees(rfc) && !k.expired(at)
	}), nil
}

// Keys returns the valid entries, including expired ones. Do not change them.
func (r *Ring) Keys() []Key {
	keys, _ := r.current()
	return keys
}

// Fault returns the file's present fault.
func (r *Ring) Fault() Fault {
	_, fault := r.current()
	return fault
}

// turn is one read shared by all who asked before it began. Callers without a key cause
// reads too, and must not delay anyone.
type turn struct {
	done  chan struct{}
	keys  []Key
	fault Fault
}

// current returns the valid keys.
func (r *Ring) current() ([]Key, Fault) {
	r.mu.Lock()
	t := r.next
	leads := t == nil
	if leads {
		t = &turn{done: make(chan struct{})}
		r.next = t
	}
	r.mu.Unlock()
	if !leads {
		<-t.done
		return t.keys, t.fault
	}
	defer close(t.done)
	got := r.load(t)
	r.mu.Lock()
	defer r.mu.Unlock()
	t.keys, t.fault = r.judge(r.take(got))
	return t.keys, t.fault
}

// begin ends the time in which others join a turn, and returns the buffer for its read.
func (r *Ring) begin(t *turn) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == t {
		r.next = nil
	}
	spare := r.spare
	r.spare = nil
	return spare
}

// judge decides about a read that ended with err. A missing file admits nobody; after any
// other fault the last good keys apply for Tolerance.
func (r *Ring) judge(err error) ([]Key, Fault) {
	now := r.now()
	if err == nil {
		if r.fault != nil {
			r.fault, r.gone = nil, false
			r.tell(Fault{})
		}
		return r.keys, Fault{}
	}
	if r.fault == nil {
		r.began = now
	}
	fault := Fault{Err: err, Since: now.Sub(r.began), Closed: r.gone || now.Sub(r.began) >= Tolerance}
	if r.fault == nil || now.Sub(r.told) >= retell || r.fault.Error() != err.Error() {
		r.told = now
		r.tell(fault)
	}
	r.fault = err
	return r.keys, fault
}

// loaded is the result of one read of the file.
type loaded struct {
	content []byte
	err     error
}

// load reads the file for t, or gives up if its disk hangs.
func (r *Ring) load(t *turn) loaded {
	got, err := disk.Read(r.disk, func() loaded {
		content, err := load(r.path, r.begin(t), trusted)
		return loaded{content, err}
	})
	if err != nil {
		r.begin(t)
		return loaded{err: fmt.Errorf("apikeys: %s: %w", r.path, err)}
	}
	return got
}

// take updates keys from a read. If two reads overlap, the earlier may finish last; the
// next read corrects that.
func (r *Ring) take(got loaded) error {
	r.gone = errors.Is(got.err, os.ErrNotExist)
	if r.gone {
		r.content, r.keys = nil, nil
	}
	if got.err != nil {
		return got.err
	}
	if r.content != nil && bytes.Equal(got.content, r.content) {
		r.spare = got.content
		return r.parseErr
	}
	var keys []Key
	if keys, r.parseErr = parse(r.path, got.content); r.parseErr == nil {
		r.keys = keys
	}
	r.content, r.spare = got.content, r.content
	return r.parseErr
}
