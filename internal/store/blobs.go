package store

import (
	"context"
)

// Blobs are the objects in storage, by their SHA-256.
type Blobs struct{ *core }

// BusyError says that the process Process is removing an object.
type BusyError struct{ Process string }

func (e *BusyError) Error() string {
	return "store: the object is being removed by process " + e.Process
}

func busy(ctx context.Context, tx conn, sha256 string) error {
	e := &BusyError{}
	if _, err := tx.one(ctx, `SELECT borra FROM objetos WHERE sha256 = $1`, []any{sha256}, &e.Process); err != nil {
		return err
	}
	return e
}

// withoutReferences finds that no package refers to the object of the row at hand.
const withoutReferences = `NOT EXISTS (SELECT 1 FROM paquetes WHERE paquetes.sha256 = objetos.sha256 AND (paquetes.completo = 1 OR paquetes.parcial <> ''))`

// Orphans lists the objects that no package refers to.
func (s Blobs) Orphans(ctx context.Context) ([]string, error) {
	return all(ctx, s.read, text, `SELECT sha256 FROM objetos WHERE `+withoutReferences)
}

// Claim makes process the one that removes an object, which nobody may
// add again until Forget or LetGo. It returns false when a package
// refers to the object, and an *BusyError when another process than dead is
// removing it.
func (s Blobs) Claim(ctx context.Context, sha256, process, dead string) (bool, error) {
	mine := false
	err := s.inTx(ctx, func(tx conn) error {
		// Locked first: only then the references that are seen are all there are.
		exists, err := tx.changes(ctx, `UPDATE objetos SET borra = borra WHERE sha256 = $1`, sha256)
		if err != nil || !exists {
			return err
		}
		free, err := tx.changes(ctx, `UPDATE objetos SET borra = $2 WHERE sha256 = $1 AND (borra = '' OR borra = $3)`, sha256, process, dead)
		if err != nil {
			return err
		}
		if !free {
			return busy(ctx, tx, sha256)
		}
		if mine, err = tx.changes(ctx, `UPDATE objetos SET borra = borra WHERE sha256 = $1 AND `+withoutReferences, sha256); err != nil || mine {
			return err
		}
		_, err = tx.changes(ctx, `UPDATE objetos SET borra = '' WHERE sha256 = $1`, sha256)
		return err
	})
	return mine, err
}

// Forget enters that an object which process has reclaimed is gone.
func (s Blobs) Forget(ctx context.Context, sha256, process string) error {
	_, err := s.write.changes(ctx, `DELETE FROM objetos WHERE sha256 = $1 AND borra = $2`, sha256, process)
	return err
}

// LetGo gives an object back that process has reclaimed and could not
// remove.
func (s Blobs) LetGo(ctx context.Context, sha256, process string) error {
	_, err := s.write.changes(ctx, `UPDATE objetos SET borra = '' WHERE sha256 = $1 AND borra = $2`, sha256, process)
	return err
}
