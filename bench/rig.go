package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// request is the i-th, whose criteria nobody else has.
func request(i int, descarga bool) map[string]any {
	start := time.Date(2026, 1, 2, 0, 0, i, 0, time.UTC)
	body := map[string]any{"rfcSolicitante": rfc, "tipoDescarga": "emitidos", "tipoSolicitud": "Metadata",
		"fechaInicial": start.Format("2006-01-02T15:04:05"), "fechaFinal": start.AddDate(0, 0, 1).Format("2006-01-02T15:04:05")}
	if descarga {
		body["servicio"] = "cfdi"
	}
	return body
}

func (g *gatewayProcess) post(ctx context.Context, path string, body any, want int, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	return reads(req, want, into)
}

func reads(req *http.Request, want int, into any) error {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	var text bytes.Buffer
	if _, err := text.ReadFrom(resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != want {
		return fmt.Errorf("%s %s: %s\n%s", req.Method, req.URL, resp.Status, text.Bytes())
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text.Bytes(), into)
}

// sandboxProcess is a sandbox whose requests stay in process.
type sandboxProcess struct {
	*process
	admin, efirmas string
}

func startSandbox(ctx context.Context, b *bench) (*sandboxProcess, error) {
	dir := b.file("sandbox")
	p, err := b.start(ctx, "sandbox", dir)
	if err != nil {
		return nil, err
	}
	soap, admin, _ := strings.Cut(p.url, " ")
	p.url = soap
	return &sandboxProcess{process: p, admin: admin, efirmas: filepath.Join(dir, "efirmas")}, nil
}

func (sb *sandboxProcess) settings(b *bench, base string, every time.Duration) ([]string, *pgtest.Server, error) {
	settings := []string{
		"GATEWAY_SIN_SALIDA=" + sb.url,
		"GATEWAY_EFIRMA_DIR=" + sb.efirmas, "GATEWAY_DESCARGAS_SONDEO_MINIMO=" + every.String(), "GATEWAY_DESCARGAS_SONDEO_MAXIMO=" + every.String(),
		"GATEWAY_LOG_LEVEL=warn",
	}
	if base == "SQLite" {
		return settings, nil, nil
	}
	pg, err := pgtest.StartServer()
	if err != nil {
		return nil, nil, err
	}
	blobs := b.file("blobs-trabajos")
	if err := os.MkdirAll(blobs, 0o700); err != nil {
		return nil, nil, errors.Join(err, pg.Close())
	}
	return append(settings, "GATEWAY_DATABASE_URL="+pg.URL, "GATEWAY_BLOB_URL=file://"+filepath.ToSlash(blobs)), pg, nil
}

func (sb *sandboxProcess) calls(ctx context.Context) ([]control.Note, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, sb.admin+"/llamadas", nil)
	if err != nil {
		return nil, err
	}
	var all []control.Note
	return all, reads(req, http.StatusOK, &all)
}

// postgresCPU is that of the server and of every process it has had.
func postgresCPU(pg *pgtest.Server) float64 {
	if pg == nil {
		return 0
	}
	total := 0.0
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	for _, path := range stats {
		pid := filepath.Base(filepath.Dir(path))
		switch fields := statFields(pid); {
		case len(fields) <= cutimeField+1:
		case pid == strconv.Itoa(pg.PID):
			total += statTicks(pid, cutimeField+2)
		case fields[1] == strconv.Itoa(pg.PID):
			total += statTicks(pid, utimeField+2)
		}
	}
	return total
}
