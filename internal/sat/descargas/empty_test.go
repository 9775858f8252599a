package descargas

import (
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// TestEmpty_WhenComprobantesAreKnown: an empty answer to a range that has had some
// is asked for once more, and told if the SAT insists.
func TestEmpty_WhenComprobantesAreKnown(t *testing.T) {
	t.Parallel()
	day := func(since, until string) func(*gateway.PeticionDescarga) {
		return func(p *gateway.PeticionDescarga) { p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = since, until }
	}
	empty := func(string, int) (gateway.EstadoSolicitud, error) { return estado("5", "5004", 0), nil }
	for name, tc := range map[string]struct {
		other       func(*gateway.PeticionDescarga)
		solicitudes int
	}{
		"the range holds it": {day("2026-01-01T00:00:00", "2026-02-05T00:00:00"), 2},
		"only a part of it":  {day("2026-01-02T00:00:00", "2026-02-05T00:00:00"), 1},
		"other criteria": {func(p *gateway.PeticionDescarga) {
			day("2026-01-01T00:00:00", "2026-02-05T00:00:00")(p)
			p.Solicitud.TipoComprobante = "N"
		}, 1},
		"by an empty package": {day("2026-01-01T00:00:00", "2026-02-05T00:00:00"), 2},
	} {
		w := newWorkshop(t)
		if d := w.finish(w.new(nil)); d.Estado != gateway.DescargaTerminada {
			t.Fatal(d.Estado)
		}
		good := w.verify
		w.verify = empty
		if strings.Contains(name, "package") {
			w.count = func(gateway.Paquete) int64 { return 0 }
			w.verify = func(id string, _ int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 0, id+"_01"), nil }
		}
		before := len(w.requested)
		d := w.finish(w.new(tc.other))
		if d.Estado != gateway.DescargaVacia || len(w.requested)-before != tc.solicitudes || strings.Contains(d.Motivo, "antes entregó 10 de él") != (tc.solicitudes == 2) {
			t.Errorf("%s: %s %q, %d solicitudes", name, d.Estado, d.Motivo, len(w.requested)-before)
		}
		if tc.solicitudes == 1 {
			continue
		}
		w.count = func(gateway.Paquete) int64 { return 10 }
		// Where it was a bad answer, it is all there the second time.
		w.verify = func(id string, n int) (gateway.EstadoSolicitud, error) {
			if n%2 == 1 {
				return empty(id, n)
			}
			return good(id, n)
		}
		w.looks = 0
		if d := w.finish(w.new(day("2026-01-01T00:00:00", "2026-02-06T00:00:00"))); d.Estado != gateway.DescargaTerminada || d.Motivo != "" {
			t.Errorf("%s, then: %s %q", name, d.Estado, d.Motivo)
		}
		w.unrepeated()
	}
}

// TestEmpty_WhenTheMetadataHaveNamedThem: the XML of a run that the SAT says are
// none are asked for once more.
func TestEmpty_WhenTheMetadataHaveNamedThem(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	id := w.new(func(p *gateway.PeticionDescarga) {
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "2026-11-01T00:00:00", ""
		p.Programacion = &gateway.Programacion{Hora: "04:00", Overlap: 2}
	})
	corrida := func(n int) string {
		t.Helper()
		if err := w.Ronda(t.Context()); err != nil {
			t.Fatal(err)
		}
		all, _, err := w.List(t.Context(), gateway.DescargasFilter{IDProgramacion: id, Limit: 100})
		if err != nil || len(all) != n {
			t.Fatalf("%d runs, %v", len(all), err)
		}
		return all[0].ID
	}
	w.finish(corrida(1))
	w.verify = func(string, int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 0), nil }
	before := len(w.requested)
	if d := w.finish(corrida(2)); d.Estado != gateway.DescargaVacia || len(w.requested)-before != 2 || !strings.Contains(d.Motivo, "antes entregó 10") {
		t.Errorf("%s %q, %d solicitudes", d.Estado, d.Motivo, len(w.requested)-before)
	}
}

// withoutDeadline is a descarga without a deadline of the caller's, whose PlazoNormal has
// passed since the SAT accepted it.
func withoutDeadline(t *testing.T) (*workshop, string) {
	t.Helper()
	w := newWorkshop(t)
	w.verify = func(string, int) (gateway.EstadoSolicitud, error) { return estado("1", "5000", 0), nil }
	id := w.new(nil)
	w.walk(0)
	w.walk(time.Minute)
	w.walk(gateway.NormalDeadline)
	if d := w.ve(id); d.Estado != gateway.DescargaSolicitada || d.SiguienteIntento.Sub(w.clock()) != pace.Max || !strings.Contains(d.Solicitudes[0].Decision, "Pasó el plazo normal") {
		t.Fatalf("%s %+v", d.Estado, d.Solicitudes)
	}
	return w, id
}
