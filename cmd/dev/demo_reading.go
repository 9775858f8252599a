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

	"github.com/dustin/go-humanize"

	"github.com/pasarela-mx/pasarela/internal/sandbox/sat"
)

// maxLine bounds a row.
const maxLine = 1 << 20

// read reads everything back, and then as people do: a page, the head of a table,
// one invoice.
func (a *year) read(ctx context.Context) error {
	a.say("\n  Read back")
	var last string
	for _, p := range a.requested {
		var err error
		if last, err = a.readAll(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", p.titulo, err)
		}
	}
	xml := a.requested[len(a.requested)-1]
	for _, step := range []func() error{
		func() error { return a.paquetes(ctx, xml) },
		func() error { return a.table(ctx, a.requested[0].path+"/metadatos.csv") },
		func() error { return a.one(ctx, xml.path+"/cfdis/"+last) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// part is where all rows of a kind of descarga are read.
func (p *requested) part() string {
	if p.tipoSolicitud == "CFDI" {
		return p.path + "/cfdis.ndjson"
	}
	return p.path + "/metadatos.ndjson"
}

// readAll streams every row of one descarga and holds the folios against those
// that the sandbox's taxpayer has. It returns the last.
func (a *year) readAll(ctx context.Context, p *requested) (string, error) {
	resp, err := a.open(ctx, p.part(), "application/x-ndjson")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	started := time.Now()
	in := &counter{r: resp.Body}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxLine)
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
			a.advance(fmt.Sprintf("  %4.0f s  %-18s %s rows; RSS %s", time.Since(started).Seconds(), p.titulo, humanize.Comma(int64(len(got))), a.now()))
		}
	}
	a.finish()
	if err := lines.Err(); err != nil {
		return "", err
	}
	took := time.Since(started).Seconds()
	a.say("    GET …%s: %s rows, %d MiB in %.1f s, %s rows/s; gateway %s", strings.TrimPrefix(p.part(), p.path), humanize.Comma(int64(len(got))),
		in.n/mib, took, humanize.Comma(int64(float64(len(got))/took)), a.now())
	return row.UUID, a.complete(p, got)
}

// complete wants got to be every folio that there is, each once.
func (a *year) complete(p *requested, got []sat.UUID) error {
	since, errSince := time.Parse("2006-01-02T15:04:05", a.initial)
	until, errUntil := time.Parse("2006-01-02T15:04:05", a.final)
	if errSince != nil || errUntil != nil {
		return fmt.Errorf("%w, %w", errSince, errUntil)
	}
	direction := sat.Emitidos
	if p.tipoDescarga == "recibidos" {
		direction = sat.Recibidos
	}
	var want []sat.UUID
	for id, cancelled := range a.sat.Sandbox.Folios(rfcCompany, direction, since, until) {
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
	a.say("    the same %s folios that the sandbox's taxpayer has, each once", humanize.Comma(int64(len(want))))
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

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// paquetes lists what was stored, and shows the first.
func (a *year) paquetes(ctx context.Context, p *requested) error {
	var page struct{ Paquetes []json.RawMessage }
	if err := a.call(ctx, http.MethodGet, p.path+"/paquetes?limite=1000", nil, http.StatusOK, &page); err != nil {
		return err
	}
	if len(page.Paquetes) != p.seen.Progreso.TotalPaquetes {
		return fmt.Errorf("%d packages are listed of %d", len(page.Paquetes), p.seen.Progreso.TotalPaquetes)
	}
	a.say("    GET …/paquetes: %d, the first %s", len(page.Paquetes), page.Paquetes[0])
	return nil
}

// table shows the head of the metadata as CSV, and leaves.
func (a *year) table(ctx context.Context, path string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := a.open(ctx, path, "text/csv")
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it is left in the middle
	a.say("    GET …/metadatos.csv, its head:")
	lines := bufio.NewScanner(resp.Body)
	for n := 0; n < 3; n++ {
		if !lines.Scan() {
			return fmt.Errorf("%d lines of CSV (%w)", n, lines.Err())
		}
		a.say("      %s", lines.Text())
	}
	return nil
}

// one fetches one CFDI by its folio.
func (a *year) one(ctx context.Context, path string) error {
	started := time.Now()
	resp, err := a.open(ctx, path, "application/xml")
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(resp.Body)
	folio := path[strings.LastIndexByte(path, '/')+1:]
	if err != nil || !strings.Contains(strings.ToLower(string(text)), strings.ToLower(folio)) {
		return fmt.Errorf("one CFDI: %.200s (%w)", text, err)
	}
	a.say("    GET …/cfdis/{uuid}: %d bytes of XML in %s, %.120s…", len(text), time.Since(started).Round(time.Millisecond), text)
	return nil
}
