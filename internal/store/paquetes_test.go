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

var unPaquete = gateway.Paquete{Servicio: gateway.CFDI, RFCSolicitante: "Ñ&P010101AB3", IDPaquete: "ABC_01"}

// otro is unPaquete under another id.
func otro(id string) gateway.Paquete {
	p := unPaquete
	p.IDPaquete = id
	return p
}

// row wants a package's row to be read.
func row(t *testing.T, s *Store, p gateway.Paquete) Paquete {
	t.Helper()
	got, err := s.Paquete(t.Context(), p)
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

func TestReserva_WhenProcessesTake(t *testing.T) {
	onBoth(t, func(t *testing.T, lugar Config) {
		s := open(t, lugar)
		if got := row(t, s, unPaquete); got != (Paquete{}) {
			t.Errorf("row %+v", got)
		}
		yes(t, true)(s.Reserva(t.Context(), unPaquete, "a", "", 2))
		yes(t, false)(s.Reserva(t.Context(), unPaquete, "b", "", 2))
		yes(t, false)(s.Reserva(t.Context(), unPaquete, "b", "x", 2)) // not the one that is dead
		if got := row(t, s, unPaquete); got != (Paquete{Descargas: 1, Vuela: "a"}) {
			t.Errorf("row %+v", got)
		}
		yes(t, true)(s.Reserva(t.Context(), unPaquete, "b", "a", 2))  // a has died: its download is spent, by us
		yes(t, false)(s.Reserva(t.Context(), unPaquete, "c", "b", 2)) // never a third
		if got := row(t, s, unPaquete); got != (Paquete{Descargas: 2, Vuela: "b", Nuestras: 1}) {
			t.Errorf("row %+v", got)
		}
		// What a process gives back after it was taken for dead ends no other's flight, and
		// says that it was not lost.
		for _, tc := range []struct {
			proceso  string
			devuelta int
			want     Paquete
		}{{"a", 1, Paquete{Descargas: 1, Vuela: "b"}}, {"b", 0, Paquete{Descargas: 1}}, {"b", 1, Paquete{}}, {"b", 1, Paquete{}}} {
			if err := s.Fracasa(t.Context(), unPaquete, tc.proceso, tc.devuelta, 0); err != nil {
				t.Fatal(err)
			}
			if got := row(t, s, unPaquete); got != tc.want {
				t.Errorf("row %+v, want %+v", got, tc.want)
			}
		}
		yes(t, true)(s.Reserva(t.Context(), unPaquete, "c", "", 2))
	})
}

func TestReserva_WhenManyCome(t *testing.T) {
	onBoth(t, func(t *testing.T, lugar Config) {
		s := open(t, lugar)
		var winners atomic.Int32
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() {
				mine, err := s.Reserva(context.Background(), unPaquete, string(rune('A'+i)), "", 2)
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

func pendiente(p gateway.Paquete, proceso, sha string) Pendiente {
	return Pendiente{Paquete: p, SHA256: sha, Bytes: 7, Parcial: "parciales/" + proceso + p.IDPaquete, Vuela: proceso}
}

// receive takes p to where its file is whole.
func receive(t *testing.T, s *Store, p Pendiente) {
	t.Helper()
	yes(t, true)(s.Reserva(t.Context(), p.Paquete, p.Vuela, "", 2))
	yes(t, true)(s.Recibe(t.Context(), p, ""))
}

func TestRecibe_WhenStepByStep(t *testing.T) {
	onBoth(t, func(t *testing.T, lugar Config) {
		s := open(t, lugar)
		p := pendiente(unPaquete, "a", "s1")
		yes(t, false)(s.Recibe(t.Context(), p, "")) // it flies nothing
		receive(t, s, p)
		got := row(t, s, unPaquete)
		if got.Completo || got.Bytes != 7 || got.SHA256 != "s1" || got.Parcial != p.Parcial || got.Vuela != "a" || time.Since(got.Completado) > time.Minute {
			t.Errorf("row %+v", got)
		}
		if list, err := s.Pendientes(t.Context()); err != nil || len(list) != 1 || list[0] != p {
			t.Errorf("pending %+v, %v", list, err)
		}
		if v, err := s.Vivas(t.Context(), time.Time{}, 1); err != nil || v.PorGuardar != 7 || !v.EsperaDesde.Equal(got.Completado) {
			t.Errorf("%d bytes wait since %v, %v", v.PorGuardar, v.EsperaDesde, err)
		}
		yes(t, false)(s.Toma(t.Context(), Pendiente{Paquete: unPaquete, Parcial: p.Parcial, Vuela: "x"}, "b"))
		yes(t, true)(s.Toma(t.Context(), p, "b"))
		yes(t, false)(s.Completa(t.Context(), unPaquete, "parciales/other"))
		yes(t, true)(s.Completa(t.Context(), unPaquete, p.Parcial))
		if v, err := s.Vivas(t.Context(), time.Time{}, 1); err != nil || v.PorGuardar != 0 || !v.EsperaDesde.IsZero() {
			t.Errorf("%d bytes wait since %v, %v", v.PorGuardar, v.EsperaDesde, err)
		}
		yes(t, false)(s.Completa(t.Context(), unPaquete, p.Parcial))
		yes(t, false)(s.Completa(t.Context(), unPaquete, ""))
		if got := row(t, s, unPaquete); !got.Completo || got.Parcial != "" || got.Vuela != "" || got.Descargas != 1 {
			t.Errorf("row %+v", got)
		}
		yes(t, false)(s.Reserva(t.Context(), unPaquete, "b", "", 2))
		yes(t, false)(s.Recibe(t.Context(), pendiente(unPaquete, "", "s2"), ""))
		if list, err := s.Pendientes(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("pending %+v, %v", list, err)
		}
		for _, other := range []gateway.Paquete{{Servicio: gateway.Retenciones, RFCSolicitante: unPaquete.RFCSolicitante, IDPaquete: unPaquete.IDPaquete},
			{Servicio: gateway.CFDI, RFCSolicitante: "PRU010101AB1", IDPaquete: unPaquete.IDPaquete}, otro("ABC_02")} {
			if got := row(t, s, other); got != (Paquete{}) {
				t.Errorf("%+v has another's row", other)
			}
		}
	})
}

// A second gateway that downloads what a dead one has received whole loses to it
// when it comes back first.
func TestCompleta_WhenTheDeadComesBack(t *testing.T) {
	onBoth(t, func(t *testing.T, lugar Config) {
		s := open(t, lugar)
		first := pendiente(unPaquete, "a", "s1")
		receive(t, s, first)
		yes(t, true)(s.Reserva(t.Context(), unPaquete, "b", "a", 2))
		yes(t, false)(s.Toma(t.Context(), first, "a2"))
		yes(t, true)(s.Completa(t.Context(), unPaquete, first.Parcial))
		yes(t, false)(s.Recibe(t.Context(), pendiente(unPaquete, "b", "s2"), ""))
		if got := row(t, s, unPaquete); !got.Completo || got.SHA256 != "s1" || got.Descargas != 2 {
			t.Errorf("row %+v", got)
		}
	})
}

func TestReclamaObjeto_WhenPackagesReferToIt(t *testing.T) {
	onBoth(t, func(t *testing.T, lugar Config) {
		s := open(t, lugar)
		a, b, c := pendiente(otro("a"), "p", "s1"), pendiente(otro("b"), "p", "s1"), pendiente(otro("c"), "p", "s1")
		receive(t, s, a)
		receive(t, s, b)
		yes(t, true)(s.Completa(t.Context(), a.Paquete, a.Parcial))
		yes(t, false)(s.ReclamaObjeto(t.Context(), "s1", "p", ""))
		yes(t, true)(s.Borra(t.Context(), a.Paquete))
		yes(t, false)(s.Borra(t.Context(), a.Paquete))
		yes(t, false)(s.Borra(t.Context(), b.Paquete))             // on its way
		yes(t, false)(s.ReclamaObjeto(t.Context(), "s1", "p", "")) // which refers to it too
		if got := row(t, s, a.Paquete); got.Completo || got.Borrado.IsZero() || got.Descargas != 1 || got.SHA256 != "s1" {
			t.Errorf("row %+v", got)
		}
		yes(t, false)(s.Reserva(t.Context(), a.Paquete, "p", "", 2))
		yes(t, true)(s.Completa(t.Context(), b.Paquete, b.Parcial))
		yes(t, true)(s.Borra(t.Context(), b.Paquete))
		if list, err := s.Huerfanos(t.Context()); err != nil || len(list) != 1 || list[0] != "s1" {
			t.Errorf("orphans %v, %v", list, err)
		}
		yes(t, true)(s.ReclamaObjeto(t.Context(), "s1", "p", ""))

		// While it is removed, nobody refers to it; unless the remover has died.
		var ocupado *OcupadoError
		if _, err := s.ReclamaObjeto(t.Context(), "s1", "q", "x"); !errors.As(err, &ocupado) || ocupado.Proceso != "p" {
			t.Errorf("error %v", err)
		}
		yes(t, true)(s.Reserva(t.Context(), c.Paquete, "p", "", 2))
		if _, err := s.Recibe(t.Context(), c, ""); !errors.As(err, &ocupado) || ocupado.Proceso != "p" {
			t.Errorf("error %v", err)
		}
		if got := row(t, s, c.Paquete); got.Parcial != "" {
			t.Errorf("row %+v", got)
		}
		yes(t, true)(s.Recibe(t.Context(), c, "p"))
		if err := s.OlvidaObjeto(t.Context(), "s1", "p"); err != nil { // of the dead, too late
			t.Error(err)
		}
		yes(t, false)(s.ReclamaObjeto(t.Context(), "s1", "q", ""))
		yes(t, true)(s.Completa(t.Context(), c.Paquete, c.Parcial))
		yes(t, true)(s.Borra(t.Context(), c.Paquete))
		yes(t, true)(s.ReclamaObjeto(t.Context(), "s1", "q", ""))
		if err := s.LiberaObjeto(t.Context(), "s1", "q"); err != nil {
			t.Error(err)
		}
		yes(t, true)(s.ReclamaObjeto(t.Context(), "s1", "r", ""))
		if err := s.OlvidaObjeto(t.Context(), "s1", "r"); err != nil {
			t.Error(err)
		}
		yes(t, false)(s.ReclamaObjeto(t.Context(), "s1", "r", ""))
	})
}

func TestAdopta_WhenNoRowSaysThatItWasReceived(t *testing.T) {
	onBoth(t, func(t *testing.T, lugar Config) {
		s := open(t, lugar)
		const name = "parciales/entero,s1.zip"
		// With and without a row; and once only.
		p := Pendiente{Paquete: unPaquete, SHA256: "s1", Bytes: 7, Parcial: name, Vuela: "a"}
		yes(t, true)(s.Adopta(t.Context(), p, ""))
		yes(t, false)(s.Adopta(t.Context(), p, ""))
		if got := row(t, s, unPaquete); got.Completo || got.Parcial != name || got.Descargas != 1 {
			t.Errorf("row %+v", got)
		}
		yes(t, true)(s.Completa(t.Context(), unPaquete, name))
		yes(t, true)(s.Adopta(t.Context(), p, ""))
		yes(t, true)(s.Completa(t.Context(), unPaquete, name))
		yes(t, true)(s.Borra(t.Context(), unPaquete))
		yes(t, false)(s.Adopta(t.Context(), p, ""))
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
		id               string
		entero, recibido bool
	}{{"a", false, false}, {"b", true, false}, {"c", true, true}} {
		f, err := s.Parcial()
		if err != nil {
			t.Fatal(err)
		}
		path := f.Name()
		if tc.entero {
			p := pendiente(otro(tc.id), "a", "s1")
			if p.Parcial, err = s.Entero(f, p.Paquete, "s1"); err != nil {
				t.Fatal(err)
			}
			path = s.RutaParcial(p.Parcial)
			if tc.recibido {
				receive(t, s, p)
			}
		}
		kept[path] = tc.entero
		if err := errors.Join(f.Close(), s.SincronizaParciales()); err != nil {
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
	list, err := s.Enteros(t.Context())
	if err != nil || len(list) != 1 || list[0].Paquete != otro("b") || list[0].SHA256 != "s1" {
		t.Errorf("%+v, %v", list, err)
	}
	if outside := s.RutaParcial("../../../../etc/passwd"); filepath.Dir(filepath.Dir(outside)) != filepath.Join(dir, "paquetes") {
		t.Errorf("a name leads to %s", outside)
	}
}
