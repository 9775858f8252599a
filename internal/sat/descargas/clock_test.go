package descargas

import (
	"fmt"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// follow goes on for a while as a gateway does: each minute a round pulls in what waits in vain.
func (w *workshop) follow(d time.Duration) {
	w.t.Helper()
	for end := w.past() + d; w.past() < end; {
		if err := w.TakeOver(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		w.walk(min(time.Minute, end-w.past()))
	}
}

// six are six descargas whose solicitudes the SAT is at work on.
func (w *workshop) six() (ids []string) {
	w.t.Helper()
	w.verify = func(string, int) (gateway.EstadoSolicitud, error) { return estado("2", "5000", 0), nil }
	for i := range 6 {
		ids = append(ids, w.new(func(p *gateway.PeticionDescarga) { p.Solicitud.FechaFinal = fmt.Sprintf("2026-01-%02dT23:59:59", 10+i) }))
	}
	w.follow(30 * time.Minute)
	return ids
}

// alive wants all of ids to be alive, and asked about within the longest wait.
func (w *workshop) alive(when string, ids []string) {
	w.t.Helper()
	for _, id := range ids {
		if d := w.ve(id); d.Estado != gateway.DescargaEnProceso {
			w.t.Errorf("%s: %s %q", when, d.Estado, d.Motivo)
		}
	}
	before := w.looks
	w.follow(pace.Max + time.Minute)
	if got := w.looks - before; got < len(ids) {
		w.t.Errorf("%s: %d questions of %d within the longest wait", when, got, len(ids))
	}
}

func TestClock_WhenItIsWrongForAWhileNothingEndsAndAllMoves(t *testing.T) {
	t.Parallel()
	for _, set := range []time.Duration{60 * 24 * time.Hour, 4 * 24 * time.Hour, 2 * time.Hour, 10 * time.Minute, -2 * time.Hour, -4 * 24 * time.Hour, 7 * 366 * 24 * time.Hour} {
		t.Run(set.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			ids := w.six()
			w.set(set)
			w.follow(25 * time.Second)
			if set > 0 && w.looks > 50 {
				t.Errorf("the SAT was asked %d times", w.looks)
			}
			w.set(0)
			w.alive("right again", ids)
			w.verify = func(id string, _ int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 10, id+"_01"), nil }
			for _, id := range ids {
				if d := w.finish(id); d.Estado != gateway.DescargaTerminada {
					t.Errorf("%s %q", d.Estado, d.Motivo)
				}
			}
			w.unrepeated()
		})
	}
}

// A clock that was ahead is put right, for good; a start does not know the earlier one.
func TestClock_WhenItIsSetBackForGoodAllMoves(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.set(2 * time.Hour)
	w.cfg.Clock.Heard(w.clock(), 0)
	ids := w.six()
	w.set(0)
	w.follow(time.Minute)
	w.cfg.Clock.Heard(w.clock(), 0)
	w.alive("the SAT's Date says so too", ids)
}

func TestClock_ADeadlineEndsWhenItIsConfirmed(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	ids := w.six()
	before := w.looks
	w.set(60 * 24 * time.Hour)
	w.follow(15 * time.Minute)
	for _, id := range ids {
		if d := w.ve(id); d.Estado.Final() {
			t.Fatalf("%s %q by a clock that has jumped", d.Estado, d.Motivo)
		}
	}
	if got := w.looks - before; got > 3*len(ids) {
		t.Errorf("%d questions in a quarter of an hour", got)
	}
	w.cfg.Clock.Heard(w.clock(), 0)
	w.follow(pace.Max + time.Minute)
	for _, id := range ids {
		if d := w.ve(id); d.Estado != gateway.DescargaFallida {
			t.Errorf("%s though the SAT says that its time is over", d.Estado)
		}
	}
}

