package cluster

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pasarela-mx/pasarela/internal/store"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// alone is a process on SQLite, with a clock.
func alone(t *testing.T) (*Cluster, *clock) {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() }) //nolint:errcheck // may be closed already
	c := &clock{t: time.Now()}
	p := New(st, Options{Now: c.now})
	if err := p.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p, c
}

// serves calls Serve after the last outcome has become too old.
func serves(t *testing.T, p *Cluster, c *clock, want bool, when string) {
	t.Helper()
	c.moves(recent)
	if err := p.Serve(t.Context()); (err == nil) != want {
		t.Fatalf("%s: %v", when, err)
	}
}

// SQLite answers every query but accepts no write: the disk is full (simulated by
// max_page_count) or read-only.
func TestServe_WhenSQLiteTakesNoWrite(t *testing.T) {
	t.Parallel()
	p, c := alone(t)
	db := p.store.DB()
	sql := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	serves(t, p, c, true, "in good health")
	for broken, mended := range map[string]string{
		`PRAGMA query_only = 1`:              `PRAGMA query_only = 0`,
		`ALTER TABLE libros RENAME TO fuera`: `ALTER TABLE fuera RENAME TO libros`,
		`UPDATE libros SET id = 'x' || id`:   `UPDATE libros SET id = substr(id, 2)`,
		`UPDATE libros SET vigente = 0`:      `UPDATE libros SET vigente = 1`,
	} {
		sql(broken)
		var one int
		if err := db.QueryRowContext(t.Context(), `SELECT 1`).Scan(&one); err != nil {
			t.Fatal(err)
		}
		serves(t, p, c, false, broken)
		sql(mended)
		serves(t, p, c, true, mended)
	}
}

// The open file has been removed or replaced: writes to it are lost with this process.
func TestServe_WhenSQLitesFileIsTakenAway(t *testing.T) {
	t.Parallel()
	p, c := alone(t)
	path := p.store.Path()
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	move(path, path+".fuera")
	serves(t, p, c, false, "taken away")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	serves(t, p, c, false, "another in its place")
	move(path+".fuera", path)
	serves(t, p, c, true, "back")
}

func TestServe_WhenPostgresTakesNoWrite(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	p, c := shared{t, url}.enters(t.TempDir())
	serves(t, p, c, true, "in good health")
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // done with it
	// Like a standby, or a server whose operator stopped writes because its disk is full:
	// new sessions can only read.
	readonly := func(value string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), `SET default_transaction_read_only = off`); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = `+value+`', current_database()); END $$`); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
		// What the pool still has of before fails once.
		for end := time.Now().Add(30 * time.Second); ; {
			_, err := p.store.DB().ExecContext(t.Context(), `SELECT 1`)
			if err == nil {
				return
			}
			if time.Now().After(end) {
				t.Fatal(err)
			}
		}
	}
	readonly("on")
	serves(t, p, c, false, "read-only, and it answers")
	readonly("off")
	serves(t, p, c, true, "writable again")
}

// A slow database is working, until it has been slow for too long.
func TestServe_WhenATableIsLocked(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	p, c := shared{t, url}.enters(t.TempDir())
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // done with it
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `LOCK TABLE procesos IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	ask := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		c.moves(recent)
		return p.Serve(ctx)
	}
	if err := ask(); err != nil {
		t.Errorf("slow for a second: %v", err)
	}
	c.moves(beatsSlow * beatUsual)
	if err := ask(); err == nil {
		t.Error("locked for good, and it is said to work")
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	serves(t, p, c, true, "free again")
}

// Frequent calls do not cause as many writes, and after the end there is no beat.
func TestServe_WhenAskedOftenAndAfterTheEnd(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	p, c := shared{t, url}.enters(t.TempDir())
	generation := func() (n int64) {
		if err := p.store.DB().QueryRowContext(t.Context(), `SELECT generacion FROM libros`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := generation()
	for range 100 {
		if err := p.Serve(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	serves(t, p, c, true, "a second later")
	if got := generation() - before; got != 1 {
		t.Errorf("%d writes, want 1", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.Run(ctx)
	serves(t, p, c, false, "gone")
	var rows int
	if err := p.store.DB().QueryRowContext(t.Context(), `SELECT count(*) FROM procesos`).Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows, %v: the dead are believed alive", rows, err)
	}
}
