package ledger

import (
	"context"
	"encoding/json"
	"time"

	"github.com/pasarela-mx/pasarela/internal/store"
)

// Conocida is what is on record of a message that was to be sent.
type Conocida struct {
	// Clave is the key that it was sent under; empty for none.
	Clave string
	// Pendiente says that it may have arrived, and what came of it is not known.
	Pendiente bool
	// Rechazada says that it was sent and refused for a reason that passes.
	Rechazada bool
	Cuando    time.Time
}

// Conocidas returns what is on record of every message that says criterios, with
// its answer, or T's zero value where none was kept.
func Conocidas[T, U any](ctx context.Context, l *Ledger, operacion, criterios string, una func(Conocida, T) U) ([]U, error) {
	rows, err := l.store.PorHuella(ctx, operacion, Message{Criterios: criterios}.huella())
	if err != nil {
		return nil, unrecorded(err)
	}
	out := make([]U, 0, len(rows))
	for _, row := range rows {
		row = l.known(row)
		var answer T
		if row.Respuesta != "" {
			if err := json.Unmarshal([]byte(row.Respuesta), &answer); err != nil {
				return nil, err
			}
		}
		rechazada := false
		if row.Estado == store.EstadoRechazado {
			falla, _ := decodeFalla(row.Falla)
			rechazada = falla.Reintentable && !falla.NoEnviada
		}
		out = append(out, una(Conocida{Clave: row.Clave, Cuando: row.Creado, Rechazada: rechazada,
			Pendiente: row.Estado == store.EstadoIntento && !l.unleft(row) || row.Estado == store.EstadoDesconocido}, answer))
	}
	return out, nil
}
