package blobs

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

func TestTrial_WhenItTakesBytesNothingIsLeft(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *Depot) {
		for _, n := range []int64{0, 100, part + 1} {
			if err := d.Trial(t.Context(), n); err != nil {
				t.Errorf("%d bytes: %v", n, err)
			}
		}
		if ok, err := d.bucket.Exists(t.Context(), keyTrial); ok || err != nil {
			t.Errorf("it is left: %v, %v", ok, err)
		}
		if empty, err := d.Empty(t.Context()); err != nil || !empty {
			t.Errorf("empty %v, %v", empty, err)
		}
	})
}

// intercept has f answer where it returns true.
func intercept(s *server, f func(w http.ResponseWriter, r *http.Request) bool) {
	served := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !f(w, r) {
			served.ServeHTTP(w, r)
		}
	})
}

// TestSave_WhenTheBucketHangsItIsGivenUp: in each of the requests. What had been sent
// of an upload in parts is taken back.
func TestSave_WhenTheBucketHangsItIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, hang := range map[string]func(r *http.Request) bool{
		"the question": func(r *http.Request) bool { return r.Method == http.MethodHead },
		"the upload":   func(r *http.Request) bool { return r.Method == http.MethodPut },
		"a part": func(r *http.Request) bool {
			return r.Method == http.MethodPut && r.URL.Query().Get("partNumber") == "2"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newS3(t)
			end := make(chan struct{})
			var hanging atomic.Bool
			var opened, returned atomic.Int32
			intercept(s, func(_ http.ResponseWriter, r *http.Request) bool {
				if hanging.Load() && strings.HasSuffix(r.URL.Path, ".zip") && hang(r) {
					<-end
					return true
				}
				if r.Method == http.MethodPost && r.URL.Query().Has("uploads") {
					opened.Add(1)
				}
				if r.Method == http.MethodDelete && r.URL.Query().Has("uploadId") {
					returned.Add(1)
				}
				return false
			})
			d := open(t, s.address("paquetes"), "")
			t.Cleanup(func() { close(end) })
			d.question, d.quiet = 2*time.Second, time.Second
			hanging.Store(true)
			path, sum, content := partial(t, part+part/2)
			if _, err := d.Save(t.Context(), sum, int64(len(content)), path); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v", err)
			}
			if opened.Load() != returned.Load() {
				t.Errorf("%d uploads were begun, %d were taken back", opened.Load(), returned.Load())
			}
			// A bucket that answers is given all the time that a busy machine takes.
			hanging.Store(false)
			d.question, d.quiet = time.Minute, time.Minute
			if _, err := d.Save(t.Context(), sum, int64(len(content)), path); err != nil {
				t.Error(err)
			}
			if ok, err := d.Exist(t.Context(), sum, int64(len(content))); !ok || err != nil {
				t.Errorf("%v, %v", ok, err)
			}
		})
	}
}

// TestSave_WhenTheFolderIsAwayItIsNotMadeAnew: a disk that is not mounted would be
// written under.
func TestSave_WhenTheFolderIsAwayItIsNotMadeAnew(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "almacen")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	d := open(t, "file://"+dir, "")
	if err := os.Rename(dir, dir+".fuera"); err != nil {
		t.Fatal(err)
	}
	path, sum, content := partial(t, 100)
	written, err := d.Save(t.Context(), sum, int64(len(content)), path)
	if written {
		t.Error("it is said to be written")
	}
	for name, err := range map[string]error{
		"Guarda": err, "Prueba": d.Trial(t.Context(), 100),
		"GuardaMarca": d.SaveMark(t.Context(), []byte("x")),
	} {
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
}
