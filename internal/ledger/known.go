package ledger

import (
	"context"
	"encoding/json"
	"time"

	"github.com/pasarela-mx/pasarela/internal/store"
)

// KnownMessage is what is on record of a message that was to be sent.
type KnownMessage struct {
	// Key is the key that it was sent under; empty for none.
	Key string
	// Pending says that it may have arrived, and what came of it is not known.
	Pending bool
	// Refused says that it was sent and refused for a reason that passes.
	Refused bool
	When    time.Time
}

// Known returns what is on record of every message that says criterios, with
// its answer, or T's zero value where none was kept.
func Known[T, U any](ctx context.Context, l *Ledger, operation, criterios string, one func(KnownMessage, T) U) ([]U, error) {
	rows, err := l.store.Attempts.ByDigest(ctx, operation, Message{Criterios: criterios}.digest())
	if err != nil {
		return nil, unrecorded(err)
	}
	out := make([]U, 0, len(rows))
	for _, row := range rows {
		row = l.known(row)
		var answer T
		if row.Answer != "" {
			if err := json.Unmarshal([]byte(row.Answer), &answer); err != nil {
				return nil, err
			}
		}
		refused := false
		if row.Estado == store.EstadoRechazado {
			falla, _ := decodeFalla(row.Falla)
			refused = falla.Retryable && !falla.Unsent
		}
		out = append(out, one(KnownMessage{Key: row.Key, When: row.Created, Refused: refused,
			Pending: row.Estado == store.EstadoIntento && !l.unleft(row) || row.Estado == store.EstadoDesconocido}, answer))
	}
	return out, nil
}
