package cluster

import (
	"context"
	"fmt"
)

// Hold reports whether this process holds the post cargo, which one process at a time
// does. It takes the post if no live process has it. A process that is Lost holds none,
// because others may have taken over. Let, or the end of Run, gives it up.
func (p *Cluster) Hold(ctx context.Context, cargo string) (bool, error) {
	if p.Lost() {
		return false, nil
	}
	db := p.store.DB()
	if _, err := db.ExecContext(ctx, `INSERT INTO cargos (nombre, proceso) VALUES ($1, $2) ON CONFLICT (nombre) DO NOTHING`, cargo, p.id); err != nil {
		return false, fmt.Errorf("cluster: %w", err)
	}
	var holder string
	if err := db.QueryRowContext(ctx, `SELECT COALESCE((SELECT proceso FROM cargos WHERE nombre = $1), '')`, cargo).Scan(&holder); err != nil {
		return false, fmt.Errorf("cluster: %w", err)
	}
	if holder == p.id {
		return true, nil
	}
	if holder == "" || p.Alive(holder) {
		return false, nil // just given up, or held
	}
	result, err := db.ExecContext(ctx, `UPDATE cargos SET proceso = $1 WHERE nombre = $2 AND proceso = $3`, p.id, cargo, holder)
	if err != nil {
		return false, fmt.Errorf("cluster: %w", err)
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// Let gives up every post of this process, so that others can take them at once.
func (p *Cluster) Let(ctx context.Context) error {
	if _, err := p.store.DB().ExecContext(ctx, `DELETE FROM cargos WHERE proceso = $1`, p.id); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	return nil
}
