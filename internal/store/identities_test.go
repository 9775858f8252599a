package store

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// folios are the UUIDs from since to until, the last one not included.
func folios(since, until int) []byte {
	var out []byte
	for i := since; i < until; i++ {
		sum := sha256.Sum256(fmt.Append(nil, i))
		out = append(out, sum[:UUIDLength]...)
	}
	return out
}

// twoTramos makes a descarga of two finished solicitudes with two packages each.
func twoTramos(t *testing.T, s *Store) (paquetes [2][2]TramoPaquete) {
	t.Helper()
	first := create(t, s, sampleDescarga("a", nil))
	change(t, s, "a", func(c *Change) {
		second := Tramo{}
		second.Estado = gateway.TramoDescargando
		c.NewTramo(&second)
		for i, tramo := range []int64{first.ID, second.ID} {
			for j := range paquetes[i] {
				paquetes[i][j] = TramoPaquete{ID: c.NewPaquete(tramo, fmt.Sprint(i, j), time.Time{}), Descarga: "a"}
				paquetes[i][j].IDTramo = tramo
			}
		}
	})
	return paquetes
}

func TestIdentities_WhenCountedTwiceTheyAreTheSame(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		paquetes := twoTramos(t, s)
		one, two, foreign := paquetes[0][0], paquetes[0][1], paquetes[1][0]
		record := func(p TramoPaquete, place Place, uuids []byte) {
			t.Helper()
			if err := s.Comprobantes.RecordIdentities(t.Context(), p, place, uuids); err != nil {
				t.Fatal(err)
			}
		}
		wants := func(p TramoPaquete, want int64) {
			t.Helper()
			if n, err := s.Comprobantes.CountIdentities(t.Context(), p); err != nil || n != want {
				t.Errorf("package %d has %d, %v, want %d", p.ID, n, err, want)
			}
		}
		for range 2 { // a crash between them and their sum
			record(one, Own, append(folios(0, 3000), folios(0, 10)...))
			record(one, Ampliado, folios(3000, 3001))
			record(two, Own, folios(2990, 3100))
			record(foreign, Own, folios(0, 5))
			record(one, Own, nil)
			wants(one, 3001)
			wants(two, 99) // 2990 to 3000 are the other's
			wants(foreign, 5)
		}
		if err := s.Comprobantes.RemoveIdentities(t.Context(), one); err != nil {
			t.Fatal(err)
		}
		wants(one, 0)
		wants(two, 99)
	})
}

func TestRecordRepeated_WhenTheSameIsInTwoRanges(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		paquetes := twoTramos(t, s)
		for _, x := range []struct {
			tramo        int
			place        Place
			since, until int
		}{
			{0, Own, 0, 10}, {1, Own, 10, 20},
			{1, Ampliado, 9, 10}, {0, Ampliado, 10, 11}, // the seconds between them
			{1, Ajeno, 3, 5},                       // which the first has
			{1, Ajeno, 50, 57},                     // which nobody has
			{0, Ajeno, 70, 71}, {1, Ajeno, 70, 71}, // which is in neither range, once too many
		} {
			if err := s.Comprobantes.RecordIdentities(t.Context(), paquetes[x.tramo][0], x.place, folios(x.since, x.until)); err != nil {
				t.Fatal(err)
			}
		}
		wants := func(repeated, missing int64) {
			t.Helper()
			change(t, s, "a", func(c *Change) {
				for range 2 {
					c.RecordRepeated()
				}
				if r := c.Recount(); r.Repeated != repeated || r.Missing != missing || r.Found != 11+21-repeated {
					t.Errorf("%+v", r)
				}
			})
		}
		change(t, s, "a", func(c *Change) {
			for i, n := range []int64{12, 21} {
				x := c.Tramo(int64(i + 1))
				x.Estado, x.NumeroCFDIs = gateway.TramoTerminada, n
				c.SaveTramo(x)
				p := paquetes[i][0]
				p.Estado, p.Comprobantes, p.Fallas = gateway.PaqueteGuardado, []int64{11, 21}[i], 0
				c.SavePaquete(p)
			}
		})
		wants(3, 1+3)
		if a, err := s.Descargas.Progresses(t.Context(), []string{"a"}); err != nil || a["a"].Progreso.Found != 29 || a["a"].Progreso.Repeated != 3 {
			t.Errorf("%+v %v", a["a"].Progreso, err)
		}
		// What another solicitud has replaced takes nothing from anybody.
		change(t, s, "a", func(c *Change) {
			x := c.Tramo(1)
			x.Estado = gateway.TramoSustituida
			c.SaveTramo(x)
		})
		change(t, s, "a", func(c *Change) {
			c.RecordRepeated()
			if r := c.Recount(); r.Repeated != 0 || r.Missing != 0 || r.Found != 21 {
				t.Errorf("%+v", r)
			}
		})
	})
}

func TestForgetIdentities_WhenTheDescargaHasEndedLongAgo(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		r := newClock()
		cfg.Now = r.Now
		s := open(t, cfg)
		paquetes := twoTramos(t, s)
		for i := range paquetes {
			if err := s.Comprobantes.RecordIdentities(t.Context(), paquetes[i][0], Own, folios(0, 7)); err != nil {
				t.Fatal(err)
			}
		}
		wants := func(want int64) {
			t.Helper()
			if err := s.Comprobantes.ForgetIdentities(t.Context(), r.Now().Add(-time.Hour)); err != nil {
				t.Fatal(err)
			}
			for i := range paquetes {
				if n, err := s.Comprobantes.CountIdentities(t.Context(), paquetes[i][0]); err != nil || n != want {
					t.Errorf("%d, %v, want %d", n, err, want)
				}
			}
		}
		wants(7) // it lives
		change(t, s, "a", func(c *Change) { c.Descarga().Estado, c.Descarga().Finished = gateway.DescargaParcial, r.Now() })
		wants(7) // it has just ended
		r.pass(2 * time.Hour)
		wants(0)
	})
}
