package paquetes

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// different serves other bytes each time.
func different(t *testing.T) func(context.Context, int32, io.Writer) error {
	t.Helper()
	return func(_ context.Context, n int32, sink io.Writer) error {
		_, err := sink.Write(number(t, int(n)))
		return err
	}
}

// number is what different serves for the n-th time.
func number(t *testing.T, n int) []byte {
	t.Helper()
	return makeZip(t, 20, strconv.Itoa(n))
}

func (r *rig) openAndRead(t *testing.T, p gateway.Paquete, want []byte) {
	t.Helper()
	c, err := r.Open(t.Context(), p)
	if err == nil {
		var got []byte
		if got, err = read(c); err == nil && !bytes.Equal(got, want) {
			err = fmt.Errorf("%d bytes of %d", len(got), len(want))
		}
	}
	if err != nil {
		t.Errorf("%s: %v", p.IDPaquete, err)
	}
}

// until waits for what comes when it comes.
func until(t *testing.T, que string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came true: %s", que)
		}
	}
}

func (r *rig) wait() wait {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.inWait()
}

func (r *rig) refused() bool { return r.wait().refusal != nil }

// writing reports whether a request would change the bucket.
func writing(r *http.Request) bool {
	return r.Method == http.MethodPut || r.Method == http.MethodPost
}

// TestOpen_WhenTheBucketRefuses in each of the ways: what has come is served, nothing
// more is asked of the SAT until the bucket takes what waits, and nothing is lost.
func TestOpen_WhenTheBucketRefuses(t *testing.T) {
	t.Parallel()
	answer := func(status int, codigo string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !writing(r) {
				return false
			}
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(status)
			fmt.Fprintf(w, `<Error><Code>%s</Code></Error>`, codigo) //nolint:errcheck // the caller is gone
			return true
		}
	}
	for name, respond := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"its keys are no good any more": func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusForbidden)
			return true
		},
		"writing is forbidden": answer(http.StatusForbidden, "AccessDenied"),
		"it is full":           answer(http.StatusInsufficientStorage, "XMinioStorageFull"),
		"its quota is full":    answer(http.StatusForbidden, "QuotaExceeded"),
		"it is broken":         answer(http.StatusInternalServerError, "InternalError"),
		"it is too slow":       answer(http.StatusServiceUnavailable, "SlowDown"),
		"it is gone":           answer(http.StatusNotFound, "NoSuchBucket"),
		"it cuts": func(_ http.ResponseWriter, r *http.Request) bool {
			if writing(r) {
				io.CopyN(io.Discard, r.Body, 20) //nolint:errcheck // to break it
				panic(http.ErrAbortHandler)
			}
			return false
		},
		"it says yes and keeps nothing": func(w http.ResponseWriter, r *http.Request) bool {
			if !writing(r) {
				return false
			}
			io.Copy(io.Discard, r.Body) //nolint:errcheck // it may be cut
			w.Header().Set("ETag", `"0"`)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBucket(t)
			r := start(t, options{blob: b.address, serve: different(t)})
			b.respond.Store(&respond)
			r.openAndRead(t, samplePaquete, number(t, 1))
			until(t, "the refusal is known", r.refused)
			for range 3 {
				_, err := r.Open(t.Context(), otherPaquete())
				unasked(t, err)
				if !errors.Is(err, errReject) || !strings.Contains(gateway.AsError(err).Detail, "GATEWAY_BLOB_URL") {
					t.Errorf("%v", err)
				}
				r.openAndRead(t, samplePaquete, number(t, 1))
			}
			// Whoever waits for the storage is told, and does not wait on.
			if _, err := r.Fetch(t.Context(), samplePaquete); !gateway.IsKind(err, gateway.KindSinServicio) || !strings.Contains(gateway.AsError(err).Detail, "está en el disco de esta pasarela") {
				t.Errorf("%v", err)
			}
			if e := r.wait(); r.sat.calls.Load() != 1 || e.paquetes != 1 || e.bytes != int64(len(number(t, 1))) {
				t.Fatalf("%d calls, %+v", r.sat.calls.Load(), e)
			}
			b.respond.Store(nil)
			until(t, "the bucket has it", func() bool { return b.stored(digestOf(number(t, 1))) && !r.refused() })
			if _, err := r.Fetch(t.Context(), otherPaquete()); err != nil {
				t.Error(err)
			}
			settle(r.Vault)
			r.openAndRead(t, samplePaquete, number(t, 1))
			r.openAndRead(t, otherPaquete(), number(t, 2))
			if keys := b.keys(t); r.sat.calls.Load() != 2 || len(keys) != 2 || r.wait() != (wait{}) {
				t.Errorf("%d calls, %v, %+v", r.sat.calls.Load(), keys, r.wait())
			}
		})
	}
}

