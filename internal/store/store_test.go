package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() }) //nolint:errcheck // may be closed already
	return s
}

func intento(clave string) Intento {
	return Intento{Operacion: "sat.solicita", Clave: clave, Huella: "h", Criterios: "c"}
}

func TestOpen_WhenTakenOrLeft(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	first := open(t, dir)
	if _, err := Open(t.Context(), dir, time.Now); !errors.Is(err, ErrInUse) {
		t.Errorf("a second process: %v", err)
	}
	part, err := first.Parcial()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(part.Close(), first.Close()); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := os.Stat(part.Name()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a partial package of an earlier process is still there: %v", err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
}

func TestIntenta_WhenKeyIsUsedTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	first, mine, err := s.Intenta(t.Context(), intento("k"))
	if err != nil || !mine {
		t.Fatalf("mine %v, error %v", mine, err)
	}
	first.Estado, first.Respuesta = EstadoAceptado, `{"x":1}`
	if err := s.Resuelve(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir) // the ledger outlives the process
	again, mine, err := s.Intenta(t.Context(), intento("k"))
	if err != nil || mine || again.Respuesta != `{"x":1}` || again.Estado != EstadoAceptado || again.Huella != "h" || again.Criterios != "c" {
		t.Errorf("row %+v, mine %v, error %v", again, mine, err)
	}
	other := intento("k")
	other.Operacion = "sep.carga"
	for _, i := range []Intento{intento(""), intento(""), other} { // without a key, or of another kind, it is its own
		if _, mine, err := s.Intenta(t.Context(), i); err != nil || !mine {
			t.Errorf("%+v: mine %v, error %v", i, mine, err)
		}
	}
	last, err := s.UltimaRespuesta(t.Context(), "sat.solicita", "h")
	if err != nil || last.ID != first.ID {
		t.Errorf("last %+v, error %v", last, err)
	}
	for _, miss := range [][2]string{{"sat.solicita", "other"}, {"sep.carga", "h"}} {
		if _, err := s.UltimaRespuesta(t.Context(), miss[0], miss[1]); !errors.Is(err, ErrNotFound) {
			t.Errorf("%v: error %v", miss, err)
		}
	}
}

func TestIntenta_WhenManyUseOneKey(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	var winners atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, mine, err := s.Intenta(context.Background(), intento("k")); err != nil {
				t.Error(err)
			} else if mine {
				winners.Add(1)
			}
		})
	}
	wg.Wait()
	if n := winners.Load(); n != 1 {
		t.Errorf("%d may send", n)
	}
}

func TestReintenta_WhenTwoTry(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	row, _, err := s.Intenta(t.Context(), intento("k"))
	if err != nil {
		t.Fatal(err)
	}
	row.Estado = EstadoRechazado
	if err := s.Resuelve(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	if row, err = s.Intento(t.Context(), "sat.solicita", "k"); err != nil || row.Estado != EstadoRechazado {
		t.Fatalf("row %+v, error %v", row, err)
	}
	for _, want := range []bool{true, false} { // both have read the same row
		if mine, err := s.Reintenta(t.Context(), row); err != nil || mine != want {
			t.Errorf("mine %v, want %v, error %v", mine, want, err)
		}
	}
	if _, err := s.Intento(t.Context(), "sat.solicita", "other"); !errors.Is(err, ErrNotFound) {
		t.Errorf("error %v", err)
	}
}
