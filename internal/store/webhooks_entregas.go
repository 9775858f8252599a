package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// The states of a delivery.
const (
	EntregaPendiente = "pendiente"
	EntregaEntregada = "entregada"
	EntregaAgotada   = "agotada"
	EntregaCancelada = "cancelada"
)

// WebhookEntrega is one message for one endpoint.
type WebhookEntrega struct {
	ID      string // msg_…, the webhook-id
	Destino string
	Evento  string
	Cuerpo  string // the bytes that are sent and signed
	Estado  string
	// Turno goes up whenever the row is taken, scheduled or sent again; whoever
	// acts on an earlier one acts on what is past.
	Turno int64
	// Fallidos counts the failed attempts of this round, Total every attempt ever.
	Fallidos, Total int
	Siguiente       time.Time // zero unless pending
	Creado          time.Time
	// EsperaDesde is when the wait for Siguiente was begun.
	EsperaDesde time.Time
	// Intentos are the last ones, oldest first, where they were asked for.
	Intentos []WebhookIntento
}

// WebhookIntento is one attempt.
type WebhookIntento struct {
	Numero    int
	Inicio    time.Time
	Duracion  time.Duration // to the millisecond
	Status    int           // 0 without an answer
	Resultado string
}

const columnasEntrega = `id, destino, evento, cuerpo, estado, turno, fallidos, total, siguiente, creado, espera_desde`

// AgregaEntregas enters deliveries that are not there yet, all or none of them,
// as pending and due at Creado. It returns the ids of the new ones.
func (s *Store) AgregaEntregas(ctx context.Context, entregas []WebhookEntrega) ([]string, error) {
	var nuevas []string
	err := s.enWebhooks(ctx, func(tx *sql.Tx) error {
		nuevas = nil
		for _, e := range entregas {
			// An endpoint that was removed meanwhile has no deliveries, and is no fault.
			result, err := tx.ExecContext(ctx, `INSERT INTO webhooks_entregas (id, destino, evento, cuerpo, estado, siguiente, creado, espera_desde)
				SELECT CAST($1 AS TEXT), id, CAST($3 AS TEXT), CAST($4 AS TEXT), 'pendiente', CAST($5 AS TEXT), CAST($5 AS TEXT), CAST($5 AS TEXT) FROM webhooks_destinos WHERE id = $2
				ON CONFLICT (id) DO NOTHING`, e.ID, e.Destino, e.Evento, e.Cuerpo, Instante(e.Creado))
			if err != nil {
				return err
			}
			if n, err := result.RowsAffected(); err != nil {
				return err
			} else if n > 0 {
				nuevas = append(nuevas, e.ID)
			}
		}
		return nil
	})
	return nuevas, err
}

// Entrega returns one delivery without its attempts, or ErrNotFound.
func (s *Store) Entrega(ctx context.Context, id string) (WebhookEntrega, error) {
	rows, err := s.entregas(ctx, `SELECT `+columnasEntrega+` FROM webhooks_entregas WHERE id = $1`, id)
	if err == nil && len(rows) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return WebhookEntrega{}, err
	}
	return rows[0], nil
}

// DueEntregas lists the first pending deliveries by when they are due. One that is
// being attempted is due when its taker is given up.
func (s *Store) DueEntregas(ctx context.Context, limit int) ([]Due[string], error) {
	return due[string](ctx, s, `SELECT id, turno, siguiente FROM webhooks_entregas WHERE estado = 'pendiente' ORDER BY siguiente, id LIMIT $1`, limit)
}

// CuentaPendientes counts the pending deliveries of one endpoint and event.
func (s *Store) CuentaPendientes(ctx context.Context, destino, evento string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	var n int
	if err := s.lecturas.QueryRowContext(ctx, `SELECT COUNT(*) FROM webhooks_entregas WHERE destino = $1 AND evento = $2 AND estado = 'pendiente'`, destino, evento).Scan(&n); err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	return n, nil
}

// TomaEntrega takes a pending delivery for an attempt, if its turn is still
// turno, and returns its new turn. Unless the attempt is recorded before hasta,
// the delivery is due again then: its taker has died.
func (s *Store) TomaEntrega(ctx context.Context, id string, turno int64, hasta time.Time) (nuevo int64, mia bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	err = s.db.QueryRowContext(ctx, `UPDATE webhooks_entregas SET turno = turno + 1, siguiente = $3, espera_desde = $4
		WHERE id = $1 AND turno = $2 AND estado = 'pendiente' RETURNING turno`, id, turno, Instante(hasta), Instante(s.now())).Scan(&nuevo)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("store: %w", err)
	}
	return nuevo, true, nil
}

