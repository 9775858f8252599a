package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

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
	if errors.Is(err, sql.ErrNoRows) {
		return t, ErrNotFound
	}
	if err == nil {
		t.Submitted, err = readInstant(submitted)
	}
	if err == nil {
		t.SiguienteIntento, err = readInstant(next)
	}
	if err == nil {
		t.WaitSince, err = readInstant(since)
	}
	if err != nil {
		return t, fmt.Errorf("store: a tramo: %w", err)
	}
	return t, nil
}

// Tramo returns one row, or ErrNotFound.
func (s *Store) Tramo(ctx context.Context, id int64) (Tramo, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	return readTramo(s.readings.QueryRowContext(ctx, `SELECT `+columnsTramo+` FROM tramos WHERE id = $1`, id))
}

// Tramos returns the solicitudes of a descarga in the order in which they were made.
func (s *Store) Tramos(ctx context.Context, descarga string) ([]Tramo, error) {
	return s.tramos(ctx, `descarga = $1 ORDER BY numero`, descarga)
}

// SolicitudTramos returns those that have the SAT's id, of any descarga.
func (s *Store) SolicitudTramos(ctx context.Context, idSolicitud string) ([]Tramo, error) {
	return s.tramos(ctx, `upper(id_solicitud) = $1 AND id_solicitud <> '' ORDER BY id`, strings.ToUpper(idSolicitud))
}

// DueTramos lists the first live ones that nobody has in hand, by when they are due.
func (s *Store) DueTramos(ctx context.Context, limit int) ([]Due[int64], error) {
	return due[int64](ctx, s, `SELECT id, turno, siguiente FROM tramos WHERE estado IN ('pendiente', 'presentada') AND ocupante = '' ORDER BY siguiente LIMIT $1`, limit)
}

// BusyTramos returns up to limit that are due by now and in a process's hands.
func (s *Store) BusyTramos(ctx context.Context, now time.Time, limit int) ([]Tramo, error) {
	return s.tramos(ctx, `estado IN ('pendiente', 'presentada') AND siguiente <= $1 AND ocupante <> '' ORDER BY siguiente LIMIT `+strconv.Itoa(limit), Instant(now))
}

// tramos reads rows; where is a constant of this file, never input.
func (s *Store) tramos(ctx context.Context, where string, args ...any) ([]Tramo, error) {
	return all(ctx, s.readings, readTramo, `SELECT `+columnsTramo+` FROM tramos WHERE `+where, args...)
}

// TakeTramo makes the work on a solicitud the process's own, if it is that turn,
// due at now and in nobody's hand. It returns the solicitud in its new turn, with
// what a question to the SAT needs of its descarga: ID, Limite, Tope, and of the
// petition Servicio and RFCSolicitante. It is one statement because the engine does
// little else.
func (s *Store) TakeTramo(ctx context.Context, id, turn int64, now time.Time, process string) (t Tramo, d Descarga, taken bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	var limit, ceiling string
	row := s.light.QueryRowContext(ctx, `UPDATE tramos SET ocupante = $1, turno = turno + 1
		WHERE id = $2 AND turno = $3 AND ocupante = '' AND estado IN ('pendiente', 'presentada') AND siguiente <= $4
		RETURNING `+columnsTramo+ofItsDescarga, process, id, turn, Instant(now))
	t, err = readTramo(withRest{row, []any{&d.Request.Solicitud.Servicio, &d.Request.Solicitud.RFCSolicitante, &limit, &ceiling}})
	if errors.Is(err, ErrNotFound) {
		return t, d, false, nil
	}
	if err != nil {
		return t, d, false, err
	}
	d.ID = t.Descarga
	return t, d, true, errors.Join(readInstantIn(limit, &d.Limit), readInstantIn(ceiling, &d.Ceiling))
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

// PostponeTramo writes at now what a question to the SAT changes in t when nothing
// else has changed, and frees it. It returns false when t's turn is over, or its descarga
// has ended. A power cut may undo it: the SAT is then asked again.
func (s *Store) PostponeTramo(ctx context.Context, t Tramo, now time.Time) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	return s.changes(ctx, s.light, `UPDATE tramos SET cod_estatus = $1, codigo_estado = $2, mensaje = $3, numero_cfdis = $4, consultas = $5, fallos = $6,
		siguiente = $7, decision = $8, ocupante = '', espera_desde = $11 WHERE id = $9 AND turno = $10
		AND EXISTS (SELECT 1 FROM descargas WHERE descargas.id = tramos.descarga AND descargas.terminada = '')`,
		t.CodEstatus, t.CodigoEstadoSolicitud, t.Mensaje, t.NumeroCFDIs, t.Queries, t.Failures, Instant(t.SiguienteIntento), t.Decision, t.ID, t.Turn, Instant(now))
}

