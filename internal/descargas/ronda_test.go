package descargas

import (
	"context"
	"slices"
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
	id := creada.Solicitudes[0].ID
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
