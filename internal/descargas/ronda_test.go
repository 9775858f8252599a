package descargas

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// TestReleva_WhenARowIsInHand: what nobody alive is at work on is free, in a new turn,
// and stays as long overdue as it was.
func TestReleva_WhenARowIsInHand(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(nil)
	tramo := w.fila(id)
	w.vivos["vivo"] = true
	releva := func(cuando string, libre bool) {
		t.Helper()
		antes, err := w.st.Tramo(t.Context(), tramo)
		if err != nil {
			t.Fatal(err)
		}
		w.pasa(time.Minute)
		if err := w.Releva(t.Context()); err != nil {
			t.Fatal(err)
		}
		ahora, err := w.st.Tramo(t.Context(), tramo)
		if err != nil || (ahora.Ocupante == "") != libre || (ahora.Turno > antes.Turno) != (libre && antes.Ocupante != "") || !ahora.SiguienteIntento.Equal(antes.SiguienteIntento) {
			t.Errorf("%s: %+v, before %+v, %v", cuando, ahora, antes, err)
		}
	}
	releva("in nobody's hand", true)
	w.ocupa(tramo, "vivo")
	releva("somebody alive is at work", false)
	w.ocupa(tramo, "muerto")
	releva("in a dead one's hands", true)
	w.ocupa(tramo, "yo")
	suelta, _ := w.toma(filaTramo(tramo))
	releva("this process is at work", false)
	suelta()
	w.perdida = true
	releva("it does not know who is alive", false)
	w.perdida = false
	releva("this process has failed and left its name", true)
	if _, err := w.Cancela(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	releva("it is over", true)
}

// TestAvanza_WhenTheTurnIsOver: whoever was thought dead and comes back changes nothing,
// and a row is one's alone.
func TestAvanza_WhenTheTurnIsOver(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(nil)
	tramo := w.fila(id)
	w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		// It stands still here, and is taken for dead.
		w.ocupa(tramo, "otro")
		return gateway.SolicitudAceptada{IDSolicitud: "id-1", CodEstatus: "5000"}, nil
	}
	turno := w.turno(tramo)
	if _, err := w.AvanzaTramo(t.Context(), tramo, turno); err != nil {
		t.Fatal(err)
	}
	x, err := w.st.Tramo(t.Context(), tramo)
	if err != nil || x.Ocupante != "otro" || x.Estado != gateway.TramoPendiente || x.IDSolicitud != "id-1" {
		t.Errorf("%+v, %v", x, err)
	}
	for que, turno := range map[string]int64{"an earlier turn": turno, "another's": x.Turno} {
		if pausa, err := w.AvanzaTramo(t.Context(), tramo, turno); err != nil || pausa <= 0 || len(w.pedidas) != 1 {
			t.Errorf("%s: pause %s, %v, %d sent", que, pausa, err, len(w.pedidas))
		}
	}
	w.perdida = true
	w.ocupa(tramo, "")
	if pausa, err := w.AvanzaTramo(t.Context(), tramo, w.turno(tramo)); err != nil || pausa <= 0 || w.turno(tramo) != x.Turno+1 {
		t.Errorf("while the others may take it for dead: pause %s, %v", pausa, err)
	}
}

// TestTrae_WhenItTakesLongOthersComeFirst: the package flies on, in nobody's hand, and is
// due behind those that wait.
func TestTrae_WhenItTakesLongOthersComeFirst(t *testing.T) {
	t.Parallel()
	for name, why := range map[string]error{"its time is up": context.DeadlineExceeded, "the gateway stops": gateway.ErrStopping} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := nuevoTaller(t)
			w.verifica = func(string, int) (gateway.EstadoSolicitud, error) {
				return estado("3", "5000", 20, "p_01", "p_02"), nil
			}
			id := w.nueva(nil)
			w.anda(0)
			w.pasa(ritmo.Minimo)
			w.cada(w.st.DueTramos, w.AvanzaTramo)
			antes, err := w.st.DuePaquetes(t.Context(), 10)
			if err != nil || len(antes) != 2 {
				t.Fatal(antes, err)
			}
			w.pasa(3 * time.Minute)
			ctx, cancela := context.WithCancel(t.Context())
			w.trae = func(gateway.Paquete) error { cancela(); return why }
			if pausa, err := w.TraePaquete(ctx, antes[0].ID, antes[0].Turn); pausa != 0 || err != nil {
				t.Errorf("pause %s, %v", pausa, err)
			}
			despues, err := w.st.DuePaquetes(t.Context(), 10)
			if err != nil || len(despues) != 2 || despues[0] != antes[1] || despues[1].ID != antes[0].ID || despues[1].Turn <= antes[0].Turn || despues[1].At.After(w.reloj()) {
				t.Errorf("%+v, before %+v, %v", despues, antes, err)
			}
			w.trae = func(gateway.Paquete) error { return nil }
			if d := w.acaba(id); d.Estado != gateway.DescargaTerminada {
				t.Errorf("%s %q", d.Estado, d.Motivo)
			}
		})
	}
}