// RegistraIntento writes the attempt i and what becomes of e, whose Estado,
// Fallidos and Siguiente it takes, if nobody has taken it since e.Turno. It
// returns the new turn. A non-empty motivo makes its endpoint inactive and
// cancels what is pending for it.
func (s *Store) RegistraIntento(ctx context.Context, e WebhookEntrega, i WebhookIntento, motivo string) (nuevo int64, mia bool, err error) {
	err = s.enWebhooks(ctx, func(tx *sql.Tx) error {
		if motivo != "" { // the endpoint's row before its deliveries', as everywhere: two that wait for each other never end
			if _, err := tx.ExecContext(ctx, `UPDATE webhooks_destinos SET activo = 0, motivo = $2 WHERE id = $1`, e.Destino, motivo); err != nil {
				return err
			}
		}
		err := tx.QueryRowContext(ctx, `UPDATE webhooks_entregas SET total = total + 1 WHERE id = $1 RETURNING total`, e.ID).Scan(&i.Numero)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // its endpoint was removed while it was sent
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO webhooks_intentos (entrega, numero, inicio, milisegundos, status, resultado) VALUES ($1, $2, $3, $4, $5, $6)`,
			e.ID, i.Numero, Instante(i.Inicio), i.Duracion.Milliseconds(), i.Status, i.Resultado); err != nil {
			return err
		}
		nuevo, mia, err = resuelveEntrega(ctx, tx, e)
		if err != nil || motivo == "" {
			return err
		}
		return cancelaEntregas(ctx, tx, e.Destino)
	})
	return nuevo, mia, err
}

func resuelveEntrega(ctx context.Context, tx *sql.Tx, e WebhookEntrega) (nuevo int64, mia bool, err error) {
	err = tx.QueryRowContext(ctx, `UPDATE webhooks_entregas SET estado = $3, fallidos = $4, siguiente = $5, espera_desde = $6, turno = turno + 1
		WHERE id = $1 AND turno = $2 AND estado = 'pendiente' RETURNING turno`, e.ID, e.Turno, e.Estado, e.Fallidos, Instante(e.Siguiente), Instante(e.EsperaDesde)).Scan(&nuevo)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return nuevo, err == nil, err
}

// CancelaEntrega ends a delivery that nobody has taken since turno.
func (s *Store) CancelaEntrega(ctx context.Context, id string, turno int64) error {
	return s.enWebhooks(ctx, func(tx *sql.Tx) error {
		_, _, err := resuelveEntrega(ctx, tx, WebhookEntrega{ID: id, Turno: turno, Estado: EntregaCancelada})
		return err
	})
}

// ReabreEntrega makes a delivery pending and due at now, with a round of
// attempts of its own, or fails with ErrNotFound.
func (s *Store) ReabreEntrega(ctx context.Context, destino, id string, now time.Time) (WebhookEntrega, error) {
	rows, err := s.entregas(ctx, `UPDATE webhooks_entregas SET estado = 'pendiente', fallidos = 0, siguiente = $3, espera_desde = $3, turno = turno + 1
		WHERE id = $1 AND destino = $2 RETURNING `+columnasEntrega, id, destino, Instante(now))
	if err == nil && len(rows) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return WebhookEntrega{}, err
	}
	return rows[0], nil
}

// Entregas lists up to limite deliveries of an endpoint, the newest first, with
// the last intentos attempts of each. antes, unless zero, is the last delivery
// of the page before; its Creado and ID count.
func (s *Store) Entregas(ctx context.Context, destino string, antes WebhookEntrega, limite, intentos int) ([]WebhookEntrega, error) {
	tope, id := "9999", "" // behind every instant, in every collation
	if antes.ID != "" {
		tope, id = Instante(antes.Creado), antes.ID
	}
	pagina, err := s.entregas(ctx, `SELECT `+columnasEntrega+` FROM webhooks_entregas
		WHERE destino = $1 AND (creado < $2 OR creado = $2 AND id < $3) ORDER BY creado DESC, id DESC LIMIT $4`, destino, tope, id, limite)
	if err != nil || len(pagina) == 0 {
		return nil, err
	}
	return pagina, s.intentosDe(ctx, pagina, intentos)
}

// intentosDe fills in the last n attempts of each delivery of a page of one endpoint.
func (s *Store) intentosDe(ctx context.Context, pagina []WebhookEntrega, n int) error {
	donde := make(map[string]*WebhookEntrega, len(pagina))
	for i := range pagina {
		donde[pagina[i].ID] = &pagina[i]
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	rows, err := s.lecturas.QueryContext(ctx, `SELECT i.entrega, i.numero, i.inicio, i.milisegundos, i.status, i.resultado
		FROM webhooks_entregas e JOIN webhooks_intentos i ON i.entrega = e.id
		WHERE e.destino = $1 AND e.creado BETWEEN $2 AND $3 AND i.numero > e.total - $4 ORDER BY i.entrega, i.numero`,
		pagina[0].Destino, Instante(pagina[len(pagina)-1].Creado), Instante(pagina[0].Creado), n)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err below says it
	for rows.Next() {
		var id, inicio string
		var i WebhookIntento
		var ms int64
		if err := rows.Scan(&id, &i.Numero, &inicio, &ms, &i.Status, &i.Resultado); err != nil {
			return fmt.Errorf("store: %w", err)
		}
		i.Duracion = time.Duration(ms) * time.Millisecond
		if err := leeInstanteEn(inicio, &i.Inicio); err != nil {
			return fmt.Errorf("store: entrega %s: %w", id, err)
		}
		if e := donde[id]; e != nil { // another of the same instant is on the next page
			e.Intentos = append(e.Intentos, i)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// PurgaEntregas removes deliveries made before antes that are not pending, and
// returns how many.
func (s *Store) PurgaEntregas(ctx context.Context, antes time.Time) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	result, err := s.db.ExecContext(ctx, `DELETE FROM webhooks_entregas WHERE creado < $1 AND estado <> 'pendiente'`, Instante(antes))
	if err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	return result.RowsAffected()
}

func (s *Store) entregas(ctx context.Context, query string, args ...any) ([]WebhookEntrega, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	rows, err := s.lecturas.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err below says it
	var out []WebhookEntrega
	for rows.Next() {
		var e WebhookEntrega
		var siguiente, creado, desde string
		if err := rows.Scan(&e.ID, &e.Destino, &e.Evento, &e.Cuerpo, &e.Estado, &e.Turno, &e.Fallidos, &e.Total, &siguiente, &creado, &desde); err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		if err := errors.Join(leeInstanteEn(siguiente, &e.Siguiente), leeInstanteEn(creado, &e.Creado), leeInstanteEn(desde, &e.EsperaDesde)); err != nil {
			return nil, fmt.Errorf("store: entrega %s: %w", e.ID, err)
		}
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return out, nil
}
