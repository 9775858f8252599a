package paquetes

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

func otherPaquete() gateway.Paquete {
	p := samplePaquete
	p.IDPaquete = "ABC_02"
	return p
}

// places runs a test over a folder and a bucket, each of one gateway.
func places(t *testing.T, test func(t *testing.T, o options)) {
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		test(t, options{dir: t.TempDir()})
	})
	t.Run("bucket", func(t *testing.T) {
		t.Parallel()
		test(t, options{dir: t.TempDir(), blob: newBucket(t).address})
	})
}

// Two packages with the same bytes are one object, which goes with the last.
func TestDelete_WhenTwoPackagesAreEqual(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, o options) {
		content := makeZip(t, 50, "")
		o.serve = whole(content)
		r := start(t, o)
		for _, p := range []gateway.Paquete{samplePaquete, otherPaquete()} {
			if _, err := r.Fetch(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		settle(r.Vault)
		there := func(want bool) {
			t.Helper()
			if ok, err := r.depot.Exist(t.Context(), digestOf(content), int64(len(content))); ok != want || err != nil {
				t.Errorf("the object: %v, %v", ok, err)
			}
		}
		if err := r.Delete(t.Context(), samplePaquete); err != nil {
			t.Fatal(err)
		}
		there(true)
		c, err := r.Open(t.Context(), otherPaquete())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read(c); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		for range 2 { // the second time is no error
			if err := r.Delete(t.Context(), otherPaquete()); err != nil {
				t.Fatal(err)
			}
			there(false)
		}
		r.stop()
		r = start(t, o) // it stays deleted
		for _, p := range []gateway.Paquete{samplePaquete, otherPaquete()} {
			_, err := r.Open(t.Context(), p)
			_, err2 := r.Read(t.Context(), p)
			_, err3 := r.Fetch(t.Context(), p)
			for _, err := range []error{err, err2, err3} {
				if e := gateway.AsError(err); err == nil || e.Kind != gateway.KindYaNoDisponible || e.Codigo != "" || !strings.Contains(e.Detail, "borró") {
					t.Errorf("%v", err)
				}
			}
			if row, err := r.store.Paquetes.Get(t.Context(), p); err != nil || row.Descargas != 1 || row.SHA256 == "" {
				t.Errorf("row %+v, %v", row, err)
			}
		}
		if n := r.sat.calls.Load(); n != 0 {
			t.Errorf("%d downloads of what was deleted", n)
		}
		never := samplePaquete
		never.IDPaquete = "NEVER"
		if err := r.Delete(t.Context(), never); !gateway.IsKind(err, gateway.KindNoEncontrado) {
			t.Errorf("%v", err)
		}
	})
}

