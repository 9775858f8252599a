package integration

import (
	"net/http"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// sondeada is what polls change of a descarga.
type sondeada struct {
	Estado        string
	Actualizacion time.Time
	Solicitudes   []struct {
		Consultas        int
		Estado           string
		SiguienteIntento time.Time
	}
}

// lee waits until the only solicitud was asked about n times.
func lee(t *testing.T, g *gatewaytest.Gateway, path string, n int) sondeada {
	t.Helper()
	for fin := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var d sondeada
		r := g.Get(path)
		wantStatus(t, r, http.StatusOK)
		r.JSON(t, &d)
		if len(d.Solicitudes) == 1 && d.Solicitudes[0].Consultas >= n {
			return d
		}
		if time.Now().After(fin) {
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
			if err := g.Sandbox.Perillas().Cambia(map[string]any{"demora_aceptada": time.Duration(0), "demora_proceso": 48 * time.Hour}); err != nil {
				t.Fatal(err)
			}
			path := crea(t, g, peticion("CFDI", nil))
			antes := lee(t, g, path, 3)
			despues := lee(t, g, path, antes.Solicitudes[0].Consultas+4)
			if despues.Estado != "en_proceso" || !despues.Actualizacion.Equal(antes.Actualizacion) {
				t.Errorf("%+v, then %+v", antes, despues)
			}
			if !despues.Solicitudes[0].SiguienteIntento.After(antes.Solicitudes[0].SiguienteIntento) {
				t.Errorf("the next poll does not move: %+v, then %+v", antes, despues)
			}
			if r, err := g.Do(http.MethodDelete, path, nil); err != nil || r.Status != http.StatusOK {
				t.Errorf("%d %s, %v", r.Status, r.Body, err)
			}
			if d := espera(t, g, path); d.Estado != "cancelada" || d.Solicitudes[0].Estado != "cancelada" {
				t.Errorf("%+v", d)
			}
		})
	}
}
