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
	// turnoTimeout is how long a writer waits for its turn: longer than any statement
	// may take, so that it is told before it gives up.
	turnoTimeout = deadline + 5*time.Second
	// maxListas bounds the statements that a connection keeps, maxTexto their texts.
	maxListas = 128
	maxTexto  = 4 << 10
)

// conector opens connections to one SQLite file. They keep their prepared
// statements, because parsing takes longer than most statements do, and take
// turns at writing in the order in which they asked: SQLite's own way is to try
// again after a sleep, where under load some never get through.
type conector struct {
	dsn   string
	turno *semaphore.Weighted
	// danada is set by the first statement to find the file malformed.
	danada *atomic.Bool
}

// Driver implements driver.Connector.
func (c *conector) Driver() driver.Driver { return &sqlite.Driver{} }

// Connect implements driver.Connector.
func (c *conector) Connect(context.Context) (driver.Conn, error) {
	base, err := (&sqlite.Driver{}).Open(c.dsn)
	if err != nil {
		return nil, err
	}
	if entera, ok := base.(enchufe); ok {
		return &conexion{enchufe: entera, turno: c.turno, danada: c.danada, listas: make(map[string]*lista)}, nil
	}
	return nil, errors.Join(errors.New("store: SQLite's driver lacks what it had"), base.Close())
}

// enchufe is what the driver's connections can do.
type enchufe interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type conexion struct {
	enchufe
	turno  *semaphore.Weighted
	danada *atomic.Bool
	listas map[string]*lista
	// dentro says that a transaction has the turn.
	dentro bool
}

// lista is a prepared statement. While it runs, or its rows are read, it is taken.
type lista struct {
	sentencia
	ocupada bool
}

type sentencia interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// BeginTx implements driver.ConnBeginTx: a transaction has the turn from its
// beginning, as it locks the file from there (_txlock).
func (c *conexion) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if opts.ReadOnly {
		return c.enchufe.BeginTx(ctx, opts)
	}
	if err := c.toma(ctx); err != nil {
		return nil, err
	}
	tx, err := c.enchufe.BeginTx(ctx, opts)
	if err != nil {
		c.turno.Release(1)
		return nil, err
	}
	c.dentro = true
	return &transaccion{tx, c}, nil
}

func (c *conexion) toma(ctx context.Context) error {
	if c.turno.TryAcquire(1) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, turnoTimeout)
	defer cancel()
	if err := c.turno.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("waiting for the turn to write: %w", err)
	}
	return nil
}

func (c *conexion) sale() {
	if c.dentro {
		c.dentro = false
		c.turno.Release(1)
	}
}

type transaccion struct {
	driver.Tx
	c *conexion
}

// Commit implements driver.Tx.
func (t *transaccion) Commit() error {
	defer t.c.sale()
	return t.Tx.Commit()
}

// Rollback implements driver.Tx.
func (t *transaccion) Rollback() error {
	defer t.c.sale()
	return t.Tx.Rollback()
}

// Close implements driver.Conn.
func (c *conexion) Close() error {
	c.olvida()
	defer c.sale()
	return c.enchufe.Close()
}

// ExecContext implements driver.ExecerContext.
func (c *conexion) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	suelta, l, err := c.prepara(ctx, query)
	if err != nil {
		return nil, err
	}
	defer suelta()
	var result driver.Result
	if l == nil {
		result, err = c.enchufe.ExecContext(ctx, query, args)
	} else {
		result, err = l.ExecContext(ctx, args)
	}
	return result, c.nota(err)
}

// nota remembers that SQLite has found its file malformed.
func (c *conexion) nota(err error) error {
	if deForma(err) {
		c.danada.Store(true)
	}
	return err
}

// QueryContext implements driver.QueryerContext.
func (c *conexion) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (rows driver.Rows, err error) {
	suelta, l, err := c.prepara(ctx, query)
	if err != nil {
		return nil, err
	}
	if l == nil {
		rows, err = c.enchufe.QueryContext(ctx, query, args)
	} else {
		rows, err = l.QueryContext(ctx, args)
	}
	if err != nil {
		suelta()
		return nil, c.nota(err)
	}
	return &renglones{Rows: rows, suelta: suelta, nota: c.nota}, nil
}

// renglones hold the turn, and their statement, until they are closed: what
// INSERT … RETURNING wrote is committed then.
type renglones struct {
	driver.Rows
	suelta func()
	nota   func(error) error
}

// Next implements driver.Rows.
func (r *renglones) Next(into []driver.Value) error { return r.nota(r.Rows.Next(into)) }

// Close implements driver.Rows.
func (r *renglones) Close() error {
	defer func() {
		r.suelta()
		r.suelta = func() {}
	}()
	return r.Rows.Close()
}

// prepara gets what a statement needs: the turn if it writes, and its prepared
// form; nil where there is none to use.
func (c *conexion) prepara(ctx context.Context, query string) (suelta func(), l *lista, err error) {
	verbo := verboDe(query)
	turno := !c.dentro && verbo == verboEscribir
	if turno {
		if err := c.toma(ctx); err != nil {
			return nil, nil, err
		}
	}
	if verbo != verboOtro {
		l = c.lista(ctx, query)
	}
	if l != nil {
		l.ocupada = true
	}
	return func() {
		if l != nil {
			l.ocupada = false
		}
		if turno {
			c.turno.Release(1)
		}
	}, l, nil
}

// lista returns the prepared form of query. An error is left to whoever runs it
// without.
func (c *conexion) lista(ctx context.Context, query string) *lista {
	if l, ok := c.listas[query]; ok {
		if l.ocupada {
			return nil
		}
		return l
	}
	if len(query) > maxTexto {
		return nil
	}
	if len(c.listas) >= maxListas {
		c.olvida()
	}
	st, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil
	}
	s, ok := st.(sentencia)
	if !ok {
		st.Close() //nolint:errcheck // it was never used
		return nil
	}
	l := &lista{sentencia: s}
	c.listas[query] = l
	return l
}

// olvida closes the statements that nobody is using.
func (c *conexion) olvida() {
	for query, l := range c.listas {
		if !l.ocupada {
			l.Close() //nolint:errcheck // what a last run failed with was told then
			delete(c.listas, query)
		}
	}
}

// verbo is what a statement does.
type verbo int

const (
	// verboOtro is what is neither prepared nor waits: schemas, pragmas, VACUUM.
	verboOtro verbo = iota
	verboLeer
	verboEscribir
)

func verboDe(query string) verbo {
	for {
		query = strings.TrimSpace(query)
		if !strings.HasPrefix(query, "--") {
			break
		}
		_, query, _ = strings.Cut(query, "\n")
	}
	primera, _, _ := strings.Cut(query[:min(len(query), 10)], " ")
	primera, _, _ = strings.Cut(primera, "\n")
	switch strings.ToUpper(primera) {
	case "SELECT":
		return verboLeer
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH":
		return verboEscribir
	}
	return verboOtro
}
