package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// BusyError says that the process Process is removing an object.
type BusyError struct{ Process string }

func (e *BusyError) Error() string {
	return "store: the object is being removed by process " + e.Process
}

func (s *Store) busy(ctx context.Context, tx *sql.Tx, sha256 string) error {
	e := &BusyError{}
	if err := tx.QueryRowContext(ctx, `SELECT borra FROM objetos WHERE sha256 = $1`, sha256).Scan(&e.Process); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return e
}

// Delete enters that the content of p is gone for good; its count of downloads
// stays. It returns false, and changes nothing, when p is not in storage. The
// object goes afterwards, when nothing refers to it: see ClaimBlob.
func (s *Store) Delete(ctx context.Context, p gateway.Paquete) (bool, error) {
	return s.changes(ctx, s.db,
		`UPDATE paquetes SET completo = 0, borrado = $4 WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3 AND completo = 1`,
		string(p.Servicio), p.RFCSolicitante, p.Clave(), s.stamp())
}

// withoutReferences finds that no package refers to the object of the row at hand.
const withoutReferences = `NOT EXISTS (SELECT 1 FROM paquetes WHERE paquetes.sha256 = objetos.sha256 AND (paquetes.completo = 1 OR paquetes.parcial <> ''))`

// Orphan lists the objects that no package refers to.
func (s *Store) Orphan(ctx context.Context) ([]string, error) {
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

// ClaimBlob makes process the one that removes an object, which nobody may
// add again until ForgetBlob or LetGoBlob. It returns false when a package
// refers to the object, and an *BusyError when another process than dead is
// removing it.
func (s *Store) ClaimBlob(ctx context.Context, sha256, process, dead string) (bool, error) {
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

// ForgetBlob enters that an object which process has reclaimed is gone.
func (s *Store) ForgetBlob(ctx context.Context, sha256, process string) error {
	_, err := s.changes(ctx, s.db, `DELETE FROM objetos WHERE sha256 = $1 AND borra = $2`, sha256, process)
	return err
}

// LetGoBlob gives an object back that process has reclaimed and could not
// remove.
func (s *Store) LetGoBlob(ctx context.Context, sha256, process string) error {
	_, err := s.changes(ctx, s.db, `UPDATE objetos SET borra = '' WHERE sha256 = $1 AND borra = $2`, sha256, process)
	return err
}
