package integration

import (
	"database/sql"
	"encoding/base64"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// metric is the value of one series as /metrics writes it, "" without it.
func metric(t *testing.T, g *gatewaytest.Gateway, serie string) string {
	t.Helper()
	return metricIn(t, g.Admin, serie)
}

// metricIn is metric for the gateway with this admin address.
func metricIn(t *testing.T, admin, serie string) string {
	t.Helper()
	resp, err := http.Get(admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v: %s", resp.StatusCode, err, text)
	}
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(serie) + ` (\S+)$`).FindSubmatch(text)
	if m == nil {
		return ""
	}
	return string(m[1])
}

func wantMetric(t *testing.T, g *gatewaytest.Gateway, serie, want string) {
	t.Helper()
	if got := metric(t, g, serie); got != want {
		t.Errorf("%s is %q, want %q", serie, got, want)
	}
}

func inBase(t *testing.T, g *gatewaytest.Gateway, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(g.Config.DataDir, "pasarela.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // nothing was left open in it
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMetrics_WhenTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	wantMetric(t, g, "pasarela_database_up", "1")
	inBase(t, g, `ALTER TABLE tramos RENAME TO fuera`)
	wantMetric(t, g, "pasarela_database_up", "0")
	wantMetric(t, g, "pasarela_descargas_atrasadas", "")
	inBase(t, g, `ALTER TABLE fuera RENAME TO tramos`)
	wantMetric(t, g, "pasarela_database_up", "1")
	wantMetric(t, g, "pasarela_descargas_atrasadas", "0")
}

// A database that answers but accepts no write is not ready, because the gateway needs
// its ledger. It becomes ready again by itself.
func TestReadyz_WhenTheDatabaseTakesNoWrite(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	ready := func(want int, up string) {
		t.Helper()
		waitFor(t, func() bool {
			resp, err := http.Get(g.Admin + "/readyz")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close() //nolint:errcheck // its status says all
			return resp.StatusCode == want && metric(t, g, "pasarela_database_up") == up
		})
	}
	ready(http.StatusOK, "1")
	inBase(t, g, `CREATE TRIGGER lleno BEFORE UPDATE ON libros BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
	ready(http.StatusServiceUnavailable, "0")
	inBase(t, g, `DROP TRIGGER lleno`)
	ready(http.StatusOK, "1")
}

// A wrong password is one login, one account that is no longer used, and one in the gauge
// until it is unblocked.
func TestMetrics_WhenThePACRefusesAnAccount(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	wantMetric(t, g, "pasarela_pade_refused_accounts", "0")
	wrong := "Basic " + base64.StdEncoding.EncodeToString([]byte("otro:canario"))
	wantStatus(t, g.Post("/v1/pade/addendas", map[string]any{"datos": "pedido|1", "codigoContrato": "C"}, "Backend-Authorization", wrong), http.StatusForbidden)
	wantMetric(t, g, "pasarela_pade_refused_accounts", "1")
	if _, err := g.Do(http.MethodDelete, "/v1/pade/bloqueo", nil); err != nil {
		t.Fatal(err)
	}
	wantMetric(t, g, "pasarela_pade_refused_accounts", "0")
}

// A package whose first download was wasted, and a range that was requested many times,
// are at the SAT's limit; others are not.
func TestMetrics_WhenTheQuotaIsNearlySpent(t *testing.T) {
	t.Parallel()
	// Nothing moves by itself: the test sets the rows.
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) {
		c.Descargas.SondeoMinimo.Duration, c.Descargas.SondeoMaximo.Duration = time.Hour, time.Hour
	}})
	if _, err := g.Sandbox.Fallas().Add(sandbox.Falla{Operacion: opVerify, Tipo: control.Codigo, Codigo: "404"}); err != nil {
		t.Fatal(err)
	}
	path := create(t, g, request("CFDI", nil))
	wantMetric(t, g, `pasarela_descargas_al_limite{cuota="rango"}`, "0")
	inBase(t, g, `UPDATE tramos SET sustituciones = 3`)
	wantMetric(t, g, `pasarela_descargas_al_limite{cuota="rango"}`, "0")
	inBase(t, g, `UPDATE tramos SET sustituciones = 4`)
	wantMetric(t, g, `pasarela_descargas_al_limite{cuota="rango"}`, "1")

	const paquete = `pasarela_descargas_al_limite{cuota="paquete"}`
	inBase(t, g, `INSERT INTO tramos_paquetes (descarga, numero, tramo, id_paquete, estado, siguiente) SELECT descarga, 1, id, 'P_01', 'pendiente', '2999-01-01T00:00:00.000000Z' FROM tramos LIMIT 1`,
		`INSERT INTO paquetes (servicio, rfc, id_paquete, descargas, vuela) SELECT servicio, rfc, 'P_01', 1, 'alguien' FROM descargas`)
	wantMetric(t, g, paquete, "0") // its first download is under way
	inBase(t, g, `UPDATE paquetes SET vuela = ''`)
	wantMetric(t, g, paquete, "1") // and has brought nothing
	inBase(t, g, `UPDATE paquetes SET descargas = 2, vuela = 'alguien'`)
	wantMetric(t, g, paquete, "1") // the last one is under way
	inBase(t, g, `UPDATE paquetes SET vuela = '', parcial = 'p.zip'`)
	wantMetric(t, g, paquete, "0") // it came, and waits for its storage
	inBase(t, g, `UPDATE paquetes SET parcial = '', completo = 1`)
	wantMetric(t, g, paquete, "0")
	wantStatus(t, must(t, g, http.MethodDelete, path), http.StatusOK)
	wantMetric(t, g, `pasarela_descargas_al_limite{cuota="rango"}`, "0")
}
