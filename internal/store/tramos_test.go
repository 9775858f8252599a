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
		if !ok || got.IDSolicitud != "sat-1" || got.Ocupante != "a" || got.Descarga != d.ID {
			t.Fatalf("%v %+v", ok, got)
		}
		if s := de.Peticion.Solicitud; de.ID != d.ID || !de.Limite.Equal(d.Limite.Truncate(time.Microsecond)) || s.Servicio != gateway.Retenciones || s.RFCSolicitante != "PRU010101AB1" {
			t.Errorf("%+v", de)
		}
		if _, _, ok := toma(0, cuando, "b"); ok {
			t.Error("two have it")
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
		if ok, err := s.AplazaTramo(t.Context(), tomada); err != nil || !ok {
			t.Fatal(ok, err)
		}
		got := leido(t, s, fila.ID)
		if got.Consultas != 7 || got.Ocupante != "" || !got.SiguienteIntento.Equal(cuando.Add(time.Minute)) || got.Decision != "Se espera." {
			t.Errorf("%+v", got)
		}
		tomada.Turno, tomada.Consultas = 1, 8
		if ok, err := s.AplazaTramo(t.Context(), tomada); err != nil || ok {
			t.Error("another turn's was written", err)
		}
		tomada.Turno = 0
		if err := s.Cambia(t.Context(), d.ID, func(c *Cambio) error {
			c.Descarga().Estado, c.Descarga().Terminada = gateway.DescargaCancelada, c.Ahora()
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if ok, err := s.AplazaTramo(t.Context(), tomada); err != nil || ok {
			t.Error("a descarga that has ended goes on", err)
		}
		if got := leido(t, s, fila.ID); got.Consultas != 7 {
			t.Errorf("%+v", got)
		}
	})
}
