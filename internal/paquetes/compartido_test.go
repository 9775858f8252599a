package paquetes

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// vivos is who is alive, as the gateways of one ledger see it.
type vivos struct {
	mu      sync.Mutex
	muertos map[string]bool
}

func (v *vivos) mata(id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.muertos[id] = true
}

// presente is one of them.
type presente struct {
	*vivos
	id string
}

func (p presente) ID() string { return p.id }

func (p presente) Vive(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.muertos[id]
}

// comunidad is some gateways, each with its own disk, over one ledger and one
// storage.
type comunidad struct {
	t     *testing.T
	blob  string
	db    string
	vivos *vivos
}

func newComunidad(t *testing.T, blob string) *comunidad {
	t.Helper()
	return &comunidad{t: t, blob: blob, db: filepath.Join(t.TempDir(), "comun.db"), vivos: &vivos{muertos: map[string]bool{}}}
}

// start starts the gateway id on the disk dir. Each opens the one database by a
// link, as processes of their own would; the ledger's file lies elsewhere.
func (c *comunidad) start(id, dir string, serve func(ctx context.Context, n int32, sink io.Writer) error) *rig {
	c.t.Helper()
	link := filepath.Join(dir, "pasarela.db")
	if _, err := os.Lstat(link); err != nil {
		if err := os.Symlink(c.db, link); err != nil {
			c.t.Fatal(err)
		}
	}
	return start(c.t, options{dir: dir, blob: c.blob, presencia: presente{c.vivos, id}, espera: 400 * time.Millisecond, serve: serve})
}

// parado serves half of content, then waits for gate.
func parado(content []byte, gate chan struct{}) func(context.Context, int32, io.Writer) error {
	return func(_ context.Context, _ int32, sink io.Writer) error {
		if _, err := sink.Write(content[:len(content)/2]); err != nil {
			return err
		}
		<-gate
		_, err := sink.Write(content[len(content)/2:])
		return err
	}
}

func entero(content []byte) func(context.Context, int32, io.Writer) error {
	return func(_ context.Context, _ int32, sink io.Writer) error {
		_, err := sink.Write(content)
		return err
	}
}

func prohibido(context.Context, int32, io.Writer) error { return errors.New("must not be called") }

// kinds runs a test over a folder that all share, and over a bucket.
func kinds(t *testing.T, test func(t *testing.T, c *comunidad)) {
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		test(t, newComunidad(t, "file://"+t.TempDir()))
	})
	t.Run("bucket", func(t *testing.T) {
		t.Parallel()
		test(t, newComunidad(t, newBucket(t).address))
	})
}

func TestAbre_WhenAnotherGatewayFliesIt(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, c *comunidad) {
		content, gate := makeZip(t, 200, ""), make(chan struct{})
		a := c.start("a", t.TempDir(), parado(content, gate))
		b := c.start("b", t.TempDir(), prohibido)
		first, err := a.Abre(t.Context(), elPaquete)
		if err != nil {
			t.Fatal(err)
		}
		// Bounded for a caller of HTTP, and by its patience.
		_, err = b.Abre(t.Context(), elPaquete)
		if e := gateway.AsError(err); err == nil || e.Kind != gateway.KindSinServicio || !e.Reintentable || e.RetryAfter <= 0 {
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("enough"))
		defer cancel()
		if _, err := b.Trae(ctx, elPaquete); err == nil || err.Error() != "enough" {
			t.Errorf("%v", err)
		}
		if _, err := b.Lee(t.Context(), elPaquete); !gateway.IsKind(err, gateway.KindNoEncontrado) {
			t.Errorf("%v", err)
		}
		if err := b.Borra(t.Context(), elPaquete); !gateway.IsKind(err, gateway.KindSinServicio) {
			t.Errorf("%v", err)
		}
		time.AfterFunc(600*time.Millisecond, func() { close(gate) }) // longer than b's HTTP callers wait
		ficha, err := b.Trae(t.Context(), elPaquete)
		if err != nil || ficha.SHA256 != digestOf(content) || ficha.Bytes != int64(len(content)) || ficha.Completado.IsZero() {
			t.Errorf("%+v, %v", ficha, err)
		}
		second, err := b.Abre(t.Context(), elPaquete)
		if err != nil || second.Guardado == nil {
			t.Fatalf("%+v, %v", second, err)
		}
		for _, got := range []Contenido{first, second} {
			if got, err := read(got); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		}
		if n := a.sat.calls.Load() + b.sat.calls.Load(); n != 1 {
			t.Errorf("%d downloads", n)
		}
	})
}

