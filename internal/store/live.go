package store

import (
	"context"
	"fmt"
	"time"
)

// Live counts what durable downloads are about, for those who watch them.
type Live struct {
	ByEstado map[string]int64 // descargas that have not ended
	// Overdue are solicitudes and packages whose next step was due and did not come.
	Overdue int64
	// PaquetesAtLimit are packages wanted and not here, with one download left or none
	// but the one under way; RangosAtLimit are solicitudes that were replaced too often
	// to be replaced once more, or more than once.
	PaquetesAtLimit, RangosAtLimit int64
	// DamagedPaquetes are packages in storage whose object is damaged.
	DamagedPaquetes int64
	// ToSave are the bytes of packages received whole that wait for their storage, and
	// WaitSince when the first of them had come; zero where none waits.
	ToSave    int64
	WaitSince time.Time
}

// Live counts descargas that have not ended: as late what was due before before,
// as at its limit a range that was replaced limit times. Each count is of rows
// with an index of their own, so that asking every few seconds costs little.
func (s *Store) Live(ctx context.Context, before time.Time, limit int) (Live, error) {
	v := Live{ByEstado: make(map[string]int64)}
	err := s.read.each(ctx, func(f scanner) error {
		var estado string
		var n int64
		err := f.Scan(&estado, &n)
		v.ByEstado[estado] = n
		return err
	}, `SELECT estado, COUNT(*) FROM descargas WHERE terminada = '' GROUP BY estado`)
	if err != nil {
		return Live{}, err
	}
	if _, err = s.read.one(ctx, `SELECT (SELECT COUNT(*) FROM tramos WHERE estado IN ('pendiente', 'presentada') AND siguiente < $1) +
		(SELECT COUNT(*) FROM tramos_paquetes WHERE estado = 'pendiente' AND siguiente < $1)`, []any{Instant(before)}, &v.Overdue); err != nil {
		return Live{}, err
	}
	var since string
	if _, err = s.read.one(ctx, `SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT), COALESCE(MIN(completado), '') FROM paquetes WHERE parcial <> ''`, nil, &v.ToSave, &since); err != nil {
		return Live{}, err
	}
	if v.WaitSince, err = readInstant(since); err != nil {
		return Live{}, fmt.Errorf("store: %w", err)
	}
	_, err = s.read.one(ctx, `SELECT (SELECT COUNT(*) FROM tramos_paquetes tp
			JOIN descargas d ON d.id = tp.descarga
			JOIN paquetes p ON p.servicio = d.servicio AND p.rfc = d.rfc AND p.id_paquete = tp.id_paquete
			WHERE tp.estado = 'pendiente' AND p.completo = 0 AND p.parcial = '' AND (p.descargas > 1 OR p.descargas = 1 AND p.vuela = '')),
		(SELECT COUNT(*) FROM tramos WHERE estado IN ('pendiente', 'presentada') AND sustituciones >= $1),
		(SELECT COUNT(*) FROM objetos o JOIN paquetes g ON g.sha256 = o.sha256 AND g.completo = 1 WHERE o.dano <> '')`,
		[]any{limit}, &v.PaquetesAtLimit, &v.RangosAtLimit, &v.DamagedPaquetes)
	return v, err
}
