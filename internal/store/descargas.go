package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Descargas are the durable downloads, with their events.
type Descargas struct{ *core }

// Descarga is one row of the durable downloads.
type Descarga struct {
	gateway.Descarga
	// Key is the caller's idempotency key, scoped to the caller; empty for none.
	Key string
	// Digest identifies the criteria: one descarga of each lives at a time.
	Digest string
	// FollowXML says that the XML of what it finds is to be fetched once it has ended.
	FollowXML bool
}

const columnsDescarga = `id, COALESCE(clave, ''), huella, peticion, estado, motivo, motivo_codigo, programacion, creada, actualizada, limite, tope, siguiente, terminada`

func readDescarga(f scanner) (Descarga, error) {
	var d Descarga
	var request, created, updated, limit, ceiling, next, finished string
	err := f.Scan(&d.ID, &d.Key, &d.Digest, &request, &d.Estado, &d.Motivo, &d.MotivoCodigo, &d.IDProgramacion, &created, &updated, &limit, &ceiling, &next, &finished)
	if err == nil {
		d.Request, err = readRequest(request)
	}
	var run time.Time
	for _, p := range []struct {
		to   *time.Time
		text string
	}{{&d.Created, created}, {&d.Updated, updated}, {&d.Limit, limit}, {&d.Ceiling, ceiling}, {&run, next}, {&d.Finished, finished}} {
		if err == nil {
			*p.to, err = readInstant(p.text)
		}
	}
	if d.Request.Programacion != nil {
		d.Request.Programacion.Next = run
	}
	if err != nil {
		return d, fmt.Errorf("store: a descarga: %w", err)
	}
	return d, nil
}

// Get returns one row, or ErrNotFound.
func (s Descargas) Get(ctx context.Context, id string) (Descarga, error) {
	return s.one(ctx, `id = $1`, id)
}

// ByKey returns the row that an idempotency key made, or ErrNotFound.
func (s Descargas) ByKey(ctx context.Context, key string) (Descarga, error) {
	return s.one(ctx, `clave = $1`, key)
}

// Live returns the row with these criteria that has not ended, or ErrNotFound.
func (s Descargas) Live(ctx context.Context, digest string) (Descarga, error) {
	return s.one(ctx, `huella = $1 AND terminada = ''`, digest)
}

// Create writes d with its first solicitudes and events, in one piece. It
// returns false when its key or its criteria are taken.
func (s Descargas) Create(ctx context.Context, d Descarga, tramos []Tramo, eventos ...gateway.EventoDescarga) (bool, error) {
	request, err := writeRequest(d.Request)
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	if err := s.inItsPlace(); err != nil {
		return false, err
	}
	var next time.Time
	if d.Request.Programacion != nil {
		next = d.Request.Programacion.Next
	}
	follow := ""
	if d.FollowXML {
		follow = "xml"
	}
	created := false
	err = s.inTx(ctx, func(tx conn) error {
		created, err = tx.changes(ctx, `INSERT INTO descargas
			(id, clave, huella, servicio, rfc, peticion, estado, programacion, creada, actualizada, limite, siguiente, hasta, sigue, tope)
			SELECT $1, NULLIF($2, ''), $3, $4, $5, $6, $7, $8, $9, $9, $10, $11, $12, $13, $14 WHERE `+isThis("$15", "$16")+` ON CONFLICT DO NOTHING`,
			append([]any{d.ID, d.Key, d.Digest, string(d.Request.Solicitud.Servicio), d.Request.Solicitud.RFCSolicitante, request, string(d.Estado), d.IDProgramacion,
				s.stamp(), Instant(d.Limit), Instant(next), d.Request.Solicitud.FechaFinal, follow, Instant(d.Ceiling)}, s.this()...)...)
		if err != nil || !created {
			return err
		}
		c := &Change{ctx: ctx, tx: tx, now: s.now(), descarga: d}
		for i := range tramos {
			c.NewTramo(&tramos[i])
		}
		for _, e := range eventos {
			c.Evento(e)
		}
		return c.write()
	})
	if err != nil {
		return false, err
	}
	if created {
		s.move()
	}
	return created, s.follow(ctx, created)
}

// ErrCursor says that a cursor is none that a page gave.
var ErrCursor = errors.New("store: not a cursor")

