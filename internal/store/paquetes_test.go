package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

var samplePaquete = gateway.Paquete{Servicio: gateway.CFDI, RFCSolicitante: "Ñ&P010101AB3", IDPaquete: "ABC_01"}

// another is samplePaquete under another id.
func another(id string) gateway.Paquete {
	p := samplePaquete
	p.IDPaquete = id
	return p
}

// row wants a package's row to be read.
func row(t *testing.T, s *Store, p gateway.Paquete) Paquete {
	t.Helper()
	got, err := s.Paquetes.Get(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// yes wants a step to have been made, or not.
func yes(t *testing.T, want bool) func(bool, error) {
	return func(got bool, err error) {
		t.Helper()
		if err != nil || got != want {
			t.Errorf("%v, error %v; want %v", got, err, want)
		}
	}
}

func TestReserve_WhenProcessesTake(t *testing.T) {
	onBoth(t, func(t *testing.T, place Config) {
		s := open(t, place)
		if got := row(t, s, samplePaquete); got != (Paquete{}) {
			t.Errorf("row %+v", got)
		}
		yes(t, true)(s.Paquetes.Reserve(t.Context(), samplePaquete, "a", "", 2))
		yes(t, false)(s.Paquetes.Reserve(t.Context(), samplePaquete, "b", "", 2))
		yes(t, false)(s.Paquetes.Reserve(t.Context(), samplePaquete, "b", "x", 2)) // not the one that is dead
		if got := row(t, s, samplePaquete); got != (Paquete{Descargas: 1, Fly: "a"}) {
			t.Errorf("row %+v", got)
		}
		yes(t, true)(s.Paquetes.Reserve(t.Context(), samplePaquete, "b", "a", 2))  // a has died: its download is spent, by us
		yes(t, false)(s.Paquetes.Reserve(t.Context(), samplePaquete, "c", "b", 2)) // never a third
		if got := row(t, s, samplePaquete); got != (Paquete{Descargas: 2, Fly: "b", Ours: 1}) {
			t.Errorf("row %+v", got)
		}
		// What a process gives back after it was taken for dead ends no other's flight, and
		// says that it was not lost.
		for _, tc := range []struct {
			process  string
			returned int
			want     Paquete
		}{{"a", 1, Paquete{Descargas: 1, Fly: "b"}}, {"b", 0, Paquete{Descargas: 1}}, {"b", 1, Paquete{}}, {"b", 1, Paquete{}}} {
			if err := s.Paquetes.Fail(t.Context(), samplePaquete, tc.process, tc.returned, 0); err != nil {
				t.Fatal(err)
			}
			if got := row(t, s, samplePaquete); got != tc.want {
				t.Errorf("row %+v, want %+v", got, tc.want)
			}
		}
		yes(t, true)(s.Paquetes.Reserve(t.Context(), samplePaquete, "c", "", 2))
	})
}

func TestReserve_WhenManyCome(t *testing.T) {
	onBoth(t, func(t *testing.T, place Config) {
		s := open(t, place)
		var winners atomic.Int32
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() {
				mine, err := s.Paquetes.Reserve(context.Background(), samplePaquete, string(rune('A'+i)), "", 2)
				if err != nil {
					t.Error(err)
				}
				if mine {
					winners.Add(1)
				}
			})
		}
		wg.Wait()
		if n := winners.Load(); n != 1 {
			t.Errorf("%d fly", n)
		}
	})
}

func pending(p gateway.Paquete, process, sha string) Pending {
	return Pending{Paquete: p, SHA256: sha, Bytes: 7, Partial: "parciales/" + process + p.IDPaquete, Fly: process}
}

// receive takes p to where its file is whole.
func receive(t *testing.T, s *Store, p Pending) {
	t.Helper()
	yes(t, true)(s.Paquetes.Reserve(t.Context(), p.Paquete, p.Fly, "", 2))
	yes(t, true)(s.Paquetes.Receive(t.Context(), p, ""))
}

