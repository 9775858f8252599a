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

// endless writes the beginning of a ZIP, and goes on until the sink has enough.
func endless(written *int64) func(context.Context, int32, io.Writer) error {
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

// TestFetch_WhenAPackageHasNoEnd it is cut at the limit and nothing of it stays; its other
// download is not spent on the same, and other packages need no more room for it. Once
// the limit is raised it is asked for.
func TestFetch_WhenAPackageHasNoEnd(t *testing.T) {
	t.Parallel()
	const highest = 1 << 20
	var written int64
	r := start(t, options{max: highest, serve: endless(&written)})
	_, err := r.Fetch(t.Context(), samplePaquete)
	if e := gateway.AsError(err); e.Own != gateway.OwnPaqueteExcesivo || e.Unsent || !e.IsOwn() {
		t.Fatalf("error %+v", e)
	}
	settle(r.Vault)
	if written > highest {
		t.Errorf("%d bytes were written, over %d", written, highest)
	}
	if files, err := filepath.Glob(filepath.Join(r.dir, "paquetes", "parciales", "*")); err != nil || len(files) != 0 {
		t.Errorf("%v stay, error %v", files, err)
	}
	for range 2 {
		_, err = r.Fetch(t.Context(), samplePaquete)
		unasked(t, err)
	}
	if row := r.row(t); r.sat.calls.Load() != 1 || row.Descargas != 1 || row.Ours != 1 || row.Has() {
		t.Fatalf("%d calls, %+v", r.sat.calls.Load(), row)
	}
	if m, err := r.Measures(); err != nil || m.Needed >= 256<<20 {
		t.Errorf("measured %+v, %v", m, err)
	}
	r.stop()

	// As after a restart with the same limit, and with a higher one.
	content := makeZip(t, 3, "")
	serve := func(_ context.Context, _ int32, w io.Writer) error {
		_, err := w.Write(content)
		return err
	}
	r = start(t, options{dir: r.dir, max: highest, serve: serve})
	if _, err = r.Fetch(t.Context(), samplePaquete); r.greater != 0 || r.sat.calls.Load() != 0 {
		t.Errorf("%d calls, the longest is %d", r.sat.calls.Load(), r.greater)
	}
	unasked(t, err)
	r.stop()
	r = start(t, options{dir: r.dir, max: 4 * highest, serve: serve})
	if _, err := r.Fetch(t.Context(), samplePaquete); err != nil || r.sat.calls.Load() != 1 || r.row(t).Descargas != 2 {
		t.Errorf("error %v after %d calls, %+v", err, r.sat.calls.Load(), r.row(t))
	}
}

// TestFetch_WhenBothAreTooLong nothing is left to ask for, and it is not the SAT's fault.
func TestFetch_WhenBothAreTooLong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for n := range int64(2) {
		var written int64
		r := start(t, options{dir: dir, max: (n + 1) << 20, serve: endless(&written)})
		if _, err := r.Fetch(t.Context(), samplePaquete); gateway.AsError(err).Own != gateway.OwnPaqueteExcesivo {
			t.Errorf("error %v", err)
		}
		settle(r.Vault)
		if n == 1 {
			_, err := r.Fetch(t.Context(), samplePaquete)
			if e := gateway.AsError(err); e.Kind != gateway.KindYaNoDisponible || e.Backend != "" {
				t.Errorf("error %+v", e)
			}
		}
		r.stop()
	}
}

// TestOpen_WhenAPackageIsAsLongAsItMayBe it is kept, to the byte.
func TestOpen_WhenAPackageIsAsLongAsItMayBe(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 200, "")
	for more, want := range map[int64]bool{0: true, -1: false} {
		r := start(t, options{max: int64(len(content)) + more, serve: func(_ context.Context, _ int32, w io.Writer) error {
			for _, b := range [][]byte{content[:7], content[7:]} {
				if _, err := w.Write(b); err != nil {
					return err
				}
			}
			return nil
		}})
		if _, err := r.Fetch(t.Context(), samplePaquete); (err == nil) != want || err != nil && !errors.Is(err, errExcessive) {
			t.Errorf("%d more: error %v", more, err)
		}
	}
}

// TestOpen_WhenAPackageHasNoEndItsReadersAreCut: none of them takes the part for the whole.
func TestOpen_WhenAPackageHasNoEndItsReadersAreCut(t *testing.T) {
	t.Parallel()
	var written int64
	r := start(t, options{max: 1 << 20, serve: endless(&written)})
	c, err := r.Open(t.Context(), samplePaquete)
	if err == nil {
		_, err = read(c)
	}
	if !errors.Is(err, errExcessive) {
		t.Errorf("error %v", err)
	}
}
