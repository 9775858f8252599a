package apikeys

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/disk"
)

// rig is a ring over a file, with its own clock.
type rig struct {
	*Ring
	t     *testing.T
	path  string
	clock time.Time
	told  []Fault
}

func newRig(t *testing.T, keys ...string) *rig {
	t.Helper()
	r := &rig{t: t, path: filepath.Join(t.TempDir(), "keys.json"), clock: time.Now()}
	r.write(keys...)
	var err error
	if r.Ring, err = Open(r.path, func() time.Time { return r.clock }, func(f Fault) { r.told = append(r.told, f) }); err != nil {
		t.Fatal(err)
	}
	return r
}

// write writes a file of keys with all permissions, named after themselves.
func (r *rig) write(keys ...string) {
	r.t.Helper()
	entries := make([]string, len(keys))
	for i, key := range keys {
		entries[i] = entry(key, key, `"*"`, `"*"`)
	}
	write(r.t, r.path, `{"keys":[`+strings.Join(entries, ",")+`]}`)
}

func (r *rig) expect(key string, want error) {
	r.t.Helper()
	if got, err := r.Find(key); !errors.Is(err, want) || err == nil && got.Name != key {
		r.t.Errorf("%s: %+v, %v, want %v", key, got, err, want)
	}
}

func TestRing_WhenFileChanges(t *testing.T) {
	t.Parallel()
	r := newRig(t, "a")
	r.expect("a", nil)
	r.write("bb")
	r.expect("a", ErrUnknown)
	r.expect("bb", nil)
	r.write()
	r.expect("bb", ErrUnknown)
	r.write("c")
	r.expect("c", nil)
	if len(r.told) != 0 {
		t.Errorf("told of faults: %+v", r.told)
	}
}

// rsync -t and cp -p keep size and times.
func TestRing_WhenTheFileChangesAndLooksTheSame(t *testing.T) {
	t.Parallel()
	r := newRig(t, "first")
	before, err := os.Stat(r.path)
	if err != nil {
		t.Fatal(err)
	}
	r.expect("first", nil)
	r.write("other")
	if err := os.Chtimes(r.path, before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(r.path)
	if err != nil || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) || !os.SameFile(before, after) {
		t.Fatalf("the file shows that it has changed, and this test sees nothing: %v", err)
	}
	r.expect("first", ErrUnknown)
	r.expect("other", nil)
}

// While the file is faulty, its last good keys apply for a bounded time.
func TestRing_WhenTheFileIsAtFault(t *testing.T) {
	t.Parallel()
	good := `{"keys":[` + entry("b", "b", `"*"`, `"*"`) + `]}`
	for name, spoil := range map[string]func(path string) error{
		"cut": func(path string) error { return os.WriteFile(path, []byte(`{"keys":[`), 0o600) },
		"a trailing comma": func(path string) error {
			return os.WriteFile(path, []byte(strings.Replace(good, "]}", ",]}", 1)), 0o600)
		},
		"an unknown field": func(path string) error {
			return os.WriteFile(path, []byte(strings.Replace(good, "rfcs", "rfc", 1)), 0o600)
		},
		"empty": func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"two of one name": func(path string) error {
			return os.WriteFile(path, []byte(strings.Replace(good, "]}", ","+strings.Replace(entry("b", "c", `"*"`, `"*"`), idOf("b"), idOf("c"), 1)+"]}", 1)), 0o600)
		},
		"writable by all": func(path string) error { return os.Chmod(path, 0o666) },
		"too large":       func(path string) error { return os.WriteFile(path, []byte(good+strings.Repeat(" ", maxFile)), 0o600) },
		"a folder":        func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "a", "b")
			if err := spoil(r.path); err != nil {
				t.Fatal(err)
			}
			r.expect("a", nil)
			r.expect("other", ErrUnknown)
			r.clock = r.clock.Add(retell - time.Second)
			r.expect("a", nil)
			if f := r.Fault(); f.Err == nil || f.Since != retell-time.Second || f.Closed {
				t.Errorf("%+v", f)
			}
			if len(r.told) != 1 || r.told[0].Err == nil {
				t.Errorf("told %+v, want it once", r.told)
			}
			r.clock = r.clock.Add(time.Second)
			r.expect("a", nil)
			if len(r.told) != 2 {
				t.Errorf("told %d times after a minute, want twice", len(r.told))
			}
			r.clock = r.clock.Add(Tolerance - retell - time.Second)
			r.expect("a", nil)
			if may, err := r.May(idOf("a"), ScopeWebhooks, "PRU010101AB1", r.clock); !may || err != nil {
				t.Errorf("before the end: %v, %v", may, err)
			}
			r.clock = r.clock.Add(time.Second)
			r.expect("a", ErrClosed)
			r.expect("other", ErrClosed)
			if may, err := r.May(idOf("a"), ScopeWebhooks, "PRU010101AB1", r.clock); may || !errors.Is(err, ErrClosed) {
				t.Errorf("closed: %v, %v", may, err)
			}
			if f := r.Fault(); !f.Closed || f.Since != Tolerance {
				t.Errorf("%+v", f)
			}
			if err := os.RemoveAll(r.path); err != nil {
				t.Fatal(err)
			}
			write(t, r.path, good)
			r.expect("a", ErrUnknown)
			r.expect("b", nil)
			if f := r.Fault(); f != (Fault{}) || r.told[len(r.told)-1] != (Fault{}) {
				t.Errorf("after it: %+v, told %+v", f, r.told)
			}
			// The next fault has its own time.
			if err := os.WriteFile(r.path, []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
			r.expect("b", nil)
		})
	}
}