// TestOpen_WhenAFolderElsewhereIsAway is the same for a folder whose disk is gone.
func TestOpen_WhenAFolderElsewhereIsAway(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "almacen")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r := start(t, options{blob: "file://" + dir, serve: different(t)})
	if err := os.Rename(dir, dir+".fuera"); err != nil {
		t.Fatal(err)
	}
	r.openAndRead(t, samplePaquete, number(t, 1))
	until(t, "the refusal is known", r.refused)
	if _, err := r.Open(t.Context(), otherPaquete()); !errors.Is(err, errReject) {
		t.Errorf("%v", err)
	}
	// It has not been made anew.
	if err := os.Rename(dir+".fuera", dir); err != nil {
		t.Fatal(err)
	}
	settle(r.Vault)
	if _, err := r.Fetch(t.Context(), samplePaquete); err != nil || r.refused() {
		t.Errorf("%v", err)
	}
}

// TestOpen_WhenTheBucketRefusesOneObject the others go on.
func TestOpen_WhenTheBucketRefusesOneObject(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	r := start(t, options{blob: b.address, serve: different(t)})
	trial, follow := make(chan struct{}, 100), make(chan struct{})
	respond := func(w http.ResponseWriter, req *http.Request) bool {
		if writing(req) && strings.HasSuffix(req.URL.Path, "/pasarela.prueba") {
			trial <- struct{}{}
			<-follow
		}
		if !writing(req) || !strings.HasSuffix(req.URL.Path, key(digestOf(number(t, 1)))) {
			return false
		}
		w.WriteHeader(http.StatusNotImplemented)
		return true
	}
	b.respond.Store(&respond)
	r.openAndRead(t, samplePaquete, number(t, 1))
	select {
	case <-trial:
	case <-time.After(60 * time.Second):
		t.Fatal("there was no probe")
	}
	_, err := r.Open(t.Context(), otherPaquete())
	unasked(t, err)
	close(follow)
	until(t, "it is the object's own trouble", func() bool { return !r.refused() })
	until(t, "another has come", func() bool {
		_, err := r.Fetch(t.Context(), otherPaquete())
		return err == nil
	})
	if e := r.wait(); e.paquetes != 1 {
		t.Errorf("%+v", e)
	}
	for _, c := range b.keys(t) {
		if !strings.HasPrefix(c, "sha256/") {
			t.Errorf("%s is left", c)
		}
	}
	b.respond.Store(nil)
	settle(r.Vault)
}

// TestOpen_WhenARefusingBucketHasTheBytesAlready: that an equal package needs no write is
// no sign that it takes one.
func TestOpen_WhenARefusingBucketHasTheBytesAlready(t *testing.T) {
	t.Parallel()
	b, gate := newBucket(t), make(chan struct{})
	r := start(t, options{blob: b.address, serve: func(_ context.Context, n int32, sink io.Writer) error {
		content := number(t, int(n))
		if n == 2 {
			content = number(t, 1)
		}
		_, err := sink.Write(content[:9])
		if n == 2 {
			<-gate
		}
		if err == nil {
			_, err = sink.Write(content[9:])
		}
		return err
	}})
	if _, err := r.Fetch(t.Context(), samplePaquete); err != nil {
		t.Fatal(err)
	}
	settle(r.Vault)
	fly, err := r.Open(t.Context(), otherPaquete())
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the equal one is in the air", func() bool { return r.sat.calls.Load() == 2 })
	respond := func(w http.ResponseWriter, req *http.Request) bool {
		if writing(req) {
			w.WriteHeader(http.StatusNotImplemented)
		}
		return writing(req)
	}
	b.respond.Store(&respond)
	tercero := samplePaquete
	tercero.IDPaquete = "ABC_03"
	r.openAndRead(t, tercero, number(t, 3))
	until(t, "the refusal is known", r.refused)
	close(gate)
	if _, err := read(fly); err != nil {
		t.Error(err)
	}
	until(t, "the equal one is stored", func() bool {
		row, err := r.store.Paquetes.Get(t.Context(), otherPaquete())
		return err == nil && row.Complete
	})
	if !r.refused() {
		t.Error("it is taken to be well again")
	}
	b.respond.Store(nil)
	settle(r.Vault)
}

