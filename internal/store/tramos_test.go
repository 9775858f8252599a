package store

import (
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// unTramo is the only solicitud of a new descarga, due at cuando.
func unTramo(t *testing.T, s *Store, cuando time.Time) (Tramo, Descarga) {
	t.Helper()
	d := Descarga{Huella: "h"}
	d.ID, d.Estado, d.Limite = "d1", gateway.DescargaEnProceso, cuando.Add(time.Hour)
	d.Peticion.Solicitud = gateway.Solicitud{Servicio: gateway.Retenciones, RFCSolicitante: "PRU010101AB1"}
	tramo := Tramo{}
	tramo.Estado, tramo.SiguienteIntento, tramo.IDSolicitud = gateway.TramoPresentada, cuando, "sat-1"
	tramos := []Tramo{tramo}
	if ok, err := s.CreaDescarga(t.Context(), d, tramos); err != nil || !ok {
		t.Fatal(ok, err)
	}
	return tramos[0], d
}

func leido(t *testing.T, s *Store, id int64) Tramo {
	t.Helper()
	got, err := s.Tramo(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTomaTramo_WhenItIsDueOneGetsItWithWhatAQuestionNeeds(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		s := open(t, c)
		cuando := time.Now().UTC().Truncate(time.Microsecond)
		fila, d := unTramo(t, s, cuando)
		toma := func(turno int64, ahora time.Time, quien string) (Tramo, Descarga, bool) {
			got, de, ok, err := s.TomaTramo(t.Context(), fila.ID, turno, ahora, quien)
			if err != nil {
				t.Fatal(err)
			}
			return got, de, ok
		}
		if _, _, ok := toma(0, cuando.Add(-time.Microsecond), "a"); ok {
			t.Error("it was taken before its time")
		}
		if _, _, ok := toma(1, cuando, "a"); ok {
			t.Error("it was taken in another turn")
		}
		got, de, ok := toma(0, cuando, "a")
		if !ok || got.IDSolicitud != "sat-1" || got.Ocupante != "a" || got.Turno != 1 || got.Descarga != d.ID {
			t.Fatalf("%v %+v", ok, got)
		}
		if s := de.Peticion.Solicitud; de.ID != d.ID || !de.Limite.Equal(d.Limite.Truncate(time.Microsecond)) || s.Servicio != gateway.Retenciones || s.RFCSolicitante != "PRU010101AB1" {
			t.Errorf("%+v", de)
		}
		for _, turno := range []int64{0, 1} {
			if _, _, ok := toma(turno, cuando, "b"); ok {
				t.Error("two have it")
			}
		}
		if left := leido(t, s, fila.ID); left.Ocupante != "a" {
			t.Errorf("others see it in the hand of %q", left.Ocupante)
		}
	})
}

func TestAplazaTramo_WhenItsTurnLastsWritesAndFreesIt(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		s := open(t, c)
		cuando := time.Now().UTC().Truncate(time.Microsecond)
		fila, d := unTramo(t, s, cuando)
		tomada, _, ok, err := s.TomaTramo(t.Context(), fila.ID, 0, cuando, "a")
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		tomada.Consultas, tomada.SiguienteIntento, tomada.Decision = 7, cuando.Add(time.Minute), "Se espera."
		if ok, err := s.AplazaTramo(t.Context(), tomada, time.Now()); err != nil || !ok {
			t.Fatal(ok, err)
		}
		got := leido(t, s, fila.ID)
		if got.Consultas != 7 || got.Ocupante != "" || !got.SiguienteIntento.Equal(cuando.Add(time.Minute)) || got.Decision != "Se espera." {
			t.Errorf("%+v", got)
		}
		tomada.Turno, tomada.Consultas = 2, 8
		if ok, err := s.AplazaTramo(t.Context(), tomada, time.Now()); err != nil || ok {
			t.Error("another turn's was written", err)
		}
		tomada.Turno = 1
		if err := s.Cambia(t.Context(), d.ID, func(c *Cambio) error {
			c.Descarga().Estado, c.Descarga().Terminada = gateway.DescargaCancelada, c.Ahora()
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if ok, err := s.AplazaTramo(t.Context(), tomada, time.Now()); err != nil || ok {
			t.Error("a descarga that has ended goes on", err)
		}
		if got := leido(t, s, fila.ID); got.Consultas != 7 {
			t.Errorf("%+v", got)
		}
	})
}

func TestDescarga_WhenTheDeadlineIsNobodysItGoesOnToItsTope(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		s := open(t, c)
		cuando := time.Now().UTC().Truncate(time.Microsecond)
		fila, d := unTramo(t, s, cuando)
		for _, want := range []time.Time{d.Limite, cuando.Add(48 * time.Hour)} {
			if _, err := s.DB().ExecContext(t.Context(), `UPDATE descargas SET tope = $1`, Instante(want)); err != nil {
				t.Fatal(err)
			}
			leida, err := s.Descarga(t.Context(), d.ID)
			if err != nil || !leida.Tope.Equal(want) || !leida.Limite.Equal(d.Limite) {
				t.Errorf("%s, %v; want %s", leida.Tope, err, want)
			}
			tomada, de, ok, err := s.TomaTramo(t.Context(), fila.ID, leido(t, s, fila.ID).Turno, cuando, "a")
			if err != nil || !ok || !de.Tope.Equal(want) || !de.Limite.Equal(d.Limite) {
				t.Errorf("taken %v: %s, %v; want %s", ok, de.Tope, err, want)
			}
			if err := s.SueltaTramo(t.Context(), tomada); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestSerie_WhenTheSameComesAgainAndSomethingElse(t *testing.T) {
	t.Parallel()
	s := Serie{}.Sigue("305").Sigue("305")
	if s != (Serie{"305", 2}) || s.Sigue("302") != (Serie{"302", 1}) {
		t.Errorf("%+v", s)
	}
}

// TestCambio_WhenAskedWhatARangeHasHad: of the same taxpayer, within the range.
func TestCambio_WhenAskedWhatARangeHasHad(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		s := open(t, c)
		d := Descarga{Huella: "h"}
		d.ID, d.Estado, d.Limite = "d1", gateway.DescargaEnProceso, time.Now().Add(time.Hour)
		d.Peticion.Solicitud = gateway.Solicitud{Servicio: gateway.CFDI, RFCSolicitante: "PRU010101AB1", TipoSolicitud: "CFDI"}
		tramo := Tramo{Serie: Serie{}}
		tramo.Estado, tramo.PideDesde, tramo.PideHasta = gateway.TramoPresentada, "2026-01-02T00:00:00", "2026-01-03T00:00:00"
		tramos := []Tramo{tramo}
		if ok, err := s.CreaDescarga(t.Context(), d, tramos); err != nil || !ok {
			t.Fatal(ok, err)
		}
		err := s.Cambia(t.Context(), d.ID, func(c *Cambio) error {
			tr := tramos[0]
			tr.Serie, tr.Decision = Serie{"305", 3}, "por eso"
			c.GuardaTramo(tr)
			id := c.NuevoPaquete(tr.ID, "P_01", time.Now())
			p := PaqueteDeTramo{ID: id, Descarga: d.ID, Serie: Serie{"302", 2}}
			p.Estado, p.Comprobantes = gateway.PaqueteGuardado, 7
			c.GuardaPaquete(p)
			return c.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := leido(t, s, tramos[0].ID); got.Serie != (Serie{"305", 3}) {
			t.Errorf("%+v", got.Serie)
		}
		if ps, err := s.PaquetesDeTramo(t.Context(), tramos[0].ID); err != nil || len(ps) != 1 || ps[0].Serie != (Serie{"302", 2}) {
			t.Errorf("%+v %v", ps, err)
		}
		err = s.Cambia(t.Context(), d.ID, func(c *Cambio) error {
			for _, tc := range []struct {
				desde, hasta string
				vale         bool
				want         int64
			}{
				{"2026-01-02T00:00:00", "2026-01-03T00:00:00", true, 7}, {"2026-01-01T00:00:00", "2026-02-01T00:00:00", true, 7},
				{"2026-01-02T00:00:01", "2026-02-01T00:00:00", true, 0}, {"2026-01-01T00:00:00", "2026-01-02T23:59:59", true, 0},
				{"2026-01-01T00:00:00", "2026-02-01T00:00:00", false, 0},
			} {
				if got := c.ComprobantesDentro(tc.desde, tc.hasta, func(p gateway.PeticionDescarga) bool { return tc.vale == (p.Solicitud.TipoSolicitud == "CFDI") }); got != tc.want {
					t.Errorf("%+v: %d", tc, got)
				}
			}
			if got := c.DecisionDe(gateway.TramoPresentada, ""); got != "por eso" {
				t.Errorf("decision %q", got)
			}
			if got := c.Vigentes("otra"); got != 0 {
				t.Errorf("%d in force", got)
			}
			return c.Err()
		})
		if err != nil {
			t.Error(err)
		}
	})
}
