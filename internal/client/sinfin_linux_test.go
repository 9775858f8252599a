package client

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/disk"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// endless sends until nobody takes it, and counts.
func endless(w io.Writer, n *atomic.Int64) {
	for piece := make([]byte, 64<<10); ; {
		written, err := w.Write(piece)
		if n.Add(int64(written)); err != nil {
			return
		}
	}
}

// A package is no longer than its gateway has said.
func TestSave_WhenAPackageHasNoEnd(t *testing.T) {
	t.Parallel()
	p := rest.PaqueteDeDescarga{IDPaquete: "A_01", Estado: string(gateway.PaqueteGuardado), Bytes: 1 << 20, Sha256: strings.Repeat("0", 64), URL: "/v1/sat/cfdi/paquetes/A_01"}
	var n atomic.Int64
	c := fakeGateway(t, p, func(w http.ResponseWriter, _ *http.Request) { endless(w, &n) })
	folder, err := OpenFolder(t.TempDir(), january())
	if err != nil {
		t.Fatal(err)
	}
	d := itsDescarga()
	d.Estado = rest.EstadoDescargaTerminada
	if _, err := c.Save(t.Context(), d, folder, Options{Notify: func(string, int64, int64) {}}); !errors.Is(err, errOtherContent) {
		t.Error(err)
	}
	// What the connections' buffers hold was sent and not taken.
	if n.Load() > 256<<20 {
		t.Errorf("%d bytes were sent", n.Load())
	}
	if has, err := filepath.Glob(filepath.Join(folder.Dir(), "paquetes", "*")); err != nil || len(has) > 0 {
		t.Errorf("it left %q: %v", has, err)
	}
}

// Of rows nobody says how many bytes there are: some of the disk stays free all the same.
func TestSave_WhenTheRowsHaveNoEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); err != nil {
		t.Skip("SKIPPED: a file system of its own cannot be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { endless(w, &n) }))
	defer s.Close()
	c, err := New(s.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := download{client: c, path: filepath.Join(dir, "cfdis.csv"), request: request{method: http.MethodGet, path: "/"}, notify: func(int64) {}}
	if _, err := b.fetch(t.Context()); !errors.Is(err, ErrFullDisk) {
		t.Error(err)
	}
	if free, total, err := disk.Free(dir); err != nil || free < total/freePart {
		t.Errorf("%d of %d bytes are free, %v", free, total, err)
	}
}

// A list that has always one page more ends.
func TestPaquetes_WhenTheListHasNoEnd(t *testing.T) {
	t.Parallel()
	var times atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		times.Add(1)
		io.WriteString(w, `{"paquetes":[],"siguiente":"otra"}`) //nolint:errcheck // a test's
	}))
	defer s.Close()
	c, err := New(s.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.paquetes(t.Context(), "x"); !errors.Is(err, ErrForeign) || times.Load() != oneMaxPages {
		t.Errorf("%v after %d pages", err, times.Load())
	}
}
