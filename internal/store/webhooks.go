package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Webhooks are the registered endpoints, with their secrets.
type Webhooks struct{ *core }

// ErrFull says that there are as many rows of the kind as there may be.
var ErrFull = errors.New("store: full")

// WebhookTarget is one registered endpoint.
type WebhookTarget struct {
	ID    string // whd_…
	Owner string // ID of the API key that registered it
	Host  string
	URL   string // sealed
	// Eventos it wants, and RFCs whose events it may hear of; "*" for every one.
	Eventos, RFCs []string
	Active        bool
	Motivo        string // why it is not active
	Created       time.Time
}

const columnsTarget = `id, dueno, host, url, eventos, rfcs, activo, motivo, creado`

// Create enters d with its first secret, unless its owner has highest.
func (s Webhooks) Create(ctx context.Context, d WebhookTarget, sealed string, highest int) error {
	eventos, rfcs, err := lists(d)
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(tx conn) error {
		var n int
		if _, err := tx.one(ctx, `SELECT COUNT(*) FROM webhooks_destinos WHERE dueno = $1`, []any{d.Owner}, &n); err != nil {
			return err
		}
		if n >= highest {
			return ErrFull
		}
		if _, err := tx.exec(ctx, `INSERT INTO webhooks_destinos (`+columnsTarget+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			d.ID, d.Owner, d.Host, d.URL, eventos, rfcs, number(d.Active), d.Motivo, Instant(d.Created)); err != nil {
			return err
		}
		_, err := tx.exec(ctx, `INSERT INTO webhooks_secretos (destino, numero, sellado) VALUES ($1, 1, $2)`, d.ID, sealed)
		return err
	})
}

// Of lists the endpoints of owner, oldest first.
func (s Webhooks) Of(ctx context.Context, owner string) ([]WebhookTarget, error) {
	return all(ctx, s.read, readTarget, `SELECT `+columnsTarget+` FROM webhooks_destinos WHERE dueno = $1 ORDER BY creado, id`, owner)
}

// Active lists every endpoint that hears of events.
func (s Webhooks) Active(ctx context.Context) ([]WebhookTarget, error) {
	return all(ctx, s.read, readTarget, `SELECT `+columnsTarget+` FROM webhooks_destinos WHERE activo = 1 ORDER BY creado, id`)
}

// WebhookInFalla is an endpoint that does not take its messages.
type WebhookInFalla struct {
	Host, Motivo string
	// Pending are the messages that have failed and will be sent again, the next
	// of them at Next; zero for none.
	Pending int
	Next    time.Time
}

// InFalla returns up to limit endpoints that were given up for motivo, or
// for which messages that have failed wait; whoever they belong to.
func (s Webhooks) InFalla(ctx context.Context, motivo string, limit int) ([]WebhookInFalla, error) {
	return all(ctx, s.read, func(f scanner) (w WebhookInFalla, err error) {
		var next string
		if err = f.Scan(&w.Host, &w.Motivo, &w.Pending, &next); err == nil {
			err = readInstantIn(next, &w.Next)
		}
		return w, err
	}, `SELECT d.host, d.motivo, COUNT(e.id), COALESCE(MIN(e.siguiente), '') FROM webhooks_destinos d
		LEFT JOIN webhooks_entregas e ON e.destino = d.id AND e.estado = 'pendiente' AND e.fallidos > 0
		WHERE e.id IS NOT NULL OR d.motivo = $1
		GROUP BY d.id, d.host, d.motivo ORDER BY d.host, d.id LIMIT $2`, motivo, limit)
}

// Get returns one endpoint, or ErrNotFound.
func (s Webhooks) Get(ctx context.Context, id string) (WebhookTarget, error) {
	return first(ctx, s.read, readTarget, `SELECT `+columnsTarget+` FROM webhooks_destinos WHERE id = $1`, id)
}

func readTarget(f scanner) (d WebhookTarget, err error) {
	var eventos, rfcs, created string
	var active int
	if err := f.Scan(&d.ID, &d.Owner, &d.Host, &d.URL, &eventos, &rfcs, &active, &d.Motivo, &created); err != nil {
		return d, err
	}
	d.Active = active != 0
	return d, errors.Join(json.Unmarshal([]byte(eventos), &d.Eventos), json.Unmarshal([]byte(rfcs), &d.RFCs), readInstantIn(created, &d.Created))
}

// Change writes d over its row. What was pending for an endpoint that is
// no longer active is cancelled.
func (s Webhooks) Change(ctx context.Context, d WebhookTarget) error {
	eventos, rfcs, err := lists(d)
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(tx conn) error {
		if err := one(tx.exec(ctx, `UPDATE webhooks_destinos SET host = $2, url = $3, eventos = $4, rfcs = $5, activo = $6, motivo = $7 WHERE id = $1`,
			d.ID, d.Host, d.URL, eventos, rfcs, number(d.Active), d.Motivo)); err != nil {
			return err
		}
		if d.Active {
			return nil
		}
		return cancelEntregas(ctx, tx, d.ID)
	})
}

func cancelEntregas(ctx context.Context, tx conn, target string) error {
	_, err := tx.exec(ctx, `UPDATE webhooks_entregas SET estado = 'cancelada', siguiente = '', turno = turno + 1 WHERE destino = $1 AND estado = 'pendiente'`, target)
	return err
}

// Delete removes an endpoint with its secrets and its log.
func (s Webhooks) Delete(ctx context.Context, id string) error {
	return s.inTx(ctx, func(tx conn) error {
		return one(tx.exec(ctx, `DELETE FROM webhooks_destinos WHERE id = $1`, id))
	})
}

// Rotate makes sealed the secret of id. The earlier one goes on signing
// until expire; those that have expired at now are removed. ErrFull: highest sign already.
func (s Webhooks) Rotate(ctx context.Context, id, sealed string, now, expire time.Time, highest int) error {
	return s.inTx(ctx, func(tx conn) error {
		// The row of the endpoint is held first, so that two rotations take turns.
		if err := one(tx.exec(ctx, `UPDATE webhooks_destinos SET motivo = motivo WHERE id = $1`, id)); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, `UPDATE webhooks_secretos SET vence = $2 WHERE destino = $1 AND vence = ''`, id, Instant(expire)); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, `DELETE FROM webhooks_secretos WHERE destino = $1 AND vence <= $2`, id, Instant(now)); err != nil {
			return err
		}
		var live int
		if _, err := tx.one(ctx, `SELECT COUNT(*) FROM webhooks_secretos WHERE destino = $1`, []any{id}, &live); err != nil {
			return err
		}
		if live >= highest {
			return ErrFull
		}
		_, err := tx.exec(ctx, `INSERT INTO webhooks_secretos (destino, numero, sellado)
			VALUES ($1, (SELECT COALESCE(MAX(numero), 0) + 1 FROM webhooks_secretos WHERE destino = $1), $2)`, id, sealed)
		return err
	})
}

// Secrets returns the sealed secrets that sign at now, the last one first.
func (s Webhooks) Secrets(ctx context.Context, id string, now time.Time) ([]string, error) {
	return all(ctx, s.read, text,
		`SELECT sellado FROM webhooks_secretos WHERE destino = $1 AND (vence = '' OR vence > $2) ORDER BY numero DESC`, id, Instant(now))
}

// one wants that a statement changed a row.
func one(n int64, err error) error {
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

func lists(d WebhookTarget) (eventos, rfcs string, err error) {
	a, err1 := json.Marshal(d.Eventos)
	b, err2 := json.Marshal(d.RFCs)
	return string(a), string(b), errors.Join(err1, err2)
}
