package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/semaphore"
)

// core is what the aggregates share: the database, and what is known of its file.
type core struct {
	db   *sql.DB
	pool *pgxpool.Pool
	// light is the same database for what may be lost in a power cut, though not
	// when this process dies: SQLite does not wait for the disk there.
	light *sql.DB
	// readings is the same database for what only reads: SQLite reads while somebody
	// writes, and does not wait for a connection behind those who want to.
	readings *sql.DB
	// turn is whose turn it is to write to SQLite's file.
	turn *semaphore.Weighted
	dir  string
	file string
	now  func() time.Time
	// free is Config's.
	free int64

	open []openedFile
	// damaged says that SQLite has called its file malformed.
	damaged atomic.Bool
	// moved says that something was written which a mark of before does not know of.
	moved chan struct{}

	mu   sync.Mutex
	mark Mark
}

// deadline bounds a statement: callers write outcomes with contexts that do not
// end, and a database that went away must not hold them for ever.
const deadline = 30 * time.Second

// one runs a statement that returns at most one row and scans it; false without
// one. It reads to the end: SQLite commits only then, and says there whether it
// could.
func (s *core) one(ctx context.Context, query string, args []any, into ...any) (found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	db := s.db
	if strings.HasPrefix(query, "SELECT") {
		db = s.readings
	}
	var rows *sql.Rows
	if rows, err = db.QueryContext(ctx, query, args...); err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err has said it
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return false, fmt.Errorf("store: %w", err)
		}
		found = true
	}
	if err := rows.Err(); err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	return found, nil
}

// exec runs a statement and returns how many rows it changed.
func (s *core) exec(ctx context.Context, query string, args ...any) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	result, err := s.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	return n, nil
}
