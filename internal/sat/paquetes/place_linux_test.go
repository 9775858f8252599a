package paquetes

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// withoutPlace puts a device that is always full in the place of f, until the returned
// function is called.
func withoutPlace(t *testing.T, f *os.File) (has func()) {
	t.Helper()
	fd := int(f.Fd())
	own, err := syscall.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close() //nolint:errcheck // a device
	if err := syscall.Dup3(int(full.Fd()), fd, syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(syscall.Dup3(own, fd, syscall.O_CLOEXEC), syscall.Close(own)); err != nil {
			t.Error(err)
		}
	}
}

// TestFetch_WhenTheDiskFillsInAFlight the SAT waits with what it has still to deliver.
func TestFetch_WhenTheDiskFillsInAFlight(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 300, "")
	var r *rig
	ready, write, full := make(chan struct{}), make(chan struct{}), make(chan func(), 1)
	r = start(t, options{serve: func(_ context.Context, _ int32, w io.Writer) error {
		<-ready
		full <- withoutPlace(t, r.fly0())
		close(write)
		_, err := w.Write(content)
		return err
	}})
	close(ready)
	come := make(chan error, 1)
	go func() {
		f, err := r.Fetch(t.Context(), samplePaquete)
		if err == nil && f.SHA256 != digestOf(content) {
			err = errors.New("other bytes came")
		}
		come <- err
	}()
	<-write
	select {
	case err := <-come:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(4 * minTry):
	}
	(<-full)()
	if err := <-come; err != nil || r.sat.calls.Load() != 1 || r.row(t).Ours != 0 {
		t.Errorf("%v after %d calls, %+v", err, r.sat.calls.Load(), r.row(t))
	}
}

// TestFetch_WhenTheDiskStaysFull, or the SAT hangs up for having waited, the download is
// lost, for a reason that is ours; and the other one does not follow at once.
func TestFetch_WhenTheDiskStaysFull(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 300, "")
	for name, hang := range map[string]bool{"for too long": false, "and the SAT hangs up": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r *rig
			ready := make(chan struct{})
			r = start(t, options{serve: func(_ context.Context, _ int32, w io.Writer) error {
				<-ready
				has := withoutPlace(t, r.fly0())
				if !hang {
					defer has()
					_, err := w.Write(content)
					return &gateway.Error{Kind: gateway.KindInterno, Err: err}
				}
				time.AfterFunc(minTry/2, has)
				if _, err := w.Write(content[:20]); err != nil {
					return err
				}
				return &gateway.Error{Kind: gateway.KindSinRespuesta, Backend: "sat"}
			}})
			if !hang {
				r.place.wait = 3 * minTry
			}
			close(ready)
			_, err := r.Fetch(t.Context(), samplePaquete)
			settle(r.Vault)
			if e := gateway.AsError(err); !e.IsOwn() || e.Unsent {
				t.Errorf("%+v", e)
			}
			if row := r.row(t); r.sat.calls.Load() != 1 || row.Descargas != 1 || row.Ours != 1 {
				t.Errorf("%d calls, %+v", r.sat.calls.Load(), row)
			}
		})
	}
}

// TestFetch_WhenTheDiskIsTooSmallForAll that are on their way, and nothing is known of
// how long they are, each comes with one download: they go one after the other.
func TestFetch_WhenTheDiskIsTooSmallForAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=5m"); err != nil {
		t.Skip("SKIPPED: a file system of its own cannot be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	content := makeZip(t, 20000, "") // 2 MB
	st := openStore(t, t.TempDir())
	r := startOn(t, options{dir: dir, blob: "file://" + filepath.ToSlash(t.TempDir()), serve: func(_ context.Context, _ int32, w io.Writer) error {
		for rest := content; len(rest) > 0; {
			n := min(len(rest), 64<<10)
			if _, err := w.Write(rest[:n]); err != nil {
				return &gateway.Error{Kind: gateway.KindInterno, Err: err}
			}
			rest = rest[n:]
			time.Sleep(time.Millisecond)
		}
		return nil
	}}, st)
	r.place.wait = time.Minute
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			p := samplePaquete
			p.IDPaquete = "ABC_" + strconv.Itoa(i)
			if _, err := r.Fetch(t.Context(), p); err != nil {
				t.Errorf("%s: %v", p.IDPaquete, err)
			}
		})
	}
	wg.Wait()
	if n := r.sat.calls.Load(); n != 6 {
		t.Errorf("%d downloads of six packages", n)
	}
}

// TestFetch_WhenAPackageIsLongerThanTheDisk it waits before it takes what the ledger
// needs, and is lost as ours after a while.
func TestFetch_WhenAPackageIsLongerThanTheDisk(t *testing.T) {
	t.Parallel()
	const floor = 4 << 20
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skip("SKIPPED: a file system of its own cannot be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	st, err := store.Open(t.Context(), store.Config{Dir: dir, Now: time.Now, Free: floor})
	if err != nil {
		t.Fatal(err)
	}
	var written int64
	remain := int64(-1)
	r := startOn(t, options{dir: dir, blob: "file://" + filepath.ToSlash(t.TempDir()), serve: func(ctx context.Context, n int32, w io.Writer) error {
		err := endless(&written)(ctx, n, w)
		remain, _, _ = st.Folder.Floor()
		return gateway.OwnFailure(err, "d.")
	}}, st)
	r.place.wait = 3 * minTry
	_, err = r.Fetch(t.Context(), samplePaquete)
	settle(r.Vault)
	if e := gateway.AsError(err); err == nil || !e.IsOwn() || e.Unsent {
		t.Errorf("%+v", e)
	}
	// SQLite may write meanwhile.
	if written < 8<<20 || remain < floor-1<<20 || r.row(t).Ours != 1 {
		t.Errorf("%d bytes came, %d are left, %+v", written, remain, r.row(t))
	}
	if m, err := r.Measures(); err != nil || m.Floor != floor || m.Needed < floor {
		t.Errorf("measured %+v, %v", m, err)
	}
}
