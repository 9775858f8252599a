package deploy

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

const factura = `<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" Sello="AbC=" Total="10.00"/>`

// pareja is a gateway with a sandbox, and what happens to them: of everything that
// operators can see something, good and bad.
type pareja struct {
	*gatewaytest.Gateway
	t testing.TB
	n int
}

func arranca(t testing.TB) *pareja {
	t.Helper()
	return arrancaCon(t, nil)
}

func arrancaCon(t testing.TB, configura func(*config.Config), sandboxes ...func(*sandbox.Config)) *pareja {
	t.Helper()
	g := gatewaytest.Start(t, gatewaytest.Options{
		Configure: func(c *config.Config) {
			c.Webhooks.Privados = true
			if configura != nil {
				configura(c)
			}
		},
		Sandbox: func(c *sandbox.Config) {
			c.Velocidad = 20
			for _, cambia := range sandboxes {
				cambia(c)
			}
		},
	})
	p := &pareja{Gateway: g, t: t}
	if err := g.Sandbox.Perillas().Cambia(map[string]any{"cfdis_por_dia": 3}); err != nil {
		t.Fatal(err)
	}
	receptor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/falla") {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(receptor.Close)
	for _, camino := range []string{"/avisos", "/falla"} {
		p.pide(http.StatusCreated, "/v1/webhooks", map[string]any{"url": receptor.URL + camino, "eventos": []string{"descarga.terminada", "descarga.vacia", "descarga.parcial"}})
	}
	return p
}

func (p *pareja) pide(want int, path string, body any) gatewaytest.Response {
	p.t.Helper()
	r := p.Post(path, body)
	if r.Status != want {
		p.t.Fatalf("POST %s: status %d, want %d: %s", path, r.Status, want, r.Body)
	}
	return r
}

func (p *pareja) falla(f sandbox.Falla) {
	p.t.Helper()
	f.Veces = 1
	if _, err := p.Sandbox.Fallas().Agrega(f); err != nil {
		p.t.Fatal(err)
	}
}

// descarga asks for a month of its own each time and returns its route.
func (p *pareja) descarga(servicio string) string {
	p.t.Helper()
	p.n++
	return p.pide(http.StatusAccepted, "/v1/sat/descargas", map[string]any{"servicio": servicio, "rfcSolicitante": gatewaytest.Empresa, "tipoDescarga": "emitidos", "tipoSolicitud": "CFDI",
		"fechaInicial": "2026-01-01T00:00:00", "fechaFinal": fmt.Sprintf("2026-01-02T00:%02d:%02d", p.n/60, p.n%60)}).Header.Get("Location")
}

func (p *pareja) termina(path string) {
	p.t.Helper()
	p.espera(path, "terminada")
}

// espera waits until a descarga is in one of the states.
func (p *pareja) espera(path string, estados ...string) {
	p.t.Helper()
	for fin := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		var d struct{ Estado string }
		p.Get(path).JSON(p.t, &d)
		if slices.Contains(estados, d.Estado) {
			return
		}
		if time.Now().After(fin) {
			p.t.Fatalf("%s is %s, want %v", path, d.Estado, estados)
		}
	}
}

// atora begins a descarga that stays with the SAT until the test ends.
func (p *pareja) atora() {
	p.t.Helper()
	if _, err := p.Sandbox.Fallas().Agrega(sandbox.Falla{Operacion: "VerificaSolicitudDescarga", Tipo: control.Codigo, Codigo: "404"}); err != nil {
		p.t.Fatal(err)
	}
	p.descarga("cfdi")
}

// capitulo is some work and some trouble of every kind.
func (p *pareja) capitulo() {
	p.t.Helper()
	p.n++
	p.falla(sandbox.Falla{Operacion: "VerificaSolicitudDescarga", Tipo: control.HTML503})
	p.falla(sandbox.Falla{Operacion: "VerificaSolicitudDescarga", Tipo: control.Codigo, Codigo: "404"})
	p.falla(sandbox.Falla{Operacion: "SolicitaDescargaEmitidos", Tipo: control.Codigo, Codigo: "5002"})
	for _, servicio := range []string{"cfdi", "retenciones"} {
		p.termina(p.descarga(servicio))
	}
	p.falla(sandbox.Falla{Operacion: "Autentica", Tipo: control.Fault})
	p.Post("/v1/sat/cfdi/autenticaciones", map[string]any{"rfc": gatewaytest.Persona})
	p.pide(http.StatusCreated, "/v1/sat/retenciones/autenticaciones", map[string]any{"rfc": gatewaytest.Persona})
	lote := map[string]any{"nombreArchivo": fmt.Sprintf("lote-%d.zip", p.n), "titulos": devstack.Titulos(2, fmt.Sprintf("F%d-", p.n), gatewaytest.Persona)}
	r := p.pide(http.StatusCreated, "/v1/sep/lotes", lote)
	p.Get(r.Header.Get("Location"))
	p.pide(http.StatusOK, "/v1/pade/addendas/adjunta", map[string]any{"datos": "pedido|123", "xmlCfdi": factura})
	p.falla(sandbox.Falla{Servicio: "pade", Operacion: "procesarAddenda", Tipo: control.HTML503})
	p.Post("/v1/pade/addendas", map[string]any{"datos": "pedido|123"})
	p.Get("/v1/efirmas")
	p.Get("/v1/sat/descargas/no-hay")
	p.Post("/v1/sat/cfdi/solicitudes", map[string]any{"tipoDescarga": "emitidos"})
	p.sinLibro()
}

// sinLibro has a call made while the ledger cannot be written.
func (p *pareja) sinLibro() {
	p.t.Helper()
	p.sql(`ALTER TABLE intentos RENAME TO fuera`)
	p.pide(http.StatusInternalServerError, "/v1/sat/cfdi/solicitudes", map[string]any{"tipoDescarga": "emitidos", "tipoSolicitud": "CFDI", "rfcSolicitante": gatewaytest.Empresa,
		"fechaInicial": "2026-01-01T00:00:00", "fechaFinal": "2026-01-05T00:00:00"})
	p.sql(`ALTER TABLE fuera RENAME TO intentos`)
}

func (p *pareja) sql(statement string) {
	p.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(p.Config.DataDir, "pasarela.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // nothing was left open in it
	if _, err := db.ExecContext(p.t.Context(), statement); err != nil {
		p.t.Fatal(err)
	}
}