// TestOpen_WhenTooMuchWaitsForTheStorage nothing more is asked for; a folder beside the
// files takes no room twice.
func TestOpen_WhenTooMuchWaitsForTheStorage(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, o options) {
		o.serve = different(t)
		r := start(t, o)
		r.mu.Lock()
		r.moves["otro"] = &move{bytes: 1 << 60, end: make(chan struct{})}
		r.mu.Unlock()
		_, err := r.Open(t.Context(), samplePaquete)
		if o.blob == "" {
			if err != nil {
				t.Error(err)
			}
		} else if unasked(t, err); !errors.Is(err, errFull) || r.sat.calls.Load() != 0 {
			t.Errorf("%v after %d calls", err, r.sat.calls.Load())
		}
		r.mu.Lock()
		delete(r.moves, "otro")
		r.mu.Unlock()
		if _, err := r.Fetch(t.Context(), samplePaquete); err != nil || r.sat.calls.Load() != 1 {
			t.Errorf("%v after %d calls", err, r.sat.calls.Load())
		}
	})
}

// TestClose_WhenTheBucketRefusesWhatWaitsIsNotTried: one refusal is enough to know.
func TestClose_WhenTheBucketRefusesWhatWaitsIsNotTried(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	gate := make(chan struct{})
	respond := func(w http.ResponseWriter, r *http.Request) bool {
		if writing(r) {
			<-gate
			w.WriteHeader(http.StatusNotImplemented)
			return true
		}
		return false
	}
	b.respond.Store(&respond)
	dir := t.TempDir()
	r := start(t, options{dir: dir, blob: b.address, serve: different(t)})
	const howMany = 4
	for i := range howMany {
		p := samplePaquete
		p.IDPaquete = fmt.Sprintf("ABC_%02d", i+1)
		r.openAndRead(t, p, number(t, i+1))
	}
	until(t, "all wait", func() bool { return r.wait().paquetes == howMany && b.writes.Load() == 1 })
	closed := make(chan error, 1)
	go func() { closed <- r.Close(context.Background()) }()
	until(t, "it is going down", r.isClosing)
	close(gate)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if n := b.writes.Load(); n > 2 { // the object, and the probe
		t.Errorf("%d writes", n)
	}
	b.respond.Store(nil)
	r.stop()
	again := start(t, options{dir: dir, blob: b.address, serve: forbidden})
	settle(again.Vault)
	if keys := b.keys(t); len(keys) != howMany {
		t.Errorf("%v", keys)
	}
}