// TakeOverTramo begins a new turn of t, which nobody has in hand and which is due at
// next, if it is still as it was read.
func (s *Store) TakeOverTramo(ctx context.Context, t Tramo, next, now time.Time) error {
	_, err := s.changes(ctx, s.db, `UPDATE tramos SET turno = turno + 1, ocupante = '', siguiente = $1, espera_desde = $6 WHERE id = $2 AND turno = $3 AND ocupante = $4 AND siguiente = $5`,
		Instant(next), t.ID, t.Turn, t.Holder, Instant(t.SiguienteIntento), Instant(now))
	return err
}

// ReleaseTramo frees t, if it is still its occupant's.
func (s *Store) ReleaseTramo(ctx context.Context, t Tramo) error {
	_, err := s.changes(ctx, s.db, `UPDATE tramos SET ocupante = '' WHERE id = $1 AND turno = $2 AND ocupante = $3`, t.ID, t.Turn, t.Holder)
	return err
}

// RecordSolicitud keeps the SAT's id of t, and how often t was sent, though t's
// turn is over.
func (s *Store) RecordSolicitud(ctx context.Context, t Tramo) error {
	_, err := s.changes(ctx, s.db, `UPDATE tramos SET id_solicitud = CASE id_solicitud WHEN '' THEN $1 ELSE id_solicitud END,
		presentada = CASE presentada WHEN '' THEN $2 ELSE presentada END,
		presentaciones = CASE WHEN presentaciones < $3 THEN $3 ELSE presentaciones END WHERE id = $4`,
		t.IDSolicitud, Instant(t.Submitted), t.Presentations, t.ID)
	return err
}

// TramoPaquete is one package of a descarga, with what the packages' own row
// says of it.
type TramoPaquete struct {
	gateway.PaqueteDescarga
	// ID is its row's, and IDTramo that of its solicitud.
	ID, IDTramo int64
	Descarga    string
	// DamagedEntries are those of Fallas whose bytes are not what was packed. Foreign are entries
	// that no package of the SAT has, and not among Fallas.
	DamagedEntries, Foreign int64
	// Attempts counts the failures so far, Serie the last of them that were alike.
	Attempts int
	Serie    Serie
	Next     time.Time
	// WaitSince is when the wait for Next was begun.
	WaitSince time.Time
	Turn      int64
	Holder    string
}

const selectPaquete = `SELECT p.id, p.descarga, p.numero, p.tramo, t.numero, p.motivo_codigo, p.id_paquete, p.estado, p.comprobantes, p.repetidos, p.fallas, p.danadas, p.ajenas, p.intentos, p.siguiente, p.detalle, p.turno, p.ocupante, p.rechazo, p.rechazos, p.espera_desde,
	COALESCE(g.descargas, 0), COALESCE(g.bytes, 0), COALESCE(g.sha256, ''), COALESCE(g.completado, ''), COALESCE(g.dudoso, ''), COALESCE(g.roto, 0), COALESCE(o.dano, ''), d.servicio, d.rfc
	FROM tramos_paquetes p JOIN descargas d ON d.id = p.descarga JOIN tramos t ON t.id = p.tramo
	LEFT JOIN paquetes g ON g.id_paquete = upper(p.id_paquete) AND g.rfc = d.rfc AND g.servicio = d.servicio
	LEFT JOIN objetos o ON o.sha256 = g.sha256 AND g.completo = 1 WHERE `

// TramoPaquete returns one row, or ErrNotFound.
func (s *Store) TramoPaquete(ctx context.Context, id int64) (TramoPaquete, error) {
	all, err := s.ofPaquetes(ctx, `p.id = $1`, id)
	if err == nil && len(all) == 0 {
		return TramoPaquete{}, ErrNotFound
	}
	if err != nil {
		return TramoPaquete{}, err
	}
	return all[0], nil
}

// DescargaPaquetes returns up to limit packages behind the number after, in order.
func (s *Store) DescargaPaquetes(ctx context.Context, descarga string, after int64, limit int) ([]TramoPaquete, error) {
	return s.ofPaquetes(ctx, `p.descarga = $1 AND p.numero > $2 ORDER BY p.numero LIMIT `+strconv.Itoa(limit), descarga, after)
}

// TramoPaquetes returns the packages of one solicitud, in order.
func (s *Store) TramoPaquetes(ctx context.Context, tramo int64) ([]TramoPaquete, error) {
	return s.ofPaquetes(ctx, `p.tramo = $1 ORDER BY p.numero`, tramo)
}

// SATWrite is the id of p as the SAT has written it for a descarga; as p has it
// where none knows.
func (s *Store) SATWrite(ctx context.Context, p gateway.Paquete) (string, error) {
	id := p.IDPaquete
	_, err := s.one(ctx, `SELECT p.id_paquete FROM tramos_paquetes p JOIN descargas d ON d.id = p.descarga
		WHERE upper(p.id_paquete) = $1 AND d.rfc = $2 AND d.servicio = $3 ORDER BY p.id DESC LIMIT 1`, []any{p.Clave(), p.RFCSolicitante, string(p.Servicio)}, &id)
	return id, err
}

