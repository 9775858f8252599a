package store

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// What the drivers really say of a database that is away for now, and of a statement
// that is wrong.
func TestPasses_WhenSQLiteFails(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Dir: t.TempDir(), Now: time.Now})
	run := func(statement string) error {
		_, err := s.write.exec(t.Context(), statement)
		return err
	}
	must := func(statement string) {
		t.Helper()
		if err := run(statement); err != nil {
			t.Fatal(err)
		}
	}
	const writes = `INSERT INTO intentos (operacion, huella, criterios, estado, creado) VALUES ('o', 'h', hex(randomblob(400000)), 'intento', '')`
	must(`PRAGMA query_only = 1`)
	passes(t, run(writes), true, "read-only")
	must(`PRAGMA query_only = 0`)
	must(`PRAGMA max_page_count = 10`)
	passes(t, run(writes), true, "full")
	must(`PRAGMA max_page_count = 1000000`)

	must(`PRAGMA busy_timeout = 10`)
	other, err := sql.Open("sqlite", "file:"+s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() //nolint:errcheck // done with it
	other.SetMaxOpenConns(1)
	if _, err := other.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	passes(t, run(writes), true, "locked")
	if _, err := other.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	passes(t, run(`SELECT nada FROM intentos`), false, "a column that is not there")
	passes(t, run(`INSERT INTO intentos (id) VALUES (1)`), false, "a row against the rules")
	must(writes)
	over, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	_, err = s.Attempts.Get(over, "o", "c")
	passes(t, err, true, "too slow")
}

func TestPasses_WhenPostgresFails(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	s, err := Open(t.Context(), Config{Dir: t.TempDir(), DatabaseURL: url, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() }) //nolint:errcheck // done with it
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // done with it
	run := func(statement string) error {
		_, err := s.write.exec(t.Context(), statement)
		return err
	}
	must := func(statement string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	const writes = `INSERT INTO intentos (operacion, huella, criterios, estado, creado) VALUES ('o', 'h', 'c', 'intento', '')`
	must(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$`)
	s.pool.Reset()
	passes(t, run(writes), true, "read-only")
	must(`SET default_transaction_read_only = off`)
	must(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = off', current_database()); END $$`)
	must(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET lock_timeout = 50', current_database()); END $$`)
	s.pool.Reset()
	must(`BEGIN`)
	must(`LOCK TABLE intentos`)
	passes(t, run(writes), true, "locked")
	must(`ROLLBACK`)
	passes(t, run(`SELECT nada FROM intentos`), false, "a column that is not there")
	passes(t, run(`INSERT INTO intentos (id) VALUES (1)`), false, "a row against the rules")
	if err := run(writes); err != nil {
		t.Fatal(err)
	}
}

func passes(t *testing.T, err error, want bool, what string) {
	t.Helper()
	if err == nil || gateway.Passes(err) != want {
		t.Errorf("%s: %v", what, err)
	}
}
