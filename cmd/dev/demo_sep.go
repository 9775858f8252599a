package main

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
)

// lote is how many titles the demo registers.
const lote = 1000

// rfcPersona signs the titles.
const rfcPersona = "PEPJ800101AB5"

// titulos walks the SEP's operations: a thousand titles from JSON to registered
// rows, then titles that are rejected, each for its own reason, and a
// cancellation.
func (w *walk) titulos() {
	w.say("\n== SEP: %d titles from JSON, signed and uploaded as one lote", lote)
	started := time.Now()
	rows := w.lote("", map[string]any{"titulos": devstack.Titulos(lote, "DEMO", rfcPersona)})
	w.say("    %s; %s from JSON to rows", count(rows), time.Since(started).Round(time.Millisecond))
	if w.err == nil && (len(rows) != lote || rows[lote-1].Resultado != "registrado") {
		w.err = fmt.Errorf("%d rows: %s", len(rows), count(rows))
	}
	w.refusals()
	w.say("\n== SEP: a title is cancelled")
	w.show(w.call(http.MethodPost, "/v1/sep/titulos/DEMO00001/cancelacion", map[string]any{"motCancelacion": "R5"}, http.StatusOK))
}

// refusals uploads titles that were damaged after they were signed: the gateway
// refuses them, and then, as it is told to, lets the SEP judge.
func (w *walk) refusals() {
	w.say("\n== SEP: a duplicate, a CURP that RENAPO does not have, a cargo that is not the catalogue's, a broken sello")
	var emitted struct{ Titulos []struct{ XML string } }
	w.decode(w.call(http.MethodPost, "/v1/sep/titulos", map[string]any{"titulos": devstack.Titulos(4, "MAL", rfcPersona)}, http.StatusOK), &emitted)
	if w.err == nil && len(emitted.Titulos) != 4 {
		w.err = errors.New("not every title was issued")
	}
	if w.err != nil {
		return
	}
	const curp, unknown = "MEXL010203HDFXXS05", "MEXL010203HDFXXS17"
	w.err = w.stack.Sandbox.Knobs().Change(map[string]any{"sep_curps_desconocidas": unknown})
	x := func(i int) string { return emitted.Titulos[i].XML }
	file, err := pack(
		strings.Replace(x(0), "MAL00001", "DEMO00001", 1),
		strings.Replace(x(1), curp, unknown, 1),
		strings.Replace(x(2), `cargo="RECTOR"`, `cargo="RECTORA"`, 1),
		strings.Replace(x(3), `nombre="LUIS"`, `nombre="LUISA"`, 1))
	w.err = errors.Join(w.err, err)
	wanted := []string{"folio_ya_registrado", "curp_no_encontrada", "cargo_invalido", "sello_invalido"}
	bad := map[string]any{"nombreArchivo": "malos.zip", "archivoBase64": base64.StdEncoding.EncodeToString(file)}
	w.show(w.call(http.MethodPost, "/v1/sep/lotes", bad, http.StatusUnprocessableEntity))
	for i, row := range w.lote("?comprobar=forma", bad) {
		w.say("    %-10s %-13s %-20s %s", row.FolioControl, row.Resultado, row.MotivoCodigo, row.Descripcion)
		if w.err == nil && (i >= len(wanted) || row.MotivoCodigo != wanted[i]) {
			w.err = fmt.Errorf("row %d has motivoCodigo %s", i+1, row.MotivoCodigo)
		}
	}
}

// row is one row of a result.
type row struct{ FolioControl, Resultado, MotivoCodigo, Descripcion string }

// lote uploads a lote, lets the sandbox's clock run, and returns its rows. query
// is how far it is to be checked before.
func (w *walk) lote(query string, body map[string]any) []row {
	var accepted struct{ NumeroLote string }
	answer := w.call(http.MethodPost, "/v1/sep/lotes"+query, body, http.StatusCreated)
	w.show(answer)
	w.decode(answer, &accepted)
	path := "/v1/sep/lotes/" + accepted.NumeroLote
	w.show(w.call(http.MethodGet, path, nil, http.StatusOK))
	w.stack.Sandbox.Clock().BringForward(time.Minute)
	w.show(w.call(http.MethodGet, path, nil, http.StatusOK))
	var result struct{ Titulos []row }
	w.decode(w.call(http.MethodGet, path+"/resultado", nil, http.StatusOK), &result)
	return result.Titulos
}

// count says how many rows came to what.
func count(rows []row) string {
	n := make(map[string]int)
	for _, row := range rows {
		n[row.Resultado]++
	}
	text, err := json.Marshal(n)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// pack makes the ZIP of a lote.
func pack(documents ...string) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i, document := range documents {
		f, err := z.Create(fmt.Sprintf("%d.xml", i+1))
		if err != nil {
			return nil, err
		}
		if _, err := f.Write([]byte(document)); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}
