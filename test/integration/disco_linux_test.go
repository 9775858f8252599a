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

// discoChico is a data directory on a disk of 32 MiB, and what leaves it 3 MiB of room:
// enough for the ledger, and too little for a package.
func discoChico(t *testing.T) (dir string, llena func() (vacia func())) {
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
		relleno := filepath.Join(dir, "relleno")
		if err := os.WriteFile(relleno, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		var fs syscall.Statfs_t
		if err := syscall.Statfs(dir, &fs); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(relleno, make([]byte, int64(fs.Bavail)*fs.Bsize-3<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := os.Remove(relleno); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestDescargas_WhenTheDiskIsFullNothingIsSpentOnIt: as many downloads and solicitudes
// as with room, and all is there in the end.
func TestDescargas_WhenTheDiskIsFullNothingIsSpentOnIt(t *testing.T) {
	t.Parallel()
	dir, llena := discoChico(t)
	o := &operacion{t: t, Gateway: gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.DataDir = dir }})}
	rapido(t, o.Gateway, map[string]any{"cfdis_por_dia": 1, "cfdis_por_paquete": 6})
	vacia := llena()
	var rutas []string
	for _, fin := range []string{"2026-01-30T23:59:59", "2026-01-30T23:59:58", "2026-01-30T23:59:57"} {
		rutas = append(rutas, crea(t, o.Gateway, peticion("CFDI", map[string]any{"fechaFinal": fin})))
	}
	for _, ruta := range rutas {
		// Twice put off, the package is not asked for and not given up.
		for fin := time.Now().Add(patience); strings.Count(string(o.Get(ruta+"/eventos").Body), "paquete_aplazado") < 2; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(fin) {
				t.Fatalf("%s", o.Get(ruta+"/eventos").Body)
			}
		}
	}
	if n := o.llamadas(); n != 0 {
		t.Errorf("%d downloads without room", n)
	}
	vacia()
	paquetes := 0
	for _, ruta := range rutas {
		d := espera(t, o.Gateway, ruta)
		if d.Estado != "terminada" || d.Progreso.Encontrados != d.Progreso.NumeroCFDIs || d.Cuota.SolicitudesPresentadas != 1 {
			t.Errorf("%+v", d)
		}
		paquetes += d.Progreso.TotalPaquetes
	}
	if n := o.llamadas(); n != int64(paquetes) || paquetes < 6 {
		t.Errorf("%d downloads of %d packages", n, paquetes)
	}
}

// TestPaquete_WhenTheDiskIsFullACallerIsToldToComeAgain, and nothing is spent.
func TestPaquete_WhenTheDiskIsFullACallerIsToldToComeAgain(t *testing.T) {
	t.Parallel()
	dir, llena := discoChico(t)
	r := start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.DataDir = dir }})
	paquete, _ := r.paquete(nil)
	vacia := llena()
	for range 3 {
		resp := r.Get(paquete)
		wantStatus(t, resp, http.StatusServiceUnavailable)
		if resp.Header.Get("Retry-After") == "" || strings.Contains(string(resp.Body), `"backend"`) {
			t.Errorf("%v %s", resp.Header, resp.Body)
		}
	}
	vacia()
	wantStatus(t, r.Get(paquete), http.StatusOK)
	r.wantDescargas(t, 1)
}