// A refused solicitud waits before it is sent again, as each may count.
func TestClock_AWaitThatSparesTheQuotaIsReallyWaited(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.request = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{}, &gateway.Error{Kind: gateway.KindMensajeRechazado, Backend: "sat", Codigo: "305", Detail: "305"}
	}
	w.new(nil)
	w.follow(4 * time.Hour)
	before := len(w.requested)
	for _, set := range []time.Duration{24 * time.Hour, 0, -24 * time.Hour, 0} {
		w.set(set)
		w.follow(2 * time.Minute)
	}
	if got := len(w.requested) - before; got > 0 {
		t.Errorf("%d more solicitudes for a clock that jumped to and fro", got)
	}
	w.follow(16*pace.Max + time.Minute)
	if got := len(w.requested) - before; got < 1 {
		t.Error("it is never sent again")
	}
}

// TestClock_AWaitThatTimeHasPassedEnds: a machine that was suspended for a day wakes with
// a jump, and the SAT confirms it a moment later.
func TestClock_AWaitThatTimeHasPassedEnds(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.request = func(_ gateway.Solicitud, n int) (gateway.SolicitudAceptada, error) {
		if n == 1 {
			return gateway.SolicitudAceptada{}, &gateway.Error{Kind: gateway.KindLimite, Backend: "sat", Codigo: "5011", Detail: "5011"}
		}
		return gateway.SolicitudAceptada{IDSolicitud: "S2", CodEstatus: "5000"}, nil
	}
	w.new(nil)
	w.follow(time.Minute)
	w.set(24 * time.Hour)
	w.follow(2 * time.Minute)
	if got := len(w.requested); got != 1 {
		t.Fatalf("%d solicitudes while the jump was doubted", got)
	}
	w.cfg.Clock.Heard(w.clock(), 0)
	w.follow(pace.Max + time.Minute)
	if got := len(w.requested); got != 2 {
		t.Errorf("%d solicitudes after the jump was confirmed", got)
	}
}

func TestClock_AfterA5011ItWaitsForTheRightTomorrow(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.set(3*24*time.Hour + 5*time.Hour)
	w.cfg.Clock.Heard(w.clock(), 0)
	w.verify = func(_ string, n int) (gateway.EstadoSolicitud, error) {
		if n == 1 {
			return gateway.EstadoSolicitud{}, &gateway.Error{Kind: gateway.KindLimite, Backend: "sat", Codigo: "5011", Detail: "5011"}
		}
		return estado("3", "5000", 10, "p_01"), nil
	}
	id := w.new(nil)
	w.follow(10 * time.Minute)
	w.set(0)
	w.cfg.Clock.Heard(w.clock(), 0)
	w.follow(11 * time.Hour)
	if w.looks != 1 {
		t.Errorf("%d questions before midnight in Mexico", w.looks)
	}
	w.follow(2 * time.Hour)
	if d := w.ve(id); d.Estado != gateway.DescargaTerminada {
		t.Errorf("%s after midnight", d.Estado)
	}
}

func TestClock_APackageThatWaitsIsPulledIn(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	falla := true
	w.fetch = func(gateway.Paquete) error {
		if falla {
			return &gateway.Error{Kind: gateway.KindNoDisponible, Backend: "sat", Own: gateway.OwnSistemaCaido, Detail: "away", Retryable: true, Unsent: true}
		}
		return nil
	}
	id := w.new(nil)
	w.follow(10 * time.Minute)
	w.set(60 * 24 * time.Hour)
	w.follow(time.Hour - time.Minute)
	if d := w.ve(id); d.Estado != gateway.DescargaDescargando {
		t.Fatalf("%s %q by a clock that has jumped", d.Estado, d.Motivo)
	}
	w.set(0)
	falla = false
	w.follow(pace.Max + time.Minute)
	if d := w.ve(id); d.Estado != gateway.DescargaTerminada {
		t.Errorf("%s %q", d.Estado, d.Motivo)
	}
}

