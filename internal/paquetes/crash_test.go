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

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/objetos"
	"github.com/pasarela-mx/pasarela/internal/store"
)

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// The steps of a package on its way into storage, in their order.
const (
	pasoReserva  = iota + 1 // the download is counted
	pasoPartes              // some bytes have arrived
	pasoTodos               // all have; the name of the file does not say so
	pasoEntero              // it does; the row does not know
	pasoRecibido            // the row does
	pasoMovido              // the object is in its place; the row does not know
	pasoGuardado            // the row does; the local file may still be there
)

// crashAfter makes the steps up to hasta with a process of its own, which is
// gone afterwards as after a kill: nothing of it runs any more.
func crashAfter(t *testing.T, dir, blob string, hasta int, content []byte) {
	t.Helper()
	st := openStore(t, dir)
	defer st.Close() //nolint:errcheck // opened again below
	d, err := objetos.Open(t.Context(), blob, filepath.Join(dir, "paquetes"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // nothing is written any more
	id := uuid.NewString()
	f, err := st.Parcial()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // the process is gone
	p := store.Pendiente{Paquete: elPaquete, SHA256: digestOf(content), Bytes: int64(len(content)), Vuela: id}
	done := func(ok bool, err error) {
		t.Helper()
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	for _, paso := range []func(){
		func() { done(st.Reserva(t.Context(), elPaquete, id, "", maxDescargas)) },
		func() { _, err := f.Write(content[:len(content)/2]); done(true, err) },
		func() {
			_, err := f.Write(content[len(content)/2:])
			done(true, err)
		},
		func() {
			p.Parcial, err = st.Entero(f, elPaquete, p.SHA256)
			done(true, err)
		},
		func() { done(st.Recibe(t.Context(), p, "")) },
		func() { done(d.Guarda(t.Context(), p.SHA256, p.Bytes, st.RutaParcial(p.Parcial))) },
		func() { done(st.Completa(t.Context(), elPaquete, p.Parcial)) },
	}[:hasta] {
		paso()
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
		for hasta := pasoReserva; hasta <= pasoGuardado; hasta++ {
			t.Run(map[bool]string{false: "folder ", true: "bucket "}[inBucket]+string(rune('0'+hasta)), func(t *testing.T) {
				t.Parallel()
				dir, blob := t.TempDir(), ""
				if inBucket {
					blob = newBucket(t).address
				}
				crashAfter(t, dir, blob, hasta, content)
				r := start(t, options{dir: dir, blob: blob, serve: func(_ context.Context, _ int32, sink io.Writer) error {
					_, err := sink.Write(content)
					return err
				}})
				c, err := r.Abre(t.Context(), elPaquete)
				if err != nil {
					t.Fatal(err)
				}
				if hasta >= pasoEntero && (c.Guardado == nil || c.Guardado.SHA256 != sum) {
					t.Errorf("%+v", c)
				}
				if got, err := read(c); err != nil || !bytes.Equal(got, content) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				settle(r.Almacen)
				calls := int32(0)
				if hasta < pasoEntero {
					calls = 1 // the second and last
				}
				if n := r.sat.calls.Load(); n != calls {
					t.Errorf("%d downloads, want %d", n, calls)
				}
				row, err := r.store.Paquete(t.Context(), elPaquete)
				if err != nil || !row.Completo || row.Descargas != 1+int(calls) || row.SHA256 != sum || row.Parcial != "" || row.Vuela != "" {
					t.Errorf("row %+v, %v", row, err)
				}
				if ok, err := r.deposito.Existe(t.Context(), sum, int64(len(content))); !ok || err != nil {
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
		borra  bool
		holds  []byte
		calls  int32
	}{
		"holes": {0, false, holes, 1}, "its end missing": {0, false, content[:len(content)-1], 1}, "empty": {0, false, nil, 1},
		"there already": {pasoGuardado, false, content, 0}, "deleted": {pasoGuardado, true, content, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if tc.before > 0 {
				crashAfter(t, dir, "", tc.before, content)
			}
			st := openStore(t, dir)
			f, err := st.Parcial()
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.Write(tc.holds)
			_, err2 := st.Entero(f, elPaquete, digestOf(content))
			if tc.borra {
				_, err3 := st.Borra(t.Context(), elPaquete)
				err = errors.Join(err, err3)
			}
			if err := errors.Join(err, err2, f.Close(), st.Close()); err != nil {
				t.Fatal(err)
			}
			r := start(t, options{dir: dir, serve: entero(content)})
			if left := partials(t, dir); len(left) > 0 {
				t.Errorf("left %v", left)
			}
			if _, err := r.Trae(t.Context(), elPaquete); (err != nil) != tc.borra {
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
	for _, second := range []int{pasoPartes, pasoRecibido} {
		dir := t.TempDir()
		crashAfter(t, dir, "", pasoPartes, content)
		st := openStore(t, dir)
		row, err := st.Paquete(t.Context(), elPaquete)
		if err != nil {
			t.Fatal(err)
		}
		f, err := st.Parcial()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(content); err != nil {
			t.Fatal(err)
		}
		if ok, err := st.Reserva(t.Context(), elPaquete, "dos", row.Vuela, maxDescargas); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if second == pasoRecibido {
			p := store.Pendiente{Paquete: elPaquete, SHA256: digestOf(content), Bytes: int64(len(content)), Vuela: "dos"}
			if p.Parcial, err = st.Entero(f, elPaquete, p.SHA256); err != nil {
				t.Fatal(err)
			}
			if ok, err := st.Recibe(t.Context(), p, ""); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		if err := errors.Join(f.Close(), st.Close()); err != nil {
			t.Fatal(err)
		}
		r := start(t, options{dir: dir})
		c, err := r.Abre(t.Context(), elPaquete)
		if second == pasoRecibido {
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

// TestAbre_WhenTheBucketIsAwayAtTheEnd: the package is served from this machine
// until the bucket takes it, across a restart.
func TestAbre_WhenTheBucketIsAwayAtTheEnd(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 200, "")
	b, dir := newBucket(t), t.TempDir()
	b.caido.Store(true)
	o := options{dir: dir, blob: b.address, serve: func(_ context.Context, _ int32, sink io.Writer) error {
		_, err := sink.Write(content)
		return err
	}}
	r := start(t, o)
	for range 3 {
		c, err := r.Abre(t.Context(), elPaquete)
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
	if row, err := r.store.Paquete(t.Context(), elPaquete); err != nil || row.Completo || row.Parcial == "" || b.stored(digestOf(content)) {
		t.Errorf("row %+v, %v", row, err)
	}
	r.stop()
	if len(partials(t, dir)) != 1 {
		t.Error("the only copy is gone")
	}
	b.caido.Store(false)
	again := start(t, o)
	settle(again.Almacen)
	if row, err := again.store.Paquete(t.Context(), elPaquete); err != nil || !row.Completo || !b.stored(digestOf(content)) || len(partials(t, dir)) > 0 {
		t.Errorf("row %+v, %v", row, err)
	}
	c, err := again.Abre(t.Context(), elPaquete)
	if err != nil {
		t.Fatal(err)
	}
	if _, local := c.Guardado.ReadSeekCloser.(*os.File); local {
		t.Error("it is not read from the bucket")
	}
	if got, err := read(c); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if n := r.sat.calls.Load() + again.sat.calls.Load(); n != 1 {
		t.Errorf("%d downloads", n)
	}
}

// TestAbre_WhenTheBucketComesBack: without a restart, too.
func TestAbre_WhenTheBucketComesBack(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 20, "")
	b := newBucket(t)
	b.caido.Store(true)
	r := start(t, options{blob: b.address, serve: func(_ context.Context, _ int32, sink io.Writer) error {
		_, err := sink.Write(content)
		return err
	}})
	r.recibido(t)
	for b.writes.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	b.caido.Store(false)
	settle(r.Almacen)
	if !b.stored(digestOf(content)) {
		t.Error("it was not tried again")
	}
}

// An object that is not where its row says spends no download by itself.
func TestAbre_WhenTheObjectIsLost(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 20, "")
	r := start(t, options{serve: func(_ context.Context, _ int32, sink io.Writer) error {
		_, err := sink.Write(content)
		return err
	}})
	if _, err := r.Trae(t.Context(), elPaquete); err != nil {
		t.Fatal(err)
	}
	settle(r.Almacen)
	if err := r.deposito.Borra(t.Context(), digestOf(content)); err != nil {
		t.Fatal(err)
	}
	_, err := r.Abre(t.Context(), elPaquete)
	_, err2 := r.Lee(t.Context(), elPaquete)
	if !gateway.IsKind(err, gateway.KindInterno) || !gateway.IsKind(err2, gateway.KindInterno) || r.sat.calls.Load() != 1 {
		t.Errorf("%v; %v; %d downloads", err, err2, r.sat.calls.Load())
	}
}
