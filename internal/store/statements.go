package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// deadline bounds a statement: callers write outcomes with contexts that do not
// end, and a database that went away must not hold them for ever.
const deadline = 30 * time.Second

// one runs a statement that returns at most one row and scans it; false without
// one. It reads to the end: SQLite commits only then, and says there whether it
// could.
func (s *Store) one(ctx context.Context, query string, args []any, into ...any) (found bool, err error) {
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
func (s *Store) exec(ctx context.Context, query string, args ...any) (int64, error) {
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
