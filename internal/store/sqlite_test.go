package store

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// file opens a file of its own.
func file(t *testing.T) *core {
	t.Helper()
	s := &core{file: filepath.Join(t.TempDir(), "x.db")}
	readings := s.openSQLite()
	t.Cleanup(func() {
		if err := errors.Join(readings.Close(), s.db().Close()); err != nil {
			t.Error(err)
		}
	})
	execute(t, s, `CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER UNIQUE)`)
	return s
}

func execute(t *testing.T, s *core, query string, args ...any) {
	t.Helper()
	if _, err := s.write.exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func howMany(t *testing.T, s *core) (n int) {
	t.Helper()
	if _, err := s.read.one(t.Context(), `SELECT COUNT(*) FROM t`, nil, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSQLite_WhenManyWriteAllGetTheirTurn(t *testing.T) {
	t.Parallel()
	s := file(t)
	db := s.db()
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
	if n := howMany(t, s); n != 400 {
		t.Errorf("%d rows of 400", n)
	}
}

func TestSQLite_WhenAWriterHoldsItsTurnOthersWaitAsLongAsTheyWish(t *testing.T) {
	t.Parallel()
	s := file(t)
	tx, err := s.db().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.write.exec(ctx, `INSERT INTO t (n) VALUES (1)`); err == nil {
		t.Error("two wrote at once")
	}
	if n := howMany(t, s); n != 0 {
		t.Error("a reader had to see nothing yet", n)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	execute(t, s, `INSERT INTO t (n) VALUES (1)`)
}

func TestSQLite_WhenAStatementFailsItsTurnIsOverAndItRunsAgain(t *testing.T) {
	t.Parallel()
	s := file(t)
	for range 3 {
		execute(t, s, `INSERT INTO t (n) VALUES ($1) ON CONFLICT DO NOTHING`, 7)
		if _, err := s.write.exec(t.Context(), `INSERT INTO t (n) VALUES ($1)`, 7); err == nil {
			t.Fatal("a number came twice")
		}
		if _, err := s.write.exec(t.Context(), `INSERT INTO no_hay (n) VALUES (1)`); err == nil {
			t.Fatal("a table that is not there was written to")
		}
	}
	execute(t, s, `INSERT INTO t (n) VALUES ($1)`, 8)
}

func TestSQLite_WhenTheSchemaChangesKeptStatementsFollow(t *testing.T) {
	t.Parallel()
	s := file(t)
	execute(t, s, `INSERT INTO t (n) VALUES (1)`)
	readColumns := func() int {
		rows, err := s.poll.on.QueryContext(t.Context(), `SELECT * FROM t`)
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
	execute(t, s, `ALTER TABLE t ADD COLUMN m INTEGER`)
	if after := readColumns(); before != 2 || after != 3 {
		t.Errorf("%d columns, then %d; want 2, then 3", before, after)
	}
}

func TestSQLite_WhoReadsCannotWrite(t *testing.T) {
	t.Parallel()
	s := file(t)
	for name, c := range map[string]conn{"read": s.read, "poll": s.poll} {
		if _, err := c.exec(t.Context(), `INSERT INTO t (n) VALUES (1)`); err == nil {
			t.Errorf("%s wrote", name)
		}
	}
}

// Only what is written lightly does not wait for the disk, whatever became of it.
func TestLightly_WhenItIsOverTheDiskIsWaitedForAgain(t *testing.T) {
	t.Parallel()
	s := file(t)
	sync := func(c conn) (n int) {
		t.Helper()
		if _, err := c.one(t.Context(), `PRAGMA synchronous`, nil, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	const query, full, normal = `INSERT INTO t (n) VALUES ($1)`, 2, 1 // sqlite.org/pragma.html#pragma_synchronous
	broken := errors.New("broken")
	for i, fails := range []error{nil, broken, nil} {
		err := s.lightly(t.Context(), query, func(light conn) error {
			if _, err := light.exec(t.Context(), query, i); err != nil {
				return err
			}
			if n := sync(conn{s, light.on.(parsed).tx}); n != normal {
				t.Errorf("it is %d while a light write runs", n)
			}
			return fails
		})
		if !errors.Is(err, fails) {
			t.Fatal(err)
		}
		if n := sync(s.write); n != full {
			t.Errorf("it is %d afterwards", n)
		}
	}
	if n := howMany(t, s); n != 2 {
		t.Errorf("%d rows, want those of the two that did not fail", n)
	}
}

// Whoever reads does not wait behind those who want to write, however many they are.
func TestReadings_WhenSomebodyHoldsTheFileAndWritersQueue(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Dir: t.TempDir(), Now: time.Now})
	holder, err := s.db().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { s.write.exec(ctx, `UPDATE libros SET vigente = vigente`) }) //nolint:errcheck // it waits
	}
	for s.db().Stats().WaitCount < 15 {
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
