package store

import (
	"context"
	"time"
)

// Prune removes the events of polls and waits of up to limit descargas that ended before
// before: how each of them came to its end is told by the others.
func (s Descargas) Prune(ctx context.Context, before time.Time, limit int) error {
	ids, err := all(ctx, s.read, text, `SELECT id FROM descargas WHERE terminada <> '' AND podada = '' AND terminada < $1 ORDER BY terminada LIMIT $2`, Instant(before), limit)
	if err != nil || len(ids) == 0 {
		return err
	}
	return s.inTx(ctx, func(tx conn) error {
		for _, id := range ids {
			if _, err := tx.exec(ctx, `DELETE FROM eventos WHERE descarga = $1 AND tipo IN ('consultada', 'aplazada', 'paquete_aplazado')`, id); err != nil {
				return err
			}
			if _, err := tx.exec(ctx, `UPDATE descargas SET podada = $1 WHERE id = $2`, s.stamp(), id); err != nil {
				return err
			}
		}
		return nil
	})
}

// ForgetNovedades removes what the runs of a recurrent descarga have yielded, of
// comprobantes of before before (gateway.FechaFormat), where nobody can read those runs
// any more: their packages are gone, and so are those of the XML that was fetched for them.
func (s Comprobantes) ForgetNovedades(ctx context.Context, programacion, before string) error {
	_, err := s.write.exec(ctx, `DELETE FROM novedades WHERE programacion = $1 AND fecha < $2 AND descarga IN (
		SELECT c.id FROM descargas c WHERE c.programacion = $1 AND c.retirada <> '' AND c.sigue = ''
		AND NOT EXISTS (SELECT 1 FROM descargas x WHERE x.clave = $3 || c.id || '/xml' AND x.retirada = ''))`, programacion, before, KeyCorrida)
	return err
}

// KeyCorrida begins the key of a run of a recurrent descarga, and that of the XML of a
// run is its id and "/xml" behind it.
const KeyCorrida = "corrida\x1f"
