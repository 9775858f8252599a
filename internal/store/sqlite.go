package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"path/filepath"
)

// readers is how many readings SQLite makes at once. One more connection keeps its files open.
const readers = 3

// openSQLite opens the file twice. SQLite has one writer at a time, and its own way to
// wait for it is to sleep and try again, where under load some never get through. So one
// connection writes, and who wants to write waits for that. Others read meanwhile.
func (s *core) openSQLite() (readings *sql.DB) {
	// FULL: a row that was answered for survives a power cut.
	write := s.openFile(1, "synchronous(FULL)", "foreign_keys(1)")
	read := s.openFile(readers+1, "query_only(1)")
	s.write, s.read, s.poll = conn{s, write}, conn{s, read}, conn{s, parsed{core: s, db: read}}
	return read
}

func (s *core) openFile(conns int, pragmas ...string) *sql.DB {
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(s.file)}).EscapedPath(), RawQuery: url.Values{
		"_pragma": append([]string{"busy_timeout(10000)", "journal_mode(WAL)"}, pragmas...),
		// A transaction that first reads and then writes could not wait for another writer.
		"_txlock": {"immediate"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		panic(err) // the driver is linked in
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db
}

// parsed is db, or a transaction on it, whose statements are parsed once: that takes as
// long as what the statements of a poll do.
type parsed struct {
	core *core
	db   *sql.DB
	tx   *sql.Tx
}

func (p parsed) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	kept, there := p.core.statements.Load(query)
	if !there {
		st, err := p.db.PrepareContext(ctx, query)
		if err != nil {
			return nil, err
		}
		// Another that was faster keeps its own, and this one is closed with the database.
		kept, _ = p.core.statements.LoadOrStore(query, st)
	}
	st, _ := kept.(*sql.Stmt)
	if p.tx != nil {
		st = p.tx.StmtContext(ctx, st)
	}
	return st, nil
}

// ExecContext implements queries.
func (p parsed) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	st, err := p.statement(ctx, query) //nolint:sqlclosecheck // it is kept
	if err != nil {
		return nil, err
	}
	return st.ExecContext(ctx, args...)
}

// QueryContext implements queries.
func (p parsed) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := p.statement(ctx, query) //nolint:sqlclosecheck // it is kept
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

// lightly lets do run query once, of all statements. A power cut may undo what it wrote,
// though the end of this process does not: SQLite does not wait for the disk.
func (s *core) lightly(ctx context.Context, query string, do func(conn) error) (err error) {
	if s.pool != nil {
		return do(s.write)
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	light := parsed{core: s, db: s.db()}
	// It is parsed before the only connection is taken.
	if _, err := light.statement(ctx, query); err != nil { //nolint:sqlclosecheck // it is kept
		return s.fail(err)
	}
	c, err := light.db.Conn(ctx)
	if err != nil {
		return s.fail(err)
	}
	defer c.Close()                                      //nolint:errcheck // of the pool
	defer func() { err = errors.Join(err, inFull(c)) }() //nolint:contextcheck // whatever happened to ctx
	// A statement journal that may go to disk takes 64 KiB from the kernel for a single row.
	if _, err := c.ExecContext(ctx, `PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY`); err != nil {
		return s.fail(err)
	}
	if light.tx, err = c.BeginTx(ctx, nil); err != nil {
		return s.fail(err)
	}
	if err := do(conn{s, light}); err != nil {
		return errors.Join(err, light.tx.Rollback())
	}
	return s.fail(light.tx.Commit())
}

// inFull has SQLite wait for the disk again, or gives the connection up.
func inFull(c *sql.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	_, err := c.ExecContext(ctx, `PRAGMA synchronous = FULL; PRAGMA temp_store = DEFAULT`)
	if err == nil {
		return nil
	}
	return errors.Join(err, c.Raw(func(any) error { return driver.ErrBadConn }))
}
