package paquetes

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/pasarela-mx/pasarela/internal/blobs"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// The steps of a package on its way into storage, in their order.
const (
	stepReserve  = iota + 1 // the download is counted
	stepParts               // some bytes have arrived
	stepAll                 // all have; the name of the file does not say so
	stepWhole               // it does; the row does not know
	stepReceived            // the row does
	stepMoved               // the object is in its place; the row does not know
	stepSaved               // the row does; the local file may still be there
)

// crashAfter makes the steps up to until with a process of its own, which is
// gone afterwards as after a kill: nothing of it runs any more.
func crashAfter(t *testing.T, dir, blob string, until int, content []byte) {
	t.Helper()
	st := openStore(t, dir)
	defer st.Close() //nolint:errcheck // opened again below
	d, err := blobs.Open(t.Context(), blob, filepath.Join(dir, "paquetes"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // nothing is written any more
	id := uuid.NewString()
	f, err := st.Folder.Partial()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // the process is gone
	p := store.Pending{Paquete: samplePaquete, SHA256: digestOf(content), Bytes: int64(len(content)), Fly: id}
	done := func(ok bool, err error) {
		t.Helper()
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	for _, step := range []func(){
		func() { done(st.Paquetes.Reserve(t.Context(), samplePaquete, id, "", maxDescargas)) },
		func() { _, err := f.Write(content[:len(content)/2]); done(true, err) },
		func() {
			_, err := f.Write(content[len(content)/2:])
			done(true, err)
		},
		func() {
			p.Partial, err = st.Folder.MakeWhole(f, samplePaquete, p.SHA256)
			done(true, err)
		},
		func() { done(st.Paquetes.Receive(t.Context(), p, "")) },
		func() { done(d.Save(t.Context(), p.SHA256, p.Bytes, st.Folder.Path(p.Partial))) },
		func() { done(st.Paquetes.Complete(t.Context(), samplePaquete, p.Partial)) },
	}[:until] {
		step()
	}
}

// TestOpen_WhenItCrashedBefore: whatever was whole on this machine's disk is not
// downloaded again, what was not is never served, and no row says of a package
// that it is stored when it is not.
func TestOpen_WhenItCrashedBefore(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 200, "")
	sum := digestOf(content)
	for _, inBucket := range []bool{false, true} {
		for until := stepReserve; until <= stepSaved; until++ {
			t.Run(map[bool]string{false: "folder ", true: "bucket "}[inBucket]+string(rune('0'+until)), func(t *testing.T) {
				t.Parallel()
				dir, blob := t.TempDir(), ""
				if inBucket {
					blob = newBucket(t).address
				}
				crashAfter(t, dir, blob, until, content)
				r := start(t, options{dir: dir, blob: blob, serve: func(_ context.Context, _ int32, sink io.Writer) error {
					_, err := sink.Write(content)
					return err
				}})
				c, err := r.Open(t.Context(), samplePaquete)
				if err != nil {
					t.Fatal(err)
				}
				if until >= stepWhole && (c.Saved == nil || c.Saved.SHA256 != sum) {
					t.Errorf("%+v", c)
				}
				if got, err := read(c); err != nil || !bytes.Equal(got, content) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				settle(r.Vault)
				calls := int32(0)
				if until < stepWhole {
					calls = 1 // the second and last
				}
				if n := r.sat.calls.Load(); n != calls {
					t.Errorf("%d downloads, want %d", n, calls)
				}
				row, err := r.store.Paquetes.Get(t.Context(), samplePaquete)
				if err != nil || !row.Complete || row.Descargas != 1+int(calls) || row.SHA256 != sum || row.Partial != "" || row.Fly != "" {
					t.Errorf("row %+v, %v", row, err)
				}
				if ok, err := r.depot.Exist(t.Context(), sum, int64(len(content))); !ok || err != nil {
					t.Errorf("the object: %v, %v", ok, err)
				}
				if left := partials(t, dir); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
			})
		}
	}
}

// A file whose name says more than it holds, as a power cut may leave one, is no
// package; and one of a package that is there, or was deleted, is in the way.
func TestOpen_WhenTheNameOfAFileIsNotTrue(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 20, "")
	holes := bytes.Clone(content)
	clear(holes[100:200])
	for name, tc := range map[string]struct {
		before int
		delete bool
		holds  []byte
		calls  int32
	}{
		"holes": {0, false, holes, 1}, "its end missing": {0, false, content[:len(content)-1], 1}, "empty": {0, false, nil, 1},
		"there already": {stepSaved, false, content, 0}, "deleted": {stepSaved, true, content, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if tc.before > 0 {
				crashAfter(t, dir, "", tc.before, content)
			}
			st := openStore(t, dir)
			f, err := st.Folder.Partial()
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.Write(tc.holds)
			_, err2 := st.Folder.MakeWhole(f, samplePaquete, digestOf(content))
			if tc.delete {
				_, err3 := st.Paquetes.Delete(t.Context(), samplePaquete)
				err = errors.Join(err, err3)
			}
			if err := errors.Join(err, err2, f.Close(), st.Close()); err != nil {
				t.Fatal(err)
			}
			r := start(t, options{dir: dir, serve: whole(content)})
			if left := partials(t, dir); len(left) > 0 {
				t.Errorf("left %v", left)
			}
			if _, err := r.Fetch(t.Context(), samplePaquete); (err != nil) != tc.delete {
				t.Errorf("%v", err)
			}
			if n := r.sat.calls.Load(); n != tc.calls {
				t.Errorf("%d downloads, want %d", n, tc.calls)
			}
		})
	}
}

