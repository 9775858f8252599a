package descargas

import (
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// TestCorrida_WhenItIsCutBetweenItsSteps: the run is made, and its parent does not
// know yet: the next round makes no second one.
func TestCorrida_WhenItIsCutBetweenItsSteps(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(func(p *gateway.PeticionDescarga) {
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "2026-11-01T00:00:00", ""
		p.Programacion = &gateway.Programacion{Hora: "04:00", Traslape: 2}
	})
	if _, err := w.st.DB().ExecContext(t.Context(), `CREATE TRIGGER corte BEFORE UPDATE OF siguiente ON descargas BEGIN SELECT RAISE(ABORT, 'killed'); END`); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := w.Ronda(t.Context()); err == nil {
			t.Fatal("nothing was cut")
		}
	}
	if _, err := w.st.DB().ExecContext(t.Context(), `DROP TRIGGER corte`); err != nil {
		t.Fatal(err)
	}
	corridas := func() []gateway.Descarga {
		t.Helper()
		todas, _, err := w.Lista(t.Context(), gateway.FiltroDescargas{IDProgramacion: id, Limite: 100})
		if err != nil {
			t.Fatal(err)
		}
		return todas
	}
	for range 2 {
		if err := w.Ronda(t.Context()); err != nil {
			t.Fatal(err)
		}
		if todas := corridas(); len(todas) != 1 {
			t.Fatalf("%d runs", len(todas))
		}
	}
	metadatos := w.acaba(corridas()[0].ID)
	// The XML of what is new follow, once.
	for range 3 {
		if err := w.Ronda(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	todas := corridas()
	if len(todas) != 2 || todas[0].Peticion.NovedadesDe != metadatos.ID || todas[0].Peticion.Solicitud.TipoSolicitud != gateway.TipoCFDI {
		t.Fatalf("%+v", todas)
	}
	// One second of news is a range that the SAT takes.
	if s := todas[0].Peticion.Solicitud; s.FechaInicial != "2026-01-02T03:04:04" || s.FechaFinal != "2026-01-02T03:04:05" {
		t.Errorf("%s to %s", s.FechaInicial, s.FechaFinal)
	}
	// The run fails: tomorrow's begins where it did, also though it lived when the next was made.
	w.acaba(todas[0].ID)
	w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{}, respuestas["301"]
	}
	w.pasa(24 * time.Hour)
	if err := w.Ronda(t.Context()); err != nil {
		t.Fatal(err)
	}
	fallida := w.acaba(corridas()[0].ID)
	w.pasa(24 * time.Hour)
	if err := w.Ronda(t.Context()); err != nil {
		t.Fatal(err)
	}
	if siguiente := corridas()[0]; fallida.Estado != gateway.DescargaFallida || siguiente.ID == fallida.ID || siguiente.Peticion.Solicitud.FechaInicial != fallida.Peticion.Solicitud.FechaInicial {
		t.Errorf("%s from %s, then from %s", fallida.Estado, fallida.Peticion.Solicitud.FechaInicial, siguiente.Peticion.Solicitud.FechaInicial)
	}
}
