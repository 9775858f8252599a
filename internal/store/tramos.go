package store

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Tramos are the solicitudes of descargas.
type Tramos struct{ *core }

// Tramo is one solicitud of a descarga.
type Tramo struct {
	gateway.Tramo
	// ID is its row's, and nobody else's business.
	ID       int64
	Descarga string
	// Cause is why it was made: empty for the first.
	Cause string
	// Sustituciones counts the replacements between the first and this one.
	Sustituciones int
	// Failures counts the failures since the last answer, Serie the last of them that
	// were alike.
	Failures int
	Serie    Serie
	// Turn goes up whenever the row is taken or freed for others: what is written in an
	// earlier one is refused.
	Turn int64
	// Holder is the process at work on it; empty for none.
	Holder string
	// WaitSince is when the wait for SiguienteIntento was begun.
	WaitSince time.Time
}

// Serie is how often the same refusal has been heard in a row.
type Serie struct {
	// Condition names it; empty for none.
	Condition string
	Times     int
}

// Follow is the series after one more of condition.
func (s Serie) Follow(condition string) Serie {
	if s.Condition != condition {
		s = Serie{Condition: condition}
	}
	s.Times++
	return s
}

const columnsTramo = `id, descarga, numero, origen, causa, sustituciones, desde, hasta, pide_desde, pide_hasta, estado, id_solicitud,
	cod_estatus, estado_solicitud, codigo_estado, mensaje, numero_cfdis, presentaciones, consultas, fallos, presentada, siguiente, decision, turno, ocupante, rechazo, rechazos, espera_desde, motivo_codigo`

func readTramo(f scanner) (Tramo, error) {
	var t Tramo
	var submitted, next, since string
	err := f.Scan(&t.ID, &t.Descarga, &t.Number, &t.Origin, &t.Cause, &t.Sustituciones, &t.Since, &t.Until, &t.PideDesde, &t.PideHasta, &t.Estado, &t.IDSolicitud,
		&t.CodEstatus, &t.EstadoSolicitud, &t.CodigoEstadoSolicitud, &t.Mensaje, &t.NumeroCFDIs, &t.Presentations, &t.Queries, &t.Failures,
		&submitted, &next, &t.Decision, &t.Turn, &t.Holder, &t.Serie.Condition, &t.Serie.Times, &since, &t.MotivoCodigo)
	return t, errors.Join(err, readInstantIn(submitted, &t.Submitted), readInstantIn(next, &t.SiguienteIntento), readInstantIn(since, &t.WaitSince))
}

// Get returns one row, or ErrNotFound.
func (s Tramos) Get(ctx context.Context, id int64) (Tramo, error) {
	return first(ctx, s.read, readTramo, `SELECT `+columnsTramo+` FROM tramos WHERE id = $1`, id)
}

// Of returns the solicitudes of a descarga in the order in which they were made.
func (s Tramos) Of(ctx context.Context, descarga string) ([]Tramo, error) {
	return s.list(ctx, `descarga = $1 ORDER BY numero`, descarga)
}

// BySolicitud returns those that have the SAT's id, of any descarga.
func (s Tramos) BySolicitud(ctx context.Context, idSolicitud string) ([]Tramo, error) {
	return s.list(ctx, `upper(id_solicitud) = $1 AND id_solicitud <> '' ORDER BY id`, strings.ToUpper(idSolicitud))
}

// Due lists the first live ones that nobody has in hand, by when they are due.
func (s Tramos) Due(ctx context.Context, limit int) ([]Due[int64], error) {
	return due[int64](ctx, s.core, `SELECT id, turno, siguiente FROM tramos WHERE estado IN ('pendiente', 'presentada') AND ocupante = '' ORDER BY siguiente LIMIT $1`, limit)
}

// Busy returns up to limit that are due by now and in a process's hands.
func (s Tramos) Busy(ctx context.Context, now time.Time, limit int) ([]Tramo, error) {
	return s.list(ctx, `estado IN ('pendiente', 'presentada') AND siguiente <= $1 AND ocupante <> '' ORDER BY siguiente LIMIT `+strconv.Itoa(limit), Instant(now))
}

// list reads rows; where is a constant of this file, never input.
func (s Tramos) list(ctx context.Context, where string, args ...any) ([]Tramo, error) {
	return all(ctx, s.read, readTramo, `SELECT `+columnsTramo+` FROM tramos WHERE `+where, args...)
}

// Take makes the work on a solicitud the process's own, if it is that turn,
// due at now and in nobody's hand. It returns the solicitud in its new turn, with
// what a question to the SAT needs of its descarga: ID, Limite, Tope, and of the
// petition Servicio and RFCSolicitante. It is one statement because the engine does
// little else.
func (s Tramos) Take(ctx context.Context, id, turn int64, now time.Time, process string) (t Tramo, d Descarga, taken bool, err error) {
	const query = `UPDATE tramos SET ocupante = $1, turno = turno + 1
		WHERE id = $2 AND turno = $3 AND ocupante = '' AND estado IN ('pendiente', 'presentada') AND siguiente <= $4
		RETURNING ` + columnsTramo + ofItsDescarga
	err = s.lightly(ctx, query, func(light conn) error {
		return light.each(ctx, func(f scanner) (err error) {
			var limit, ceiling string
			taken = true
			t, err = readTramo(withRest{f, []any{&d.Request.Solicitud.Servicio, &d.Request.Solicitud.RFCSolicitante, &limit, &ceiling}})
			d.ID = t.Descarga
			return errors.Join(err, readInstantIn(limit, &d.Limit), readInstantIn(ceiling, &d.Ceiling))
		}, query, process, id, turn, Instant(now))
	})
	return t, d, taken && err == nil, err
}

