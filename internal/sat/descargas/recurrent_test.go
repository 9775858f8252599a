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
	w := newWorkshop(t)
	id := w.new(func(p *gateway.PeticionDescarga) {
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "2026-11-01T00:00:00", ""
		p.Programacion = &gateway.Programacion{Hora: "04:00", Overlap: 2}
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
		all, _, err := w.List(t.Context(), gateway.DescargasFilter{IDProgramacion: id, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	for range 2 {
		if err := w.Ronda(t.Context()); err != nil {
			t.Fatal(err)
		}
		if all := corridas(); len(all) != 1 {
			t.Fatalf("%d runs", len(all))
		}
	}
	metadatos := w.finish(corridas()[0].ID)
	// The XML of what is new follow, once.
	for range 3 {
		if err := w.Ronda(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	all := corridas()
	if len(all) != 2 || all[0].Request.NovedadesDe != metadatos.ID || all[0].Request.Solicitud.TipoSolicitud != gateway.TipoCFDI {
		t.Fatalf("%+v", all)
	}
	// One second of news is a range that the SAT takes.
	if s := all[0].Request.Solicitud; s.FechaInicial != "2026-01-02T03:04:04" || s.FechaFinal != "2026-01-02T03:04:05" {
		t.Errorf("%s to %s", s.FechaInicial, s.FechaFinal)
	}
	// The run fails: tomorrow's begins where it did, also though it lived when the next was made.
	w.finish(all[0].ID)
	w.request = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{}, answers["301"]
	}
	w.pass(24 * time.Hour)
	if err := w.Ronda(t.Context()); err != nil {
		t.Fatal(err)
	}
	failed := w.finish(corridas()[0].ID)
	w.pass(24 * time.Hour)
	if err := w.Ronda(t.Context()); err != nil {
		t.Fatal(err)
	}
	if next := corridas()[0]; failed.Estado != gateway.DescargaFallida || next.ID == failed.ID || next.Request.Solicitud.FechaInicial != failed.Request.Solicitud.FechaInicial {
		t.Errorf("%s from %s, then from %s", failed.Estado, failed.Request.Solicitud.FechaInicial, next.Request.Solicitud.FechaInicial)
	}
}
