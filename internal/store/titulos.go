package store

import (
	"context"
)

// Titulos are the lotes in which titles were sent.
type Titulos struct{ *core }

// Record writes that the titles of those folios were sent in a lote.
func (s Titulos) Record(ctx context.Context, lote string, folios []string) error {
	return s.inTx(ctx, func(tx conn) error {
		for _, folio := range folios {
			if _, err := tx.exec(ctx, `INSERT INTO titulos_cargados (folio, lote) VALUES ($1, $2) ON CONFLICT DO NOTHING`, readable(folio), lote); err != nil {
				return err
			}
		}
		return nil
	})
}

// Lotes returns the lotes in which the title of a folio was sent, the latest
// first.
func (s Titulos) Lotes(ctx context.Context, folio string) ([]string, error) {
	return all(ctx, s.read, text, `SELECT lote FROM titulos_cargados WHERE folio = $1 ORDER BY lote DESC`, readable(folio))
}
