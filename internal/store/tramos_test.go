package store

import (
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// sampleTramo is the only solicitud of a new descarga, due at when.
func sampleTramo(t *testing.T, s *Store, when time.Time) (Tramo, Descarga) {
	t.Helper()
	d := Descarga{Digest: "h"}
	d.ID, d.Estado, d.Limit = "d1", gateway.DescargaEnProceso, when.Add(time.Hour)
	d.Request.Solicitud = gateway.Solicitud{Servicio: gateway.Retenciones, RFCSolicitante: "PRU010101AB1"}
	tramo := Tramo{}
	tramo.Estado, tramo.SiguienteIntento, tramo.IDSolicitud = gateway.TramoPresentada, when, "sat-1"
	tramos := []Tramo{tramo}
	if ok, err := s.Descargas.Create(t.Context(), d, tramos); err != nil || !ok {
		t.Fatal(ok, err)
	}
	return tramos[0], d
}

func read(t *testing.T, s *Store, id int64) Tramo {
	t.Helper()
	got, err := s.Tramos.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTakeTramo_WhenItIsDueOneGetsItWithWhatAQuestionNeeds(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		s := open(t, c)
		when := time.Now().UTC().Truncate(time.Microsecond)
		row, d := sampleTramo(t, s, when)
		take := func(turn int64, now time.Time, who string) (Tramo, Descarga, bool) {
			got, de, ok, err := s.Tramos.Take(t.Context(), row.ID, turn, now, who)
			if err != nil {
				t.Fatal(err)
			}
			return got, de, ok
		}
		if _, _, ok := take(0, when.Add(-time.Microsecond), "a"); ok {
			t.Error("it was taken before its time")
		}
		if _, _, ok := take(1, when, "a"); ok {
			t.Error("it was taken in another turn")
		}
		got, de, ok := take(0, when, "a")
		if !ok || got.IDSolicitud != "sat-1" || got.Holder != "a" || got.Turn != 1 || got.Descarga != d.ID {
			t.Fatalf("%v %+v", ok, got)
		}
		if s := de.Request.Solicitud; de.ID != d.ID || !de.Limit.Equal(d.Limit.Truncate(time.Microsecond)) || s.Servicio != gateway.Retenciones || s.RFCSolicitante != "PRU010101AB1" {
			t.Errorf("%+v", de)
		}
		for _, turn := range []int64{0, 1} {
			if _, _, ok := take(turn, when, "b"); ok {
				t.Error("two have it")
			}
		}
		if left := read(t, s, row.ID); left.Holder != "a" {
			t.Errorf("others see it in the hand of %q", left.Holder)
		}
	})
}

func TestPostponeTramo_WhenItsTurnLastsWritesAndFreesIt(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		s := open(t, c)
		when := time.Now().UTC().Truncate(time.Microsecond)
		row, d := sampleTramo(t, s, when)
		taken, _, ok, err := s.Tramos.Take(t.Context(), row.ID, 0, when, "a")
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		taken.Queries, taken.SiguienteIntento, taken.Decision = 7, when.Add(time.Minute), "Se espera."
		if ok, err := s.Tramos.Postpone(t.Context(), taken, time.Now()); err != nil || !ok {
			t.Fatal(ok, err)
		}
		got := read(t, s, row.ID)
		if got.Queries != 7 || got.Holder != "" || !got.SiguienteIntento.Equal(when.Add(time.Minute)) || got.Decision != "Se espera." {
			t.Errorf("%+v", got)
		}
		taken.Turn, taken.Queries = 2, 8
		if ok, err := s.Tramos.Postpone(t.Context(), taken, time.Now()); err != nil || ok {
			t.Error("another turn's was written", err)
		}
		taken.Turn = 1
		if err := s.Descargas.Change(t.Context(), d.ID, func(c *Change) error {
			c.Descarga().Estado, c.Descarga().Finished = gateway.DescargaCancelada, c.Now()
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if ok, err := s.Tramos.Postpone(t.Context(), taken, time.Now()); err != nil || ok {
			t.Error("a descarga that has ended goes on", err)
		}
		if got := read(t, s, row.ID); got.Queries != 7 {
			t.Errorf("%+v", got)
		}
	})
}

