package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// errChange says that the database was replaced, or put back to what it was, under a
// gateway that runs.
var errChange = fmt.Errorf("%w: la base de datos cambió mientras la pasarela corría; deténgala, y póngala en su lugar antes de arrancar", ErrLibro)

// absent is that the ledger is not the one that was opened, until that one is put back.
type absent struct{ error }

func (a absent) Unwrap() error { return a.error }

// Temporary says to gateway.Passes that somebody may put it back.
func (absent) Temporary() bool { return true }

// isThis is a statement's condition that the database is the ledger that was opened and
// not older than it was last seen; id and generation name the parameters that
// this gives.
func isThis(id, generation string) string {
	return `EXISTS (SELECT 1 FROM libros WHERE id = ` + id + ` AND vigente = 1 AND generacion >= CAST(` + generation + ` AS BIGINT))`
}

// this is the ledger that was opened, as it was last seen.
func (s *core) this() []any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []any{s.mark.ID, s.mark.Generacion}
}

// follow fails when a statement with isThis changed nothing for want of the ledger.
func (s *core) follow(ctx context.Context, changed bool) error {
	if changed {
		return nil
	}
	var n int
	if _, err := s.read.one(ctx, `SELECT CASE WHEN `+isThis("$1", "$2")+` THEN 1 ELSE 0 END`, s.this(), &n); err != nil {
		return err
	}
	if n == 0 {
		return absent{errChange}
	}
	return nil
}

// inItsPlace fails while SQLite's files are not those that were opened, or are known to be
// damaged: what is written then is written nowhere.
func (s *core) inItsPlace() error {
	for _, open := range s.open {
		info, err := os.Stat(open.path)
		if err != nil {
			return absent{fmt.Errorf("store: %s was taken away under this gateway, which still has it open: %w", open.path, err)}
		}
		if !os.SameFile(info, open.as) {
			return absent{fmt.Errorf("store: %s is not the file that this gateway has open: it was replaced while it ran", open.path)}
		}
	}
	if s.damaged.Load() {
		return fmt.Errorf("store: %w", ErrDamaged)
	}
	return nil
}

// openedFile is a file as it was opened.
type openedFile struct {
	path string
	as   os.FileInfo
}

// remember the files as they are open. SQLite makes no others while a connection is.
func (s *Store) remember() error {
	// They lie beside the file that a link leads to.
	file, err := filepath.EvalSymlinks(s.file)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	for _, path := range []string{s.file, file + "-wal", file + "-shm"} {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		s.open = append(s.open, openedFile{path, info})
	}
	return nil
}

// grow makes the ledger's generation grow: a write that is committed, and that
// fails with ErrLibro when the database is not the one that was opened.
func (s *Store) grow(ctx context.Context) error {
	var generation int64
	found, err := s.write.one(ctx, `UPDATE libros SET generacion = generacion + 1 WHERE id = $1 AND vigente = 1 AND generacion >= $2 RETURNING generacion`, s.this(), &generation)
	if err != nil {
		return err
	}
	if !found {
		return absent{errChange}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mark.Generacion = max(s.mark.Generacion, generation)
	return nil
}

// checkFile is inItsPlace, after another look at a file that was found damaged: one bad
// reading is not believed for good. Of a WAL that was removed it saves what it held.
func (s *Store) checkFile(ctx context.Context) error {
	err := s.inItsPlace()
	if errors.Is(err, fs.ErrNotExist) {
		_, _ = s.write.exec(ctx, `PRAGMA wal_checkpoint(PASSIVE)`) // it was all that could be done
	}
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	if err := s.quickCheck(ctx); err != nil {
		return ofDamage(err)
	}
	s.damaged.Store(false)
	return nil
}