func partials(t *testing.T, dir string) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "paquetes", "parciales", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// TestOpen_WhenBothDownloadsWereSpent: after two crashes in mid-download there
// is no third; after two of which the second was whole there is the package.
func TestOpen_WhenBothDownloadsWereSpent(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 20, "")
	for _, second := range []int{stepParts, stepReceived} {
		dir := t.TempDir()
		crashAfter(t, dir, "", stepParts, content)
		st := openStore(t, dir)
		row, err := st.Paquetes.Get(t.Context(), samplePaquete)
		if err != nil {
			t.Fatal(err)
		}
		f, err := st.Folder.Partial()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(content); err != nil {
			t.Fatal(err)
		}
		if ok, err := st.Paquetes.Reserve(t.Context(), samplePaquete, "dos", row.Fly, maxDescargas); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if second == stepReceived {
			p := store.Pending{Paquete: samplePaquete, SHA256: digestOf(content), Bytes: int64(len(content)), Fly: "dos"}
			if p.Partial, err = st.Folder.MakeWhole(f, samplePaquete, p.SHA256); err != nil {
				t.Fatal(err)
			}
			if ok, err := st.Paquetes.Receive(t.Context(), p, ""); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		if err := errors.Join(f.Close(), st.Close()); err != nil {
			t.Fatal(err)
		}
		r := start(t, options{dir: dir})
		c, err := r.Open(t.Context(), samplePaquete)
		if second == stepReceived {
			if got, err2 := read(c); err != nil || err2 != nil || !bytes.Equal(got, content) {
				t.Errorf("%v, %v", err, err2)
			}
		} else if e := gateway.AsError(err); err == nil || e.Kind != gateway.KindYaNoDisponible || e.Backend != "" || e.Codigo != "" {
			t.Errorf("a third download, or the SAT's fault: %+v", e)
		}
		if n := r.sat.calls.Load(); n != 0 {
			t.Errorf("%d downloads", n)
		}
	}
}

// TestOpen_WhenTheBucketIsAwayAtTheEnd: the package is served from this machine
// until the bucket takes it, across a restart.
func TestOpen_WhenTheBucketIsAwayAtTheEnd(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 200, "")
	b, dir := newBucket(t), t.TempDir()
	b.down.Store(true)
	o := options{dir: dir, blob: b.address, serve: func(_ context.Context, _ int32, sink io.Writer) error {
		_, err := sink.Write(content)
		return err
	}}
	r := start(t, o)
	for range 3 {
		c, err := r.Open(t.Context(), samplePaquete)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read(c); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	if err := r.Close(t.Context()); err != nil {
		t.Errorf("a stop waits for a bucket that is away: %v", err)
	}
	if row, err := r.store.Paquetes.Get(t.Context(), samplePaquete); err != nil || row.Complete || row.Partial == "" || b.stored(digestOf(content)) {
		t.Errorf("row %+v, %v", row, err)
	}
	r.stop()
	if len(partials(t, dir)) != 1 {
		t.Error("the only copy is gone")
	}
	b.down.Store(false)
	again := start(t, o)
	settle(again.Vault)
	if row, err := again.store.Paquetes.Get(t.Context(), samplePaquete); err != nil || !row.Complete || !b.stored(digestOf(content)) || len(partials(t, dir)) > 0 {
		t.Errorf("row %+v, %v", row, err)
	}
	c, err := again.Open(t.Context(), samplePaquete)
	if err != nil {
		t.Fatal(err)
	}
	if _, local := c.Saved.ReadSeekCloser.(*os.File); local {
		t.Error("it is not read from the bucket")
	}
	if got, err := read(c); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if n := r.sat.calls.Load() + again.sat.calls.Load(); n != 1 {
		t.Errorf("%d downloads", n)
	}
}

// TestOpen_WhenTheBucketComesBack: without a restart, too.
func TestOpen_WhenTheBucketComesBack(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 20, "")
	b := newBucket(t)
	b.down.Store(true)
	r := start(t, options{blob: b.address, serve: func(_ context.Context, _ int32, sink io.Writer) error {
		_, err := sink.Write(content)
		return err
	}})
	r.received(t)
	for b.writes.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	b.down.Store(false)
	settle(r.Vault)
	if !b.stored(digestOf(content)) {
		t.Error("it was not tried again")
	}
}

// An object that is not where its row says spends no download by itself.
func TestOpen_WhenTheObjectIsLost(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 20, "")
	r := start(t, options{serve: func(_ context.Context, _ int32, sink io.Writer) error {
		_, err := sink.Write(content)
		return err
	}})
	if _, err := r.Fetch(t.Context(), samplePaquete); err != nil {
		t.Fatal(err)
	}
	settle(r.Vault)
	if err := r.depot.Delete(t.Context(), digestOf(content)); err != nil {
		t.Fatal(err)
	}
	_, err := r.Open(t.Context(), samplePaquete)
	_, err2 := r.Read(t.Context(), samplePaquete)
	if !gateway.IsKind(err, gateway.KindInterno) || !gateway.IsKind(err2, gateway.KindInterno) || r.sat.calls.Load() != 1 {
		t.Errorf("%v; %v; %d downloads", err, err2, r.sat.calls.Load())
	}
}
