package store

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"
)

// file opens a file of its own, with as many connections.
func file(t *testing.T, conns int) *sql.DB {
	t.Helper()
	s := &Store{core: &core{file: filepath.Join(t.TempDir(), "x.db"), turn: semaphore.NewWeighted(1)}}
	db := s.openSQLite("NORMAL", conns)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	execute(t, db, `CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER UNIQUE)`)
	return db
}

func execute(t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func howMany(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM t`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSQLite_WhenManyWriteAllGetTheirTurn(t *testing.T) {
	t.Parallel()
	db := file(t, 8)
	var wg sync.WaitGroup
	for i := range 400 {
		wg.Go(func() {
			var err error
			switch i % 3 {
			case 0:
				_, err = db.ExecContext(t.Context(), `INSERT INTO t (n) VALUES ($1)`, i)
			case 1:
				var id int64
				err = db.QueryRowContext(t.Context(), `INSERT INTO t (n) VALUES ($1) RETURNING id`, i).Scan(&id)
			default:
				var tx *sql.Tx
				if tx, err = db.BeginTx(t.Context(), nil); err == nil {
					if _, err = tx.ExecContext(t.Context(), `INSERT INTO t (n) VALUES ($1)`, i); err == nil {
						err = tx.Commit()
					}
				}
			}
			if err != nil {
				t.Error(i, err)
			}
		})
	}
	wg.Wait()
	if n := howMany(t, db); n != 400 {
		t.Errorf("%d rows of 400", n)
	}
}

func TestSQLite_WhenAWriterHoldsItsTurnOthersWaitAsLongAsTheyWish(t *testing.T) {
	t.Parallel()
	db := file(t, 2)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := db.ExecContext(ctx, `INSERT INTO t (n) VALUES (1)`); err == nil {
		t.Error("two wrote at once")
	}
	if n := howMany(t, db); n != 0 {
		t.Error("a reader had to see nothing yet", n)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	execute(t, db, `INSERT INTO t (n) VALUES (1)`)
}

func TestSQLite_WhenAStatementFailsItsTurnIsOverAndItRunsAgain(t *testing.T) {
	t.Parallel()
	db := file(t, 1)
	for range 3 {
		execute(t, db, `INSERT INTO t (n) VALUES ($1) ON CONFLICT DO NOTHING`, 7)
		if _, err := db.ExecContext(t.Context(), `INSERT INTO t (n) VALUES ($1)`, 7); err == nil {
			t.Fatal("a number came twice")
		}
		if _, err := db.ExecContext(t.Context(), `INSERT INTO no_hay (n) VALUES (1)`); err == nil {
			t.Fatal("a table that is not there was written to")
		}
	}
	execute(t, db, `INSERT INTO t (n) VALUES ($1)`, 8)
}

func TestSQLite_WhenAStatementIsReadTwiceAtOnceBothAreWhole(t *testing.T) {
	t.Parallel()
	db := file(t, 1)
	for i := range 5 {
		execute(t, db, `INSERT INTO t (n) VALUES ($1)`, i)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // read only
	pairs := 0
	since(t, tx, 0, func(n int) { since(t, tx, n, func(int) { pairs++ }) })
	if pairs != 15 {
		t.Errorf("%d pairs, want 15", pairs)
	}
}

// since calls every with each n from one on, while the statement is open.
func since(t *testing.T, tx *sql.Tx, n int, every func(int)) {
	t.Helper()
	rows, err := tx.QueryContext(t.Context(), `SELECT n FROM t WHERE n >= $1 ORDER BY n`, n)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // read only
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		every(n)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestSQLite_WhenTheSchemaChangesKeptStatementsFollow(t *testing.T) {
	t.Parallel()
	db := file(t, 1)
	execute(t, db, `INSERT INTO t (n) VALUES (1)`)
	readColumns := func() int {
		rows, err := db.QueryContext(t.Context(), `SELECT * FROM t`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close() //nolint:errcheck // read only
		columns, err := rows.Columns()
		if err := errors.Join(err, rows.Err()); err != nil {
			t.Fatal(err)
		}
		return len(columns)
	}
	before := readColumns()
	execute(t, db, `ALTER TABLE t ADD COLUMN m INTEGER`)
	if after := readColumns(); before != 2 || after != 3 {
		t.Errorf("%d columns, then %d; want 2, then 3", before, after)
	}
}

func TestSQLite_WhenStatementsAreManyTheyAreForgotten(t *testing.T) {
	t.Parallel()
	db := file(t, 1)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // of the pool
	for i := range 3 * maxLists {
		var n int
		if err := conn.QueryRowContext(t.Context(), `SELECT 1 + `+string(rune('0'+i%10))+` -- `+time.Duration(i).String()).Scan(&n); err != nil || n != 1+i%10 {
			t.Fatal(n, err)
		}
	}
	err = conn.Raw(func(c any) error {
		if kept := len(c.(*connection).lists); kept == 0 || kept > maxLists {
			t.Errorf("%d statements are kept", kept)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestVerb_WhenThereAreCommentsIsTheFirstWord(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]verb{
		"SELECT 1": verbRead, "-- name: JobGetAvailable :many\nUPDATE\n    x": verbWrite, " insert into x": verbWrite,
		"WITH a AS (SELECT 1) DELETE FROM x": verbWrite, "VACUUM INTO $1": verbOther, "PRAGMA x": verbOther, "": verbOther, "--": verbOther,
	} {
		if got := verbOf(query); got != want {
			t.Errorf("%q: %d, want %d", query, got, want)
		}
	}
}

// Whoever reads does not wait behind those who want to write, however many they are.
func TestReadings_WhenSomebodyHoldsTheFileAndWritersQueue(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Dir: t.TempDir(), Now: time.Now})
	holder, err := s.anchor.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { s.changes(ctx, s.db, `UPDATE libros SET vigente = vigente`) }) //nolint:errcheck // it waits
	}
	for s.db.Stats().WaitCount < 15 {
		time.Sleep(time.Millisecond)
	}
	if _, err := s.Descargas.Get(t.Context(), "ninguna"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a reading: %v", err)
	}
	if _, err := s.Webhooks.Of(t.Context(), "nadie"); err != nil {
		t.Errorf("a list: %v", err)
	}
	leave()
	wg.Wait()
	if err := holder.Rollback(); err != nil {
		t.Error(err)
	}
}
