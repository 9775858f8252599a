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

// couple is a gateway with a sandbox, and what happens to them: of everything that
// operators can see something, good and bad.
type couple struct {
	*gatewaytest.Gateway
	t testing.TB
	n int
}

func start(t testing.TB) *couple {
	t.Helper()
	return startWith(t, nil)
}

func startWith(t testing.TB, configure func(*config.Config), sandboxes ...func(*sandbox.Config)) *couple {
	t.Helper()
	g := gatewaytest.Start(t, gatewaytest.Options{
		Configure: func(c *config.Config) {
			c.Webhooks.Privados = true
			if configure != nil {
				configure(c)
			}
		},
		Sandbox: func(c *sandbox.Config) {
			c.Speed = 20
			for _, change := range sandboxes {
				change(c)
			}
		},
	})
	p := &couple{Gateway: g, t: t}
	if err := g.Sandbox.Knobs().Change(map[string]any{"cfdis_por_dia": 3}); err != nil {
		t.Fatal(err)
	}
	receptor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/falla") {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(receptor.Close)
	for _, way := range []string{"/avisos", "/falla"} {
		p.ask(http.StatusCreated, "/v1/webhooks", map[string]any{"url": receptor.URL + way, "eventos": []string{"descarga.terminada", "descarga.vacia", "descarga.parcial"}})
	}
	return p
}

func (p *couple) ask(want int, path string, body any) gatewaytest.Response {
	p.t.Helper()
	r := p.Post(path, body)
	if r.Status != want {
		p.t.Fatalf("POST %s: status %d, want %d: %s", path, r.Status, want, r.Body)
	}
	return r
}

func (p *couple) falla(f sandbox.Falla) {
	p.t.Helper()
	f.Veces = 1
	if _, err := p.Sandbox.Fallas().Add(f); err != nil {
		p.t.Fatal(err)
	}
}

// descarga asks for a month of its own each time and returns its route.
func (p *couple) descarga(servicio string) string {
	p.t.Helper()
	p.n++
	return p.ask(http.StatusAccepted, "/v1/sat/descargas", map[string]any{"servicio": servicio, "rfcSolicitante": gatewaytest.Company, "tipoDescarga": "emitidos", "tipoSolicitud": "CFDI",
		"fechaInicial": "2026-01-01T00:00:00", "fechaFinal": fmt.Sprintf("2026-01-02T00:%02d:%02d", p.n/60, p.n%60)}).Header.Get("Location")
}

func (p *couple) finish(path string) {
	p.t.Helper()
	p.wait(path, "terminada")
}

// wait waits until a descarga is in one of the states.
func (p *couple) wait(path string, estados ...string) {
	p.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		var d struct{ Estado string }
		p.Get(path).JSON(p.t, &d)
		if slices.Contains(estados, d.Estado) {
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("%s is %s, want %v", path, d.Estado, estados)
		}
	}
}

// jam begins a descarga that stays with the SAT until the test ends.
func (p *couple) jam() {
	p.t.Helper()
	if _, err := p.Sandbox.Fallas().Add(sandbox.Falla{Operacion: "VerificaSolicitudDescarga", Tipo: control.Codigo, Codigo: "404"}); err != nil {
		p.t.Fatal(err)
	}
	p.descarga("cfdi")
}

// chapter is some work and some trouble of every kind.
func (p *couple) chapter() {
	p.t.Helper()
	p.n++
	p.falla(sandbox.Falla{Operacion: "VerificaSolicitudDescarga", Tipo: control.HTML503})
	p.falla(sandbox.Falla{Operacion: "VerificaSolicitudDescarga", Tipo: control.Codigo, Codigo: "404"})
	p.falla(sandbox.Falla{Operacion: "SolicitaDescargaEmitidos", Tipo: control.Codigo, Codigo: "5002"})
	for _, servicio := range []string{"cfdi", "retenciones"} {
		p.finish(p.descarga(servicio))
	}
	p.falla(sandbox.Falla{Operacion: "Autentica", Tipo: control.Fault})
	p.Post("/v1/sat/cfdi/autenticaciones", map[string]any{"rfc": gatewaytest.Persona})
	p.ask(http.StatusCreated, "/v1/sat/retenciones/autenticaciones", map[string]any{"rfc": gatewaytest.Persona})
	lote := map[string]any{"nombreArchivo": fmt.Sprintf("lote-%d.zip", p.n), "titulos": devstack.Titulos(2, fmt.Sprintf("F%d-", p.n), gatewaytest.Persona)}
	r := p.ask(http.StatusCreated, "/v1/sep/lotes", lote)
	p.Get(r.Header.Get("Location"))
	p.ask(http.StatusOK, "/v1/pade/addendas/adjunta", map[string]any{"datos": "pedido|123", "xmlCfdi": factura})
	p.falla(sandbox.Falla{Servicio: "pade", Operacion: "procesarAddenda", Tipo: control.HTML503})
	p.Post("/v1/pade/addendas", map[string]any{"datos": "pedido|123"})
	p.Get("/v1/efirmas")
	p.Get("/v1/sat/descargas/no-hay")
	p.Post("/v1/sat/cfdi/solicitudes", map[string]any{"tipoDescarga": "emitidos"})
	p.withoutLibro()
}

// withoutLibro has a call made while the ledger cannot be written.
func (p *couple) withoutLibro() {
	p.t.Helper()
	p.sql(`ALTER TABLE intentos RENAME TO fuera`)
	p.ask(http.StatusInternalServerError, "/v1/sat/cfdi/solicitudes", map[string]any{"tipoDescarga": "emitidos", "tipoSolicitud": "CFDI", "rfcSolicitante": gatewaytest.Company,
		"fechaInicial": "2026-01-01T00:00:00", "fechaFinal": "2026-01-05T00:00:00"})
	p.sql(`ALTER TABLE fuera RENAME TO intentos`)
}

func (p *couple) sql(statement string) {
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
