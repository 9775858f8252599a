package cliente

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

// sinFin sends until nobody takes it, and counts.
func sinFin(w io.Writer, n *atomic.Int64) {
	for pieza := make([]byte, 64<<10); ; {
		escrito, err := w.Write(pieza)
		if n.Add(int64(escrito)); err != nil {
			return
		}
	}
}

// A package is no longer than its gateway has said.
func TestGuarda_WhenAPackageHasNoEnd(t *testing.T) {
	t.Parallel()
	p := rest.PaqueteDeDescarga{IDPaquete: "A_01", Estado: string(gateway.PaqueteGuardado), Bytes: 1 << 20, Sha256: strings.Repeat("0", 64), URL: "/v1/sat/cfdi/paquetes/A_01"}
	var n atomic.Int64
	c := gatewayFalso(t, p, func(w http.ResponseWriter, _ *http.Request) { sinFin(w, &n) })
	carpeta, err := AbreCarpeta(t.TempDir(), enero())
	if err != nil {
		t.Fatal(err)
	}
	d := suDescarga()
	d.Estado = rest.EstadoDescargaTerminada
	if _, err := c.Guarda(t.Context(), d, carpeta, Opciones{Avisa: func(string, int64, int64) {}}); !errors.Is(err, errOtroContenido) {
		t.Error(err)
	}
	// What the connections' buffers hold was sent and not taken.
	if n.Load() > 256<<20 {
		t.Errorf("%d bytes were sent", n.Load())
	}
	if hay, err := filepath.Glob(filepath.Join(carpeta.Dir(), "paquetes", "*")); err != nil || len(hay) > 0 {
		t.Errorf("it left %q: %v", hay, err)
	}
}

// Of rows nobody says how many bytes there are: some of the disk stays free all the same.
func TestGuarda_WhenTheRowsHaveNoEnd(t *testing.T) {
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
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { sinFin(w, &n) }))
	defer s.Close()
	c, err := Nuevo(s.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Cierra()
	b := bajada{cliente: c, path: filepath.Join(dir, "cfdis.csv"), peticion: peticion{metodo: http.MethodGet, ruta: "/"}, avisa: func(int64) {}}
	if _, err := b.trae(t.Context()); !errors.Is(err, ErrDiscoLleno) {
		t.Error(err)
	}
	if libre, total, err := disk.Free(dir); err != nil || libre < total/libreParte {
		t.Errorf("%d of %d bytes are free, %v", libre, total, err)
	}
}

// A list that has always one page more ends.
func TestPaquetes_WhenTheListHasNoEnd(t *testing.T) {
	t.Parallel()
	var veces atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		veces.Add(1)
		io.WriteString(w, `{"paquetes":[],"siguiente":"otra"}`) //nolint:errcheck // a test's
	}))
	defer s.Close()
	c, err := Nuevo(s.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Cierra()
	if _, err := c.paquetes(t.Context(), "x"); !errors.Is(err, ErrAjena) || veces.Load() != maxPaginasDeUna {
		t.Errorf("%v after %d pages", err, veces.Load())
	}
}
