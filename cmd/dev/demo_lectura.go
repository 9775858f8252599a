package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/sat"
)

const (
	ndjson = "application/x-ndjson"
	// maxLinea bounds a row.
	maxLinea = 1 << 20
)

// lee reads everything back, and then as people do: a page, the head of a table,
// one invoice.
func (a *anio) lee(ctx context.Context) error {
	a.di("\n  Read back")
	var last string
	for _, p := range a.pedidas {
		var err error
		if last, err = a.leeTodo(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", p.titulo, err)
		}
	}
	xml := a.pedidas[len(a.pedidas)-1]
	for _, paso := range []func() error{
		func() error { return a.paquetes(ctx, xml) },
		func() error { return a.tabla(ctx, a.pedidas[0].path+"/metadatos.csv") },
		func() error { return a.uno(ctx, xml.path+"/cfdis/"+last) },
	} {
		if err := paso(); err != nil {
			return err
		}
	}
	return nil
}

// parte is where all rows of a kind of descarga are read.
func (p *pedida) parte() string {
	if p.tipoSolicitud == "CFDI" {
		return p.path + "/cfdis.ndjson"
	}
	return p.path + "/metadatos.ndjson"
}

// leeTodo streams every row of one descarga and holds the folios against those
// that the sandbox's taxpayer has. It returns the last.
func (a *anio) leeTodo(ctx context.Context, p *pedida) (string, error) {
	resp, err := a.abre(ctx, http.MethodGet, p.parte(), ndjson, http.NoBody)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d", resp.StatusCode)
	}
	started := time.Now()
	in := &contador{r: resp.Body}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxLinea)
	var got []sat.UUID
	var row struct {
		UUID  string          `json:"uuid"`
		Falla json.RawMessage `json:"falla"`
	}
	for lines.Scan() {
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil || row.Falla != nil {
			return "", fmt.Errorf("row %d: %s (%w)", len(got)+1, lines.Bytes(), err)
		}
		id, err := folio(row.UUID)
		if err != nil {
			return "", err
		}
		if got = append(got, id); len(got)%20_000 == 0 {
			a.avanza(fmt.Sprintf("  %4.0f s  %-18s %s rows; RSS %s", time.Since(started).Seconds(), p.titulo, miles(int64(len(got))), a.ahora()))
		}
	}
	a.para()
	if err := lines.Err(); err != nil {
		return "", err
	}
	took := time.Since(started).Seconds()
	a.di("    GET …%s: %s rows, %d MiB in %.1f s, %s rows/s; gateway %s", strings.TrimPrefix(p.parte(), p.path), miles(int64(len(got))),
		in.n/mib, took, miles(int64(float64(len(got))/took)), a.ahora())
	return row.UUID, a.completa(p, got)
}

// completa wants got to be every folio that there is, each once.
func (a *anio) completa(p *pedida, got []sat.UUID) error {
	desde, errDesde := time.Parse("2006-01-02T15:04:05", a.inicial)
	hasta, errHasta := time.Parse("2006-01-02T15:04:05", a.final)
	if errDesde != nil || errHasta != nil {
		return fmt.Errorf("%w, %w", errDesde, errHasta)
	}
	sentido := sat.Emitidos
	if p.tipoDescarga == "recibidos" {
		sentido = sat.Recibidos
	}
	var want []sat.UUID
	for id, cancelled := range a.sat.Sandbox.Folios(rfcEmpresa, sentido, desde, hasta) {
		if p.tipoSolicitud != "CFDI" || !cancelled {
			want = append(want, id)
		}
	}
	order := func(a, b sat.UUID) int { return bytes.Compare(a[:], b[:]) }
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	if !slices.Equal(got, want) {
		return fmt.Errorf("%d folios were read and the taxpayer has %d, or they are others", len(got), len(want))
	}
	a.di("    the same %s folios that the sandbox's taxpayer has, each once", miles(int64(len(want))))
	return nil
}

// folio reads a UUID in either case.
func folio(text string) (id sat.UUID, err error) {
	n, err := hex.Decode(id[:], []byte(strings.ReplaceAll(text, "-", "")))
	if err == nil && n != len(id) {
		err = fmt.Errorf("%q is no folio", text)
	}
	return id, err
}

// contador counts what is read.
type contador struct {
	r io.Reader
	n int64
}

func (c *contador) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// paquetes lists what was stored, and shows the first.
func (a *anio) paquetes(ctx context.Context, p *pedida) error {
	var page struct{ Paquetes []json.RawMessage }
	if err := a.llama(ctx, http.MethodGet, p.path+"/paquetes?limite=1000", nil, http.StatusOK, &page); err != nil {
		return err
	}
	if len(page.Paquetes) != p.visto.Progreso.TotalPaquetes {
		return fmt.Errorf("%d packages are listed of %d", len(page.Paquetes), p.visto.Progreso.TotalPaquetes)
	}
	a.di("    GET …/paquetes: %d, the first %s", len(page.Paquetes), page.Paquetes[0])
	return nil
}

// tabla shows the head of the metadata as CSV, and leaves.
func (a *anio) tabla(ctx context.Context, path string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := a.abre(ctx, http.MethodGet, path, "text/csv", http.NoBody)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it is left in the middle
	a.di("    GET …/metadatos.csv, its head:")
	lines := bufio.NewScanner(resp.Body)
	for n := 0; n < 3; n++ {
		if !lines.Scan() {
			return fmt.Errorf("status %d, and %d lines of CSV (%w)", resp.StatusCode, n, lines.Err())
		}
		a.di("      %s", lines.Text())
	}
	return nil
}

// uno fetches one CFDI by its folio.
func (a *anio) uno(ctx context.Context, path string) error {
	started := time.Now()
	resp, err := a.abre(ctx, http.MethodGet, path, "application/xml", http.NoBody)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(strings.ToLower(string(text)), strings.ToLower(path[strings.LastIndexByte(path, '/')+1:])) {
		return fmt.Errorf("one CFDI: status %d, %.200s (%w)", resp.StatusCode, text, err)
	}
	a.di("    GET …/cfdis/{uuid}: %d bytes of XML in %s, %.120s…", len(text), time.Since(started).Round(time.Millisecond), text)
	return nil
}
