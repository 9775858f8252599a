package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	connectTimeout = 10 * time.Second
	// maxConns is for one gateway, unless the URL's pool_max_conns says otherwise:
	// several of them must fit into a server's usual hundred.
	maxConns = 16
	// abandonment is for how long a transaction of ours may wait for its next statement: its
	// gateway stands still, or is cut off, and others wait for the rows that it has locked.
	abandonment = 10 * time.Second
)

var errURL = errors.New("store: GATEWAY_DATABASE_URL is not one that PostgreSQL's driver understands")

// connectSQLite opens the file, which it looks at before: what was lost beside it
// is to be seen only then, and what is damaged in it only while nobody writes.
func (s *Store) connectSQLite(ctx context.Context, c Config) error {
	s.file = filepath.Join(s.dir, "pasarela.db")
	fresh, err := s.release()
	if err != nil {
		return err
	}
	if fresh && c.Word != DeNuevo {
		r, err := s.find(ctx, c)
		if err == nil {
			err = r.emptyEnvelope()
		}
		if err != nil {
			return err
		}
	}
	if fresh {
		// WAL and SHM get this file's mode from SQLite, which would let everybody read it.
		f, err := os.OpenFile(s.file, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		if err := f.Close(); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	readings := s.openSQLite()
	if err := s.check(ctx, c); err != nil {
		return err
	}
	if s.anchor, err = readings.Conn(ctx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

func (s *Store) connectPostgres(ctx context.Context, c Config) error {
	cfg, err := pgxpool.ParseConfig(c.DatabaseURL)
	if err != nil {
		// The driver's error holds the address, and hides passwords as best it can.
		return errURL
	}
	ok, err := verified(&cfg.ConnConfig.Config)
	if err != nil {
		return err
	}
	if !ok {
		c.notify(unverified)
	}
	if !strings.Contains(c.DatabaseURL, "pool_max_conns=") {
		cfg.MaxConns = maxConns
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "pasarela"
	}
	cfg.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		_, err := c.Exec(ctx, `SELECT set_config('idle_in_transaction_session_timeout', $1, false)`, strconv.FormatInt(abandonment.Milliseconds(), 10))
		return err
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	all := conn{s.core, stdlib.OpenDBFromPool(s.pool)}
	s.write, s.read, s.poll = all, all, all
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("store: PostgreSQL: %w", err)
	}
	return nil
}
