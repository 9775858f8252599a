package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/pasarela-mx/pasarela/internal/disk"
)

// ErrDestructive says that a migration destroys data and nobody has said that
// there is a copy.
var ErrDestructive = errors.New("store: a migration destroys data: back up the database, then run 'gateway migrate --backed-up'")

// destructiveMark marks the migrations that destroy data.
var destructiveMark = regexp.MustCompile(`(?m)^-- destructiva\s*$`)

// lockWait is how many seconds a gateway waits for another that migrates.
const lockWait = 300

// Version returns the database's version before and after it was opened.
func (s *Store) Version() (since, until int64) { return s.since, s.until }

// use is what migrate is run for.
type use int

const (
	// useOpen gives a new database an identity; the others leave that to the first
	// start, unless an operator has said a word.
	useOpen use = iota
	useMigrate
	useMigrateBackedUp
)

// migrate runs the migrations on the ledger that was left here; on PostgreSQL under a
// lock of the session, as several gateways may start at once.
func (s *Store) migrate(ctx context.Context, c Config, u use) (err error) {
	if s.Postgres() {
		unlock, err := s.lockMigrations(ctx)
		if err != nil {
			return fmt.Errorf("store: waiting for another gateway's migrations: %w", err)
		}
		defer func() { err = errors.Join(err, unlock()) }()
	}
	provider, files, err := s.provider(c)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if s.since, s.until, err = provider.GetVersions(ctx); err != nil {
		return fmt.Errorf("store: migrating: %w", err)
	}
	if err := s.compatible(ctx, s.until); err != nil {
		return err
	}
	s.until = max(s.since, s.until) // a newer gateway may have been here
	mine := u == useOpen || c.Word != ""
	if mine || !s.Postgres() {
		if err := s.recognise(ctx, c); err != nil {
			return err
		}
	}
	if err := s.protect(ctx, c, provider, files, u == useMigrateBackedUp); err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("store: migrating: %w", err)
	}
	if err := s.declare(ctx, provider, files); err != nil || !mine {
		return err
	}
	return s.adopt(ctx, c)
}

// provider knows the migrations, and files are their texts.
func (s *Store) provider(c Config) (provider *goose.Provider, files fs.FS, err error) {
	dialect := goose.DialectSQLite3
	if s.Postgres() {
		dialect = goose.DialectPostgres
	}
	if files = c.files; files == nil {
		if files, err = migrations(s.Postgres()); err != nil {
			return nil, nil, err
		}
	}
	provider, err = goose.NewProvider(dialect, s.db(), files, goose.WithDisableGlobalRegistry(true))
	return provider, files, err
}

func (s *Store) lockMigrations(ctx context.Context) (func() error, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, lockWait))
	if err != nil {
		return nil, err
	}
	conn, err := s.db().Conn(ctx)
	if err != nil {
		return nil, err
	}
	if err := locker.SessionLock(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() error {
		return errors.Join(locker.SessionUnlock(context.WithoutCancel(ctx), conn), conn.Close())
	}, nil
}

// protect lets no pending migration destroy data of which there is no copy. A
// new database has none.
func (s *Store) protect(ctx context.Context, c Config, provider *goose.Provider, files fs.FS, backedUp bool) error {
	if s.since == 0 {
		return nil
	}
	pending, err := destructive(provider, files, s.since)
	if err != nil || len(pending) == 0 {
		return err
	}
	paths := make([]string, len(pending))
	for i, source := range pending {
		paths[i] = source.Path
	}
	names := strings.Join(paths, ", ")
	if s.Postgres() {
		c.notify("migrations that destroy data are about to run: " + names + "; back up the database first")
		if !backedUp {
			return fmt.Errorf("%w: %s", ErrDestructive, names)
		}
		return nil
	}
	copied, err := s.copy(ctx)
	if err != nil {
		return fmt.Errorf("store: copying the database before %s: %w", names, err)
	}
	c.notify("migrations that destroy data are about to run: " + names + "; the database as it was is in " + copied)
	return nil
}

// destructive returns the marked migrations after version.
func destructive(provider *goose.Provider, files fs.FS, version int64) ([]*goose.Source, error) {
	var marked []*goose.Source
	for _, source := range provider.ListSources() {
		if source.Version <= version {
			continue
		}
		text, err := fs.ReadFile(files, source.Path)
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		if destructiveMark.Match(bytes.ReplaceAll(text, []byte("\r"), nil)) {
			marked = append(marked, source)
		}
	}
	return marked, nil
}

// copy writes SQLite's database beside it, named after its version, and takes the
// place of one that an interrupted migration left.
func (s *Store) copy(ctx context.Context) (string, error) {
	path := filepath.Join(s.dir, fmt.Sprintf("pasarela-version-%d.db", s.since))
	partial := path + ".parcial"
	if err := os.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if _, err := s.db().ExecContext(ctx, `VACUUM INTO $1`, partial); err != nil {
		return "", err
	}
	if err := os.Chmod(partial, 0o600); err != nil {
		return "", err
	}
	return path, disk.Settle(partial, path)
}
