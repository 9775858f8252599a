package store

import (
	"context"
	"database/sql"
	"fmt"
)

// Blobs are the objects in storage, by their SHA-256.
type Blobs struct{ *core }

// BusyError says that the process Process is removing an object.
type BusyError struct{ Process string }

func (e *BusyError) Error() string {
	return "store: the object is being removed by process " + e.Process
}

func (s *core) busy(ctx context.Context, tx *sql.Tx, sha256 string) error {
	e := &BusyError{}
	if err := tx.QueryRowContext(ctx, `SELECT borra FROM objetos WHERE sha256 = $1`, sha256).Scan(&e.Process); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return e
}

// withoutReferences finds that no package refers to the object of the row at hand.
const withoutReferences = `NOT EXISTS (SELECT 1 FROM paquetes WHERE paquetes.sha256 = objetos.sha256 AND (paquetes.completo = 1 OR paquetes.parcial <> ''))`

// Orphans lists the objects that no package refers to.
func (s Blobs) Orphans(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	rows, err := s.readings.QueryContext(ctx, `SELECT sha256 FROM objetos WHERE `+withoutReferences)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err says it
	var out []string
	for rows.Next() {
		var sha256 string
		if err := rows.Scan(&sha256); err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		out = append(out, sha256)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return out, nil
}

// Claim makes process the one that removes an object, which nobody may
// add again until Forget or LetGo. It returns false when a package
// refers to the object, and an *BusyError when another process than dead is
// removing it.
func (s Blobs) Claim(ctx context.Context, sha256, process, dead string) (bool, error) {
	mine := false
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		// Locked first: only then the references that are seen are all there are.
		exists, err := s.changes(ctx, tx, `UPDATE objetos SET borra = borra WHERE sha256 = $1`, sha256)
		if err != nil || !exists {
			return err
		}
		free, err := s.changes(ctx, tx, `UPDATE objetos SET borra = $2 WHERE sha256 = $1 AND (borra = '' OR borra = $3)`, sha256, process, dead)
		if err != nil {
			return err
		}
		if !free {
			return s.busy(ctx, tx, sha256)
		}
		if mine, err = s.changes(ctx, tx, `UPDATE objetos SET borra = borra WHERE sha256 = $1 AND `+withoutReferences, sha256); err != nil || mine {
			return err
		}
		_, err = s.changes(ctx, tx, `UPDATE objetos SET borra = '' WHERE sha256 = $1`, sha256)
		return err
	})
	return mine, err
}

// Forget enters that an object which process has reclaimed is gone.
func (s Blobs) Forget(ctx context.Context, sha256, process string) error {
	_, err := s.changes(ctx, s.db, `DELETE FROM objetos WHERE sha256 = $1 AND borra = $2`, sha256, process)
	return err
}

// LetGo gives an object back that process has reclaimed and could not
// remove.
func (s Blobs) LetGo(ctx context.Context, sha256, process string) error {
	_, err := s.changes(ctx, s.db, `UPDATE objetos SET borra = '' WHERE sha256 = $1 AND borra = $2`, sha256, process)
	return err
}
