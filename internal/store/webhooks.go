package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrLleno says that there are as many rows of the kind as there may be.
var ErrLleno = errors.New("store: full")

// WebhookDestino is one registered endpoint.
type WebhookDestino struct {
	ID    string // whd_…
	Dueno string // ID of the API key that registered it
	Host  string
	URL   string // sealed
	// Eventos it wants, and RFCs whose events it may hear of; "*" for every one.
	Eventos, RFCs []string
	Activo        bool
	Motivo        string // why it is not active
	Creado        time.Time
}

const columnasDestino = `id, dueno, host, url, eventos, rfcs, activo, motivo, creado`

// CreaWebhook enters d with its first secret, unless its owner has maximo.
func (s *Store) CreaWebhook(ctx context.Context, d WebhookDestino, sellado string, maximo int) error {
	eventos, rfcs, err := listas(d)
	if err != nil {
		return err
	}
	return s.enWebhooks(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM webhooks_destinos WHERE dueno = $1`, d.Dueno).Scan(&n); err != nil {
			return err
		}
		if n >= maximo {
			return ErrLleno
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO webhooks_destinos (`+columnasDestino+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			d.ID, d.Dueno, d.Host, d.URL, eventos, rfcs, number(d.Activo), d.Motivo, Instante(d.Creado)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO webhooks_secretos (destino, numero, sellado) VALUES ($1, 1, $2)`, d.ID, sellado)
		return err
	})
}

// Webhooks lists the endpoints of dueno, oldest first.
func (s *Store) Webhooks(ctx context.Context, dueno string) ([]WebhookDestino, error) {
	return s.destinos(ctx, `SELECT `+columnasDestino+` FROM webhooks_destinos WHERE dueno = $1 ORDER BY creado, id`, dueno)
}

// WebhooksActivos lists every endpoint that hears of events.
func (s *Store) WebhooksActivos(ctx context.Context) ([]WebhookDestino, error) {
	return s.destinos(ctx, `SELECT `+columnasDestino+` FROM webhooks_destinos WHERE activo = 1 ORDER BY creado, id`)
}

// WebhookEnFalla is an endpoint that does not take its messages.
type WebhookEnFalla struct {
	Host, Motivo string
	// Pendientes are the messages that have failed and will be sent again, the next
	// of them at Siguiente; zero for none.
	Pendientes int
	Siguiente  time.Time
}

// WebhooksEnFalla returns up to limite endpoints that were given up for motivo, or
// for which messages that have failed wait; whoever they belong to.
func (s *Store) WebhooksEnFalla(ctx context.Context, motivo string, limite int) ([]WebhookEnFalla, error) {
	return todas(ctx, s.lecturas, func(f fila) (w WebhookEnFalla, err error) {
		var siguiente string
		if err = f.Scan(&w.Host, &w.Motivo, &w.Pendientes, &siguiente); err == nil {
			err = leeInstanteEn(siguiente, &w.Siguiente)
		}
		return w, err
	}, `SELECT d.host, d.motivo, COUNT(e.id), COALESCE(MIN(e.siguiente), '') FROM webhooks_destinos d
		LEFT JOIN webhooks_entregas e ON e.destino = d.id AND e.estado = 'pendiente' AND e.fallidos > 0
		WHERE e.id IS NOT NULL OR d.motivo = $1
		GROUP BY d.id, d.host, d.motivo ORDER BY d.host, d.id LIMIT $2`, motivo, limite)
}

// Webhook returns one endpoint, or ErrNotFound.
func (s *Store) Webhook(ctx context.Context, id string) (WebhookDestino, error) {
	rows, err := s.destinos(ctx, `SELECT `+columnasDestino+` FROM webhooks_destinos WHERE id = $1`, id)
	if err == nil && len(rows) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return WebhookDestino{}, err
	}
	return rows[0], nil
}

func (s *Store) destinos(ctx context.Context, query string, args ...any) ([]WebhookDestino, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	rows, err := s.lecturas.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err below says it
	var out []WebhookDestino
	for rows.Next() {
		var d WebhookDestino
		var eventos, rfcs, creado string
		var activo int
		if err := rows.Scan(&d.ID, &d.Dueno, &d.Host, &d.URL, &eventos, &rfcs, &activo, &d.Motivo, &creado); err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		d.Activo = activo != 0
		if err := errors.Join(json.Unmarshal([]byte(eventos), &d.Eventos), json.Unmarshal([]byte(rfcs), &d.RFCs), leeInstanteEn(creado, &d.Creado)); err != nil {
			return nil, fmt.Errorf("store: webhook %s: %w", d.ID, err)
		}
		out = append(out, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return out, nil
}

// CambiaWebhook writes d over its row. What was pending for an endpoint that is
// no longer active is cancelled.
func (s *Store) CambiaWebhook(ctx context.Context, d WebhookDestino) error {
	eventos, rfcs, err := listas(d)
	if err != nil {
		return err
	}
	return s.enWebhooks(ctx, func(tx *sql.Tx) error {
		if err := una(tx.ExecContext(ctx, `UPDATE webhooks_destinos SET host = $2, url = $3, eventos = $4, rfcs = $5, activo = $6, motivo = $7 WHERE id = $1`,
			d.ID, d.Host, d.URL, eventos, rfcs, number(d.Activo), d.Motivo)); err != nil {
			return err
		}
		if d.Activo {
			return nil
		}
		return cancelaEntregas(ctx, tx, d.ID)
	})
}

func cancelaEntregas(ctx context.Context, tx *sql.Tx, destino string) error {
	_, err := tx.ExecContext(ctx, `UPDATE webhooks_entregas SET estado = 'cancelada', siguiente = '', turno = turno + 1 WHERE destino = $1 AND estado = 'pendiente'`, destino)
	return err
}

// BorraWebhook removes an endpoint with its secrets and its log.
func (s *Store) BorraWebhook(ctx context.Context, id string) error {
	return s.enWebhooks(ctx, func(tx *sql.Tx) error {
		return una(tx.ExecContext(ctx, `DELETE FROM webhooks_destinos WHERE id = $1`, id))
	})
}

// RotaWebhook makes sellado the secret of id. The earlier one goes on signing
// until vence; those that have expired at now are removed. ErrLleno: maximo sign already.
func (s *Store) RotaWebhook(ctx context.Context, id, sellado string, now, vence time.Time, maximo int) error {
	return s.enWebhooks(ctx, func(tx *sql.Tx) error {
		// The row of the endpoint is held first, so that two rotations take turns.
		if err := una(tx.ExecContext(ctx, `UPDATE webhooks_destinos SET motivo = motivo WHERE id = $1`, id)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE webhooks_secretos SET vence = $2 WHERE destino = $1 AND vence = ''`, id, Instante(vence)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM webhooks_secretos WHERE destino = $1 AND vence <= $2`, id, Instante(now)); err != nil {
			return err
		}
		var vivos int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM webhooks_secretos WHERE destino = $1`, id).Scan(&vivos); err != nil {
			return err
		}
		if vivos >= maximo {
			return ErrLleno
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO webhooks_secretos (destino, numero, sellado)
			VALUES ($1, (SELECT COALESCE(MAX(numero), 0) + 1 FROM webhooks_secretos WHERE destino = $1), $2)`, id, sellado)
		return err
	})
}

// SecretosWebhook returns the sealed secrets that sign at now, the last one first.
func (s *Store) SecretosWebhook(ctx context.Context, id string, now time.Time) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	rows, err := s.lecturas.QueryContext(ctx,
		`SELECT sellado FROM webhooks_secretos WHERE destino = $1 AND (vence = '' OR vence > $2) ORDER BY numero DESC`, id, Instante(now))
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err below says it
	var out []string
	for rows.Next() {
		var sellado string
		if err := rows.Scan(&sellado); err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		out = append(out, sellado)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return out, nil
}

// enWebhooks runs f in a transaction. The errors of this file's own pass as they are.
func (s *Store) enWebhooks(ctx context.Context, f func(*sql.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err = f(tx); err != nil {
		err = errors.Join(err, tx.Rollback())
	} else {
		err = tx.Commit()
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// una wants that a statement changed a row.
func una(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return ErrNotFound
}

func listas(d WebhookDestino) (eventos, rfcs string, err error) {
	a, err1 := json.Marshal(d.Eventos)
	b, err2 := json.Marshal(d.RFCs)
	return string(a), string(b), errors.Join(err1, err2)
}
