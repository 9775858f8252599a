package store

import (
	"context"
	"errors"
	"time"
)

// Entregas are the messages for endpoints, with their attempts.
type Entregas struct{ *core }

// The states of a delivery.
const (
	EntregaPendiente = "pendiente"
	EntregaEntregada = "entregada"
	EntregaAgotada   = "agotada"
	EntregaCancelada = "cancelada"
)

// WebhookEntrega is one message for one endpoint.
type WebhookEntrega struct {
	ID     string // msg_…, the webhook-id
	Target string
	Evento string
	Body   string // the bytes that are sent and signed
	Estado string
	// Turn goes up whenever the row is taken, scheduled or sent again; whoever
	// acts on an earlier one acts on what is past.
	Turn int64
	// Failed counts the failed attempts of this round, Total every attempt ever.
	Failed, Total int
	Next          time.Time // zero unless pending
	Created       time.Time
	// WaitSince is when the wait for Next was begun.
	WaitSince time.Time
	// Attempts are the last ones, oldest first, where they were asked for.
	Attempts []WebhookAttempt
}

// WebhookAttempt is one attempt.
type WebhookAttempt struct {
	Number   int
	Start    time.Time
	Duration time.Duration // to the millisecond
	Status   int           // 0 without an answer
	Result   string
}

const columnsEntrega = `id, destino, evento, cuerpo, estado, turno, fallidos, total, siguiente, creado, espera_desde`

// Add enters deliveries that are not there yet, all or none of them,
// as pending and due at Created. It returns the ids of the new ones.
func (s Entregas) Add(ctx context.Context, entregas []WebhookEntrega) ([]string, error) {
	var fresh []string
	err := s.inTx(ctx, func(tx conn) error {
		for _, e := range entregas {
			// An endpoint that was removed meanwhile has no deliveries, and is no fault.
			entered, err := tx.changes(ctx, `INSERT INTO webhooks_entregas (id, destino, evento, cuerpo, estado, siguiente, creado, espera_desde)
				SELECT CAST($1 AS TEXT), id, CAST($3 AS TEXT), CAST($4 AS TEXT), 'pendiente', CAST($5 AS TEXT), CAST($5 AS TEXT), CAST($5 AS TEXT)
				FROM webhooks_destinos WHERE id = $2 ON CONFLICT (id) DO NOTHING`, e.ID, e.Target, e.Evento, e.Body, Instant(e.Created))
			if err != nil {
				return err
			}
			if entered {
				fresh = append(fresh, e.ID)
			}
		}
		return nil
	})
	return fresh, err
}

// Get returns one delivery without its attempts, or ErrNotFound.
func (s Entregas) Get(ctx context.Context, id string) (WebhookEntrega, error) {
	return first(ctx, s.read, readEntrega, `SELECT `+columnsEntrega+` FROM webhooks_entregas WHERE id = $1`, id)
}

// Due lists the first pending deliveries by when they are due. One that is
// being attempted is due when its taker is given up.
func (s Entregas) Due(ctx context.Context, limit int) ([]Due[string], error) {
	return due[string](ctx, s.core, `SELECT id, turno, siguiente FROM webhooks_entregas WHERE estado = 'pendiente' ORDER BY siguiente, id LIMIT $1`, limit)
}

// CountPending counts the pending deliveries of one endpoint and event.
func (s Entregas) CountPending(ctx context.Context, target, evento string) (int, error) {
	var n int
	_, err := s.read.one(ctx, `SELECT COUNT(*) FROM webhooks_entregas WHERE destino = $1 AND evento = $2 AND estado = 'pendiente'`, []any{target, evento}, &n)
	return n, err
}

// Take takes a pending delivery for an attempt, if its turn is still
// turn, and returns its new turn. Unless the attempt is recorded before until,
// the delivery is due again then: its taker has died.
func (s Entregas) Take(ctx context.Context, id string, turn int64, until time.Time) (fresh int64, mine bool, err error) {
	mine, err = s.write.one(ctx, `UPDATE webhooks_entregas SET turno = turno + 1, siguiente = $3, espera_desde = $4
		WHERE id = $1 AND turno = $2 AND estado = 'pendiente' RETURNING turno`, []any{id, turn, Instant(until), s.stamp()}, &fresh)
	return fresh, mine, err
}

// RegisterAttempt writes the attempt i and what becomes of e, whose Estado,
// Failed and Next it takes, if nobody has taken it since e.Turn. It
// returns the new turn. A non-empty motivo makes its endpoint inactive and
// cancels what is pending for it.
func (s Entregas) RegisterAttempt(ctx context.Context, e WebhookEntrega, i WebhookAttempt, motivo string) (fresh int64, mine bool, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if motivo != "" { // the endpoint's row before its deliveries', as everywhere: two that wait for each other never end
			if _, err := tx.exec(ctx, `UPDATE webhooks_destinos SET activo = 0, motivo = $2 WHERE id = $1`, e.Target, motivo); err != nil {
				return err
			}
		}
		found, err := tx.one(ctx, `UPDATE webhooks_entregas SET total = total + 1 WHERE id = $1 RETURNING total`, []any{e.ID}, &i.Number)
		if err != nil || !found { // its endpoint was removed while it was sent
			return err
		}
		if _, err := tx.exec(ctx, `INSERT INTO webhooks_intentos (entrega, numero, inicio, milisegundos, status, resultado) VALUES ($1, $2, $3, $4, $5, $6)`,
			e.ID, i.Number, Instant(i.Start), i.Duration.Milliseconds(), i.Status, i.Result); err != nil {
			return err
		}
		fresh, mine, err = resolveEntrega(ctx, tx, e)
		if err != nil || motivo == "" {
			return err
		}
		return cancelEntregas(ctx, tx, e.Target)
	})
	return fresh, mine, err
}