func TestAbre_WhenManyGatewaysAreAskedAtOnce(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, c *comunidad) {
		content := makeZip(t, 50, "")
		var rigs []*rig
		for _, id := range []string{"a", "b", "c"} {
			rigs = append(rigs, c.start(id, t.TempDir(), entero(content)))
		}
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				if ficha, err := rigs[i%3].Trae(t.Context(), elPaquete); err != nil || ficha.SHA256 != digestOf(content) {
					t.Errorf("%+v, %v", ficha, err)
				}
			})
		}
		wg.Wait()
		total := int32(0)
		for _, r := range rigs {
			total += r.sat.calls.Load()
		}
		if total != 1 {
			t.Errorf("%d downloads", total)
		}
	})
}

// A gateway that dies in mid-flight leaves its download spent: the next is the
// second, and what the dead one still brings is nobody's.
func TestAbre_WhenTheOtherGatewayDies(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, c *comunidad) {
		content, gate := makeZip(t, 200, ""), make(chan struct{})
		dirA := t.TempDir()
		a := c.start("a", dirA, parado(content, gate))
		b := c.start("b", t.TempDir(), entero(content))
		first, err := a.Abre(t.Context(), elPaquete)
		if err != nil {
			t.Fatal(err)
		}
		waiting := make(chan error, 1)
		go func() {
			_, err := b.Trae(t.Context(), elPaquete)
			waiting <- err
		}()
		time.AfterFunc(300*time.Millisecond, func() { c.vivos.mata("a") })
		if err := <-waiting; err != nil {
			t.Fatal(err)
		}
		close(gate) // a was only thought dead
		if got, err := read(first); err != nil || !bytes.Equal(got, content) {
			t.Errorf("a's own caller: %d bytes, %v", len(got), err)
		}
		settle(a.Almacen)
		settle(b.Almacen)
		row, err := b.store.Paquete(t.Context(), elPaquete)
		if err != nil || !row.Completo || row.Descargas != 2 || row.Vuela != "" || row.Parcial != "" {
			t.Errorf("row %+v, %v", row, err)
		}
		if a.sat.calls.Load() != 1 || b.sat.calls.Load() != 1 || len(partials(t, dirA)) > 0 {
			t.Errorf("%d and %d downloads, left %v", a.sat.calls.Load(), b.sat.calls.Load(), partials(t, dirA))
		}
	})
}

func TestAbre_WhenEveryGatewayDiesThereIsNoThird(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, c *comunidad) {
		content, gate := makeZip(t, 200, ""), make(chan struct{})
		defer close(gate)
		for _, id := range []string{"a", "b"} {
			r := c.start(id, t.TempDir(), parado(content, gate))
			got, err := r.Abre(t.Context(), elPaquete)
			if err != nil {
				t.Fatal(err)
			}
			got.EnVuelo.Close() //nolint:errcheck // always nil
			c.vivos.mata(id)
		}
		last := c.start("c", t.TempDir(), prohibido)
		_, err := last.Abre(t.Context(), elPaquete)
		if e := gateway.AsError(err); err == nil || e.Kind != gateway.KindYaNoDisponible || e.Backend != "" || e.Codigo != "" {
			t.Errorf("%+v", e)
		}
	})
}

// What a dead gateway holds whole on its disk is not lost: while a download is
// left another makes it; with none left, all wait for its disk.
func TestAbre_WhenADeadGatewayHoldsItWhole(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 200, "")
	for name, before := range map[string]int{"a download left": 0, "none left": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s3 := newBucket(t)
			c := newComunidad(t, s3.address)
			dirA := t.TempDir()
			s3.caido.Store(true)
			a := c.start("a", dirA, entero(content))
			if before == 1 { // an earlier process, of which nothing is left
				if ok, err := a.store.Reserva(t.Context(), elPaquete, "z", "", maxDescargas); !ok || err != nil {
					t.Fatal(ok, err)
				}
				c.vivos.mata("z")
			}
			a.recibido(t)
			a.stop()
			c.vivos.mata("a")
			s3.caido.Store(false)
			b := c.start("b", t.TempDir(), entero(content))
			_, err := b.Trae(t.Context(), elPaquete)
			if before == 0 {
				if err != nil || b.sat.calls.Load() != 1 {
					t.Errorf("%v, %d downloads", err, b.sat.calls.Load())
				}
				settle(b.Almacen)
			} else if e := gateway.AsError(err); e.Kind != gateway.KindSinServicio || !e.Reintentable || b.sat.calls.Load() != 0 {
				t.Errorf("%v, %d downloads", err, b.sat.calls.Load())
			}
			again := c.start("a2", dirA, prohibido)
			settle(again.Almacen)
			for _, r := range []*rig{again, b} {
				got, err := r.Abre(t.Context(), elPaquete)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := read(got); err != nil || !bytes.Equal(got, content) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			}
			if row, err := b.store.Paquete(t.Context(), elPaquete); err != nil || !row.Completo || len(partials(t, dirA)) > 0 {
				t.Errorf("row %+v, %v, left %v", row, err, partials(t, dirA))
			}
		})
	}
}
