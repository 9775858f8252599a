package objetos

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestPrueba_WhenItTakesBytesNothingIsLeft(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *Deposito) {
		for _, n := range []int64{0, 100, parte + 1} {
			if err := d.Prueba(t.Context(), n); err != nil {
				t.Errorf("%d bytes: %v", n, err)
			}
		}
		if ok, err := d.bucket.Exists(t.Context(), clavePrueba); ok || err != nil {
			t.Errorf("it is left: %v, %v", ok, err)
		}
		if vacio, err := d.Vacio(t.Context()); err != nil || !vacio {
			t.Errorf("empty %v, %v", vacio, err)
		}
	})
}

// intercepta has f answer where it returns true.
func intercepta(s *servidor, f func(w http.ResponseWriter, r *http.Request) bool) {
	served := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !f(w, r) {
			served.ServeHTTP(w, r)
		}
	})
}

// TestGuarda_WhenTheBucketHangsItIsGivenUp: in each of the requests. What had been sent
// of an upload in parts is taken back.
func TestGuarda_WhenTheBucketHangsItIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, cuelga := range map[string]func(r *http.Request) bool{
		"the question": func(r *http.Request) bool { return r.Method == http.MethodHead },
		"the upload":   func(r *http.Request) bool { return r.Method == http.MethodPut },
		"a part": func(r *http.Request) bool {
			return r.Method == http.MethodPut && r.URL.Query().Get("partNumber") == "2"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newS3(t)
			fin := make(chan struct{})
			var cuelgan atomic.Bool
			var abiertas, devueltas atomic.Int32
			intercepta(s, func(_ http.ResponseWriter, r *http.Request) bool {
				if cuelgan.Load() && strings.HasSuffix(r.URL.Path, ".zip") && cuelga(r) {
					<-fin
					return true
				}
				if r.Method == http.MethodPost && r.URL.Query().Has("uploads") {
					abiertas.Add(1)
				}
				if r.Method == http.MethodDelete && r.URL.Query().Has("uploadId") {
					devueltas.Add(1)
				}
				return false
			})
			d := open(t, s.address("paquetes"), "")
			t.Cleanup(func() { close(fin) })
			d.pregunta, d.quieto = 2*time.Second, time.Second
			cuelgan.Store(true)
			ruta, sum, content := partial(t, parte+parte/2)
			if _, err := d.Guarda(t.Context(), sum, int64(len(content)), ruta); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v", err)
			}
			if abiertas.Load() != devueltas.Load() {
				t.Errorf("%d uploads were begun, %d were taken back", abiertas.Load(), devueltas.Load())
			}
			cuelgan.Store(false)
			if _, err := d.Guarda(t.Context(), sum, int64(len(content)), ruta); err != nil {
				t.Error(err)
			}
			if ok, err := d.Existe(t.Context(), sum, int64(len(content))); !ok || err != nil {
				t.Errorf("%v, %v", ok, err)
			}
		})
	}
}

// TestGuarda_WhenTheFolderIsAwayItIsNotMadeAnew: a disk that is not mounted would be
// written under.
func TestGuarda_WhenTheFolderIsAwayItIsNotMadeAnew(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "almacen")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	d := open(t, "file://"+dir, "")
	if err := os.Rename(dir, dir+".fuera"); err != nil {
		t.Fatal(err)
	}
	ruta, sum, content := partial(t, 100)
	escrito, err := d.Guarda(t.Context(), sum, int64(len(content)), ruta)
	if escrito {
		t.Error("it is said to be written")
	}
	for name, err := range map[string]error{
		"Guarda": err, "Prueba": d.Prueba(t.Context(), 100),
		"GuardaMarca": d.GuardaMarca(t.Context(), []byte("x")),
	} {
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
	if _, err := os.Stat(ruta); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
}