func TestDescarga_WhenTheDeadlineIsNobodysItGoesOnToItsTope(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		s := open(t, c)
		when := time.Now().UTC().Truncate(time.Microsecond)
		row, d := sampleTramo(t, s, when)
		for _, want := range []time.Time{d.Limit, when.Add(48 * time.Hour)} {
			if _, err := s.DB().ExecContext(t.Context(), `UPDATE descargas SET tope = $1`, Instant(want)); err != nil {
				t.Fatal(err)
			}
			leida, err := s.Descargas.Get(t.Context(), d.ID)
			if err != nil || !leida.Ceiling.Equal(want) || !leida.Limit.Equal(d.Limit) {
				t.Errorf("%s, %v; want %s", leida.Ceiling, err, want)
			}
			taken, de, ok, err := s.Tramos.Take(t.Context(), row.ID, read(t, s, row.ID).Turn, when, "a")
			if err != nil || !ok || !de.Ceiling.Equal(want) || !de.Limit.Equal(d.Limit) {
				t.Errorf("taken %v: %s, %v; want %s", ok, de.Ceiling, err, want)
			}
			if err := s.Tramos.Release(t.Context(), taken); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestSerie_WhenTheSameComesAgainAndSomethingElse(t *testing.T) {
	t.Parallel()
	s := Serie{}.Follow("305").Follow("305")
	if s != (Serie{"305", 2}) || s.Follow("302") != (Serie{"302", 1}) {
		t.Errorf("%+v", s)
	}
}

// TestChange_WhenAskedWhatARangeHasHad: of the same taxpayer, within the range.
func TestChange_WhenAskedWhatARangeHasHad(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		s := open(t, c)
		d := Descarga{Digest: "h"}
		d.ID, d.Estado, d.Limit = "d1", gateway.DescargaEnProceso, time.Now().Add(time.Hour)
		d.Request.Solicitud = gateway.Solicitud{Servicio: gateway.CFDI, RFCSolicitante: "PRU010101AB1", TipoSolicitud: "CFDI"}
		tramo := Tramo{Serie: Serie{}}
		tramo.Estado, tramo.PideDesde, tramo.PideHasta = gateway.TramoPresentada, "2026-01-02T00:00:00", "2026-01-03T00:00:00"
		tramos := []Tramo{tramo}
		if ok, err := s.Descargas.Create(t.Context(), d, tramos); err != nil || !ok {
			t.Fatal(ok, err)
		}
		err := s.Descargas.Change(t.Context(), d.ID, func(c *Change) error {
			tr := tramos[0]
			tr.Serie, tr.Decision = Serie{"305", 3}, "por eso"
			c.SaveTramo(tr)
			id := c.NewPaquete(tr.ID, "P_01", time.Now())
			p := TramoPaquete{ID: id, Descarga: d.ID, Serie: Serie{"302", 2}}
			p.Estado, p.Comprobantes = gateway.PaqueteGuardado, 7
			c.SavePaquete(p)
			return c.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, s, tramos[0].ID); got.Serie != (Serie{"305", 3}) {
			t.Errorf("%+v", got.Serie)
		}
		if ps, err := s.TramosPaquetes.Of(t.Context(), tramos[0].ID); err != nil || len(ps) != 1 || ps[0].Serie != (Serie{"302", 2}) {
			t.Errorf("%+v %v", ps, err)
		}
		err = s.Descargas.Change(t.Context(), d.ID, func(c *Change) error {
			for _, tc := range []struct {
				since, until string
				voucher      bool
				want         int64
			}{
				{"2026-01-02T00:00:00", "2026-01-03T00:00:00", true, 7}, {"2026-01-01T00:00:00", "2026-02-01T00:00:00", true, 7},
				{"2026-01-02T00:00:01", "2026-02-01T00:00:00", true, 0}, {"2026-01-01T00:00:00", "2026-01-02T23:59:59", true, 0},
				{"2026-01-01T00:00:00", "2026-02-01T00:00:00", false, 0},
			} {
				if got := c.ComprobantesWithin(tc.since, tc.until, func(p gateway.PeticionDescarga) bool { return tc.voucher == (p.Solicitud.TipoSolicitud == "CFDI") }); got != tc.want {
					t.Errorf("%+v: %d", tc, got)
				}
			}
			if got := c.DecisionOf(gateway.TramoPresentada, ""); got != "por eso" {
				t.Errorf("decision %q", got)
			}
			if got := c.Current("otra"); got != 0 {
				t.Errorf("%d in force", got)
			}
			return c.Err()
		})
		if err != nil {
			t.Error(err)
		}
	})
}
