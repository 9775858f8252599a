package descargas

import (
	"fmt"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// sigue goes on for a while as a gateway does: each minute a round pulls in what waits in vain.
func (w *taller) sigue(d time.Duration) {
	w.t.Helper()
	for fin := w.pasado() + d; w.pasado() < fin; {
		if err := w.Releva(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		w.anda(min(time.Minute, fin-w.pasado()))
	}
}

// seis are six descargas whose solicitudes the SAT is at work on.
func (w *taller) seis() (ids []string) {
	w.t.Helper()
	w.verifica = func(string, int) (gateway.EstadoSolicitud, error) { return estado("2", "5000", 0), nil }
	for i := range 6 {
		ids = append(ids, w.nueva(func(p *gateway.PeticionDescarga) { p.Solicitud.FechaFinal = fmt.Sprintf("2026-01-%02dT23:59:59", 10+i) }))
	}
	w.sigue(30 * time.Minute)
	return ids
}

// viven wants all of ids to be alive, and asked about within the longest wait.
func (w *taller) viven(cuando string, ids []string) {
	w.t.Helper()
	for _, id := range ids {
		if d := w.ve(id); d.Estado != gateway.DescargaEnProceso {
			w.t.Errorf("%s: %s %q", cuando, d.Estado, d.Motivo)
		}
	}
	antes := w.miradas
	w.sigue(ritmo.Maximo + time.Minute)
	if got := w.miradas - antes; got < len(ids) {
		w.t.Errorf("%s: %d questions of %d within the longest wait", cuando, got, len(ids))
	}
}

func TestReloj_WhenItIsWrongForAWhileNothingEndsAndAllMoves(t *testing.T) {
	t.Parallel()
	for _, puesto := range []time.Duration{60 * 24 * time.Hour, 4 * 24 * time.Hour, 2 * time.Hour, 10 * time.Minute, -2 * time.Hour, -4 * 24 * time.Hour, 7 * 366 * 24 * time.Hour} {
		t.Run(puesto.String(), func(t *testing.T) {
			t.Parallel()
			w := nuevoTaller(t)
			ids := w.seis()
			w.pon(puesto)
			w.sigue(25 * time.Second)
			if puesto > 0 && w.miradas > 50 {
				t.Errorf("the SAT was asked %d times", w.miradas)
			}
			w.pon(0)
			w.viven("right again", ids)
			w.verifica = func(id string, _ int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 10, id+"_01"), nil }
			for _, id := range ids {
				if d := w.acaba(id); d.Estado != gateway.DescargaTerminada {
					t.Errorf("%s %q", d.Estado, d.Motivo)
				}
			}
			w.sinRepetir()
		})
	}
}

// A clock that was ahead is put right, for good; a start does not know the earlier one.
func TestReloj_WhenItIsSetBackForGoodAllMoves(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.pon(2 * time.Hour)
	w.cfg.Clock.Heard(w.reloj(), 0)
	ids := w.seis()
	w.pon(0)
	w.sigue(time.Minute)
	w.cfg.Clock.Heard(w.reloj(), 0)
	w.viven("the SAT's Date says so too", ids)
}

func TestReloj_ADeadlineEndsWhenItIsConfirmed(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	ids := w.seis()
	antes := w.miradas
	w.pon(60 * 24 * time.Hour)
	w.sigue(15 * time.Minute)
	for _, id := range ids {
		if d := w.ve(id); d.Estado.Final() {
			t.Fatalf("%s %q by a clock that has jumped", d.Estado, d.Motivo)
		}
	}
	if got := w.miradas - antes; got > 3*len(ids) {
		t.Errorf("%d questions in a quarter of an hour", got)
	}
	w.cfg.Clock.Heard(w.reloj(), 0)
	w.sigue(ritmo.Maximo + time.Minute)
	for _, id := range ids {
		if d := w.ve(id); d.Estado != gateway.DescargaFallida {
			t.Errorf("%s though the SAT says that its time is over", d.Estado)
		}
	}
}

// A refused solicitud waits before it is sent again, as each may count.
func TestReloj_AWaitThatSparesTheQuotaIsReallyWaited(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{}, &gateway.Error{Kind: gateway.KindMensajeRechazado, Backend: "sat", Codigo: "305", Detail: "305"}
	}
	w.nueva(nil)
	w.sigue(4 * time.Hour)
	antes := len(w.pedidas)
	for _, puesto := range []time.Duration{24 * time.Hour, 0, -24 * time.Hour, 0} {
		w.pon(puesto)
		w.sigue(2 * time.Minute)
	}
	if got := len(w.pedidas) - antes; got > 0 {
		t.Errorf("%d more solicitudes for a clock that jumped to and fro", got)
	}
	w.sigue(16*ritmo.Maximo + time.Minute)
	if got := len(w.pedidas) - antes; got < 1 {
		t.Error("it is never sent again")
	}
}

