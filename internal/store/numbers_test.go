package store

import (
	"fmt"
	"slices"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// TestNumbers_WhenDescargasAreMadeSideBySide: each counts for itself, whatever the rows
// before it.
func TestNumbers_WhenDescargasAreMadeSideBySide(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		for _, id := range []string{"a", "b"} {
			x := create(t, s, sampleDescarga(id, nil))
			if x.Number != 1 {
				t.Errorf("%s begins with %d", id, x.Number)
			}
		}
		for i := range 3 {
			for _, id := range []string{"a", "b"} {
				change(t, s, id, func(c *Change) {
					x := c.Tramo(int64(i + 1))
					n := Tramo{}
					n.Estado, n.Origin = gateway.TramoPresentada, x.Number
					c.NewTramo(&n)
					c.NewPaquete(n.ID, fmt.Sprint("P_", i), c.Now())
					c.Evento(gateway.EventoDescarga{Tipo: "x", Tramo: n.Number})
				})
			}
		}
		for _, id := range []string{"a", "b"} {
			wantsNumbers(t, s, id, "[1<0 2<1 3<2 4<3] [1 of 2 2 of 3 3 of 4] [2 3 4]")
		}
		rest, err := s.TramosPaquetes.Page(t.Context(), "b", 2, 10)
		if err != nil || len(rest) != 1 || rest[0].Number != 3 {
			t.Errorf("behind the second: %+v, %v", rest, err)
		}
	})
}

// wantsNumbers wants the numbers of a descarga's solicitudes and their origins, of its
// packages and theirs, and of what its events are about.
func wantsNumbers(t *testing.T, s *Store, id, want string) {
	t.Helper()
	tramos, err := s.Tramos.Of(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	paquetes, err := s.TramosPaquetes.Page(t.Context(), id, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	eventos, err := s.Descargas.Eventos(t.Context(), id, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var de, with []string
	for _, x := range tramos {
		de = append(de, fmt.Sprintf("%d<%d", x.Number, x.Origin))
	}
	for _, p := range paquetes {
		i := slices.IndexFunc(tramos, func(x Tramo) bool { return x.ID == p.IDTramo })
		if i < 0 || tramos[i].Number != p.Tramo {
			t.Errorf("package %d is of row %d and of number %d", p.Number, p.IDTramo, p.Tramo)
		}
		with = append(with, fmt.Sprintf("%d of %d", p.Number, p.Tramo))
	}
	var envelope []int64
	for _, e := range eventos {
		if e.Tramo != 0 {
			envelope = append(envelope, e.Tramo)
		}
	}
	if got := fmt.Sprint(de, with, envelope); got != want {
		t.Errorf("%s: %s, want %s", id, got, want)
	}
}
