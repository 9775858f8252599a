package integration

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

const descargasPath = "/v1/sat/descargas"

// descarga is the part of a descarga that tests read.
type descarga struct {
	ID, Estado, Motivo, MotivoCodigo string
	Progreso                         struct {
		TotalSolicitudes, SolicitudesTerminadas, TotalPaquetes, PaquetesGuardados, Porcentaje int
		NumeroCFDIs, Encontrados, Ilegibles                                                   int64
	}
	Cuota struct{ SolicitudesPresentadas, PaquetesServidos int }
	// SiguienteIntento is zero if nothing is due.
	SiguienteIntento time.Time
	Solicitudes      []struct {
		Solicitud                                            int
		Estado, Desde, Hasta, PideHasta, PideDesde, Decision string
		IDSolicitud, MotivoCodigo                            string
	}
}

func request(tipo string, extra map[string]any) map[string]any {
	body := map[string]any{"servicio": "cfdi", "rfcSolicitante": gatewaytest.Company, "tipoDescarga": "emitidos", "tipoSolicitud": tipo,
		"fechaInicial": "2026-01-01T00:00:00", "fechaFinal": "2026-01-31T23:59:59"}
	for k, v := range extra {
		body[k] = v
	}
	return body
}

// create makes a descarga and returns its path.
func create(t *testing.T, g *gatewaytest.Gateway, body map[string]any) string {
	t.Helper()
	r := g.Post(descargasPath, body)
	wantStatus(t, r, http.StatusAccepted)
	return r.Header.Get("Location")
}

// wait waits until the descarga has ended and returns it.
func wait(t *testing.T, g *gatewaytest.Gateway, path string) descarga {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var d descarga
		r := g.Get(path)
		wantStatus(t, r, http.StatusOK)
		r.JSON(t, &d)
		switch d.Estado {
		case "terminada", "vacia", "parcial", "fallida", "cancelada":
			withMotivos(t, d)
			return d
		}
		if time.Now().After(end) {
			t.Fatalf("it does not end: %s\n%s", r.Body, g.Get(path+"/eventos").Body)
		}
	}
}

// withMotivos checks that every reason given to people has a code for programs, and that
// the descarga's solicitudes are counted.
func withMotivos(t *testing.T, d descarga) {
	t.Helper()
	if (d.Motivo == "") != (d.MotivoCodigo == "") {
		t.Errorf("%s: motivo %q, motivoCodigo %q", d.Estado, d.Motivo, d.MotivoCodigo)
	}
	for i, s := range d.Solicitudes {
		if s.Solicitud != i+1 || s.MotivoCodigo == "" && s.Estado != "terminada" {
			t.Errorf("solicitud %d is number %d, %s: %s (%q)", i+1, s.Solicitud, s.Estado, s.Decision, s.MotivoCodigo)
		}
	}
}

// fast makes the sandbox's clock run.
func fast(t *testing.T, g *gatewaytest.Gateway, knobs map[string]any) {
	t.Helper()
	if err := g.Sandbox.Clock().Change(100); err != nil {
		t.Fatal(err)
	}
	if err := g.Sandbox.Knobs().Change(knobs); err != nil {
		t.Fatal(err)
	}
}

func TestDescargas_WhenEverythingIsWellEverythingComes(t *testing.T) {
	t.Parallel()
	for _, tipo := range []string{"CFDI", "Metadata"} {
		t.Run(tipo, func(t *testing.T) {
			t.Parallel()
			g := gatewaytest.Start(t, gatewaytest.Options{})
			fast(t, g, map[string]any{"cfdis_por_paquete": 500})
			d := wait(t, g, create(t, g, request(tipo, nil)))
			if d.Estado != "terminada" || d.Progreso.Encontrados != d.Progreso.NumeroCFDIs || d.Progreso.NumeroCFDIs == 0 || d.Cuota.SolicitudesPresentadas != 1 {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestDescargas_WhenTheyLiveTheMetricsCountThem(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	path := create(t, g, request("CFDI", nil)) // the sandbox's clock runs slowly
	resp, err := http.Get(g.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^pasarela_descargas\{estado="(en_cola|solicitada|en_proceso)"\} 1$`).Match(text) || !strings.Contains(string(text), "\npasarela_descargas_atrasadas 0\n") {
		t.Errorf("%s", text)
	}
	wantStatus(t, must(t, g, http.MethodDelete, path), http.StatusOK)
}

func must(t *testing.T, g *gatewaytest.Gateway, method, path string) gatewaytest.Response {
	t.Helper()
	r, err := g.Do(method, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