// TestReloj_AWaitThatTimeHasPassedEnds: a machine that was suspended for a day wakes with
// a jump, and the SAT confirms it a moment later.
func TestReloj_AWaitThatTimeHasPassedEnds(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.solicita = func(_ gateway.Solicitud, n int) (gateway.SolicitudAceptada, error) {
		if n == 1 {
			return gateway.SolicitudAceptada{}, &gateway.Error{Kind: gateway.KindLimite, Backend: "sat", Codigo: "5011", Detail: "5011"}
		}
		return gateway.SolicitudAceptada{IDSolicitud: "S2", CodEstatus: "5000"}, nil
	}
	w.nueva(nil)
	w.sigue(time.Minute)
	w.pon(24 * time.Hour)
	w.sigue(2 * time.Minute)
	if got := len(w.pedidas); got != 1 {
		t.Fatalf("%d solicitudes while the jump was doubted", got)
	}
	w.cfg.Clock.Heard(w.reloj(), 0)
	w.sigue(ritmo.Maximo + time.Minute)
	if got := len(w.pedidas); got != 2 {
		t.Errorf("%d solicitudes after the jump was confirmed", got)
	}
}

func TestReloj_AfterA5011ItWaitsForTheRightTomorrow(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.pon(3*24*time.Hour + 5*time.Hour)
	w.cfg.Clock.Heard(w.reloj(), 0)
	w.verifica = func(_ string, n int) (gateway.EstadoSolicitud, error) {
		if n == 1 {
			return gateway.EstadoSolicitud{}, &gateway.Error{Kind: gateway.KindLimite, Backend: "sat", Codigo: "5011", Detail: "5011"}
		}
		return estado("3", "5000", 10, "p_01"), nil
	}
	id := w.nueva(nil)
	w.sigue(10 * time.Minute)
	w.pon(0)
	w.cfg.Clock.Heard(w.reloj(), 0)
	w.sigue(11 * time.Hour)
	if w.miradas != 1 {
		t.Errorf("%d questions before midnight in Mexico", w.miradas)
	}
	w.sigue(2 * time.Hour)
	if d := w.ve(id); d.Estado != gateway.DescargaTerminada {
		t.Errorf("%s after midnight", d.Estado)
	}
}

func TestReloj_APackageThatWaitsIsPulledIn(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	falla := true
	w.trae = func(gateway.Paquete) error {
		if falla {
			return &gateway.Error{Kind: gateway.KindNoDisponible, Backend: "sat", Own: gateway.OwnSistemaCaido, Detail: "away", Reintentable: true, NoEnviada: true}
		}
		return nil
	}
	id := w.nueva(nil)
	w.sigue(10 * time.Minute)
	w.pon(60 * 24 * time.Hour)
	w.sigue(time.Hour - time.Minute)
	if d := w.ve(id); d.Estado != gateway.DescargaDescargando {
		t.Fatalf("%s %q by a clock that has jumped", d.Estado, d.Motivo)
	}
	w.pon(0)
	falla = false
	w.sigue(ritmo.Maximo + time.Minute)
	if d := w.ve(id); d.Estado != gateway.DescargaTerminada {
		t.Errorf("%s %q", d.Estado, d.Motivo)
	}
}

