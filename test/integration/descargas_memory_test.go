package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// magnitude is the size of a descarga in a memory test.
type magnitude struct {
	rows, perDay, byPaquete int // metadata rows of January, CFDI a day, XML in a package
	until                   string
	cfdis                   int
}

// 310,000 rows in one package and 30,000 XML in two of 28 MB; with PASARELA_GRANDE=1
// 930,000 rows, and 155,000 XML in packages of 95 MB.
func TestDescargas_WhenPackagesAreLargeTheGatewayStaysSmall(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED: large packages, with -short")
	}
	g := magnitude{rows: 31 * 10_000, perDay: 5000, byPaquete: 15_000, until: "2026-01-06T23:59:59", cfdis: 6 * 5000}
	if os.Getenv("PASARELA_GRANDE") != "" {
		g = magnitude{rows: 31 * 30_000, perDay: 5000, byPaquete: 50_000, until: "2026-01-31T23:59:59", cfdis: 31 * 5000}
	}
	s := startSandboxProcess(t)
	s.turn(t, http.MethodPut, "/perillas", fmt.Sprintf(`{"recibidos_por_dia": %d, "emitidos_por_dia": %d, "cfdis_por_paquete": %d, "demora_aceptada": "0s", "demora_proceso": "0s"}`,
		g.rows/31, g.perDay, g.byPaquete))
	gw := startGateway(t, append(env(s.url, s.efirmas, t.TempDir()), "GATEWAY_DESCARGAS_SONDEO_MINIMO=100ms", "GATEWAY_DESCARGAS_SONDEO_MAXIMO=500ms")...)
	l := reader{t: t, client: gatewaytest.Client(t), gw: gw}
	idle := memory(t, gw.cmd.Process.Pid, "VmRSS")

	metadatos := l.ask(request("Metadata", map[string]any{"tipoDescarga": "recibidos"}))
	if n := l.wait(metadatos).Progreso.Encontrados; n != int64(g.rows) {
		t.Fatalf("%d rows, wanted %d", n, g.rows)
	}
	// The XML are fetched and counted while the rows are read in both forms.
	xml := l.ask(request("CFDI", map[string]any{"fechaFinal": g.until}))
	l.atOnce(func() { l.rows(metadatos+"/metadatos.csv", g.rows+1) }, func() { l.rows(metadatos+"/metadatos.ndjson", g.rows) })
	current := int(l.wait(xml).Progreso.Encontrados)
	if current > g.cfdis || current < g.cfdis*9/10 {
		t.Fatalf("%d CFDI in force of %d", current, g.cfdis)
	}
	var last string
	l.atOnce(func() { last = l.rows(xml+"/cfdis.ndjson", current) }, func() { l.rows(metadatos+"/metadatos.ndjson", g.rows) })
	var row struct{ UUID string }
	if err := json.Unmarshal([]byte(last), &row); err != nil {
		t.Fatalf("%v: %s", err, last)
	}
	l.atOnce(func() { l.one(xml, row.UUID) }, func() { l.rows(xml+"/cfdis.csv", current+1) })

	peak := memory(t, gw.cmd.Process.Pid, "VmHWM")
	t.Logf("idle %d MiB, peak %d MiB", idle>>20, peak>>20)
	if peak-idle > spent {
		t.Errorf("peak %d MiB, idle %d MiB: over %d MiB for descargas", peak>>20, idle>>20, spent>>20)
	}
}

// reader reads descargas of a gateway process.
type reader struct {
	t      *testing.T
	client *http.Client
	gw     *process
}

// ask makes a descarga and returns its path.
func (l *reader) ask(body map[string]any) string {
	l.t.Helper()
	r := whole(l.t, l.client, http.MethodPost, l.gw.api+descargasPath, body)
	if r.Status != http.StatusAccepted {
		l.t.Fatalf("status %d: %s", r.Status, r.Body)
	}
	return r.Header.Get("Location")
}

// wait waits until the descarga is complete.
func (l *reader) wait(path string) descarga {
	l.t.Helper()
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		var d descarga
		r := whole(l.t, l.client, http.MethodGet, l.gw.api+path, nil)
		r.JSON(l.t, &d)
		switch {
		case d.Estado == "terminada" && d.Progreso.Encontrados == d.Progreso.NumeroCFDIs:
			return d
		case strings.Contains("parcial fallida cancelada vacia terminada", d.Estado), time.Now().After(end):
			l.t.Fatalf("%s", r.Body)
		}
	}
}

// atOnce runs everything concurrently.
func (l *reader) atOnce(readings ...func()) {
	ended := make(chan struct{}, len(readings))
	for _, read := range readings {
		go func() {
			defer func() { ended <- struct{}{} }()
			read()
		}()
	}
	for range readings {
		<-ended
	}
}

// rows reads path, expects so many lines, and returns the last one.
func (l *reader) rows(path string, want int) string {
	resp, err := send(l.t, l.client, http.MethodGet, l.gw.api+path, nil)
	if err != nil {
		l.t.Error(err)
		return ""
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	lines := bufio.NewScanner(resp.Body)
	n, last := 0, ""
	for lines.Scan() {
		// A name may contain a line end, which CSV keeps: such a row has two lines.
		if n++; n == want {
			last = lines.Text()
		}
	}
	if err := lines.Err(); err != nil || resp.StatusCode != http.StatusOK || n < want || !strings.HasSuffix(path, ".csv") && n != want {
		l.t.Errorf("%s: status %d, %d lines, wanted %d: %v", path, resp.StatusCode, n, want, err)
	}
	return last
}

// one reads one CFDI.
func (l *reader) one(path, uuid string) {
	resp, err := send(l.t, l.client, http.MethodGet, l.gw.api+path+"/cfdis/"+uuid, nil)
	if err != nil {
		l.t.Error(err)
		return
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	body := new(strings.Builder)
	if _, err := bufio.NewReader(resp.Body).WriteTo(body); err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(body.String(), uuid) {
		l.t.Errorf("CFDI %s: status %d, %v, %.200s", uuid, resp.StatusCode, err, body.String())
	}
}
