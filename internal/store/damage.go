package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrDamaged says that SQLite's file is damaged.
var ErrDamaged = errors.New("la base de datos está dañada y no se usa")

// revision bounds the look at SQLite's file at the start. About three gigabytes are
// read in it; of a larger file what comes after is found when it is used.
const revision = 10 * time.Second

// ofForm reports whether SQLite says that its file is malformed, or none of its own.
func ofForm(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	primary := e.Code() & 0xff // sqlite.org/rescode.html#extrc
	return primary == sqlite3.SQLITE_CORRUPT || primary == sqlite3.SQLITE_NOTADB
}

// ofDamage says what can be done when SQLite's file is damaged.
func ofDamage(err error) error {
	if !ofForm(err) && !errors.Is(err, errRevision) {
		return err
	}
	return fmt.Errorf("%w: %w.\nNo se ha tocado. Aparte pasarela.db con su -wal y restaure la última copia (docs/respaldos.md); "+
		"«sqlite3 pasarela.db .recover» saca de la dañada lo que se puede leer", ErrDamaged, err)
}

// errRevision is what quick_check has found.
var errRevision = errors.New("PRAGMA quick_check")

// check looks through SQLite's file, for as long as a start may take.
func (s *Store) check(ctx context.Context, c Config) error {
	bounded, cancel := context.WithTimeout(ctx, revision)
	defer cancel()
	err := s.quickCheck(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		c.notify("the database is too large to be looked through at the start: what is damaged in it is told when it is used")
		return nil
	}
	return err
}

func (s *core) quickCheck(ctx context.Context) error {
	var found string
	// What the connection remembers of the file says nothing of the file.
	if _, err := s.write.exec(ctx, `PRAGMA shrink_memory`); err != nil {
		return err
	}
	if _, err := s.write.one(ctx, `PRAGMA quick_check(1)`, nil, &found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("store: %w: %s", errRevision, found)
	}
	return nil
}