func TestReloj_RetentionWaitsForItToBeConfirmed(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.acaba(w.nueva(nil))
	w.pon(400 * 24 * time.Hour)
	for range 3 {
		if err := w.Ronda(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.pasa(15 * time.Minute)
	}
	if len(w.borrados) > 0 {
		t.Fatalf("removed by a clock that has jumped: %v", w.borrados)
	}
	w.cfg.Clock.Heard(w.reloj(), 0)
	if err := w.Ronda(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(w.borrados) != 1 {
		t.Errorf("removed once it is confirmed: %v", w.borrados)
	}
}

// The six years of the SAT, an e.firma that has expired, and a signature whose time is
// refused: none is final while the clock is in doubt.
func TestReloj_WhatRestsOnItIsNotFinal(t *testing.T) {
	t.Parallel()
	for name, falla := range map[string]error{
		"six years":         nil,
		"e.firma":           &gateway.Error{Kind: gateway.KindEFirma, NoEnviada: true, Detail: "vencida"},
		"signature refused": &gateway.Error{Kind: gateway.KindMensajeRechazado, Backend: "sat", Codigo: condFecha, NoEnviada: true, Detail: "reloj"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := nuevoTaller(t)
			bien := w.solicita
			if falla != nil {
				w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
					return gateway.SolicitudAceptada{}, falla
				}
			}
			w.pon(7 * 366 * 24 * time.Hour)
			w.cfg.Clock.Heard(w.reloj().Add(-w.puesto), 0)
			w.pon(0)
			id := w.nueva(nil)
			w.pon(7 * 366 * 24 * time.Hour)
			w.cfg.Clock.Heard(w.reloj().Add(-w.puesto), 0)
			w.sigue(2 * 24 * time.Hour)
			if d := w.ve(id); d.Estado == gateway.DescargaFallida {
				t.Fatalf("%q", d.Motivo)
			}
			w.solicita = bien
			w.pon(0)
			w.sigue(16*ritmo.Maximo + time.Hour)
			if d := w.ve(id); d.Estado != gateway.DescargaTerminada {
				t.Errorf("%s %q", d.Estado, d.Motivo)
			}
		})
	}
}

func TestReloj_ARecurrentDescargaRunsOnTheRightDay(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(func(p *gateway.PeticionDescarga) {
		p.Solicitud.FechaFinal, p.Solicitud.FechaInicial = "", "2026-11-01T00:00:00"
		p.Programacion = &gateway.Programacion{Hora: "04:00"}
	})
	corridas := func() int {
		t.Helper()
		if err := w.Ronda(t.Context()); err != nil {
			t.Fatal(err)
		}
		todas, _, err := w.Lista(t.Context(), gateway.FiltroDescargas{IDProgramacion: id, Limite: 100})
		if err != nil {
			t.Fatal(err)
		}
		return len(todas)
	}
	if got := corridas(); got != 1 {
		t.Fatalf("%d runs at once", got)
	}
	w.pon(3 * 24 * time.Hour)
	if got := corridas(); got != 1 {
		t.Errorf("%d runs by a clock that has jumped", got)
	}
	// It is believed, has run, and was wrong: the next run is not three days off.
	w.cfg.Clock.Heard(w.reloj(), 0)
	if got := corridas(); got != 2 {
		t.Errorf("%d runs by a clock that the SAT has confirmed", got)
	}
	w.pon(0)
	w.cfg.Clock.Heard(w.reloj(), 0)
	corridas()
	if falta := w.ve(id).Peticion.Programacion.Siguiente.Sub(w.reloj()); falta > 24*time.Hour {
		t.Errorf("the next run is %s away", falta)
	}
}

// What is asked for while the clock is behind has its whole time.
func TestReloj_ADeadlineIsSetByTheLaterClock(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.verifica = func(string, int) (gateway.EstadoSolicitud, error) { return estado("2", "5000", 0), nil }
	w.pon(-100 * 24 * time.Hour)
	id := w.nueva(nil)
	w.sigue(time.Minute)
	w.pon(0)
	w.sigue(time.Hour)
	if d := w.ve(id); d.Estado.Final() {
		t.Errorf("%s %q", d.Estado, d.Motivo)
	}
}

// TestReloj_ARefusalOfTheFutureIsAnOldOne: it would hold until that instant comes.
func TestReloj_ARefusalOfTheFutureIsAnOldOne(t *testing.T) {
	t.Parallel()
	ahora := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	d := store.Descarga{Descarga: gateway.Descarga{Creada: ahora.Add(-time.Hour)}}
	for _, caso := range []struct {
		codigo  string
		cuando  time.Duration
		revocar bool
	}{
		{"305", -2 * time.Hour, true}, {"305", -time.Minute, false}, {"305", 2 * time.Hour, true},
		{"5002", 2 * time.Hour, false}, {"5005", 2 * time.Hour, false}, {"5005", -2 * time.Hour, false},
	} {
		if got := revocaAnteriores(d, ahora)(&gateway.Error{Codigo: caso.codigo}, ahora.Add(caso.cuando)); got != caso.revocar {
			t.Errorf("%s of %s from now: revoked %t", caso.codigo, caso.cuando, got)
		}
	}
}