func TestClock_RetentionWaitsForItToBeConfirmed(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.finish(w.new(nil))
	w.set(400 * 24 * time.Hour)
	for range 3 {
		if err := w.Ronda(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.pass(15 * time.Minute)
	}
	if len(w.deleted) > 0 {
		t.Fatalf("removed by a clock that has jumped: %v", w.deleted)
	}
	w.cfg.Clock.Heard(w.clock(), 0)
	if err := w.Ronda(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(w.deleted) != 1 {
		t.Errorf("removed once it is confirmed: %v", w.deleted)
	}
}

// The six years of the SAT, an e.firma that has expired, and a signature whose time is
// refused: none is final while the clock is in doubt.
func TestClock_WhatRestsOnItIsNotFinal(t *testing.T) {
	t.Parallel()
	for name, falla := range map[string]error{
		"six years":         nil,
		"e.firma":           &gateway.Error{Kind: gateway.KindEFirma, Unsent: true, Detail: "vencida"},
		"signature refused": &gateway.Error{Kind: gateway.KindMensajeRechazado, Backend: "sat", Codigo: condFecha, Unsent: true, Detail: "reloj"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			well := w.request
			if falla != nil {
				w.request = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
					return gateway.SolicitudAceptada{}, falla
				}
			}
			w.set(7 * 366 * 24 * time.Hour)
			w.cfg.Clock.Heard(w.clock().Add(-w.offset), 0)
			w.set(0)
			id := w.new(nil)
			w.set(7 * 366 * 24 * time.Hour)
			w.cfg.Clock.Heard(w.clock().Add(-w.offset), 0)
			w.follow(2 * 24 * time.Hour)
			if d := w.ve(id); d.Estado == gateway.DescargaFallida {
				t.Fatalf("%q", d.Motivo)
			}
			w.request = well
			w.set(0)
			w.follow(16*pace.Max + time.Hour)
			if d := w.ve(id); d.Estado != gateway.DescargaTerminada {
				t.Errorf("%s %q", d.Estado, d.Motivo)
			}
		})
	}
}

func TestClock_ARecurrentDescargaRunsOnTheRightDay(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	id := w.new(func(p *gateway.PeticionDescarga) {
		p.Solicitud.FechaFinal, p.Solicitud.FechaInicial = "", "2026-11-01T00:00:00"
		p.Programacion = &gateway.Programacion{Hora: "04:00"}
	})
	corridas := func() int {
		t.Helper()
		if err := w.Ronda(t.Context()); err != nil {
			t.Fatal(err)
		}
		all, _, err := w.List(t.Context(), gateway.DescargasFilter{IDProgramacion: id, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if got := corridas(); got != 1 {
		t.Fatalf("%d runs at once", got)
	}
	w.set(3 * 24 * time.Hour)
	if got := corridas(); got != 1 {
		t.Errorf("%d runs by a clock that has jumped", got)
	}
	// It is believed, has run, and was wrong: the next run is not three days off.
	w.cfg.Clock.Heard(w.clock(), 0)
	if got := corridas(); got != 2 {
		t.Errorf("%d runs by a clock that the SAT has confirmed", got)
	}
	w.set(0)
	w.cfg.Clock.Heard(w.clock(), 0)
	corridas()
	if missing := w.ve(id).Request.Programacion.Next.Sub(w.clock()); missing > 24*time.Hour {
		t.Errorf("the next run is %s away", missing)
	}
}

// What is asked for while the clock is behind has its whole time.
func TestClock_ADeadlineIsSetByTheLaterClock(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.verify = func(string, int) (gateway.EstadoSolicitud, error) { return estado("2", "5000", 0), nil }
	w.set(-100 * 24 * time.Hour)
	id := w.new(nil)
	w.follow(time.Minute)
	w.set(0)
	w.follow(time.Hour)
	if d := w.ve(id); d.Estado.Final() {
		t.Errorf("%s %q", d.Estado, d.Motivo)
	}
}

// TestClock_ARefusalOfTheFutureIsAnOldOne: it would hold until that instant comes.
func TestClock_ARefusalOfTheFutureIsAnOldOne(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	d := store.Descarga{Descarga: gateway.Descarga{Created: now.Add(-time.Hour)}}
	for _, tc := range []struct {
		codigo string
		when   time.Duration
		revoke bool
	}{
		{"305", -2 * time.Hour, true}, {"305", -time.Minute, false}, {"305", 2 * time.Hour, true},
		{"5002", 2 * time.Hour, false}, {"5005", 2 * time.Hour, false}, {"5005", -2 * time.Hour, false},
	} {
		if got := revokePrevious(d, now)(&gateway.Error{Codigo: tc.codigo}, now.Add(tc.when)); got != tc.revoke {
			t.Errorf("%s of %s from now: revoked %t", tc.codigo, tc.when, got)
		}
	}
}