// second is a gateway whose package has an entry that cannot be read, kept in a bucket
// that answers nothing any more, and whose second delivery has come meanwhile.
func second(t *testing.T) (r *rig, b *bucket, dir string, good []byte, repeated chan error) {
	t.Helper()
	b, dir = newBucket(t), t.TempDir()
	good = makeZip(t, 50, "")
	bad := damaged(t, good, "7")
	r = start(t, options{dir: dir, blob: b.address, serve: func(_ context.Context, n int32, sink io.Writer) error {
		_, err := sink.Write(map[int32][]byte{1: bad, 2: good}[n])
		return err
	}, readable: readablePerEntry})
	if _, err := r.Fetch(t.Context(), samplePaquete); err != nil {
		t.Fatal(err)
	}
	settle(r.Vault)
	questions := make(chan struct{}, 1000)
	nothing := func(w http.ResponseWriter, _ *http.Request) bool {
		questions <- struct{}{}
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	b.respond.Store(&nothing)
	repeated = make(chan error, 1)
	go func() {
		s, err := r.Repeat(context.Background(), samplePaquete, "una entrada no se lee")
		if err == nil && !s.Change {
			err = fmt.Errorf("%+v", s)
		}
		repeated <- err
	}()
	<-questions
	return r, b, dir, good, repeated
}

// TestRepeat_WhenTheBucketIsAwayTheSecondIsNotThrownAway: what was paid for waits until it
// can be told which is the better.
func TestRepeat_WhenTheBucketIsAwayTheSecondIsNotThrownAway(t *testing.T) {
	t.Parallel()
	r, b, _, good, repeated := second(t)
	b.respond.Store(nil)
	if err := <-repeated; err != nil {
		t.Fatal(err)
	}
	settle(r.Vault)
	r.openAndRead(t, samplePaquete, good)
}

// TestRepeat_WhenTheGatewayStopsMeanwhile the next start finds it.
func TestRepeat_WhenTheGatewayStopsMeanwhile(t *testing.T) {
	t.Parallel()
	r, b, dir, good, repeated := second(t)
	r.stop()
	if err := <-repeated; err == nil {
		t.Error("the second was weighed without the bucket")
	}
	if len(partials(t, dir)) != 1 {
		t.Fatalf("%v", partials(t, dir))
	}
	b.respond.Store(nil)
	again := start(t, options{dir: dir, blob: b.address, serve: forbidden, readable: readablePerEntry})
	settle(again.Vault)
	again.openAndRead(t, samplePaquete, good)
}

// TestClose_WhenTheLedgerIsAwayAWholePackageStays in its file, as after a kill.
func TestClose_WhenTheLedgerIsAwayAWholePackageStays(t *testing.T) {
	t.Parallel()
	dir, content := t.TempDir(), makeZip(t, 20, "")
	var r *rig
	ready := make(chan struct{})
	r = start(t, options{dir: dir, serve: whole(content), step: func(point string) {
		when(point, "paquete-entero", func() {
			<-ready
			r.store.Close() //nolint:errcheck // it is away
		})
	}})
	close(ready)
	r.openAndRead(t, samplePaquete, content)
	r.stop()
	again := start(t, options{dir: dir, serve: forbidden})
	settle(again.Vault)
	again.openAndRead(t, samplePaquete, content)
}

// TestFetch_WhenAnEqualPackageComesItMendsRotInABucket of the same length too.
func TestFetch_WhenAnEqualPackageComesItMendsRotInABucket(t *testing.T) {
	t.Parallel()
	b, content := newBucket(t), makeZip(t, 200, "")
	sum := digestOf(content)
	r := start(t, options{blob: b.address, serve: whole(content)})
	if _, err := r.Fetch(t.Context(), samplePaquete); err != nil {
		t.Fatal(err)
	}
	settle(r.Vault)
	other := bytes.Clone(content)
	other[100] ^= 1
	b.set(t, sum, other)
	if _, err := r.Read(t.Context(), samplePaquete); !errors.Is(err, gateway.ErrDamagedPaquete) {
		t.Fatalf("%v", err)
	}
	if _, err := r.Fetch(t.Context(), otherPaquete()); err != nil {
		t.Fatal(err)
	}
	settle(r.Vault)
	r.wants(t, sum, "", 0)
	r.openAndRead(t, samplePaquete, content)
}

// The move of a package that came is known before the ledger names its file: whoever
// reads of it there would order one that cannot say that the bytes were read.
func TestFetch_WhenTheLedgerNamesAFileItsMoveIsKnown(t *testing.T) {
	t.Parallel()
	var r *rig
	ready, held := make(chan struct{}), make(chan *sql.Tx, 1)
	r = start(t, options{serve: whole(makeZip(t, 20, "")), step: func(point string) {
		when(point, "paquete-entero", func() {
			<-ready
			tx, err := r.store.DB().BeginTx(t.Context(), nil)
			if err != nil {
				t.Error(err)
			}
			held <- tx
		})
	}})
	close(ready)
	r.Open(t.Context(), samplePaquete) //nolint:errcheck // its end is waited for below
	tx := <-held
	until(t, "a move of what no row names", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.moves) == 1
	})
	if row := r.row(t); row.Partial != "" {
		t.Errorf("%+v", row)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	settle(r.Vault)
	if row := r.row(t); !row.Complete || len(r.moves) > 0 {
		t.Errorf("%+v, %d moves", row, len(r.moves))
	}
}
