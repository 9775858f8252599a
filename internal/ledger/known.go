package ledger

import (
	"context"
	"encoding/json"
	"time"

	"github.com/pasarela-mx/pasarela/internal/store"
)

// KnownMessage is what the ledger knows of one message.
type KnownMessage struct {
	// Key is the key under which it was sent; empty for none.
	Key string
	// Pending reports that it may have arrived and that its outcome is unknown.
	Pending bool
	// Refused reports that it was sent, and refused for a reason that may pass.
	Refused bool
	When    time.Time
}

// Known returns every recorded message with these criterios, and its answer, or T's zero
// value if none was kept.
func Known[T, U any](ctx context.Context, l *Ledger, operation, criterios string, one func(KnownMessage, T) U) ([]U, error) {
	rows, err := l.attempts.ByDigest(ctx, operation, Message{Criterios: criterios}.digest())
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
