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
	// Tolerance is how long the last good keys stay in force while the file is at
	// fault. A revocation may be among what cannot be read.
	Tolerance = 30 * time.Minute
	// retell is how often a fault is told again.
	retell = time.Minute
	// unread is how long the file may take to be read. A disk that hangs is a fault.
	unread = 5 * time.Second
)

// ErrClosed is that the file has been at fault for longer than Tolerance: who may
// call is not known any more.
var ErrClosed = errors.New("apikeys: the file has been at fault for too long, and no key is taken")

// Fault is what is wrong with the file.
type Fault struct {
	Err error // nil for nothing
	// Since is for how long it has been so.
	Since time.Duration
	// Closed says that no key is taken.
	Closed bool
}

// Ring holds the keys of one file and follows its changes. The file is read at
// every use, and what it holds is compared: its size and times may stay the same
// while a key is taken out of it.
type Ring struct {
	path string
	// disk is where it is. One reads at a time.
	disk *disk.Patient
	// now counts how long a fault lasts.
	now  func() time.Time
	tell func(Fault)

	// mu is not held while the disk is read.
	mu sync.Mutex
	// next is the reading that has not begun.
	next *turn
	// content is what was read last and spare the space for the next reading, if no
	// reading has it; keys is what content says, or the last content that was good.
	content, spare []byte
	keys           []Key
	parseErr       error

	fault       error
	gone        bool
	began, told time.Time
}

// Open reads path. tell is told each later fault of the file, again each minute
// while the ring is asked, and when it is over.
func Open(path string, now func() time.Time, tell func(Fault)) (*Ring, error) {
	r := &Ring{path: path, disk: disk.NewPatient(1, unread), now: now, tell: tell}
	if err := r.take(r.load(&turn{})); err != nil {
		return nil, err
	}
	return r, nil
}

// Find returns the entry of key, or ErrUnknown or ErrClosed. Every entry is
// compared, in constant time, so that the time taken tells nothing of which one
// matched.
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

// May reports whether a key to whose owner something belongs holds scope and sees
// rfc, at that instant: for what is done in its name while it does not call. It
// returns ErrClosed while that cannot be known.
func (r *Ring) May(owner, scope, rfc string, at time.Time) (bool, error) {
	keys, fault := r.current()
	if fault.Closed {
		return false, ErrClosed
	}
	return slices.ContainsFunc(keys, func(k Key) bool {
		return k.Owner() == owner && k.Allows(scope) && k.Sees(rfc) && !k.expired(at)
	}), nil
}

// Keys are the entries that are in force, expired ones too. Read only.
func (r *Ring) Keys() []Key {
	keys, _ := r.current()
	return keys
}

// Fault returns what is wrong with the file now.
func (r *Ring) Fault() Fault {
	_, fault := r.current()
	return fault
}

// turn is one reading for all who asked before it began: whoever calls without a key
// has the file read too, and must keep nobody waiting.
type turn struct {
	done  chan struct{}
	keys  []Key
	fault Fault
}

// current returns the keys that are in force.
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

// begin ends the time in which others join a turn, and returns space for its reading.
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

// judge says what a reading that came to err means. A file that is gone lets nobody in;
// one at fault leaves the last good keys in force, for Tolerance.
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

// loaded is one reading of the file.
type loaded struct {
	content []byte
	err     error
}

// load reads the file for t, or gives it up where its disk hangs.
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

// take brings keys up to date with what was read. Of two readings the earlier may come
// last: its keys are then those of who began it, and the next reading corrects it.
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
