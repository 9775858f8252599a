package descargas

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// TestTakeOver_WhenARowIsInHand: what nobody alive is at work on is free, in a new turn,
// and stays as long overdue as it was.
func TestTakeOver_WhenARowIsInHand(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	id := w.new(nil)
	tramo := w.row(id)
	w.live["vivo"] = true
	takeOver := func(when string, free bool) {
		t.Helper()
		before, err := w.st.Tramos.Get(t.Context(), tramo)
		if err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		if err := w.TakeOver(t.Context()); err != nil {
			t.Fatal(err)
		}
		now, err := w.st.Tramos.Get(t.Context(), tramo)
		if err != nil || (now.Holder == "") != free || (now.Turn > before.Turn) != (free && before.Holder != "") || !now.SiguienteIntento.Equal(before.SiguienteIntento) {
			t.Errorf("%s: %+v, before %+v, %v", when, now, before, err)
		}
	}
	takeOver("in nobody's hand", true)
	w.hold(tramo, "vivo")
	takeOver("somebody alive is at work", false)
	w.hold(tramo, "muerto")
	takeOver("in a dead one's hands", true)
	w.hold(tramo, "yo")
	release, _ := w.hands.take(tramoRow(tramo))
	takeOver("this process is at work", false)
	release()
	w.lost = true
	takeOver("it does not know who is alive", false)
	w.lost = false
	takeOver("this process has failed and left its name", true)
	if _, err := w.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	takeOver("it is over", true)
}

// TestAdvance_WhenTheTurnIsOver: whoever was thought dead and comes back changes nothing,
// and a row is one's alone.
func TestAdvance_WhenTheTurnIsOver(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	id := w.new(nil)
	tramo := w.row(id)
	w.request = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		// It stands still here, and is taken for dead.
		w.hold(tramo, "otro")
		return gateway.SolicitudAceptada{IDSolicitud: "id-1", CodEstatus: "5000"}, nil
	}
	turn := w.turn(tramo)
	if _, err := w.AdvanceTramo(t.Context(), tramo, turn); err != nil {
		t.Fatal(err)
	}
	x, err := w.st.Tramos.Get(t.Context(), tramo)
	if err != nil || x.Holder != "otro" || x.Estado != gateway.TramoPendiente || x.IDSolicitud != "id-1" {
		t.Errorf("%+v, %v", x, err)
	}
	for que, turn := range map[string]int64{"an earlier turn": turn, "another's": x.Turn} {
		if pause, err := w.AdvanceTramo(t.Context(), tramo, turn); err != nil || pause <= 0 || len(w.requested) != 1 {
			t.Errorf("%s: pause %s, %v, %d sent", que, pause, err, len(w.requested))
		}
	}
	w.lost = true
	w.hold(tramo, "")
	if pause, err := w.AdvanceTramo(t.Context(), tramo, w.turn(tramo)); err != nil || pause <= 0 || w.turn(tramo) != x.Turn+1 {
		t.Errorf("while the others may take it for dead: pause %s, %v", pause, err)
	}
}

// TestFetch_WhenItTakesLongOthersComeFirst: the package flies on, in nobody's hand, and is
// due behind those that wait.
func TestFetch_WhenItTakesLongOthersComeFirst(t *testing.T) {
	t.Parallel()
	for name, why := range map[string]error{"its time is up": context.DeadlineExceeded, "the gateway stops": gateway.ErrStopping} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			w.verify = func(string, int) (gateway.EstadoSolicitud, error) {
				return estado("3", "5000", 20, "p_01", "p_02"), nil
			}
			id := w.new(nil)
			w.walk(0)
			w.pass(pace.Min)
			w.every(w.st.Tramos.Due, w.AdvanceTramo)
			before, err := w.st.TramosPaquetes.Due(t.Context(), 10)
			if err != nil || len(before) != 2 {
				t.Fatal(before, err)
			}
			w.pass(3 * time.Minute)
			ctx, cancel := context.WithCancel(t.Context())
			w.fetch = func(gateway.Paquete) error { cancel(); return why }
			if pause, err := w.FetchPaquete(ctx, before[0].ID, before[0].Turn); pause != 0 || err != nil {
				t.Errorf("pause %s, %v", pause, err)
			}
			after, err := w.st.TramosPaquetes.Due(t.Context(), 10)
			if err != nil || len(after) != 2 || after[0] != before[1] || after[1].ID != before[0].ID || after[1].Turn <= before[0].Turn || after[1].At.After(w.clock()) {
				t.Errorf("%+v, before %+v, %v", after, before, err)
			}
			w.fetch = func(gateway.Paquete) error { return nil }
			if d := w.finish(id); d.Estado != gateway.DescargaTerminada {
				t.Errorf("%s %q", d.Estado, d.Motivo)
			}
		})
	}
}

