package store

import (
	"fmt"
	"slices"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// TestNumeros_WhenDescargasAreMadeSideBySide: each counts for itself, whatever the rows
// before it.
func TestNumeros_WhenDescargasAreMadeSideBySide(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		for _, id := range []string{"a", "b"} {
			x := crea(t, s, unaDescarga(id, nil))
			if x.Numero != 1 {
				t.Errorf("%s begins with %d", id, x.Numero)
			}
		}
		for i := range 3 {
			for _, id := range []string{"a", "b"} {
				cambia(t, s, id, func(c *Cambio) {
					x := c.Tramo(int64(i + 1))
					n := Tramo{}
					n.Estado, n.Origen = gateway.TramoPresentada, x.Numero
					c.NuevoTramo(&n)
					c.NuevoPaquete(n.ID, fmt.Sprint("P_", i), c.Ahora())
					c.Evento(gateway.EventoDescarga{Tipo: "x", Tramo: n.Numero})
				})
			}
		}
		for _, id := range []string{"a", "b"} {
			quiereNumeros(t, s, id, "[1<0 2<1 3<2 4<3] [1 of 2 2 of 3 3 of 4] [2 3 4]")
		}
		resto, err := s.PaquetesDeDescarga(t.Context(), "b", 2, 10)
		if err != nil || len(resto) != 1 || resto[0].Numero != 3 {
			t.Errorf("behind the second: %+v, %v", resto, err)
		}
	})
}

// quiereNumeros wants the numbers of a descarga's solicitudes and their origins, of its
// packages and theirs, and of what its events are about.
func quiereNumeros(t *testing.T, s *Store, id, want string) {
	t.Helper()
	tramos, err := s.Tramos(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	paquetes, err := s.PaquetesDeDescarga(t.Context(), id, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	eventos, err := s.Eventos(t.Context(), id, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var de, con []string
	for _, x := range tramos {
		de = append(de, fmt.Sprintf("%d<%d", x.Numero, x.Origen))
	}
	for _, p := range paquetes {
		i := slices.IndexFunc(tramos, func(x Tramo) bool { return x.ID == p.IDTramo })
		if i < 0 || tramos[i].Numero != p.Tramo {
			t.Errorf("package %d is of row %d and of number %d", p.Numero, p.IDTramo, p.Tramo)
		}
		con = append(con, fmt.Sprintf("%d of %d", p.Numero, p.Tramo))
	}
	var sobre []int64
	for _, e := range eventos {
		if e.Tramo != 0 {
			sobre = append(sobre, e.Tramo)
		}
	}
	if got := fmt.Sprint(de, con, sobre); got != want {
		t.Errorf("%s: %s, want %s", id, got, want)
	}
}
