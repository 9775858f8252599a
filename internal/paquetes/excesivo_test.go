package paquetes

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// sinFin writes the beginning of a ZIP, and goes on until the sink has enough.
func sinFin(written *int64) func(context.Context, int32, io.Writer) error {
	return func(ctx context.Context, _ int32, w io.Writer) error {
		block := append([]byte("PK\x03\x04"), bytes.Repeat([]byte{'A'}, 64<<10-4)...)
		for ctx.Err() == nil {
			n, err := w.Write(block)
			*written += int64(n)
			if err != nil {
				return err
			}
		}
		return context.Cause(ctx)
	}
}

// TestTrae_WhenAPackageHasNoEnd it is cut at the limit and nothing of it stays; its other
// download is not spent on the same, and other packages need no more room for it. Once
// the limit is raised it is asked for.
func TestTrae_WhenAPackageHasNoEnd(t *testing.T) {
	t.Parallel()
	const maximo = 1 << 20
	var written int64
	r := start(t, options{maximo: maximo, serve: sinFin(&written)})
	_, err := r.Trae(t.Context(), elPaquete)
	if e := gateway.AsError(err); e.Own != gateway.OwnPaqueteExcesivo || e.NoEnviada || !e.IsOwn() {
		t.Fatalf("error %+v", e)
	}
	settle(r.Almacen)
	if written > maximo {
		t.Errorf("%d bytes were written, over %d", written, maximo)
	}
	if files, err := filepath.Glob(filepath.Join(r.dir, "paquetes", "parciales", "*")); err != nil || len(files) != 0 {
		t.Errorf("%v stay, error %v", files, err)
	}
	for range 2 {
		_, err = r.Trae(t.Context(), elPaquete)
		noPedido(t, err)
	}
	if row := r.row(t); r.sat.calls.Load() != 1 || row.Descargas != 1 || row.Nuestras != 1 || row.Hay() {
		t.Fatalf("%d calls, %+v", r.sat.calls.Load(), row)
	}
	if m, err := r.Medidas(); err != nil || m.Necesarios >= 256<<20 {
		t.Errorf("measured %+v, %v", m, err)
	}
	r.stop()

	// As after a restart with the same limit, and with a higher one.
	content := makeZip(t, 3, "")
	serve := func(_ context.Context, _ int32, w io.Writer) error {
		_, err := w.Write(content)
		return err
	}
	r = start(t, options{dir: r.dir, maximo: maximo, serve: serve})
	if _, err = r.Trae(t.Context(), elPaquete); r.mayor != 0 || r.sat.calls.Load() != 0 {
		t.Errorf("%d calls, the longest is %d", r.sat.calls.Load(), r.mayor)
	}
	noPedido(t, err)
	r.stop()
	r = start(t, options{dir: r.dir, maximo: 4 * maximo, serve: serve})
	if _, err := r.Trae(t.Context(), elPaquete); err != nil || r.sat.calls.Load() != 1 || r.row(t).Descargas != 2 {
		t.Errorf("error %v after %d calls, %+v", err, r.sat.calls.Load(), r.row(t))
	}
}

// TestTrae_WhenBothAreTooLong nothing is left to ask for, and it is not the SAT's fault.
func TestTrae_WhenBothAreTooLong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for n := range int64(2) {
		var written int64
		r := start(t, options{dir: dir, maximo: (n + 1) << 20, serve: sinFin(&written)})
		if _, err := r.Trae(t.Context(), elPaquete); gateway.AsError(err).Own != gateway.OwnPaqueteExcesivo {
			t.Errorf("error %v", err)
		}
		settle(r.Almacen)
		if n == 1 {
			_, err := r.Trae(t.Context(), elPaquete)
			if e := gateway.AsError(err); e.Kind != gateway.KindYaNoDisponible || e.Backend != "" {
				t.Errorf("error %+v", e)
			}
		}
		r.stop()
	}
}

// TestAbre_WhenAPackageIsAsLongAsItMayBe it is kept, to the byte.
func TestAbre_WhenAPackageIsAsLongAsItMayBe(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 200, "")
	for more, want := range map[int64]bool{0: true, -1: false} {
		r := start(t, options{maximo: int64(len(content)) + more, serve: func(_ context.Context, _ int32, w io.Writer) error {
			for _, b := range [][]byte{content[:7], content[7:]} {
				if _, err := w.Write(b); err != nil {
					return err
				}
			}
			return nil
		}})
		if _, err := r.Trae(t.Context(), elPaquete); (err == nil) != want || err != nil && !errors.Is(err, errExcesivo) {
			t.Errorf("%d more: error %v", more, err)
		}
	}
}

// TestAbre_WhenAPackageHasNoEndItsReadersAreCut: none of them takes the part for the whole.
func TestAbre_WhenAPackageHasNoEndItsReadersAreCut(t *testing.T) {
	t.Parallel()
	var written int64
	r := start(t, options{maximo: 1 << 20, serve: sinFin(&written)})
	c, err := r.Abre(t.Context(), elPaquete)
	if err == nil {
		_, err = read(c)
	}
	if !errors.Is(err, errExcesivo) {
		t.Errorf("error %v", err)
	}
}
