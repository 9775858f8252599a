package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"modernc.org/sqlite"
)

const (
	// turnTimeout is how long a writer waits for its turn: longer than any statement
	// may take, so that it is told before it gives up.
	turnTimeout = deadline + 5*time.Second
	// maxLists bounds the statements that a connection keeps, maxText their texts.
	maxLists = 128
	maxText  = 4 << 10
)

// connector opens connections to one SQLite file. They keep their prepared
// statements, because parsing takes longer than most statements do, and take
// turns at writing in the order in which they asked: SQLite's own way is to try
// again after a sleep, where under load some never get through.
type connector struct {
	dsn  string
	turn *semaphore.Weighted
	// damaged is set by the first statement to find the file malformed.
	damaged *atomic.Bool
}

// Driver implements driver.Connector.
func (c *connector) Driver() driver.Driver { return &sqlite.Driver{} }

// Connect implements driver.Connector.
func (c *connector) Connect(context.Context) (driver.Conn, error) {
	base, err := (&sqlite.Driver{}).Open(c.dsn)
	if err != nil {
		return nil, err
	}
	if whole, ok := base.(plug); ok {
		return &connection{plug: whole, turn: c.turn, damaged: c.damaged, lists: make(map[string]*list)}, nil
	}
	return nil, errors.Join(errors.New("store: SQLite's driver lacks what it had"), base.Close())
}

// plug is what the driver's connections can do.
type plug interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type connection struct {
	plug
	turn    *semaphore.Weighted
	damaged *atomic.Bool
	lists   map[string]*list
	// within says that a transaction has the turn.
	within bool
}

// list is a prepared statement. While it runs, or its rows are read, it is taken.
type list struct {
	statement
	busy bool
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// BeginTx implements driver.ConnBeginTx: a transaction has the turn from its
// beginning, as it locks the file from there (_txlock).
func (c *connection) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if opts.ReadOnly {
		return c.plug.BeginTx(ctx, opts)
	}
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	tx, err := c.plug.BeginTx(ctx, opts)
	if err != nil {
		c.turn.Release(1)
		return nil, err
	}
	c.within = true
	return &transaction{tx, c}, nil
}

func (c *connection) take(ctx context.Context) error {
	if c.turn.TryAcquire(1) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	if err := c.turn.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("waiting for the turn to write: %w", err)
	}
	return nil
}

func (c *connection) leave() {
	if c.within {
		c.within = false
		c.turn.Release(1)
	}
}

type transaction struct {
	driver.Tx
	c *connection
}

// Commit implements driver.Tx.
func (t *transaction) Commit() error {
	defer t.c.leave()
	return t.Tx.Commit()
}

// Rollback implements driver.Tx.
func (t *transaction) Rollback() error {
	defer t.c.leave()
	return t.Tx.Rollback()
}

// Close implements driver.Conn.
func (c *connection) Close() error {
	c.forget()
	defer c.leave()
	return c.plug.Close()
}

// ExecContext implements driver.ExecerContext.
func (c *connection) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	release, l, err := c.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	defer release()
	var result driver.Result
	if l == nil {
		result, err = c.plug.ExecContext(ctx, query, args)
	} else {
		result, err = l.ExecContext(ctx, args)
	}
	return result, c.note(err)
}

// note remembers that SQLite has found its file malformed.
func (c *connection) note(err error) error {
	if ofForm(err) {
		c.damaged.Store(true)
	}
	return err
}

// QueryContext implements driver.QueryerContext.
func (c *connection) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (rows driver.Rows, err error) {
	release, l, err := c.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	if l == nil {
		rows, err = c.plug.QueryContext(ctx, query, args)
	} else {
		rows, err = l.QueryContext(ctx, args)
	}
	if err != nil {
		release()
		return nil, c.note(err)
	}
	return &lines{Rows: rows, release: release, note: c.note}, nil
}

// lines hold the turn, and their statement, until they are closed: what
// INSERT … RETURNING wrote is committed then.
type lines struct {
	driver.Rows
	release func()
	note    func(error) error
}

// Next implements driver.Rows.
func (r *lines) Next(into []driver.Value) error { return r.note(r.Rows.Next(into)) }

// Close implements driver.Rows.
func (r *lines) Close() error {
	defer func() {
		r.release()
		r.release = func() {}
	}()
	return r.Rows.Close()
}

// prepare gets what a statement needs: the turn if it writes, and its prepared
// form; nil where there is none to use.
func (c *connection) prepare(ctx context.Context, query string) (release func(), l *list, err error) {
	verb := verbOf(query)
	turn := !c.within && verb == verbWrite
	if turn {
		if err := c.take(ctx); err != nil {
			return nil, nil, err
		}
	}
	if verb != verbOther {
		l = c.list(ctx, query)
	}
	if l != nil {
		l.busy = true
	}
	return func() {
		if l != nil {
			l.busy = false
		}
		if turn {
			c.turn.Release(1)
		}
	}, l, nil
}

// list returns the prepared form of query. An error is left to whoever runs it
// without.
func (c *connection) list(ctx context.Context, query string) *list {
	if l, ok := c.lists[query]; ok {
		if l.busy {
			return nil
		}
		return l
	}
	if len(query) > maxText {
		return nil
	}
	if len(c.lists) >= maxLists {
		c.forget()
	}
	st, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil
	}
	s, ok := st.(statement)
	if !ok {
		st.Close() //nolint:errcheck // it was never used
		return nil
	}
	l := &list{statement: s}
	c.lists[query] = l
	return l
}

// forget closes the statements that nobody is using.
func (c *connection) forget() {
	for query, l := range c.lists {
		if !l.busy {
			l.Close() //nolint:errcheck // what a last run failed with was told then
			delete(c.lists, query)
		}
	}
}

// verb is what a statement does.
type verb int

const (
	// verbOther is what is neither prepared nor waits: schemas, pragmas, VACUUM.
	verbOther verb = iota
	verbRead
	verbWrite
)

func verbOf(query string) verb {
	for {
		query = strings.TrimSpace(query)
		if !strings.HasPrefix(query, "--") {
			break
		}
		_, query, _ = strings.Cut(query, "\n")
	}
	first, _, _ := strings.Cut(query[:min(len(query), 10)], " ")
	first, _, _ = strings.Cut(first, "\n")
	switch strings.ToUpper(first) {
	case "SELECT":
		return verbRead
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH":
		return verbWrite
	}
	return verbOther
}
