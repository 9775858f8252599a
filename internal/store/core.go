package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// core is what the aggregates share: the database, and what is known of its file.
type core struct {
	// write is the database for what writes, and read for what only reads. They are the
	// same on PostgreSQL.
	write, read conn
	// poll is read, whose statements are parsed once.
	poll conn
	// statements are the statements of SQLite that run at every poll.
	statements sync.Map
	pool       *pgxpool.Pool

	dir  string
	file string
	now  func() time.Time
	// free is Config's.
	free int64

	open []openedFile
	// damaged is set once SQLite has called its file malformed.
	damaged atomic.Bool
	// moved is filled when something was written that the last mark does not know of.
	moved chan struct{}

	mu   sync.Mutex
	mark Mark
}

// deadline bounds a statement. Callers write outcomes with contexts that do not end,
// and a database that went away must not hold them for ever.
const deadline = 30 * time.Second

// queries are what statements run on: a database, a transaction, or parsed statements.
type queries interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// conn runs statements for no longer than deadline. It notes what they say of the file.
type conn struct {
	core *core
	on   queries
}

// scanner is a row to scan.
type scanner interface{ Scan(...any) error }

// fail returns err as the store says it, and notes that SQLite calls its file malformed.
func (s *core) fail(err error) error {
	if err == nil {
		return nil
	}
	if ofForm(err) {
		s.damaged.Store(true)
	}
	return fmt.Errorf("store: %w", err)
}

// exec runs a statement and returns how many rows it changed.
func (c conn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	result, err := c.on.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, c.core.fail(err)
	}
	n, err := result.RowsAffected()
	return n, c.core.fail(err)
}

// changes runs a statement and reports whether it changed a row.
func (c conn) changes(ctx context.Context, query string, args ...any) (bool, error) {
	n, err := c.exec(ctx, query, args...)
	return n > 0, err
}

// each runs a query and calls one for each row. It reads to the end: SQLite commits
// only then, and says there whether it could.
func (c conn) each(ctx context.Context, one func(scanner) error, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	rows, err := c.on.QueryContext(ctx, query, args...)
	if err != nil {
		return c.core.fail(err)
	}
	defer rows.Close() //nolint:errcheck // Err says it
	for rows.Next() {
		if err := one(rows); err != nil {
			return c.core.fail(err)
		}
	}
	return c.core.fail(rows.Err())
}

// one runs a statement that returns at most one row, scans the row, and reports
// whether there was one.
func (c conn) one(ctx context.Context, query string, args []any, into ...any) (found bool, err error) {
	err = c.each(ctx, func(f scanner) error {
		found = true
		return f.Scan(into...)
	}, query, args...)
	return found && err == nil, err
}

// all runs a query and returns every row as one reads it.
func all[T any](ctx context.Context, c conn, one func(scanner) (T, error), query string, args ...any) (out []T, err error) {
	err = c.each(ctx, func(f scanner) error {
		v, err := one(f)
		out = append(out, v)
		return err
	}, query, args...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// first is all for a query of one row. It fails with ErrNotFound.
func first[T any](ctx context.Context, c conn, one func(scanner) (T, error), query string, args ...any) (v T, err error) {
	rows, err := all(ctx, c, one, query, args...)
	if err == nil && len(rows) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return v, err
	}
	return rows[0], nil
}

// text reads a row of one text.
func text(f scanner) (t string, err error) {
	err = f.Scan(&t)
	return t, err
}

// inTx runs do in a transaction, and commits unless do fails.
func (s *core) inTx(ctx context.Context, do func(conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	tx, err := s.db().BeginTx(ctx, nil)
	if err != nil {
		return s.fail(err)
	}
	if err := do(conn{s, tx}); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return s.fail(tx.Commit())
}

// db is the database itself, for what no statement can do.
func (s *core) db() *sql.DB {
	db, _ := s.write.on.(*sql.DB)
	return db
}

// stamp is the instant of now as a row holds it.
func (s *core) stamp() string { return Instant(s.now()) }