// DuePaquetes is DueTramos for packages.
func (s *Store) DuePaquetes(ctx context.Context, limit int) ([]Due[int64], error) {
	return due[int64](ctx, s, `SELECT id, turno, siguiente FROM tramos_paquetes WHERE estado = 'pendiente' AND ocupante = '' ORDER BY siguiente LIMIT $1`, limit)
}

// BusyPaquetes is BusyTramos for packages.
func (s *Store) BusyPaquetes(ctx context.Context, now time.Time, limit int) ([]TramoPaquete, error) {
	return s.ofPaquetes(ctx, `p.estado = 'pendiente' AND p.siguiente <= $1 AND p.ocupante <> '' ORDER BY p.siguiente LIMIT `+strconv.Itoa(limit), Instant(now))
}

// TakePaquete makes the work on a package the process's own, if it is that turn, due
// at now and in nobody's hand, and returns its new turn.
func (s *Store) TakePaquete(ctx context.Context, id, turn int64, now time.Time, process string) (fresh int64, taken bool, err error) {
	taken, err = s.one(ctx, `UPDATE tramos_paquetes SET ocupante = $1, turno = turno + 1
		WHERE id = $2 AND turno = $3 AND ocupante = '' AND estado = 'pendiente' AND siguiente <= $4 RETURNING turno`, []any{process, id, turn, Instant(now)}, &fresh)
	return fresh, taken, err
}

// TakeOverPaquete is TakeOverTramo for a package.
func (s *Store) TakeOverPaquete(ctx context.Context, p TramoPaquete, next, now time.Time) error {
	_, err := s.changes(ctx, s.db, `UPDATE tramos_paquetes SET turno = turno + 1, ocupante = '', siguiente = $1, espera_desde = $6 WHERE id = $2 AND turno = $3 AND ocupante = $4 AND siguiente = $5`,
		Instant(next), p.ID, p.Turn, p.Holder, Instant(p.Next), Instant(now))
	return err
}

// ReleasePaquete frees p, if it is still its occupant's.
func (s *Store) ReleasePaquete(ctx context.Context, p TramoPaquete) error {
	_, err := s.changes(ctx, s.db, `UPDATE tramos_paquetes SET ocupante = '' WHERE id = $1 AND turno = $2 AND ocupante = $3`, p.ID, p.Turn, p.Holder)
	return err
}

// PaqueteInUse tells whether another descarga that has not ended before before
// has the package too.
func (s *Store) PaqueteInUse(ctx context.Context, p TramoPaquete, before time.Time) (bool, error) {
	var other int64
	_, err := s.one(ctx, `SELECT COUNT(*) FROM tramos_paquetes p JOIN descargas d ON d.id = p.descarga
		WHERE upper(p.id_paquete) = $1 AND d.rfc = $2 AND d.servicio = $3 AND p.descarga <> $4 AND (d.terminada = '' OR d.terminada >= $5)`,
		[]any{p.Paquete.Clave(), p.Paquete.RFCSolicitante, string(p.Paquete.Servicio), p.Descarga, Instant(before)}, &other)
	return other > 0, err
}

// ofPaquetes reads rows; where is a constant of this file, never input.
func (s *Store) ofPaquetes(ctx context.Context, where string, args ...any) ([]TramoPaquete, error) {
	return all(ctx, s.readings, readPaquete, selectPaquete+where, args...)
}

func readPaquete(f scanner) (TramoPaquete, error) {
	var p TramoPaquete
	var next, saved, damage, since string
	err := f.Scan(&p.ID, &p.Descarga, &p.Number, &p.IDTramo, &p.Tramo, &p.MotivoCodigo, &p.Paquete.IDPaquete, &p.Estado, &p.Comprobantes, &p.Repeated, &p.Fallas, &p.DamagedEntries, &p.Foreign, &p.Attempts, &next, &p.Detalle, &p.Turn, &p.Holder, &p.Serie.Condition, &p.Serie.Times, &since,
		&p.Descargas, &p.Bytes, &p.SHA256, &saved, &p.Dubious, &p.Broken, &damage, &p.Paquete.Servicio, &p.Paquete.RFCSolicitante)
	p.Damaged = damage != ""
	if err == nil {
		p.Next, err = readInstant(next)
	}
	if err == nil {
		p.WaitSince, err = readInstant(since)
	}
	if err == nil {
		p.Saved, err = readInstant(saved)
	}
	if err != nil {
		return p, fmt.Errorf("store: a package of a descarga: %w", err)
	}
	return p, nil
}
