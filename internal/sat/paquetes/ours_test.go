package paquetes

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// withoutDisk takes the folder of packages on their way away, until the returned function
// is called: no file can be made in it.
func withoutDisk(t *testing.T, dir string) (back func()) {
	t.Helper()
	partial := filepath.Join(dir, "paquetes", "parciales")
	if err := os.Rename(partial, partial+".fuera"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Rename(partial+".fuera", partial); err != nil {
			t.Error(err)
		}
	}
}

func (r *rig) row(t *testing.T) store.Paquete {
	t.Helper()
	row, err := r.store.Paquetes.Get(t.Context(), samplePaquete)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// unasked wants a refusal that has cost nothing, and that says when to come again.
func unasked(t *testing.T, err error) {
	t.Helper()
	e := gateway.AsError(err)
	if err == nil || e.Kind != gateway.KindSinServicio || !e.Unsent || !e.Retryable || e.RetryAfter <= 0 || e.Backend != "" {
		t.Errorf("error %+v", e)
	}
}

// fly0 is the file of the flight under way.
func (r *rig) fly0() *os.File {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.flights[samplePaquete.Only()].file
}

func TestOpen_WhenNothingCanBeKeptNothingIsSpent(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 3, "")
	r := start(t, options{serve: func(_ context.Context, _ int32, w io.Writer) error {
		_, err := w.Write(content)
		return err
	}})
	back := withoutDisk(t, r.dir)
	for range 3 {
		_, err := r.Open(t.Context(), samplePaquete)
		unasked(t, err)
	}
	if n := r.sat.calls.Load(); n != 0 || r.row(t).Descargas != 0 {
		t.Fatalf("%d calls, %+v", n, r.row(t))
	}
	if m, err := r.Measures(); err == nil || m.Postponed != 3 {
		t.Errorf("measured %+v, %v", m, err)
	}
	back()
	if m, err := r.Measures(); err != nil || m.Free <= m.Needed || m.Needed <= 0 || m.Postponed != 3 {
		t.Errorf("measured %+v, %v", m, err)
	}
	if _, err := r.Fetch(t.Context(), samplePaquete); err != nil || r.sat.calls.Load() != 1 {
		t.Errorf("error %v after %d calls", err, r.sat.calls.Load())
	}
}

// TestOpen_WhenTheLedgerTakesNoCount: what is not counted does not leave.
func TestOpen_WhenTheLedgerTakesNoCount(t *testing.T) {
	t.Parallel()
	r := start(t, options{serve: func(context.Context, int32, io.Writer) error { return nil }})
	r.store.Close() //nolint:errcheck // it is away
	if _, err := r.Open(t.Context(), samplePaquete); err == nil || r.sat.calls.Load() != 0 {
		t.Errorf("error %v after %d calls", err, r.sat.calls.Load())
	}
}

// TestFetch_WhenThisMachineLosesADownload in each of the ways, it is counted as spent
// and as ours; the other one does not leave before the disk takes what the first had
// brought, and both lost are not the SAT's fault.
func TestFetch_WhenThisMachineLosesADownload(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 3, "")
	entrega := func(_ *rig, w io.Writer) error {
		_, err := w.Write(content)
		return err
	}
	for name, breaks := range map[string]struct {
		serve func(r *rig, w io.Writer) error
		point string
	}{
		"a write": {serve: func(r *rig, w io.Writer) error {
			w.Write(content[:9]) //nolint:errcheck // memory
			r.fly0().Close()     //nolint:errcheck // to break it
			_, err := w.Write(content[9:])
			return err
		}},
		"a hash, or the look whether it is whole": {serve: func(r *rig, w io.Writer) error {
			w.Write(content) //nolint:errcheck // the disk takes it
			r.fly0().Close() //nolint:errcheck // to break it
			return nil
		}},
		"a panic":       {serve: func(*rig, io.Writer) error { panic("defect") }},
		"all it held":   {serve: entrega, point: "paquete-llegado"},
		"all it stored": {serve: entrega, point: "paquete-entero"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r *rig
			ready := make(chan struct{})
			r = start(t, options{
				serve: func(_ context.Context, _ int32, w io.Writer) error {
					<-ready
					return breaks.serve(r, w)
				},
				step: func(point string) {
					<-ready
					if point == breaks.point {
						f := r.fly0()
						// Its bytes, and then its sync or its name.
						if err := errors.Join(f.Truncate(0), os.RemoveAll(f.Name()), f.Close()); err != nil {
							t.Error(err)
						}
					}
				},
			})
			close(ready)
			// The first is lost, and then the disk is away.
			r.lose(t, 1)
			back := withoutDisk(t, r.dir)
			_, err := r.Open(t.Context(), samplePaquete)
			unasked(t, err)
			if n := r.sat.calls.Load(); n != 1 {
				t.Fatalf("%d calls", n)
			}
			back()
			r.lose(t, 2)
			_, err = r.Open(t.Context(), samplePaquete)
			if e := gateway.AsError(err); e.Kind != gateway.KindYaNoDisponible || e.Backend != "" || e.Codigo != "" || r.sat.calls.Load() != 2 {
				t.Errorf("%+v after %d calls", e, r.sat.calls.Load())
			}
		})
	}
}

