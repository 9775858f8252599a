// Package store keeps what must not be lost: the ledger of what was asked of
// the SAT, in SQLite or PostgreSQL, and files beside it.
//
// It refuses to share its directory with another process; a database that is
// shared is PostgreSQL. It refuses to destroy data in a migration of which there
// is no copy.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// ErrNotFound says that there is no such row.
var ErrNotFound = errors.New("store: not found")

// ErrInUse says that another process holds the directory.
var ErrInUse = errors.New("store: the directory is in use by another process")

// Config says where the store is.
type Config struct {
	// Dir is the process's own directory.
	Dir string
	// DatabaseURL is PostgreSQL's, password included; empty for SQLite in Dir.
	DatabaseURL string
	Now         func() time.Time
	// Notify is told, before it happens, of a migration that destroys data; nil
	// for nobody.
	Notify func(string)
	// Free is what the disk of Dir keeps free; zero for 16 MiB, or the sixteenth part of
	// a smaller disk.
	Free int64
	// Outside is where packages are kept outside of Dir; nil when they are not.
	Outside Outside
	// Word is for Migrate alone: an operator's word about a database that is not the
	// one that was left here.
	Word Word

	// files replace the embedded migrations in tests.
	files fs.FS
}

// Store is an open data directory and its database. Its fields are what the database is
// about, each with the statements on its own rows; whoever is to write one of them is
// given that one.
type Store struct {
	*core
	Attempts       Attempts
	Titulos        Titulos
	Paquetes       Paquetes
	Blobs          Blobs
	Folder         Folder
	Descargas      Descargas
	Tramos         Tramos
	TramosPaquetes TramosPaquetes
	Comprobantes   Comprobantes
	Webhooks       Webhooks
	Entregas       Entregas
	Reloj          Reloj

	lock  *flock.Flock
	since int64
	until int64

	outside Outside
	rests   rests
	// walLoose is the WAL of a database that is gone, if there is one.
	walLoose []string
	// anchor keeps SQLite's file open, and with it those of its WAL: they are open. There
	// are none on PostgreSQL.
	anchor *sql.Conn
}

func newStore(c Config) *Store {
	b := &core{dir: c.Dir, now: c.Now, free: c.Free, moved: make(chan struct{}, 1)}
	return &Store{
		core:           b,
		Attempts:       Attempts{b},
		Titulos:        Titulos{b},
		Paquetes:       Paquetes{b},
		Blobs:          Blobs{b},
		Folder:         Folder{b},
		Descargas:      Descargas{b},
		Tramos:         Tramos{b},
		TramosPaquetes: TramosPaquetes{b},
		Comprobantes:   Comprobantes{b},
		Webhooks:       Webhooks{b},
		Entregas:       Entregas{b},
		Reloj:          Reloj{b},
		outside:        c.Outside,
	}
}

// Open opens c.Dir, creating it and migrating its database as needed. Partial
// packages of an earlier process are removed, unless a row says that they are
// whole. It fails with ErrInUse, with ErrLibro when the database is not the one
// that was left there, with ErrDamaged, with ErrNewer, and with ErrDestructive on
// PostgreSQL.
func Open(ctx context.Context, c Config) (*Store, error) {
	s := newStore(c)
	c.Word = ""
	err := s.occupy()
	if err == nil {
		err = s.clean()
	}
	if err == nil {
		err = s.connect(ctx, c)
	}
	if err == nil {
		err = s.migrate(ctx, c, useOpen)
	}
	if err == nil {
		err = s.note(ctx, c)
	}
	if err == nil {
		err = s.Folder.clear(ctx)
	}
	if err != nil {
		return nil, errors.Join(ofDamage(err), s.Close())
	}
	return s, nil
}

// note writes the marks of the ledger for the first time since the start. Their
// place may be full or read-only, which others will say better.
func (s *Store) note(ctx context.Context, c Config) error {
	if s.mark.ID != "" {
		if err := errors.Join(s.Mark(), s.MarkOutside(ctx)); err != nil {
			c.notify(err.Error())
		}
	}
	if s.Postgres() {
		return nil
	}
	// All of a young database would be in its WAL, which whoever copies one file misses.
	if _, err := s.write.exec(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return err
	}
	return s.remember()
}

func (c Config) notify(text string) {
	if c.Notify != nil {
		c.Notify(text)
	}
}

// Migrate brings the database up to date and returns its versions before and
// after. On PostgreSQL it leaves c.Dir alone, so that gateways may go on running
// meanwhile. Without backedUp it fails with ErrDestructive where data would be
// destroyed on PostgreSQL; SQLite is copied first. With c.Word it makes the
// database as it is the ledger of this place.
func Migrate(ctx context.Context, c Config, backedUp bool) (since, until int64, err error) {
	s := newStore(c)
	if c.DatabaseURL == "" {
		err = s.occupy()
	}
	if err == nil {
		err = s.connect(ctx, c)
	}
	use := useMigrate
	if backedUp {
		use = useMigrateBackedUp
	}
	if err == nil {
		err = s.migrate(ctx, c, use)
	}
	if err == nil && c.Word != "" {
		if err = s.MarkOutside(ctx); err == nil && !s.Postgres() {
			err = s.Mark()
		}
	}
	return s.since, s.until, errors.Join(ofDamage(err), s.Close())
}

// occupy takes the directory for this process.
func (s *Store) occupy() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	lock := flock.New(filepath.Join(s.dir, "pasarela.lock"))
	held, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if !held {
		return fmt.Errorf("%w: %s", ErrInUse, s.dir)
	}
	s.lock = lock
	return nil
}

// clean makes the place of partial packages.
func (s *Store) clean() error {
	if err := os.MkdirAll(s.Folder.partial(), 0o700); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

func (s *Store) connect(ctx context.Context, c Config) error {
	if c.DatabaseURL != "" {
		return s.connectPostgres(ctx, c)
	}
	return s.connectSQLite(ctx, c)
}

// DB is the database; statements with $1 placeholders suit both.
func (s *Store) DB() *sql.DB { return s.db() }

// Postgres tells whether the database is PostgreSQL, which others may share.
func (s *Store) Postgres() bool { return s.pool != nil }

// Path is SQLite's file; empty on PostgreSQL.
func (s *Store) Path() string { return s.file }

// Dir is the directory that this process alone writes to.
func (s *Store) Dir() string { return s.dir }

// Beat writes to the ledger and commits, and says why it cannot: the proof that the
// database does what the gateway is for. It is SQLite's file as it was opened, and
// the ledger as it was.
func (s *Store) Beat(ctx context.Context) error {
	if err := s.checkFile(ctx); err != nil {
		return err
	}
	return s.grow(ctx)
}

// Close releases database and directory.
func (s *Store) Close() error {
	var err error
	if s.anchor != nil {
		err = s.anchor.Close()
	}
	for _, on := range []queries{s.read.on, s.write.on} {
		if db, ok := on.(*sql.DB); ok {
			err = errors.Join(err, db.Close())
		}
	}
	if s.pool != nil {
		s.pool.Close()
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Unlock())
	}
	return err
}