func resolveEntrega(ctx context.Context, on conn, e WebhookEntrega) (fresh int64, mine bool, err error) {
	mine, err = on.one(ctx, `UPDATE webhooks_entregas SET estado = $3, fallidos = $4, siguiente = $5, espera_desde = $6, turno = turno + 1
		WHERE id = $1 AND turno = $2 AND estado = 'pendiente' RETURNING turno`,
		[]any{e.ID, e.Turn, e.Estado, e.Failed, Instant(e.Next), Instant(e.WaitSince)}, &fresh)
	return fresh, mine, err
}

// Cancel ends a delivery that nobody has taken since turn.
func (s Entregas) Cancel(ctx context.Context, id string, turn int64) error {
	_, _, err := resolveEntrega(ctx, s.write, WebhookEntrega{ID: id, Turn: turn, Estado: EntregaCancelada})
	return err
}

// Reopen makes a delivery pending and due at now, with a round of
// attempts of its own, or fails with ErrNotFound.
func (s Entregas) Reopen(ctx context.Context, target, id string, now time.Time) (WebhookEntrega, error) {
	return first(ctx, s.write, readEntrega, `UPDATE webhooks_entregas SET estado = 'pendiente', fallidos = 0, siguiente = $3, espera_desde = $3, turno = turno + 1
		WHERE id = $1 AND destino = $2 RETURNING `+columnsEntrega, id, target, Instant(now))
}

// Page lists up to limit deliveries of an endpoint, the newest first, with
// the last attempts attempts of each. before, unless zero, is the last delivery
// of the page before; its Created and ID count.
func (s Entregas) Page(ctx context.Context, target string, before WebhookEntrega, limit, attempts int) ([]WebhookEntrega, error) {
	ceiling, id := "9999", "" // behind every instant, in every collation
	if before.ID != "" {
		ceiling, id = Instant(before.Created), before.ID
	}
	page, err := all(ctx, s.read, readEntrega, `SELECT `+columnsEntrega+` FROM webhooks_entregas
		WHERE destino = $1 AND (creado < $2 OR creado = $2 AND id < $3) ORDER BY creado DESC, id DESC LIMIT $4`, target, ceiling, id, limit)
	if err != nil || len(page) == 0 {
		return nil, err
	}
	return page, s.attemptsOf(ctx, page, attempts)
}

// attemptsOf fills in the last n attempts of each delivery of a page of one endpoint.
func (s Entregas) attemptsOf(ctx context.Context, page []WebhookEntrega, n int) error {
	where := make(map[string]*WebhookEntrega, len(page))
	for i := range page {
		where[page[i].ID] = &page[i]
	}
	return s.read.each(ctx, func(f scanner) error {
		var id, start string
		var i WebhookAttempt
		var ms int64
		if err := f.Scan(&id, &i.Number, &start, &ms, &i.Status, &i.Result); err != nil {
			return err
		}
		i.Duration = time.Duration(ms) * time.Millisecond
		if e := where[id]; e != nil { // another of the same instant is on the next page
			e.Attempts = append(e.Attempts, i)
			return readInstantIn(start, &e.Attempts[len(e.Attempts)-1].Start)
		}
		return nil
	}, `SELECT i.entrega, i.numero, i.inicio, i.milisegundos, i.status, i.resultado
		FROM webhooks_entregas e JOIN webhooks_intentos i ON i.entrega = e.id
		WHERE e.destino = $1 AND e.creado BETWEEN $2 AND $3 AND i.numero > e.total - $4 ORDER BY i.entrega, i.numero`,
		page[0].Target, Instant(page[len(page)-1].Created), Instant(page[0].Created), n)
}

// Purge removes deliveries made before before that are not pending, and
// returns how many.
func (s Entregas) Purge(ctx context.Context, before time.Time) (int64, error) {
	return s.write.exec(ctx, `DELETE FROM webhooks_entregas WHERE creado < $1 AND estado <> 'pendiente'`, Instant(before))
}

func readEntrega(f scanner) (e WebhookEntrega, err error) {
	var next, created, since string
	err = f.Scan(&e.ID, &e.Target, &e.Evento, &e.Body, &e.Estado, &e.Turn, &e.Failed, &e.Total, &next, &created, &since)
	return e, errors.Join(err, readInstantIn(next, &e.Next), readInstantIn(created, &e.Created), readInstantIn(since, &e.WaitSince))
}

// Early is Tramos.Early for deliveries.
func (s Entregas) Early(ctx context.Context, after time.Time, limit int) ([]WebhookEntrega, error) {
	return all(ctx, s.read, readEntrega, `SELECT `+columnsEntrega+` FROM webhooks_entregas WHERE estado = 'pendiente' AND espera_desde > $1 ORDER BY espera_desde LIMIT $2`,
		Instant(after), limit)
}

// Postpone makes a delivery due at next, in a turn of its own, if nobody
// has taken it since it was read.
func (s Entregas) Postpone(ctx context.Context, e WebhookEntrega, next, now time.Time) (bool, error) {
	return s.write.changes(ctx, `UPDATE webhooks_entregas SET siguiente = $1, espera_desde = $2, turno = turno + 1 WHERE id = $3 AND turno = $4 AND estado = 'pendiente'`,
		Instant(next), Instant(now), e.ID, e.Turn)
}

// Waiting is Tramos.Waiting for deliveries.
func (s Entregas) Waiting(ctx context.Context, now time.Time) (Waiting, error) {
	return s.waiting(ctx, `SELECT COUNT(*), COALESCE(MIN(siguiente), '') FROM webhooks_entregas WHERE estado = 'pendiente' AND siguiente <= $1`, now)
}
