package store

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// TramosPaquetes are the packages of the solicitudes of descargas.
type TramosPaquetes struct{ *core }

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

// Get returns one row, or ErrNotFound.
func (s TramosPaquetes) Get(ctx context.Context, id int64) (TramoPaquete, error) {
	return first(ctx, s.read, readPaquete, selectPaquete+`p.id = $1`, id)
}

// Page returns up to limit packages behind the number after, in order.
func (s TramosPaquetes) Page(ctx context.Context, descarga string, after int64, limit int) ([]TramoPaquete, error) {
	return s.list(ctx, `p.descarga = $1 AND p.numero > $2 ORDER BY p.numero LIMIT `+strconv.Itoa(limit), descarga, after)
}

// Of returns the packages of one solicitud, in order.
func (s TramosPaquetes) Of(ctx context.Context, tramo int64) ([]TramoPaquete, error) {
	return s.list(ctx, `p.tramo = $1 ORDER BY p.numero`, tramo)
}

// Due is Tramos.Due for packages.
func (s TramosPaquetes) Due(ctx context.Context, limit int) ([]Due[int64], error) {
	return due[int64](ctx, s.core, `SELECT id, turno, siguiente FROM tramos_paquetes WHERE estado = 'pendiente' AND ocupante = '' ORDER BY siguiente LIMIT $1`, limit)
}

// Busy is Tramos.Busy for packages.
func (s TramosPaquetes) Busy(ctx context.Context, now time.Time, limit int) ([]TramoPaquete, error) {
	return s.list(ctx, `p.estado = 'pendiente' AND p.siguiente <= $1 AND p.ocupante <> '' ORDER BY p.siguiente LIMIT `+strconv.Itoa(limit), Instant(now))
}

// Take makes the work on a package the process's own, if it is that turn, due
// at now and in nobody's hand, and returns its new turn.
func (s TramosPaquetes) Take(ctx context.Context, id, turn int64, now time.Time, process string) (fresh int64, taken bool, err error) {
	taken, err = s.write.one(ctx, `UPDATE tramos_paquetes SET ocupante = $1, turno = turno + 1
		WHERE id = $2 AND turno = $3 AND ocupante = '' AND estado = 'pendiente' AND siguiente <= $4 RETURNING turno`, []any{process, id, turn, Instant(now)}, &fresh)
	return fresh, taken, err
}

// TakeOver is Tramos.TakeOver for a package.
func (s TramosPaquetes) TakeOver(ctx context.Context, p TramoPaquete, next, now time.Time) error {
	_, err := s.write.changes(ctx, `UPDATE tramos_paquetes SET turno = turno + 1, ocupante = '', siguiente = $1, espera_desde = $6 WHERE id = $2 AND turno = $3 AND ocupante = $4 AND siguiente = $5`,
		Instant(next), p.ID, p.Turn, p.Holder, Instant(p.Next), Instant(now))
	return err
}

// Release frees p, if it is still its occupant's.
func (s TramosPaquetes) Release(ctx context.Context, p TramoPaquete) error {
	_, err := s.write.changes(ctx, `UPDATE tramos_paquetes SET ocupante = '' WHERE id = $1 AND turno = $2 AND ocupante = $3`, p.ID, p.Turn, p.Holder)
	return err
}

// InUse tells whether another descarga that has not ended before before
// has the package too.
func (s TramosPaquetes) InUse(ctx context.Context, p TramoPaquete, before time.Time) (bool, error) {
	var other int64
	_, err := s.read.one(ctx, `SELECT COUNT(*) FROM tramos_paquetes p JOIN descargas d ON d.id = p.descarga
		WHERE upper(p.id_paquete) = $1 AND d.rfc = $2 AND d.servicio = $3 AND p.descarga <> $4 AND (d.terminada = '' OR d.terminada >= $5)`,
		[]any{p.Paquete.Clave(), p.Paquete.RFCSolicitante, string(p.Paquete.Servicio), p.Descarga, Instant(before)}, &other)
	return other > 0, err
}

// list reads rows; where is a constant of this file, never input.
func (s TramosPaquetes) list(ctx context.Context, where string, args ...any) ([]TramoPaquete, error) {
	return all(ctx, s.read, readPaquete, selectPaquete+where, args...)
}

func readPaquete(f scanner) (TramoPaquete, error) {
	var p TramoPaquete
	var next, saved, damage, since string
	err := f.Scan(&p.ID, &p.Descarga, &p.Number, &p.IDTramo, &p.Tramo, &p.MotivoCodigo, &p.Paquete.IDPaquete, &p.Estado, &p.Comprobantes, &p.Repeated, &p.Fallas, &p.DamagedEntries, &p.Foreign, &p.Attempts, &next, &p.Detalle, &p.Turn, &p.Holder, &p.Serie.Condition, &p.Serie.Times, &since,
		&p.Descargas, &p.Bytes, &p.SHA256, &saved, &p.Dubious, &p.Broken, &damage, &p.Paquete.Servicio, &p.Paquete.RFCSolicitante)
	p.Damaged = damage != ""
	return p, errors.Join(err, readInstantIn(next, &p.Next), readInstantIn(since, &p.WaitSince), readInstantIn(saved, &p.Saved))
}

// Early is Tramos.Early for packages.
func (s TramosPaquetes) Early(ctx context.Context, after time.Time, limit int) ([]TramoPaquete, error) {
	return s.list(ctx, `p.estado = 'pendiente' AND p.espera_desde > $1 ORDER BY p.espera_desde LIMIT `+strconv.Itoa(limit), Instant(after))
}

// Postponed is Tramos.Postponed for packages.
func (s TramosPaquetes) Postponed(ctx context.Context, condition string, before, now time.Time, limit int) ([]TramoPaquete, error) {
	return s.list(ctx, `p.estado = 'pendiente' AND p.rechazo = $1 AND p.espera_desde <= $2 AND p.siguiente > $3 AND p.ocupante = '' ORDER BY p.espera_desde LIMIT `+strconv.Itoa(limit),
		condition, Instant(before), Instant(now))
}

// Waiting is Tramos.Waiting for packages.
func (s TramosPaquetes) Waiting(ctx context.Context, now time.Time) (Waiting, error) {
	return s.waiting(ctx, `SELECT COUNT(*), COALESCE(MIN(siguiente), '') FROM tramos_paquetes WHERE estado = 'pendiente' AND ocupante = '' AND siguiente <= $1`, now)
}