// ofItsDescarga are columns of a solicitud's descarga.
const ofItsDescarga = `, (SELECT servicio FROM descargas d WHERE d.id = tramos.descarga), (SELECT rfc FROM descargas d WHERE d.id = tramos.descarga),
	(SELECT limite FROM descargas d WHERE d.id = tramos.descarga), (SELECT tope FROM descargas d WHERE d.id = tramos.descarga)`

// withRest scans more columns than its reader knows of.
type withRest struct {
	scanner
	rest []any
}

// Scan implements scanner.
func (f withRest) Scan(into ...any) error { return f.scanner.Scan(append(into, f.rest...)...) }

// Postpone writes at now what a question to the SAT changes in t when nothing
// else has changed, and frees it. It returns false when t's turn is over, or its descarga
// has ended. A power cut may undo it: the SAT is then asked again.
func (s Tramos) Postpone(ctx context.Context, t Tramo, now time.Time) (bool, error) {
	const query = `UPDATE tramos SET cod_estatus = $1, codigo_estado = $2, mensaje = $3, numero_cfdis = $4, consultas = $5, fallos = $6,
		siguiente = $7, decision = $8, ocupante = '', espera_desde = $11 WHERE id = $9 AND turno = $10
		AND EXISTS (SELECT 1 FROM descargas WHERE descargas.id = tramos.descarga AND descargas.terminada = '')`
	mine := false
	err := s.lightly(ctx, query, func(light conn) (err error) {
		mine, err = light.changes(ctx, query, t.CodEstatus, t.CodigoEstadoSolicitud, t.Mensaje, t.NumeroCFDIs, t.Queries, t.Failures,
			Instant(t.SiguienteIntento), t.Decision, t.ID, t.Turn, Instant(now))
		return err
	})
	return mine, err
}

// TakeOver begins a new turn of t, which nobody has in hand and which is due at
// next, if it is still as it was read.
func (s Tramos) TakeOver(ctx context.Context, t Tramo, next, now time.Time) error {
	_, err := s.write.changes(ctx, `UPDATE tramos SET turno = turno + 1, ocupante = '', siguiente = $1, espera_desde = $6 WHERE id = $2 AND turno = $3 AND ocupante = $4 AND siguiente = $5`,
		Instant(next), t.ID, t.Turn, t.Holder, Instant(t.SiguienteIntento), Instant(now))
	return err
}

// Release frees t, if it is still its occupant's.
func (s Tramos) Release(ctx context.Context, t Tramo) error {
	_, err := s.write.changes(ctx, `UPDATE tramos SET ocupante = '' WHERE id = $1 AND turno = $2 AND ocupante = $3`, t.ID, t.Turn, t.Holder)
	return err
}

// RecordSolicitud keeps the SAT's id of t, and how often t was sent, though t's
// turn is over.
func (s Tramos) RecordSolicitud(ctx context.Context, t Tramo) error {
	_, err := s.write.changes(ctx, `UPDATE tramos SET id_solicitud = CASE id_solicitud WHEN '' THEN $1 ELSE id_solicitud END,
		presentada = CASE presentada WHEN '' THEN $2 ELSE presentada END,
		presentaciones = CASE WHEN presentaciones < $3 THEN $3 ELSE presentaciones END WHERE id = $4`,
		t.IDSolicitud, Instant(t.Submitted), t.Presentations, t.ID)
	return err
}

// Early returns up to limit live ones whose wait was begun after
// after: by a clock that was ahead.
func (s Tramos) Early(ctx context.Context, after time.Time, limit int) ([]Tramo, error) {
	return s.list(ctx, `estado IN ('pendiente', 'presentada') AND espera_desde > $1 ORDER BY espera_desde LIMIT `+strconv.Itoa(limit), Instant(after))
}

// Postponed returns up to limit live solicitudes in nobody's hands that wait
// beyond now because of condition, and have since before at the latest.
func (s Tramos) Postponed(ctx context.Context, condition string, before, now time.Time, limit int) ([]Tramo, error) {
	return s.list(ctx, `estado IN ('pendiente', 'presentada') AND rechazo = $1 AND espera_desde <= $2 AND siguiente > $3 AND ocupante = '' ORDER BY espera_desde LIMIT `+strconv.Itoa(limit),
		condition, Instant(before), Instant(now))
}

// Waiting counts what Due lists and is due at now.
func (s Tramos) Waiting(ctx context.Context, now time.Time) (Waiting, error) {
	return s.waiting(ctx, `SELECT COUNT(*), COALESCE(MIN(siguiente), '') FROM tramos WHERE estado IN ('pendiente', 'presentada') AND ocupante = '' AND siguiente <= $1`, now)
}
