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

// sinDisco takes the folder of packages on their way away, until the returned function
// is called: no file can be made in it.
func sinDisco(t *testing.T, dir string) (vuelve func()) {
	t.Helper()
	parciales := filepath.Join(dir, "paquetes", "parciales")
	if err := os.Rename(parciales, parciales+".fuera"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Rename(parciales+".fuera", parciales); err != nil {
			t.Error(err)
		}
	}
}

func (r *rig) row(t *testing.T) store.Paquete {
	t.Helper()
	row, err := r.store.Paquete(t.Context(), elPaquete)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// noPedido wants a refusal that has cost nothing, and that says when to come again.
func noPedido(t *testing.T, err error) {
	t.Helper()
	e := gateway.AsError(err)
	if err == nil || e.Kind != gateway.KindSinServicio || !e.NoEnviada || !e.Reintentable || e.RetryAfter <= 0 || e.Backend != "" {
		t.Errorf("error %+v", e)
	}
}

// vuela0 is the file of the flight under way.
func (r *rig) vuela0() *os.File {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.vuelos[elPaquete.Unico()].file
}

func TestAbre_WhenNothingCanBeKeptNothingIsSpent(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 3, "")
	r := start(t, options{serve: func(_ context.Context, _ int32, w io.Writer) error {
		_, err := w.Write(content)
		return err
	}})
	vuelve := sinDisco(t, r.dir)
	for range 3 {
		_, err := r.Abre(t.Context(), elPaquete)
		noPedido(t, err)
	}
	if n := r.sat.calls.Load(); n != 0 || r.row(t).Descargas != 0 {
		t.Fatalf("%d calls, %+v", n, r.row(t))
	}
	if m, err := r.Medidas(); err == nil || m.Aplazadas != 3 {
		t.Errorf("measured %+v, %v", m, err)
	}
	vuelve()
	if m, err := r.Medidas(); err != nil || m.Libres <= m.Necesarios || m.Necesarios <= 0 || m.Aplazadas != 3 {
		t.Errorf("measured %+v, %v", m, err)
	}
	if _, err := r.Trae(t.Context(), elPaquete); err != nil || r.sat.calls.Load() != 1 {
		t.Errorf("error %v after %d calls", err, r.sat.calls.Load())
	}
}

// TestAbre_WhenTheLedgerTakesNoCount: what is not counted does not leave.
func TestAbre_WhenTheLedgerTakesNoCount(t *testing.T) {
	t.Parallel()
	r := start(t, options{serve: func(context.Context, int32, io.Writer) error { return nil }})
	r.store.Close() //nolint:errcheck // it is away
	if _, err := r.Abre(t.Context(), elPaquete); err == nil || r.sat.calls.Load() != 0 {
		t.Errorf("error %v after %d calls", err, r.sat.calls.Load())
	}
}

// TestTrae_WhenThisMachineLosesADownload in each of the ways, it is counted as spent
// and as ours; the other one does not leave before the disk takes what the first had
// brought, and both lost are not the SAT's fault.
func TestTrae_WhenThisMachineLosesADownload(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 3, "")
	entrega := func(_ *rig, w io.Writer) error {
		_, err := w.Write(content)
		return err
	}
	for name, rompe := range map[string]struct {
		serve func(r *rig, w io.Writer) error
		punto string
	}{
		"a write": {serve: func(r *rig, w io.Writer) error {
			w.Write(content[:9]) //nolint:errcheck // memory
			r.vuela0().Close()   //nolint:errcheck // to break it
			_, err := w.Write(content[9:])
			return err
		}},
		"a hash, or the look whether it is whole": {serve: func(r *rig, w io.Writer) error {
			w.Write(content)   //nolint:errcheck // the disk takes it
			r.vuela0().Close() //nolint:errcheck // to break it
			return nil
		}},
		"a panic":       {serve: func(*rig, io.Writer) error { panic("defect") }},
		"all it held":   {serve: entrega, punto: "paquete-llegado"},
		"all it stored": {serve: entrega, punto: "paquete-entero"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r *rig
			listo := make(chan struct{})
			r = start(t, options{
				serve: func(_ context.Context, _ int32, w io.Writer) error {
					<-listo
					return rompe.serve(r, w)
				},
				paso: func(punto string) {
					<-listo
					if punto == rompe.punto {
						f := r.vuela0()
						// Its bytes, and then its sync or its name.
						if err := errors.Join(f.Truncate(0), os.RemoveAll(f.Name()), f.Close()); err != nil {
							t.Error(err)
						}
					}
				},
			})
			close(listo)
			// The first is lost, and then the disk is away.
			r.pierde(t, 1)
			vuelve := sinDisco(t, r.dir)
			_, err := r.Abre(t.Context(), elPaquete)
			noPedido(t, err)
			if n := r.sat.calls.Load(); n != 1 {
				t.Fatalf("%d calls", n)
			}
			vuelve()
			r.pierde(t, 2)
			_, err = r.Abre(t.Context(), elPaquete)
			if e := gateway.AsError(err); e.Kind != gateway.KindYaNoDisponible || e.Backend != "" || e.Codigo != "" || r.sat.calls.Load() != 2 {
				t.Errorf("%+v after %d calls", e, r.sat.calls.Load())
			}
		})
	}
}

