package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// clock is the real clock and what it was moved by, for gateway and sandbox alike.
type shiftedClock struct{ lead atomic.Int64 }

func (r *shiftedClock) now() time.Time               { return time.Now().Add(time.Duration(r.lead.Load())) }
func (r *shiftedClock) bringForward(d time.Duration) { r.lead.Add(int64(d)) }

// corrida is a run of a recurrent descarga, and the rows that it yields.
type corrida struct {
	IDDescarga, Estado, FechaInicial, FechaFinal string
	Progreso                                     struct{ NumeroCFDIs int }

	rows []json.RawMessage
}

// recurrent walks a recurrent descarga through two days: the second yields only
// what the first did not.
func (w *walk) recurrent() {
	w.say("\n== A recurrent descarga: every day what is new, and what was cancelled since")
	today := gateway.InMexico(w.clock.now())
	var made struct{ IDDescarga string }
	answer := w.call(http.MethodPost, "/v1/sat/descargas", map[string]any{"servicio": "cfdi", "rfcSolicitante": rfcCompany, "tipoDescarga": "recibidos",
		"tipoSolicitud": "Metadata", "fechaInicial": today.AddDate(0, 0, -10).Format("2006-01-02") + "T00:00:00",
		"programacion": map[string]any{"hora": "04:00", "traslapeDias": 5}}, http.StatusAccepted)
	w.show(answer)
	w.decode(answer, &made)
	first := w.corrida(made.IDDescarga, 1)
	w.say("    a day passes")
	w.clock.bringForward(24 * time.Hour)
	second := w.corrida(made.IDDescarga, 2)
	if w.err != nil {
		return
	}
	seen := make(map[string]bool)
	for _, row := range first.rows {
		seen[string(row)] = true
	}
	for _, row := range second.rows {
		if seen[string(row)] {
			w.err = fmt.Errorf("the second day tells again what the first has told: %s", row)
		}
	}
	if len(second.rows) < 40 || len(second.rows) >= second.Progreso.NumeroCFDIs { // a day has forty
		w.err = fmt.Errorf("the second day yields %d rows of %d", len(second.rows), second.Progreso.NumeroCFDIs)
	}
}

// corrida waits for the end of the n-th run and reads it.
func (w *walk) corrida(programacion string, n int) (c corrida) {
	for range 600 {
		if w.err != nil {
			return c
		}
		var page struct{ Descargas []corrida }
		w.decode(w.get("/v1/sat/descargas?idProgramacion="+programacion), &page)
		if len(page.Descargas) == n && page.Descargas[0].Estado == "terminada" {
			c = page.Descargas[0]
			break
		}
		w.stack.Sandbox.Clock().BringForward(time.Second)
		time.Sleep(50 * time.Millisecond)
	}
	if c.IDDescarga == "" {
		w.err = errors.Join(w.err, fmt.Errorf("run %d did not end", n))
		return c
	}
	for line := range bytes.Lines(w.get("/v1/sat/descargas/" + c.IDDescarga + "/metadatos.ndjson")) {
		c.rows = append(c.rows, bytes.Clone(line))
	}
	w.say("    run %d, %s to %s: the SAT has %d comprobantes, %d of them new or cancelled since the last run", n, c.FechaInicial, c.FechaFinal, c.Progreso.NumeroCFDIs, len(c.rows))
	return c
}
