// Package store keeps what must not be lost: the ledger of what was asked of
// the SAT, in SQLite, and the packages, as files beside it.
//
// It refuses to share its directory with another process: the counts of what
// the SAT has served are only true with one writer.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"

	_ "modernc.org/sqlite" // the database/sql driver "sqlite"
)

//go:embed migraciones/sqlite/*.sql migraciones/postgres/*.sql
var migraciones embed.FS

// ErrNotFound says that there is no such row.
var ErrNotFound = errors.New("store: not found")

// ErrInUse says that another process holds the directory.
var ErrInUse = errors.New("store: the directory is in use by another process")

// Store is an open data directory.
type Store struct {
	db   *sql.DB
	dir  string
	lock *flock.Flock
	now  func() time.Time
}

// Open opens dir, creating it and migrating its database as needed. Partial
// packages of an earlier process are removed: they are never whole.
func Open(ctx context.Context, dir string, now func() time.Time) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "pasarela.lock"))
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if !held {
		return nil, fmt.Errorf("%w: %s", ErrInUse, dir)
	}
	s := &Store{dir: dir, lock: lock, now: now}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	if err := os.RemoveAll(s.partial()); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := os.MkdirAll(s.partial(), 0o700); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(filepath.Join(s.dir, "pasarela.db"))}).EscapedPath(), RawQuery: url.Values{
		// FULL: a row that was answered for survives a power cut.
		"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)", "foreign_keys(1)"},
		"_txlock": {"immediate"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	db.SetMaxOpenConns(4)
	s.db = db
	return s.migrate(ctx)
}

func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Sub(migraciones, "migraciones/sqlite")
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, s.db, files)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("store: migrating: %w", err)
	}
	return nil
}

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.PingContext(ctx) }

// Close releases the directory.
func (s *Store) Close() error {
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	return errors.Join(err, s.lock.Unlock())
}

func (s *Store) stamp() string { return s.now().UTC().Format(time.RFC3339Nano) }