func cuando(punto, aqui string, hace func()) {
	if punto == aqui {
		hace()
	}
}

// TestTrae_WhenWhatCameCannotBeKeptItIsWrittenAnew while it is still held: the file was
// removed, it cannot be synced, or its folder is away for a while.
func TestTrae_WhenWhatCameCannotBeKeptItIsWrittenAnew(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 300, "")
	for name, tc := range map[string]struct {
		punto string
		rompe func(t *testing.T, r *rig)
	}{
		"the name": {"paquete-llegado", func(t *testing.T, r *rig) {
			t.Helper()
			if err := os.Remove(r.vuela0().Name()); err != nil {
				t.Error(err)
			}
		}},
		"the sync": {"paquete-entero", func(_ *testing.T, r *rig) {
			r.vuela0().Close() //nolint:errcheck // to break it
		}},
		"the folder": {"paquete-llegado", func(t *testing.T, r *rig) {
			t.Helper()
			vuelve := sinDisco(t, r.dir)
			time.AfterFunc(10*time.Millisecond, vuelve)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r *rig
			listo := make(chan struct{})
			r = start(t, options{serve: func(_ context.Context, _ int32, w io.Writer) error {
				_, err := w.Write(content)
				return err
			}, paso: func(punto string) {
				<-listo
				cuando(punto, tc.punto, func() { tc.rompe(t, r) })
			}})
			close(listo)
			f, err := r.Trae(t.Context(), elPaquete)
			if err != nil || f.SHA256 != digestOf(content) || r.sat.calls.Load() != 1 || r.row(t).Nuestras != 0 {
				t.Fatalf("%+v, %v after %d calls, %+v", f, err, r.sat.calls.Load(), r.row(t))
			}
			settle(r.Almacen)
			c, err := r.Abre(t.Context(), elPaquete)
			if got, errRead := read(c); err != nil || errRead != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v, %v", len(got), err, errRead)
			}
			if left := partials(t, r.dir); len(left) > 0 {
				t.Errorf("left %v", left)
			}
		})
	}
}

// pierde makes one flight, the n-th, which this machine loses.
func (r *rig) pierde(t *testing.T, n int) {
	t.Helper()
	c, err := r.Abre(t.Context(), elPaquete)
	if err == nil {
		read(c) //nolint:errcheck // it may be whole, or not
	}
	settle(r.Almacen)
	if row := r.row(t); row.Descargas != n || row.Nuestras != n || row.Completo {
		t.Fatalf("%+v", row)
	}
}

// TestAbre_WhenWhatWasLostNeedsMoreRoomThanThereIs the other download stays.
func TestAbre_WhenWhatWasLostNeedsMoreRoomThanThereIs(t *testing.T) {
	t.Parallel()
	r := start(t, options{maximo: 1 << 61, serve: func(context.Context, int32, io.Writer) error { return errors.New("not to be called") }})
	if _, err := r.store.Reserva(t.Context(), elPaquete, r.presencia.ID(), "", maxDescargas); err != nil {
		t.Fatal(err)
	}
	if err := r.store.AnotaNuestra(t.Context(), elPaquete, 1<<60); err != nil {
		t.Fatal(err)
	}
	_, err := r.Abre(t.Context(), elPaquete)
	noPedido(t, err)
	if n := r.sat.calls.Load(); n != 0 || !errors.Is(err, store.ErrSinLugar) {
		t.Errorf("%v after %d calls", err, n)
	}
}

// TestAbre_WhenALossCannotBeEnteredYet nobody waits for ever, and nothing leaves.
func TestAbre_WhenALossCannotBeEnteredYet(t *testing.T) {
	t.Parallel()
	var r *rig
	listo := make(chan struct{})
	r = start(t, options{espera: 50 * time.Millisecond, serve: func(context.Context, int32, io.Writer) error {
		<-listo
		r.store.Close() //nolint:errcheck // it is away
		panic("defect")
	}})
	close(listo)
	if _, err := r.Abre(t.Context(), elPaquete); err == nil {
		t.Error("it came")
	}
	_, err := r.sigue(t.Context(), elPaquete)
	noPedido(t, err)
	if n := r.sat.calls.Load(); n != 1 {
		t.Errorf("%d calls", n)
	}
}
