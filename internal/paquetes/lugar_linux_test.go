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

// sinLugar puts a device that is always full in the place of f, until the returned
// function is called.
func sinLugar(t *testing.T, f *os.File) (hay func()) {
	t.Helper()
	fd := int(f.Fd())
	propio, err := syscall.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	lleno, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lleno.Close() //nolint:errcheck // a device
	if err := syscall.Dup3(int(lleno.Fd()), fd, syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(syscall.Dup3(propio, fd, syscall.O_CLOEXEC), syscall.Close(propio)); err != nil {
			t.Error(err)
		}
	}
}

// TestTrae_WhenTheDiskFillsInAFlight the SAT waits with what it has still to deliver.
func TestTrae_WhenTheDiskFillsInAFlight(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 300, "")
	var r *rig
	listo, escribe, lleno := make(chan struct{}), make(chan struct{}), make(chan func(), 1)
	r = start(t, options{serve: func(_ context.Context, _ int32, w io.Writer) error {
		<-listo
		lleno <- sinLugar(t, r.vuela0())
		close(escribe)
		_, err := w.Write(content)
		return err
	}})
	close(listo)
	viene := make(chan error, 1)
	go func() {
		f, err := r.Trae(t.Context(), elPaquete)
		if err == nil && f.SHA256 != digestOf(content) {
			err = errors.New("other bytes came")
		}
		viene <- err
	}()
	<-escribe
	select {
	case err := <-viene:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(4 * minProbar):
	}
	(<-lleno)()
	if err := <-viene; err != nil || r.sat.calls.Load() != 1 || r.row(t).Nuestras != 0 {
		t.Errorf("%v after %d calls, %+v", err, r.sat.calls.Load(), r.row(t))
	}
}

// TestTrae_WhenTheDiskStaysFull, or the SAT hangs up for having waited, the download is
// lost, for a reason that is ours; and the other one does not follow at once.
func TestTrae_WhenTheDiskStaysFull(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 300, "")
	for name, cuelga := range map[string]bool{"for too long": false, "and the SAT hangs up": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r *rig
			listo := make(chan struct{})
			r = start(t, options{serve: func(_ context.Context, _ int32, w io.Writer) error {
				<-listo
				hay := sinLugar(t, r.vuela0())
				if !cuelga {
					defer hay()
					_, err := w.Write(content)
					return &gateway.Error{Kind: gateway.KindInterno, Err: err}
				}
				time.AfterFunc(minProbar/2, hay)
				if _, err := w.Write(content[:20]); err != nil {
					return err
				}
				return &gateway.Error{Kind: gateway.KindSinRespuesta, Backend: "sat"}
			}})
			if !cuelga {
				r.lugar.espera = 3 * minProbar
			}
			close(listo)
			_, err := r.Trae(t.Context(), elPaquete)
			settle(r.Almacen)
			if e := gateway.AsError(err); !e.IsOwn() || e.NoEnviada {
				t.Errorf("%+v", e)
			}
			if row := r.row(t); r.sat.calls.Load() != 1 || row.Descargas != 1 || row.Nuestras != 1 {
				t.Errorf("%d calls, %+v", r.sat.calls.Load(), row)
			}
		})
	}
}

// TestTrae_WhenTheDiskIsTooSmallForAll that are on their way, and nothing is known of
// how long they are, each comes with one download: they go one after the other.
func TestTrae_WhenTheDiskIsTooSmallForAll(t *testing.T) {
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
		for resto := content; len(resto) > 0; {
			n := min(len(resto), 64<<10)
			if _, err := w.Write(resto[:n]); err != nil {
				return &gateway.Error{Kind: gateway.KindInterno, Err: err}
			}
			resto = resto[n:]
			time.Sleep(time.Millisecond)
		}
		return nil
	}}, st)
	r.lugar.espera = time.Minute
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			p := elPaquete
			p.IDPaquete = "ABC_" + strconv.Itoa(i)
			if _, err := r.Trae(t.Context(), p); err != nil {
				t.Errorf("%s: %v", p.IDPaquete, err)
			}
		})
	}
	wg.Wait()
	if n := r.sat.calls.Load(); n != 6 {
		t.Errorf("%d downloads of six packages", n)
	}
}

// TestTrae_WhenAPackageIsLongerThanTheDisk it waits before it takes what the ledger
// needs, and is lost as ours after a while.
func TestTrae_WhenAPackageIsLongerThanTheDisk(t *testing.T) {
	t.Parallel()
	const piso = 4 << 20
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skip("SKIPPED: a file system of its own cannot be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	st, err := store.Open(t.Context(), store.Config{Dir: dir, Now: time.Now, Libre: piso})
	if err != nil {
		t.Fatal(err)
	}
	var written int64
	quedan := int64(-1)
	r := startOn(t, options{dir: dir, blob: "file://" + filepath.ToSlash(t.TempDir()), serve: func(ctx context.Context, n int32, w io.Writer) error {
		err := sinFin(&written)(ctx, n, w)
		quedan, _, _ = st.Piso()
		return gateway.OwnFailure(err, "d.")
	}}, st)
	r.lugar.espera = 3 * minProbar
	_, err = r.Trae(t.Context(), elPaquete)
	settle(r.Almacen)
	if e := gateway.AsError(err); err == nil || !e.IsOwn() || e.NoEnviada {
		t.Errorf("%+v", e)
	}
	// SQLite may write meanwhile.
	if written < 8<<20 || quedan < piso-1<<20 || r.row(t).Nuestras != 1 {
		t.Errorf("%d bytes came, %d are left, %+v", written, quedan, r.row(t))
	}
	if m, err := r.Medidas(); err != nil || m.Piso != piso || m.Necesarios < piso {
		t.Errorf("measured %+v, %v", m, err)
	}
}