// Equal packages come and go at once: whatever is said to be stored is there.
func TestDelete_WhenEqualPackagesComeMeanwhile(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, o options) {
		content := makeZip(t, 20, "")
		o.serve = whole(content)
		r := start(t, o)
		for range 8 {
			var wg sync.WaitGroup
			var ids []gateway.Paquete
			for range 4 {
				p := samplePaquete
				p.IDPaquete = uuid.NewString()
				ids = append(ids, p)
			}
			if _, err := r.Fetch(t.Context(), ids[0]); err != nil {
				t.Fatal(err)
			}
			settle(r.Vault)
			wg.Go(func() {
				if err := r.Delete(t.Context(), ids[0]); err != nil {
					t.Error(err)
				}
			})
			for _, p := range ids[1:] {
				wg.Go(func() {
					if _, err := r.Fetch(t.Context(), p); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			settle(r.Vault)
			for _, p := range ids[1:] {
				c, err := r.Open(t.Context(), p)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := read(c); err != nil || !bytes.Equal(got, content) {
					t.Fatalf("%d bytes, %v", len(got), err)
				}
				if err := r.Delete(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// A bucket that is away when an object should go: the package is deleted all the
// same, and the object goes later.
func TestDelete_WhenTheBucketIsAway(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 20, "")
	b := newBucket(t)
	r := start(t, options{blob: b.address, serve: whole(content)})
	if _, err := r.Fetch(t.Context(), samplePaquete); err != nil {
		t.Fatal(err)
	}
	settle(r.Vault)
	b.down.Store(true)
	if err := r.Delete(t.Context(), samplePaquete); !gateway.IsKind(err, gateway.KindSinServicio) {
		t.Errorf("%v", err)
	}
	if _, err := r.Open(t.Context(), samplePaquete); !gateway.IsKind(err, gateway.KindYaNoDisponible) || !b.stored(digestOf(content)) {
		t.Errorf("%v", err)
	}
	if _, err := r.Fetch(t.Context(), otherPaquete()); err != nil { // nobody is kept from adding it again
		t.Errorf("%v", err)
	}
	b.down.Store(false)
	settle(r.Vault)
	if err := r.Delete(t.Context(), otherPaquete()); err != nil || b.stored(digestOf(content)) {
		t.Errorf("%v", err)
	}
}

// A crash between the row and the object leaves an object that the next start
// removes.
func TestOpen_WhenAnObjectWasToGo(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, o options) {
		content := makeZip(t, 20, "")
		crashAfter(t, o.dir, o.blob, stepSaved, content)
		st := openStore(t, o.dir)
		if ok, err := st.Paquetes.Delete(t.Context(), samplePaquete); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if ok, err := st.Blobs.Claim(t.Context(), digestOf(content), "dead", ""); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		r := start(t, o)
		settle(r.Vault)
		if ok, err := r.depot.Exist(t.Context(), digestOf(content), int64(len(content))); ok || err != nil {
			t.Errorf("the object: %v, %v", ok, err)
		}
		if left, err := r.store.Blobs.Orphans(t.Context()); err != nil || len(left) > 0 {
			t.Errorf("%v, %v", left, err)
		}
	})
}

func TestRead_WhenThePackageIsThere(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, o options) {
		content := makeZip(t, 500, "")
		o.serve = whole(content)
		r := start(t, o)
		if _, err := r.Read(t.Context(), samplePaquete); !gateway.IsKind(err, gateway.KindNoEncontrado) || r.sat.calls.Load() != 0 {
			t.Errorf("%v, %d downloads", err, r.sat.calls.Load())
		}
		if _, err := r.Fetch(t.Context(), samplePaquete); err != nil {
			t.Fatal(err)
		}
		for range 2 { // from this machine, perhaps, then from storage
			l, err := r.Read(t.Context(), samplePaquete)
			if err != nil {
				t.Fatal(err)
			}
			if l.SHA256 != digestOf(content) || l.Size != int64(len(content)) || zipdir.Check(l, l.Size) != nil {
				t.Errorf("%+v", l)
			}
			if got, err := io.ReadAll(io.NewSectionReader(l, 0, l.Size)); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			settle(r.Vault)
		}
	})
}

func TestFetch_WhenTheDownloadFails(t *testing.T) {
	t.Parallel()
	lost := &gateway.Error{Kind: gateway.KindSinRespuesta, Detail: "d"}
	r := start(t, options{serve: func(context.Context, int32, io.Writer) error { return lost }})
	if _, err := r.Fetch(t.Context(), samplePaquete); !gateway.IsKind(err, gateway.KindSinRespuesta) {
		t.Errorf("%v", err)
	}
	if n := r.sat.calls.Load(); n != 1 {
		t.Errorf("%d downloads for one call", n)
	}
}

// While another gateway removes an object, nobody says that it is stored; unless
// that gateway has died.
func TestOpen_WhenAnotherGatewayRemovesItsObject(t *testing.T) {
	t.Parallel()
	for name, die := range map[string]bool{"and ends": false, "and dies": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content := makeZip(t, 20, "")
			sum := digestOf(content)
			c := newCommunity(t, "file://"+t.TempDir())
			a := c.start("a", t.TempDir(), whole(content))
			if _, err := a.Fetch(t.Context(), samplePaquete); err != nil {
				t.Fatal(err)
			}
			settle(a.Vault)
			if ok, err := a.store.Paquetes.Delete(t.Context(), samplePaquete); !ok || err != nil {
				t.Fatal(ok, err)
			}
			if ok, err := a.store.Blobs.Claim(t.Context(), sum, "b", ""); !ok || err != nil {
				t.Fatal(ok, err)
			}
			got, err := a.Open(t.Context(), otherPaquete())
			if err != nil {
				t.Fatal(err)
			}
			if got, err := read(got); err != nil || !bytes.Equal(got, content) {
				t.Errorf("the caller waits for the storage: %d bytes, %v", len(got), err)
			}
			if row, err := a.store.Paquetes.Get(t.Context(), otherPaquete()); err != nil || row.Partial != "" || row.Complete {
				t.Errorf("row %+v, %v", row, err)
			}
			if die {
				c.live.kill("b")
			} else if err := errors.Join(a.depot.Delete(t.Context(), sum), a.store.Blobs.Forget(t.Context(), sum, "b")); err != nil {
				t.Fatal(err)
			}
			settle(a.Vault)
			row, err := a.store.Paquetes.Get(t.Context(), otherPaquete())
			if ok, err2 := a.depot.Exist(t.Context(), sum, int64(len(content))); err != nil || !row.Complete || !ok || err2 != nil {
				t.Errorf("row %+v, %v; the object: %v, %v", row, err, ok, err2)
			}
		})
	}
}
