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

// TestOpen_WhenSolicitudesWereCalledByTheirRows: what an earlier program wrote is
// numbered as if it had been all along.
func TestOpen_WhenSolicitudesWereCalledByTheirRows(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		antes := cfg
		antes.archivos = hasta(t, cfg.DatabaseURL != "", "00018_z")
		s, err := Open(t.Context(), antes)
		if err != nil {
			t.Fatal(err)
		}
		suyo := "" // Postgres wants to be told that the ids are ours
		if cfg.DatabaseURL != "" {
			suyo = " OVERRIDING SYSTEM VALUE"
		}
		for _, fila := range []string{
			`INSERT INTO descargas (id, huella, servicio, rfc, peticion, estado, eventos, creada, actualizada, limite) VALUES
				('a', 'a', 'cfdi', 'R', '{}', 'parcial', 3, '', '', ''), ('b', 'b', 'cfdi', 'R', '{}', 'parcial', 3, '', '', '')`,
			`INSERT INTO tramos (id, descarga, origen, desde, hasta, pide_desde, pide_hasta, estado)` + suyo + ` VALUES
				(11, 'a', 0, '', '', '', '', 'partida'), (12, 'b', 0, '', '', '', '', 'sustituida'), (13, 'a', 11, '', '', '', '', 'terminada'),
				(14, 'b', 12, '', '', '', '', 'terminada'), (15, 'a', 11, '', '', '', '', 'fallida')`,
			`INSERT INTO tramos_paquetes (id, descarga, tramo, id_paquete, estado)` + suyo + ` VALUES (21, 'b', 14, 'x', 'guardado'), (22, 'a', 13, 'y', 'guardado'), (23, 'b', 14, 'z', 'perdido')`,
			`INSERT INTO eventos (descarga, numero, cuando, tipo, detalle, tramo, estado) VALUES ('a', 1, '', 'creada', '', 0, ''), ('a', 2, '', 'x', '', 15, ''), ('b', 1, '', 'x', '', 14, '')`,
		} {
			if _, err := s.DB().ExecContext(t.Context(), fila); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		puesta(t, cfg)
		s = open(t, cfg)
		quiereNumeros(t, s, "a", "[1<0 2<1 3<1] [1 of 2] [3]")
		quiereNumeros(t, s, "b", "[1<0 2<1] [1 of 2 2 of 2] [2]")
	})
}