// TestRonda_WhatNobodyNeedsGoes: events of polls a month after the end, also by a clock
// that the SAT confirms only; how it came to its end stays.
func TestRonda_WhatNobodyNeedsGoes(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.verify = func(id string, n int) (gateway.EstadoSolicitud, error) {
		if n == 1 {
			return estado("2", "5000", 0), nil
		}
		return estado("3", "5000", 10, id+"_01"), nil
	}
	id := w.new(nil)
	w.finish(id)
	tipos := func() (steps, all int) {
		t.Helper()
		if err := w.Ronda(t.Context()); err != nil {
			t.Fatal(err)
		}
		eventos, err := w.st.Descargas.Eventos(t.Context(), id, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range eventos {
			if e.Tipo == "consultada" {
				steps++
			}
		}
		return steps, len(eventos)
	}
	before, all := tipos()
	w.set(40 * 24 * time.Hour)
	if steps, _ := tipos(); before == 0 || steps != before {
		t.Fatalf("%d of %d polls are left by a clock that has jumped", steps, before)
	}
	w.set(0)
	w.pass(memorySteps + time.Hour)
	w.cfg.Clock.Heard(w.clock(), 0)
	if steps, remain := tipos(); steps != 0 || remain < all-before {
		t.Errorf("%d polls are left, and %d of %d events", steps, remain, all)
	}
}

// TestRonda_NovedadesGoWithTheirRuns: what runs have yielded goes when retention has taken
// their packages and those of the XML, unless a later run asks for the same days.
func TestRonda_NovedadesGoWithTheirRuns(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	id := w.new(func(p *gateway.PeticionDescarga) {
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "2026-11-01T00:00:00", ""
		p.Programacion = &gateway.Programacion{Hora: "04:00", Overlap: 2}
	})
	ronda := func() {
		t.Helper()
		if err := w.Ronda(t.Context()); err != nil {
			t.Fatal(err)
		}
		all, _, err := w.List(t.Context(), gateway.DescargasFilter{IDProgramacion: id, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range all {
			w.finish(d.ID)
		}
	}
	found := func(corrida string) (uuids []string) {
		t.Helper()
		text := ""
		if err := w.st.DB().QueryRowContext(t.Context(), `SELECT COALESCE(GROUP_CONCAT(uuid), '') FROM novedades WHERE descarga = $1`, corrida).Scan(&text); err != nil {
			t.Fatal(err)
		}
		return strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
	}
	ronda() // the run
	ronda() // its XML
	var first string
	if err := w.st.DB().QueryRowContext(t.Context(), `SELECT DISTINCT descarga FROM novedades`).Scan(&first); err != nil {
		t.Fatal(err)
	}
	if n := len(found(first)); n != 10 {
		t.Fatalf("%d were found to be new", n)
	}
	// One of a day that the next run asks for again.
	if _, err := w.st.DB().ExecContext(t.Context(), `INSERT INTO novedades SELECT programacion, 'reciente', estatus, $1, descarga FROM novedades LIMIT 1`,
		w.clock().AddDate(0, 0, -1).Format(gateway.FechaFormat)); err != nil {
		t.Fatal(err)
	}
	w.pass(25 * time.Hour)
	ronda()
	if got := found(first); len(got) != 1 || got[0] != "reciente" {
		t.Errorf("%v are left", got)
	}
}
