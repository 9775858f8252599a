package descargas

import (
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// TestVacia_WhenComprobantesAreKnown: an empty answer to a range that has had some
// is asked for once more, and told if the SAT insists.
func TestVacia_WhenComprobantesAreKnown(t *testing.T) {
	t.Parallel()
	dia := func(desde, hasta string) func(*gateway.PeticionDescarga) {
		return func(p *gateway.PeticionDescarga) { p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = desde, hasta }
	}
	vacia := func(string, int) (gateway.EstadoSolicitud, error) { return estado("5", "5004", 0), nil }
	for nombre, tc := range map[string]struct {
		otra        func(*gateway.PeticionDescarga)
		solicitudes int
	}{
		"the range holds it": {dia("2026-01-01T00:00:00", "2026-02-05T00:00:00"), 2},
		"only a part of it":  {dia("2026-01-02T00:00:00", "2026-02-05T00:00:00"), 1},
		"other criteria": {func(p *gateway.PeticionDescarga) {
			dia("2026-01-01T00:00:00", "2026-02-05T00:00:00")(p)
			p.Solicitud.TipoComprobante = "N"
		}, 1},
		"by an empty package": {dia("2026-01-01T00:00:00", "2026-02-05T00:00:00"), 2},
	} {
		w := nuevoTaller(t)
		if d := w.acaba(w.nueva(nil)); d.Estado != gateway.DescargaTerminada {
			t.Fatal(d.Estado)
		}
		buena := w.verifica
		w.verifica = vacia
		if strings.Contains(nombre, "package") {
			w.cuenta = func(gateway.Paquete) int64 { return 0 }
			w.verifica = func(id string, _ int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 0, id+"_01"), nil }
		}
		antes := len(w.pedidas)
		d := w.acaba(w.nueva(tc.otra))
		if d.Estado != gateway.DescargaVacia || len(w.pedidas)-antes != tc.solicitudes || strings.Contains(d.Motivo, "antes entregó 10 de él") != (tc.solicitudes == 2) {
			t.Errorf("%s: %s %q, %d solicitudes", nombre, d.Estado, d.Motivo, len(w.pedidas)-antes)
		}
		if tc.solicitudes == 1 {
			continue
		}
		w.cuenta = func(gateway.Paquete) int64 { return 10 }
		// Where it was a bad answer, it is all there the second time.
		w.verifica = func(id string, n int) (gateway.EstadoSolicitud, error) {
			if n%2 == 1 {
				return vacia(id, n)
			}
			return buena(id, n)
		}
		w.miradas = 0
		if d := w.acaba(w.nueva(dia("2026-01-01T00:00:00", "2026-02-06T00:00:00"))); d.Estado != gateway.DescargaTerminada || d.Motivo != "" {
			t.Errorf("%s, then: %s %q", nombre, d.Estado, d.Motivo)
		}
		w.sinRepetir()
	}
}

// TestVacia_WhenTheMetadataHaveNamedThem: the XML of a run that the SAT says are
// none are asked for once more.
func TestVacia_WhenTheMetadataHaveNamedThem(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(func(p *gateway.PeticionDescarga) {
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "2026-11-01T00:00:00", ""
		p.Programacion = &gateway.Programacion{Hora: "04:00", Traslape: 2}
	})
	corrida := func(n int) string {
		t.Helper()
		if err := w.Ronda(t.Context()); err != nil {
			t.Fatal(err)
		}
		todas, _, err := w.Lista(t.Context(), gateway.FiltroDescargas{IDProgramacion: id, Limite: 100})
		if err != nil || len(todas) != n {
			t.Fatalf("%d runs, %v", len(todas), err)
		}
		return todas[0].ID
	}
	w.acaba(corrida(1))
	w.verifica = func(string, int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 0), nil }
	antes := len(w.pedidas)
	if d := w.acaba(corrida(2)); d.Estado != gateway.DescargaVacia || len(w.pedidas)-antes != 2 || !strings.Contains(d.Motivo, "antes entregó 10") {
		t.Errorf("%s %q, %d solicitudes", d.Estado, d.Motivo, len(w.pedidas)-antes)
	}
}

// sinPlazo is a descarga without a deadline of the caller's, whose PlazoNormal has
// passed since the SAT accepted it.
func sinPlazo(t *testing.T) (*taller, string) {
	t.Helper()
	w := nuevoTaller(t)
	w.verifica = func(string, int) (gateway.EstadoSolicitud, error) { return estado("1", "5000", 0), nil }
	id := w.nueva(nil)
	w.anda(0)
	w.anda(time.Minute)
	w.anda(gateway.PlazoNormal)
	if d := w.ve(id); d.Estado != gateway.DescargaSolicitada || d.SiguienteIntento.Sub(w.reloj()) != ritmo.Maximo || !strings.Contains(d.Solicitudes[0].Decision, "Pasó el plazo normal") {
		t.Fatalf("%s %+v", d.Estado, d.Solicitudes)
	}
	return w, id
}