// List returns the rows that f lets pass, the newest first, and the
// cursor of the page behind; empty at the end. It fails with ErrCursor.
func (s Descargas) List(ctx context.Context, f gateway.DescargasFilter) ([]Descarga, string, error) {
	q := filter(f)
	if len(f.Estados) > 0 {
		estados := make([]string, len(f.Estados))
		for i, e := range f.Estados {
			estados[i] = string(e)
		}
		q.en("estado", estados)
	}
	if f.Cursor != "" {
		created, id, ok := strings.Cut(f.Cursor, "~")
		if _, err := readInstant(created); !ok || err != nil {
			return nil, "", ErrCursor
		}
		q.y("(creada < ? OR creada = ? AND id < ?)", created, created, id)
	}
	page, err := all(ctx, s.read, readDescarga, q.sql(`SELECT `+columnsDescarga+` FROM descargas`, ` ORDER BY creada DESC, id DESC LIMIT `+strconv.Itoa(f.Limit+1)), q.args...)
	if err != nil || len(page) <= f.Limit {
		return page, "", err
	}
	last := page[f.Limit-1]
	return page[:f.Limit], Instant(last.Created) + "~" + last.ID, nil
}

// filter makes conditions of f's fields but for Estados and Cursor.
func filter(f gateway.DescargasFilter) *query {
	q := &query{}
	if f.RFCs != nil {
		q.en("rfc", f.RFCs)
	}
	if f.RFC != "" {
		q.y("rfc = ?", f.RFC)
	}
	if f.IDProgramacion != "" {
		q.y("programacion = ?", f.IDProgramacion)
	}
	if !f.CreadaDesde.IsZero() {
		q.y("creada >= ?", Instant(f.CreadaDesde))
	}
	if !f.CreadaHasta.IsZero() {
		q.y("creada < ?", Instant(f.CreadaHasta))
	}
	return q
}

// Count counts by state the rows that f lets pass, whatever its Estados,
// Cursor and Limite.
func (s Descargas) Count(ctx context.Context, f gateway.DescargasFilter) (map[gateway.EstadoDescarga]int, error) {
	q := filter(f)
	out := make(map[gateway.EstadoDescarga]int)
	return out, s.read.each(ctx, func(f scanner) error {
		var estado gateway.EstadoDescarga
		var howMany int
		err := f.Scan(&estado, &howMany)
		out[estado] = howMany
		return err
	}, q.sql(`SELECT estado, COUNT(*) FROM descargas`, ` GROUP BY estado`), q.args...)
}

// query gathers conditions; their texts are constants of this package.
type query struct {
	parts []string
	args  []any
}

// y adds a condition whose question marks take args in turn.
func (q *query) y(condition string, args ...any) {
	for _, a := range args {
		q.args = append(q.args, a)
		condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(q.args)), 1)
	}
	q.parts = append(q.parts, condition)
}