func TestReceive_WhenStepByStep(t *testing.T) {
	onBoth(t, func(t *testing.T, place Config) {
		s := open(t, place)
		p := pending(samplePaquete, "a", "s1")
		yes(t, false)(s.Paquetes.Receive(t.Context(), p, "")) // it flies nothing
		receive(t, s, p)
		got := row(t, s, samplePaquete)
		if got.Complete || got.Bytes != 7 || got.SHA256 != "s1" || got.Partial != p.Partial || got.Fly != "a" || time.Since(got.Completed) > time.Minute {
			t.Errorf("row %+v", got)
		}
		if list, err := s.Paquetes.Pending(t.Context()); err != nil || len(list) != 1 || list[0] != p {
			t.Errorf("pending %+v, %v", list, err)
		}
		if v, err := s.Live(t.Context(), time.Time{}, 1); err != nil || v.ToSave != 7 || !v.WaitSince.Equal(got.Completed) {
			t.Errorf("%d bytes wait since %v, %v", v.ToSave, v.WaitSince, err)
		}
		yes(t, false)(s.Paquetes.Take(t.Context(), Pending{Paquete: samplePaquete, Partial: p.Partial, Fly: "x"}, "b"))
		yes(t, true)(s.Paquetes.Take(t.Context(), p, "b"))
		yes(t, false)(s.Paquetes.Complete(t.Context(), samplePaquete, "parciales/other"))
		yes(t, true)(s.Paquetes.Complete(t.Context(), samplePaquete, p.Partial))
		if v, err := s.Live(t.Context(), time.Time{}, 1); err != nil || v.ToSave != 0 || !v.WaitSince.IsZero() {
			t.Errorf("%d bytes wait since %v, %v", v.ToSave, v.WaitSince, err)
		}
		yes(t, false)(s.Paquetes.Complete(t.Context(), samplePaquete, p.Partial))
		yes(t, false)(s.Paquetes.Complete(t.Context(), samplePaquete, ""))
		if got := row(t, s, samplePaquete); !got.Complete || got.Partial != "" || got.Fly != "" || got.Descargas != 1 {
			t.Errorf("row %+v", got)
		}
		yes(t, false)(s.Paquetes.Reserve(t.Context(), samplePaquete, "b", "", 2))
		yes(t, false)(s.Paquetes.Receive(t.Context(), pending(samplePaquete, "", "s2"), ""))
		if list, err := s.Paquetes.Pending(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("pending %+v, %v", list, err)
		}
		for _, other := range []gateway.Paquete{{Servicio: gateway.Retenciones, RFCSolicitante: samplePaquete.RFCSolicitante, IDPaquete: samplePaquete.IDPaquete},
			{Servicio: gateway.CFDI, RFCSolicitante: "PRU010101AB1", IDPaquete: samplePaquete.IDPaquete}, another("ABC_02")} {
			if got := row(t, s, other); got != (Paquete{}) {
				t.Errorf("%+v has another's row", other)
			}
		}
	})
}

// A second gateway that downloads what a dead one has received whole loses to it
// when it comes back first.
func TestComplete_WhenTheDeadComesBack(t *testing.T) {
	onBoth(t, func(t *testing.T, place Config) {
		s := open(t, place)
		first := pending(samplePaquete, "a", "s1")
		receive(t, s, first)
		yes(t, true)(s.Paquetes.Reserve(t.Context(), samplePaquete, "b", "a", 2))
		yes(t, false)(s.Paquetes.Take(t.Context(), first, "a2"))
		yes(t, true)(s.Paquetes.Complete(t.Context(), samplePaquete, first.Partial))
		yes(t, false)(s.Paquetes.Receive(t.Context(), pending(samplePaquete, "b", "s2"), ""))
		if got := row(t, s, samplePaquete); !got.Complete || got.SHA256 != "s1" || got.Descargas != 2 {
			t.Errorf("row %+v", got)
		}
	})
}

