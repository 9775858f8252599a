package integration

import (
	"net/http"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// polled is what polls change in a descarga.
type polled struct {
	Estado        string
	Actualizacion time.Time
	Solicitudes   []struct {
		Consultas        int
		Estado           string
		SiguienteIntento time.Time
	}
}

// read waits until the only solicitud was polled n times.
func read(t *testing.T, g *gatewaytest.Gateway, path string, n int) polled {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var d polled
		r := g.Get(path)
		wantStatus(t, r, http.StatusOK)
		r.JSON(t, &d)
		if len(d.Solicitudes) == 1 && d.Solicitudes[0].Consultas >= n {
			return d
		}
		if time.Now().After(end) {
			t.Fatalf("it is not asked about: %s", r.Body)
		}
	}
}

func TestDescargas_WhenTheSATIsStillAtItPollsLeaveNoTraceButTheirNumber(t *testing.T) {
	t.Parallel()
	for base, postgres := range map[string]bool{"SQLite": false, "PostgreSQL": true} {
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			g := gatewaytest.Start(t, gatewaytest.Options{Postgres: postgres})
			if err := g.Sandbox.Knobs().Change(map[string]any{"demora_aceptada": time.Duration(0), "demora_proceso": 48 * time.Hour}); err != nil {
				t.Fatal(err)
			}
			path := create(t, g, request("CFDI", nil))
			before := read(t, g, path, 3)
			after := read(t, g, path, before.Solicitudes[0].Consultas+4)
			if after.Estado != "en_proceso" || !after.Actualizacion.Equal(before.Actualizacion) {
				t.Errorf("%+v, then %+v", before, after)
			}
			if !after.Solicitudes[0].SiguienteIntento.After(before.Solicitudes[0].SiguienteIntento) {
				t.Errorf("the next poll does not move: %+v, then %+v", before, after)
			}
			if r, err := g.Do(http.MethodDelete, path, nil); err != nil || r.Status != http.StatusOK {
				t.Errorf("%d %s, %v", r.Status, r.Body, err)
			}
			if d := wait(t, g, path); d.Estado != "cancelada" || d.Solicitudes[0].Estado != "cancelada" {
				t.Errorf("%+v", d)
			}
		})
	}
}
