package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// errCambio says that the database was replaced, or put back to what it was, under a
// gateway that runs.
var errCambio = fmt.Errorf("%w: la base de datos cambió mientras la pasarela corría; deténgala, y póngala en su lugar antes de arrancar", ErrLibro)

// ausente is that the ledger is not the one that was opened, until that one is put back.
type ausente struct{ error }

func (a ausente) Unwrap() error { return a.error }

// Temporary says to gateway.Passes that somebody may put it back.
func (ausente) Temporary() bool { return true }

// esEste is a statement's condition that the database is the ledger that was opened and
// not older than it was last seen; id and generacion name the parameters that
// este gives.
func esEste(id, generacion string) string {
	return `EXISTS (SELECT 1 FROM libros WHERE id = ` + id + ` AND vigente = 1 AND generacion >= CAST(` + generacion + ` AS BIGINT))`
}

// este is the ledger that was opened, as it was last seen.
func (s *Store) este() []any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []any{s.marca.ID, s.marca.Generacion}
}

// sigue fails when a statement with esEste changed nothing for want of the ledger.
func (s *Store) sigue(ctx context.Context, changed bool) error {
	if changed {
		return nil
	}
	var n int
	if _, err := s.one(ctx, `SELECT CASE WHEN `+esEste("$1", "$2")+` THEN 1 ELSE 0 END`, s.este(), &n); err != nil {
		return err
	}
	if n == 0 {
		return ausente{errCambio}
	}
	return nil
}

// enSuLugar fails while SQLite's files are not those that were opened, or are known to be
// damaged: what is written then is written nowhere.
func (s *Store) enSuLugar() error {
	for _, open := range s.abiertos {
		info, err := os.Stat(open.path)
		if err != nil {
			return ausente{fmt.Errorf("store: %s was taken away under this gateway, which still has it open: %w", open.path, err)}
		}
		if !os.SameFile(info, open.as) {
			return ausente{fmt.Errorf("store: %s is not the file that this gateway has open: it was replaced while it ran", open.path)}
		}
	}
	if s.danada.Load() {
		return fmt.Errorf("store: %w", ErrDanada)
	}
	return nil
}

// abierto is a file as it was opened.
type abierto struct {
	path string
	as   os.FileInfo
}

// recuerda the files as they are open. SQLite makes no others while a connection is.
func (s *Store) recuerda() error {
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
		s.abiertos = append(s.abiertos, abierto{path, info})
	}
	return nil
}

// crece makes the ledger's generation grow: a write that is committed, and that
// fails with ErrLibro when the database is not the one that was opened.
func (s *Store) crece(ctx context.Context) error {
	var generacion int64
	found, err := s.one(ctx, `UPDATE libros SET generacion = generacion + 1 WHERE id = $1 AND vigente = 1 AND generacion >= $2 RETURNING generacion`, s.este(), &generacion)
	if err != nil {
		return err
	}
	if !found {
		return ausente{errCambio}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marca.Generacion = max(s.marca.Generacion, generacion)
	return nil
}

// archivo is enSuLugar, after another look at a file that was found damaged: one bad
// reading is not believed for good. Of a WAL that was removed it saves what it held.
func (s *Store) archivo(ctx context.Context) error {
	err := s.enSuLugar()
	if errors.Is(err, fs.ErrNotExist) {
		_, _ = s.db.ExecContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`) // it was all that could be done
	}
	if !errors.Is(err, ErrDanada) {
		return err
	}
	if err := s.quickCheck(ctx); err != nil {
		return deDano(err)
	}
	s.danada.Store(false)
	return nil
}