func when(point, here string, build func()) {
	if point == here {
		build()
	}
}

// TestFetch_WhenWhatCameCannotBeKeptItIsWrittenAnew while it is still held: the file was
// removed, it cannot be synced, or its folder is away for a while.
func TestFetch_WhenWhatCameCannotBeKeptItIsWrittenAnew(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 300, "")
	for name, tc := range map[string]struct {
		point  string
		breaks func(t *testing.T, r *rig)
	}{
		"the name": {"paquete-llegado", func(t *testing.T, r *rig) {
			t.Helper()
			if err := os.Remove(r.fly0().Name()); err != nil {
				t.Error(err)
			}
		}},
		"the sync": {"paquete-entero", func(_ *testing.T, r *rig) {
			r.fly0().Close() //nolint:errcheck // to break it
		}},
		"the folder": {"paquete-llegado", func(t *testing.T, r *rig) {
			t.Helper()
			back := withoutDisk(t, r.dir)
			time.AfterFunc(10*time.Millisecond, back)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r *rig
			ready := make(chan struct{})
			r = start(t, options{serve: func(_ context.Context, _ int32, w io.Writer) error {
				_, err := w.Write(content)
				return err
			}, step: func(point string) {
				<-ready
				when(point, tc.point, func() { tc.breaks(t, r) })
			}})
			close(ready)
			f, err := r.Fetch(t.Context(), samplePaquete)
			if err != nil || f.SHA256 != digestOf(content) || r.sat.calls.Load() != 1 || r.row(t).Ours != 0 {
				t.Fatalf("%+v, %v after %d calls, %+v", f, err, r.sat.calls.Load(), r.row(t))
			}
			settle(r.Vault)
			c, err := r.Open(t.Context(), samplePaquete)
			if got, errRead := read(c); err != nil || errRead != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v, %v", len(got), err, errRead)
			}
			if left := partials(t, r.dir); len(left) > 0 {
				t.Errorf("left %v", left)
			}
		})
	}
}

// lose makes one flight, the n-th, which this machine loses.
func (r *rig) lose(t *testing.T, n int) {
	t.Helper()
	c, err := r.Open(t.Context(), samplePaquete)
	if err == nil {
		read(c) //nolint:errcheck // it may be whole, or not
	}
	settle(r.Vault)
	if row := r.row(t); row.Descargas != n || row.Ours != n || row.Complete {
		t.Fatalf("%+v", row)
	}
}

// TestOpen_WhenWhatWasLostNeedsMoreRoomThanThereIs the other download stays.
func TestOpen_WhenWhatWasLostNeedsMoreRoomThanThereIs(t *testing.T) {
	t.Parallel()
	r := start(t, options{max: 1 << 61, serve: func(context.Context, int32, io.Writer) error { return errors.New("not to be called") }})
	if _, err := r.store.Paquetes.Reserve(t.Context(), samplePaquete, r.cluster.ID(), "", maxDescargas); err != nil {
		t.Fatal(err)
	}
	if err := r.store.Paquetes.RecordOurs(t.Context(), samplePaquete, 1<<60); err != nil {
		t.Fatal(err)
	}
	_, err := r.Open(t.Context(), samplePaquete)
	unasked(t, err)
	if n := r.sat.calls.Load(); n != 0 || !errors.Is(err, store.ErrWithoutPlace) {
		t.Errorf("%v after %d calls", err, n)
	}
}

// TestOpen_WhenALossCannotBeEnteredYet nobody waits for ever, and nothing leaves.
func TestOpen_WhenALossCannotBeEnteredYet(t *testing.T) {
	t.Parallel()
	var r *rig
	ready := make(chan struct{})
	r = start(t, options{wait: 50 * time.Millisecond, serve: func(context.Context, int32, io.Writer) error {
		<-ready
		r.store.Close() //nolint:errcheck // it is away
		panic("defect")
	}})
	close(ready)
	if _, err := r.Open(t.Context(), samplePaquete); err == nil {
		t.Error("it came")
	}
	_, err := r.follow(t.Context(), samplePaquete)
	unasked(t, err)
	if n := r.sat.calls.Load(); n != 1 {
		t.Errorf("%d calls", n)
	}
}
