package descargas

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// despertador remembers what was to be woken: the turns of the only solicitud.
type despertador struct{ turnos []int64 }

// Tramo implements Encolador.
func (d *despertador) Tramo(_ context.Context, _, turno int64, _ time.Time) error {
	d.turnos = append(d.turnos, turno)
	return nil
}

// Paquete implements Encolador.
func (d *despertador) Paquete(context.Context, int64, int64, time.Time) error { return nil }

// Esperan implements Encolador.
func (d *despertador) Esperan(context.Context) (tramos, paquetes bool, err error) {
	return false, false, nil
}

// vecinos are the other gateways: vivo is alive, everybody else is dead.
type vecinos struct{}

const vivo = "vivo"

func (vecinos) ID() string          { return "yo" }
func (vecinos) Vive(id string) bool { return id == vivo }
func (vecinos) Perdida() bool       { return false }

func TestReleva_WhenWorkIsOverdue(t *testing.T) {
	t.Parallel()
	ahora := time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
	now := func() time.Time { return ahora }
	st, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // the test is over
	d := &despertador{}
	m := New(Config{Store: st, Presencia: vecinos{}, Encolador: d, EFirma: func(string) error { return nil }, Now: now, Log: zerolog.Nop()})
	creada, _, err := m.Crea(t.Context(), "", gateway.PeticionDescarga{Solicitud: gateway.Solicitud{Servicio: gateway.CFDI, RFCSolicitante: "PRU010101AB1",
		TipoDescarga: gateway.Emitidos, TipoSolicitud: gateway.TipoCFDI, FechaInicial: "2026-01-01T00:00:00", FechaFinal: "2026-01-31T23:59:59"}})
	if err != nil {
		t.Fatal(err)
	}
	tramos, err := st.Tramos(t.Context(), creada.ID)
	if err != nil {
		t.Fatal(err)
	}
	id := tramos[0].ID
	releva := func(cuando string, want ...int64) {
		t.Helper()
		d.turnos = nil
		if err := m.Releva(t.Context(), Gracia); err != nil || !slices.Equal(d.turnos, want) {
			t.Errorf("%s: turns %v, %v, want %v", cuando, d.turnos, err, want)
		}
	}
	ocupa := func(proceso string) {
		t.Helper()
		fila, err := st.Tramo(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := st.OcupaTramo(t.Context(), fila, proceso); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	releva("its job may be about to come")
	ahora = ahora.Add(Gracia + time.Second)
	releva("its job is lost", 1)
	releva("its new job may wait longer than a round")
	ahora = ahora.Add(Gracia + time.Second)
	releva("the new job is lost too", 2)
	ocupa(vivo)
	ahora = ahora.Add(time.Hour)
	releva("somebody alive is at work")
	ocupa("")
	releva("freed", 3)
	ocupa("muerto")
	releva("in a dead one's hands", 4)
	ocupa("yo")
	suelta, _ := m.toma(filaTramo(id))
	releva("this process is at work")
	suelta()
	releva("this process has failed and left its name", 5)
	if _, err := m.Cancela(t.Context(), creada.ID); err != nil {
		t.Fatal(err)
	}
	ahora = ahora.Add(time.Hour)
	releva("it is over")
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
