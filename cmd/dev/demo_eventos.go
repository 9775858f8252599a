package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// eventos follows one descarga by its stream of events to the end, and shows those
// of its ledger that tell a decision.
func (a *year) eventos(ctx context.Context, p *requested) error {
	resp, err := a.open(ctx, p.path+"/eventos/flujo", "text/event-stream")
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	lines := bufio.NewScanner(resp.Body)
	tipo := ""
	for lines.Scan() {
		line := lines.Text()
		if t, ok := strings.CutPrefix(line, "event: "); ok {
			tipo = t
		}
		data, ok := strings.CutPrefix(line, "data: ")
		switch {
		case !ok:
		case tipo == "fin":
			return nil
		case slices.Contains([]string{"partida", "sustituida", "solicitud_fallida", "paquete_perdido", "terminada", "parcial", "fallida"}, tipo):
			var e struct {
				Numero  int64
				Detalle string
			}
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				return err
			}
			a.say("    %-18s event %d, %s: %s", p.titulo, e.Numero, tipo, e.Detalle)
		}
	}
	return errors.Join(lines.Err(), errors.New("the stream of events ended without fin"))
}
