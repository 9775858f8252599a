package store

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// folios are the UUIDs from desde to hasta, the last one not included.
func folios(desde, hasta int) []byte {
	var out []byte
	for i := desde; i < hasta; i++ {
		suma := sha256.Sum256(fmt.Append(nil, i))
		out = append(out, suma[:LargoUUID]...)
	}
	return out
}

// dosTramos makes a descarga of two finished solicitudes with two packages each.
func dosTramos(t *testing.T, s *Store) (paquetes [2][2]PaqueteDeTramo) {
	t.Helper()
	primero := crea(t, s, unaDescarga("a", nil))
	cambia(t, s, "a", func(c *Cambio) {
		segundo := Tramo{}
		segundo.Estado = gateway.TramoDescargando
		c.NuevoTramo(&segundo)
		for i, tramo := range []int64{primero.ID, segundo.ID} {
			for j := range paquetes[i] {
				paquetes[i][j] = PaqueteDeTramo{ID: c.NuevoPaquete(tramo, fmt.Sprint(i, j), time.Time{}), Descarga: "a"}
				paquetes[i][j].IDTramo = tramo
			}
		}
	})
	return paquetes
}

func TestIdentidades_WhenCountedTwiceTheyAreTheSame(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		paquetes := dosTramos(t, s)
		uno, dos, ajeno := paquetes[0][0], paquetes[0][1], paquetes[1][0]
		anota := func(p PaqueteDeTramo, lugar Lugar, uuids []byte) {
			t.Helper()
			if err := s.AnotaIdentidades(t.Context(), p, lugar, uuids); err != nil {
				t.Fatal(err)
			}
		}
		quiere := func(p PaqueteDeTramo, want int64) {
			t.Helper()
			if n, err := s.CuentaIdentidades(t.Context(), p); err != nil || n != want {
				t.Errorf("package %d has %d, %v, want %d", p.ID, n, err, want)
			}
		}
		for range 2 { // a crash between them and their sum
			anota(uno, Propio, append(folios(0, 3000), folios(0, 10)...))
			anota(uno, Ampliado, folios(3000, 3001))
			anota(dos, Propio, folios(2990, 3100))
			anota(ajeno, Propio, folios(0, 5))
			anota(uno, Propio, nil)
			quiere(uno, 3001)
			quiere(dos, 99) // 2990 to 3000 are the other's
			quiere(ajeno, 5)
		}
		if err := s.QuitaIdentidades(t.Context(), uno); err != nil {
			t.Fatal(err)
		}
		quiere(uno, 0)
		quiere(dos, 99)
	})
}

func TestAnotaRepetidos_WhenTheSameIsInTwoRanges(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		paquetes := dosTramos(t, s)
		for _, x := range []struct {
			tramo        int
			lugar        Lugar
			desde, hasta int
		}{
			{0, Propio, 0, 10}, {1, Propio, 10, 20},
			{1, Ampliado, 9, 10}, {0, Ampliado, 10, 11}, // the seconds between them
			{1, Ajeno, 3, 5},                       // which the first has
			{1, Ajeno, 50, 57},                     // which nobody has
			{0, Ajeno, 70, 71}, {1, Ajeno, 70, 71}, // which is in neither range, once too many
		} {
			if err := s.AnotaIdentidades(t.Context(), paquetes[x.tramo][0], x.lugar, folios(x.desde, x.hasta)); err != nil {
				t.Fatal(err)
			}
		}
		quiere := func(repetidos, faltan int64) {
			t.Helper()
			cambia(t, s, "a", func(c *Cambio) {
				for range 2 {
					c.AnotaRepetidos()
				}
				if r := c.Recuento(); r.Repetidos != repetidos || r.Faltan != faltan || r.Encontrados != 11+21-repetidos {
					t.Errorf("%+v", r)
				}
			})
		}
		cambia(t, s, "a", func(c *Cambio) {
			for i, n := range []int64{12, 21} {
				x := c.Tramo(int64(i + 1))
				x.Estado, x.NumeroCFDIs = gateway.TramoTerminada, n
				c.GuardaTramo(x)
				p := paquetes[i][0]
				p.Estado, p.Comprobantes, p.Fallas = gateway.PaqueteGuardado, []int64{11, 21}[i], 0
				c.GuardaPaquete(p)
			}
		})
		quiere(3, 1+3)
		if a, err := s.Avances(t.Context(), []string{"a"}); err != nil || a["a"].Progreso.Encontrados != 29 || a["a"].Progreso.Repetidos != 3 {
			t.Errorf("%+v %v", a["a"].Progreso, err)
		}
		// What another solicitud has replaced takes nothing from anybody.
		cambia(t, s, "a", func(c *Cambio) {
			x := c.Tramo(1)
			x.Estado = gateway.TramoSustituida
			c.GuardaTramo(x)
		})
		cambia(t, s, "a", func(c *Cambio) {
			c.AnotaRepetidos()
			if r := c.Recuento(); r.Repetidos != 0 || r.Faltan != 0 || r.Encontrados != 21 {
				t.Errorf("%+v", r)
			}
		})
	})
}

func TestOlvidaIdentidades_WhenTheDescargaHasEndedLongAgo(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		r := nuevoReloj()
		cfg.Now = r.Now
		s := open(t, cfg)
		paquetes := dosTramos(t, s)
		for i := range paquetes {
			if err := s.AnotaIdentidades(t.Context(), paquetes[i][0], Propio, folios(0, 7)); err != nil {
				t.Fatal(err)
			}
		}
		quiere := func(want int64) {
			t.Helper()
			if err := s.OlvidaIdentidades(t.Context(), r.Now().Add(-time.Hour)); err != nil {
				t.Fatal(err)
			}
			for i := range paquetes {
				if n, err := s.CuentaIdentidades(t.Context(), paquetes[i][0]); err != nil || n != want {
					t.Errorf("%d, %v, want %d", n, err, want)
				}
			}
		}
		quiere(7) // it lives
		cambia(t, s, "a", func(c *Cambio) { c.Descarga().Estado, c.Descarga().Terminada = gateway.DescargaParcial, r.Now() })
		quiere(7) // it has just ended
		r.pasa(2 * time.Hour)
		quiere(0)
	})
}
