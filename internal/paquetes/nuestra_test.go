package paquetes

import (
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
	for name, rompe := range map[string]struct {
		serve func(r *rig, w io.Writer) error
		paso  func(r *rig, punto string)
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
		"a panic": {serve: func(*rig, io.Writer) error { panic("defect") }},
		"a sync": {paso: func(r *rig, punto string) {
			cuando(punto, "paquete-entero", func() { r.vuela0().Close() }) //nolint:errcheck // to break it
		}},
		"a rename": {paso: func(r *rig, punto string) {
			cuando(punto, "paquete-llegado", func() { os.Remove(r.vuela0().Name()) }) //nolint:errcheck // to break it
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r *rig
			listo := make(chan struct{})
			r = start(t, options{
				serve: func(_ context.Context, _ int32, w io.Writer) error {
					<-listo
					if rompe.serve != nil {
						return rompe.serve(r, w)
					}
					_, err := w.Write(content)
					return err
				},
				paso: func(punto string) {
					if rompe.paso != nil {
						<-listo
						rompe.paso(r, punto)
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
	r := start(t, options{serve: func(context.Context, int32, io.Writer) error { return errors.New("not to be called") }})
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
