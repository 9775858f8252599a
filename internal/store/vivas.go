package store

import (
	"context"
	"fmt"
	"time"
)

// Vivas counts what durable downloads are about, for those who watch them.
type Vivas struct {
	PorEstado map[string]int64 // descargas that have not ended
	// Atrasados are solicitudes and packages whose next step was due and did not come.
	Atrasados int64
	// PaquetesAlLimite are packages wanted and not here, with one download left or none
	// but the one under way; RangosAlLimite are solicitudes that were replaced too often
	// to be replaced once more, or more than once.
	PaquetesAlLimite, RangosAlLimite int64
	// PaquetesDanados are packages in storage whose object is damaged.
	PaquetesDanados int64
	// PorGuardar are the bytes of packages received whole that wait for their storage, and
	// EsperaDesde when the first of them had come; zero where none waits.
	PorGuardar  int64
	EsperaDesde time.Time
}

// Vivas counts descargas that have not ended: as late what was due before antes,
// as at its limit a range that was replaced limite times. Each count is of rows
// with an index of their own, so that asking every few seconds costs little.
func (s *Store) Vivas(ctx context.Context, antes time.Time, limite int) (Vivas, error) {
	v := Vivas{PorEstado: make(map[string]int64)}
	err := s.cada(ctx, func(f fila) error {
		var estado string
		var n int64
		err := f.Scan(&estado, &n)
		v.PorEstado[estado] = n
		return err
	}, `SELECT estado, COUNT(*) FROM descargas WHERE terminada = '' GROUP BY estado`)
	if err != nil {
		return Vivas{}, err
	}
	if _, err = s.one(ctx, `SELECT (SELECT COUNT(*) FROM tramos WHERE estado IN ('pendiente', 'presentada') AND siguiente < $1) +
		(SELECT COUNT(*) FROM tramos_paquetes WHERE estado = 'pendiente' AND siguiente < $1)`, []any{Instante(antes)}, &v.Atrasados); err != nil {
		return Vivas{}, err
	}
	var desde string
	if _, err = s.one(ctx, `SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT), COALESCE(MIN(completado), '') FROM paquetes WHERE parcial <> ''`, nil, &v.PorGuardar, &desde); err != nil {
		return Vivas{}, err
	}
	if v.EsperaDesde, err = leeInstante(desde); err != nil {
		return Vivas{}, fmt.Errorf("store: %w", err)
	}
	_, err = s.one(ctx, `SELECT (SELECT COUNT(*) FROM tramos_paquetes tp
			JOIN descargas d ON d.id = tp.descarga
			JOIN paquetes p ON p.servicio = d.servicio AND p.rfc = d.rfc AND p.id_paquete = tp.id_paquete
			WHERE tp.estado = 'pendiente' AND p.completo = 0 AND p.parcial = '' AND (p.descargas > 1 OR p.descargas = 1 AND p.vuela = '')),
		(SELECT COUNT(*) FROM tramos WHERE estado IN ('pendiente', 'presentada') AND sustituciones >= $1),
		(SELECT COUNT(*) FROM objetos o JOIN paquetes g ON g.sha256 = o.sha256 AND g.completo = 1 WHERE o.dano <> '')`,
		[]any{limite}, &v.PaquetesAlLimite, &v.RangosAlLimite, &v.PaquetesDanados)
	return v, err
}