func (q *query) en(column string, values []string) {
	if len(values) == 0 {
		q.parts = append(q.parts, "1 = 0")
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	q.y(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", args...)
}

// sql is the whole statement: its two parts are constants of this package.
func (q *query) sql(pick, rest string) string {
	var b strings.Builder
	b.WriteString(pick)
	for i, part := range q.parts {
		if i == 0 {
			b.WriteString(" WHERE ")
		} else {
			b.WriteString(" AND ")
		}
		b.WriteString(part)
	}
	b.WriteString(rest)
	return b.String()
}

// Eventos returns up to limit events of a descarga behind the number after.
func (s Descargas) Eventos(ctx context.Context, descarga string, after int64, limit int) ([]gateway.EventoDescarga, error) {
	return all(ctx, s.read, func(f scanner) (gateway.EventoDescarga, error) {
		var e gateway.EventoDescarga
		var when string
		err := f.Scan(&e.Number, &when, &e.Tipo, &e.Detalle, &e.Tramo, &e.Codigo, &e.Mensaje, &e.Estado)
		if err == nil {
			e.When, err = readInstant(when)
		}
		return e, err
	}, `SELECT numero, cuando, tipo, detalle, tramo, codigo, mensaje, estado FROM eventos
		 WHERE descarga = $1 AND numero > $2 ORDER BY numero LIMIT `+strconv.Itoa(limit), descarga, after)
}

// LastEvento returns the number of a descarga's last event and whether the
// descarga has ended.
func (s Descargas) LastEvento(ctx context.Context, descarga string) (int64, bool, error) {
	var number int64
	var finished string
	found, err := s.read.one(ctx, `SELECT eventos, terminada FROM descargas WHERE id = $1`, []any{descarga}, &number, &finished)
	if err == nil && !found {
		err = ErrNotFound
	}
	return number, finished != "", err
}

// Scheduled returns up to limit recurrent descargas whose run is due.
func (s Descargas) Scheduled(ctx context.Context, now time.Time, limit int) ([]Descarga, error) {
	return s.list(ctx, `estado = 'programada' AND siguiente <> '' AND siguiente <= $1 ORDER BY siguiente LIMIT `+strconv.Itoa(limit), Instant(now))
}

// ScheduledAfter returns up to limit recurrent descargas whose run is due after
// after.
func (s Descargas) ScheduledAfter(ctx context.Context, after time.Time, limit int) ([]Descarga, error) {
	return s.list(ctx, `estado = 'programada' AND siguiente > $1 ORDER BY siguiente LIMIT `+strconv.Itoa(limit), Instant(after))
}

// CorridasWithoutXML returns up to limit runs of metadata that have ended and whose
// XML nobody has asked for yet.
func (s Descargas) CorridasWithoutXML(ctx context.Context, limit int) ([]Descarga, error) {
	return s.list(ctx, `sigue = 'xml' AND terminada <> '' ORDER BY terminada LIMIT `+strconv.Itoa(limit))
}

// MarkXML says that the XML of a run has been asked for, or is not needed.
func (s Descargas) MarkXML(ctx context.Context, corrida string) error {
	_, err := s.write.exec(ctx, `UPDATE descargas SET sigue = '' WHERE id = $1`, corrida)
	return err
}

// Corridas returns up to limit runs of metadata of a recurrent descarga, those
// that reach furthest first, without the ones that have left a part of their
// range out.
func (s Descargas) Corridas(ctx context.Context, programacion string, limit int) ([]Descarga, error) {
	return s.list(ctx, `programacion = $1 AND clave NOT LIKE '%/xml' AND estado NOT IN ('fallida', 'cancelada')
		AND NOT EXISTS (SELECT 1 FROM tramos WHERE tramos.descarga = descargas.id AND tramos.estado = 'fallida') ORDER BY hasta DESC LIMIT `+strconv.Itoa(limit), programacion)
}

// ToPublish returns up to limit descargas whose end nobody has been told of.
func (s Descargas) ToPublish(ctx context.Context, limit int) ([]Descarga, error) {
	return s.list(ctx, `terminada <> '' AND publicada = '' ORDER BY terminada LIMIT `+strconv.Itoa(limit))
}

// MarkPublished says that subscribers have been told.
func (s Descargas) MarkPublished(ctx context.Context, descarga string) error {
	_, err := s.write.exec(ctx, `UPDATE descargas SET publicada = $1 WHERE id = $2`, Instant(s.now()), descarga)
	return err
}

// ToWithdraw returns up to limit descargas that ended before before and whose
// packages retention has not removed.
func (s Descargas) ToWithdraw(ctx context.Context, before time.Time, limit int) ([]Descarga, error) {
	return s.list(ctx, `terminada <> '' AND terminada < $1 AND retirada = '' ORDER BY terminada LIMIT `+strconv.Itoa(limit), Instant(before))
}

// Withdraw says that retention has removed a descarga's packages.
func (c *Change) Withdraw() {
	c.exec(`UPDATE descargas SET retirada = $1 WHERE id = $2`, Instant(c.now), c.descarga.ID)
	c.exec(`UPDATE tramos_paquetes SET estado = 'borrado' WHERE descarga = $1 AND estado = 'guardado'`, c.descarga.ID)
}

// one reads a row, or fails with ErrNotFound; where is a constant of this file.
func (s Descargas) one(ctx context.Context, where string, args ...any) (Descarga, error) {
	return first(ctx, s.read, readDescarga, `SELECT `+columnsDescarga+` FROM descargas WHERE `+where, args...)
}

// list reads rows; where is a constant of this file, never input.
func (s Descargas) list(ctx context.Context, where string, args ...any) ([]Descarga, error) {
	return all(ctx, s.read, readDescarga, `SELECT `+columnsDescarga+` FROM descargas WHERE `+where, args...)
}