func TestRing_WhenTheFileIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, "a")
	if err := os.Remove(r.path); err != nil {
		t.Fatal(err)
	}
	r.expect("a", ErrUnknown)
	if f := r.Fault(); f.Err == nil || !f.Closed || len(r.told) != 1 {
		t.Errorf("%+v, told %+v", f, r.told)
	}
	// It is not known that they were revoked, so pending messages go on waiting.
	if may, err := r.May(idOf("a"), ScopeWebhooks, "PRU010101AB1", r.clock); may || !errors.Is(err, ErrClosed) {
		t.Errorf("%v, %v", may, err)
	}
	// A faulty new version restores nobody.
	if err := os.WriteFile(r.path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.expect("a", ErrUnknown)
	r.write("a")
	r.expect("a", nil)
}

func BenchmarkFind(b *testing.B) {
	for name, keys := range map[string]int{"of ten keys": 10, "of ten thousand": 10_000} {
		b.Run(name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "keys.json")
			all := file{}
			for range keys {
				id, err := NewID()
				if err != nil {
					b.Fatal(err)
				}
				all.Keys = append(all.Keys, Key{ID: id, Name: id, SHA256: Digest(id), RFCs: []string{All}, Scopes: []string{All}})
			}
			if err := change(path, func([]Key) ([]Key, error) { return all.Keys, nil }); err != nil {
				b.Fatal(err)
			}
			r, err := Open(path, time.Now, func(f Fault) { b.Error(f.Err) })
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := r.Find(all.Keys[keys/2].Name); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A disk whose server is away answers no open: callers and operators' pages do not wait
// for it.
func TestRing_WhenTheDiskHangs(t *testing.T) {
	t.Parallel()
	r := newRig(t, "a")
	r.disk = disk.NewPatient(1, 10*time.Millisecond)
	// Opening a pipe without a writer waits as such a disk does.
	if err := errors.Join(os.Rename(r.path, r.path+".good"), syscall.Mkfifo(r.path, 0o600)); err != nil {
		t.Skip("SKIPPED: this file system has no pipes with names: ", err)
	}
	r.expect("a", nil)
	r.expect("other", ErrUnknown)
	if f := r.Fault(); f.Err == nil || f.Closed {
		t.Errorf("%+v", f)
	}
	if may, err := r.May(idOf("a"), ScopeWebhooks, "PRU010101AB1", r.clock); !may || err != nil {
		t.Errorf("%v, %v", may, err)
	}
	r.clock = r.clock.Add(Tolerance)
	r.expect("a", ErrClosed)
	// The disk is back, with the same file.
	pipe, err := os.OpenFile(r.path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(pipe.Close(), os.Rename(r.path+".good", r.path)); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); r.Fault().Err != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(r.Fault().Err)
		}
	}
	r.expect("a", nil)
}

// Callers without a key cause reads too. However many they are, one read serves all who
// asked before it began, and a caller after a change sees the change.
func TestRing_WhenManyAskAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, "a")
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if _, err := r.Find("nobody's"); !errors.Is(err, ErrUnknown) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	for i := range 100 {
		before, after := fmt.Sprint("k", i), fmt.Sprint("k", i+1)
		r.replace(after)
		r.expect(after, nil)
		r.expect(before, ErrUnknown)
	}
	close(stop)
	all.Wait()
	if len(r.told) > 0 {
		t.Errorf("told of %+v", r.told)
	}
}

// replace writes a new file and renames it, as the command line does.
func (r *rig) replace(keys ...string) {
	r.t.Helper()
	path := r.path
	r.path += ".new"
	r.write(keys...)
	r.path = path
	if err := os.Rename(path+".new", path); err != nil {
		r.t.Fatal(err)
	}
}