func TestClaimBlob_WhenPackagesReferToIt(t *testing.T) {
	onBoth(t, func(t *testing.T, place Config) {
		s := open(t, place)
		a, b, c := pending(another("a"), "p", "s1"), pending(another("b"), "p", "s1"), pending(another("c"), "p", "s1")
		receive(t, s, a)
		receive(t, s, b)
		yes(t, true)(s.Paquetes.Complete(t.Context(), a.Paquete, a.Partial))
		yes(t, false)(s.Blobs.Claim(t.Context(), "s1", "p", ""))
		yes(t, true)(s.Paquetes.Delete(t.Context(), a.Paquete))
		yes(t, false)(s.Paquetes.Delete(t.Context(), a.Paquete))
		yes(t, false)(s.Paquetes.Delete(t.Context(), b.Paquete)) // on its way
		yes(t, false)(s.Blobs.Claim(t.Context(), "s1", "p", "")) // which refers to it too
		if got := row(t, s, a.Paquete); got.Complete || got.Deleted.IsZero() || got.Descargas != 1 || got.SHA256 != "s1" {
			t.Errorf("row %+v", got)
		}
		yes(t, false)(s.Paquetes.Reserve(t.Context(), a.Paquete, "p", "", 2))
		yes(t, true)(s.Paquetes.Complete(t.Context(), b.Paquete, b.Partial))
		yes(t, true)(s.Paquetes.Delete(t.Context(), b.Paquete))
		if list, err := s.Blobs.Orphans(t.Context()); err != nil || len(list) != 1 || list[0] != "s1" {
			t.Errorf("orphans %v, %v", list, err)
		}
		yes(t, true)(s.Blobs.Claim(t.Context(), "s1", "p", ""))

		// While it is removed, nobody refers to it; unless the remover has died.
		var busy *BusyError
		if _, err := s.Blobs.Claim(t.Context(), "s1", "q", "x"); !errors.As(err, &busy) || busy.Process != "p" {
			t.Errorf("error %v", err)
		}
		yes(t, true)(s.Paquetes.Reserve(t.Context(), c.Paquete, "p", "", 2))
		if _, err := s.Paquetes.Receive(t.Context(), c, ""); !errors.As(err, &busy) || busy.Process != "p" {
			t.Errorf("error %v", err)
		}
		if got := row(t, s, c.Paquete); got.Partial != "" {
			t.Errorf("row %+v", got)
		}
		yes(t, true)(s.Paquetes.Receive(t.Context(), c, "p"))
		if err := s.Blobs.Forget(t.Context(), "s1", "p"); err != nil { // of the dead, too late
			t.Error(err)
		}
		yes(t, false)(s.Blobs.Claim(t.Context(), "s1", "q", ""))
		yes(t, true)(s.Paquetes.Complete(t.Context(), c.Paquete, c.Partial))
		yes(t, true)(s.Paquetes.Delete(t.Context(), c.Paquete))
		yes(t, true)(s.Blobs.Claim(t.Context(), "s1", "q", ""))
		if err := s.Blobs.LetGo(t.Context(), "s1", "q"); err != nil {
			t.Error(err)
		}
		yes(t, true)(s.Blobs.Claim(t.Context(), "s1", "r", ""))
		if err := s.Blobs.Forget(t.Context(), "s1", "r"); err != nil {
			t.Error(err)
		}
		yes(t, false)(s.Blobs.Claim(t.Context(), "s1", "r", ""))
	})
}

func TestAdopt_WhenNoRowSaysThatItWasReceived(t *testing.T) {
	onBoth(t, func(t *testing.T, place Config) {
		s := open(t, place)
		const name = "parciales/entero,s1.zip"
		// With and without a row; and once only.
		p := Pending{Paquete: samplePaquete, SHA256: "s1", Bytes: 7, Partial: name, Fly: "a"}
		yes(t, true)(s.Paquetes.Adopt(t.Context(), p, ""))
		yes(t, false)(s.Paquetes.Adopt(t.Context(), p, ""))
		if got := row(t, s, samplePaquete); got.Complete || got.Partial != name || got.Descargas != 1 {
			t.Errorf("row %+v", got)
		}
		yes(t, true)(s.Paquetes.Complete(t.Context(), samplePaquete, name))
		yes(t, true)(s.Paquetes.Adopt(t.Context(), p, ""))
		yes(t, true)(s.Paquetes.Complete(t.Context(), samplePaquete, name))
		yes(t, true)(s.Paquetes.Delete(t.Context(), samplePaquete))
		yes(t, false)(s.Paquetes.Adopt(t.Context(), p, ""))
	})
}

// The partial files that rows name are whole, and those that say so may be; the
// others are not.
func TestOpen_WhenPartialFilesWereLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, Now: time.Now})
	kept := map[string]bool{}
	for _, tc := range []struct {
		id              string
		whole, received bool
	}{{"a", false, false}, {"b", true, false}, {"c", true, true}} {
		f, err := s.Folder.Partial()
		if err != nil {
			t.Fatal(err)
		}
		path := f.Name()
		if tc.whole {
			p := pending(another(tc.id), "a", "s1")
			if p.Partial, err = s.Folder.MakeWhole(f, p.Paquete, "s1"); err != nil {
				t.Fatal(err)
			}
			path = s.Folder.Path(p.Partial)
			if tc.received {
				receive(t, s, p)
			}
		}
		kept[path] = tc.whole
		if err := errors.Join(f.Close(), s.Folder.Sync()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Config{Dir: dir, Now: time.Now})
	for path, want := range kept {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	list, err := s.Folder.Wholes(t.Context())
	if err != nil || len(list) != 1 || list[0].Paquete != another("b") || list[0].SHA256 != "s1" {
		t.Errorf("%+v, %v", list, err)
	}
	if outside := s.Folder.Path("../../../../etc/passwd"); filepath.Dir(filepath.Dir(outside)) != filepath.Join(dir, "paquetes") {
		t.Errorf("a name leads to %s", outside)
	}
}
