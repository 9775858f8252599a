package integration

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
)

// smallDisk is a data directory on a disk of 32 MiB, and what leaves it 3 MiB of room:
// enough for the ledger, and too little for a package.
func smallDisk(t *testing.T) (dir string, fill func() (empty func())) {
	t.Helper()
	dir, err := os.MkdirTemp("", "disco-chico") // not TempDir: what is mounted below it may go later
	if err != nil {
		t.Fatal(err)
	}
	err = syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=32m")
	if errors.Is(err, syscall.EPERM) {
		t.Skip("to mount a small disk takes a privilege")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Unmount(dir, syscall.MNT_DETACH) //nolint:errcheck // it is a test's own
		os.Remove(dir)                           //nolint:errcheck // empty by now
	})
	return filepath.Join(dir, "datos"), func() func() {
		padding := filepath.Join(dir, "relleno")
		if err := os.WriteFile(padding, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		var fs syscall.Statfs_t
		if err := syscall.Statfs(dir, &fs); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(padding, make([]byte, int64(fs.Bavail)*fs.Bsize-3<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := os.Remove(padding); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestDescargas_WhenTheDiskIsFullNothingIsSpentOnIt: as many downloads and solicitudes
// as with room, and all is there in the end.
func TestDescargas_WhenTheDiskIsFullNothingIsSpentOnIt(t *testing.T) {
	t.Parallel()
	dir, fill := smallDisk(t)
	o := &operatedGateway{t: t, Gateway: gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.DataDir = dir }})}
	fast(t, o.Gateway, map[string]any{"cfdis_por_dia": 1, "cfdis_por_paquete": 6})
	empty := fill()
	var paths []string
	for _, end := range []string{"2026-01-30T23:59:59", "2026-01-30T23:59:58", "2026-01-30T23:59:57"} {
		paths = append(paths, create(t, o.Gateway, request("CFDI", map[string]any{"fechaFinal": end})))
	}
	for _, path := range paths {
		// Twice put off, the package is not asked for and not given up.
		for end := time.Now().Add(patience); strings.Count(string(o.Get(path+"/eventos").Body), "paquete_aplazado") < 2; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s", o.Get(path+"/eventos").Body)
			}
		}
	}
	if n := o.calls(); n != 0 {
		t.Errorf("%d downloads without room", n)
	}
	empty()
	paquetes := 0
	for _, path := range paths {
		d := wait(t, o.Gateway, path)
		if d.Estado != "terminada" || d.Progreso.Encontrados != d.Progreso.NumeroCFDIs || d.Cuota.SolicitudesPresentadas != 1 {
			t.Errorf("%+v", d)
		}
		paquetes += d.Progreso.TotalPaquetes
	}
	if n := o.calls(); n != int64(paquetes) || paquetes < 6 {
		t.Errorf("%d downloads of %d packages", n, paquetes)
	}
}

// TestPaquete_WhenTheDiskIsFullACallerIsToldToComeAgain, and nothing is spent.
func TestPaquete_WhenTheDiskIsFullACallerIsToldToComeAgain(t *testing.T) {
	t.Parallel()
	dir, fill := smallDisk(t)
	r := start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.DataDir = dir }})
	paquete, _ := r.paquete(nil)
	empty := fill()
	for range 3 {
		resp := r.Get(paquete)
		wantStatus(t, resp, http.StatusServiceUnavailable)
		if resp.Header.Get("Retry-After") == "" || strings.Contains(string(resp.Body), `"backend"`) {
			t.Errorf("%v %s", resp.Header, resp.Body)
		}
	}
	empty()
	wantStatus(t, r.Get(paquete), http.StatusOK)
	r.wantDescargas(t, 1)
}