// TestRonda_WhatNobodyNeedsGoes: events of polls a month after the end, also by a clock
// that the SAT confirms only; how it came to its end stays.
func TestRonda_WhatNobodyNeedsGoes(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.verifica = func(id string, n int) (gateway.EstadoSolicitud, error) {
		if n == 1 {
			return estado("2", "5000", 0), nil
		}
		return estado("3", "5000", 10, id+"_01"), nil
	}
	id := w.nueva(nil)
	w.acaba(id)
	tipos := func() (pasos, todos int) {
		t.Helper()
		if err := w.Ronda(t.Context()); err != nil {
			t.Fatal(err)
		}
		eventos, err := w.st.Eventos(t.Context(), id, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range eventos {
			if e.Tipo == "consultada" {
				pasos++
			}
		}
		return pasos, len(eventos)
	}
	antes, todos := tipos()
	w.pon(40 * 24 * time.Hour)
	if pasos, _ := tipos(); antes == 0 || pasos != antes {
		t.Fatalf("%d of %d polls are left by a clock that has jumped", pasos, antes)
	}
	w.pon(0)
	w.pasa(memoriaPasos + time.Hour)
	w.cfg.Clock.Heard(w.reloj(), 0)
	if pasos, quedan := tipos(); pasos != 0 || quedan < todos-antes {
		t.Errorf("%d polls are left, and %d of %d events", pasos, quedan, todos)
	}
}

// TestRonda_NovedadesGoWithTheirRuns: what runs have yielded goes when retention has taken
// their packages and those of the XML, unless a later run asks for the same days.
func TestRonda_NovedadesGoWithTheirRuns(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(func(p *gateway.PeticionDescarga) {
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "2026-11-01T00:00:00", ""
		p.Programacion = &gateway.Programacion{Hora: "04:00", Traslape: 2}
	})
	ronda := func() {
		t.Helper()
		if err := w.Ronda(t.Context()); err != nil {
			t.Fatal(err)
		}
		todas, _, err := w.Lista(t.Context(), gateway.FiltroDescargas{IDProgramacion: id, Limite: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range todas {
			w.acaba(d.ID)
		}
	}
	halladas := func(corrida string) (uuids []string) {
		t.Helper()
		text := ""
		if err := w.st.DB().QueryRowContext(t.Context(), `SELECT COALESCE(GROUP_CONCAT(uuid), '') FROM novedades WHERE descarga = $1`, corrida).Scan(&text); err != nil {
			t.Fatal(err)
		}
		return strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
	}
	ronda() // the run
	ronda() // its XML
	var primera string
	if err := w.st.DB().QueryRowContext(t.Context(), `SELECT DISTINCT descarga FROM novedades`).Scan(&primera); err != nil {
		t.Fatal(err)
	}
	if n := len(halladas(primera)); n != 10 {
		t.Fatalf("%d were found to be new", n)
	}
	// One of a day that the next run asks for again.
	if _, err := w.st.DB().ExecContext(t.Context(), `INSERT INTO novedades SELECT programacion, 'reciente', estatus, $1, descarga FROM novedades LIMIT 1`,
		w.reloj().AddDate(0, 0, -1).Format(gateway.FormatoFecha)); err != nil {
		t.Fatal(err)
	}
	w.pasa(25 * time.Hour)
	ronda()
	if got := halladas(primera); len(got) != 1 || got[0] != "reciente" {
		t.Errorf("%v are left", got)
	}
}
