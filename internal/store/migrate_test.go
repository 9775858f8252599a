package store

import (
	"database/sql"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// ofLibros are the tables that the store itself needs.
const ofLibros = "CREATE TABLE libros (id TEXT NOT NULL PRIMARY KEY, generacion BIGINT NOT NULL, vigente BIGINT NOT NULL);\n" +
	"CREATE TABLE esquema (version BIGINT NOT NULL, minimo BIGINT NOT NULL);\n"

// files are migrations of a test's own: versions 1 and 2, and with more a third
// that destroys what the first made.
func files(more bool) fs.FS {
	all := fstest.MapFS{
		"00001_a.sql": {Data: []byte("-- +goose Up\nCREATE TABLE a (x TEXT NOT NULL);\n" + ofLibros)},
		"00002_b.sql": {Data: []byte("-- +goose Up\n-- no destructiva\nCREATE TABLE b (x TEXT NOT NULL);\n")},
	}
	if more {
		all["00003_c.sql"] = &fstest.MapFile{Data: []byte("-- destructiva\r\n-- +goose Up\nDROP TABLE a;\n")}
		all["00004_d.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE d (x TEXT NOT NULL);\n")}
	}
	return all
}

// fill makes a database of version 2 with something to lose.
func fill(t *testing.T, c Config) {
	t.Helper()
	c.files = files(false)
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.DB().ExecContext(t.Context(), `INSERT INTO a VALUES ('canario')`); err != nil {
		t.Fatal(err)
	}
	if from, to := s.Version(); from != 0 || to != 2 {
		t.Errorf("from %d to %d", from, to)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func has(t *testing.T, db *sql.DB, table string) bool {
	t.Helper()
	var n int
	return db.QueryRowContext(t.Context(), `SELECT count(*) FROM `+table).Scan(&n) == nil
}

func TestOpen_WhenAMigrationDestroys(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		fill(t, c)
		var told []string
		c.files, c.Notify = files(true), func(text string) { told = append(told, text) }
		s, err := Open(t.Context(), c)
		if len(told) != 1 || !strings.Contains(told[0], "00003_c.sql") || strings.Contains(told[0], "00002") || strings.Contains(told[0], "00004") {
			t.Errorf("told %q", told)
		}
		if c.DatabaseURL == "" {
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close() //nolint:errcheck // read only from here on
			if has(t, s.DB(), "a") || !has(t, s.DB(), "d") {
				t.Error("it was not run")
			}
			copied(t, c.Dir, told[0])
			return
		}
		if !errors.Is(err, ErrDestructive) || !strings.Contains(err.Error(), "gateway migrate --backed-up") || !strings.Contains(told[0], "back up") {
			t.Fatalf("%v; told %q", err, told)
		}
		refusedAndAllowed(t, c)
	})
}

// copied opens the copy that told speaks of.
func copied(t *testing.T, dir, told string) {
	t.Helper()
	path := filepath.Join(dir, "pasarela-version-2.db")
	if !strings.Contains(told, path) {
		t.Errorf("told %q, not of %s", told, path)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // read only
	var x string
	if err := db.QueryRowContext(t.Context(), `SELECT x FROM a`).Scan(&x); err != nil || x != "canario" {
		t.Errorf("the copy holds %q, %v", x, err)
	}
}

// refusedAndAllowed: nothing was run, nor is it without the operator's word.
func refusedAndAllowed(t *testing.T, c Config) {
	t.Helper()
	if from, to, err := Migrate(t.Context(), c, false); !errors.Is(err, ErrDestructive) || from != 2 {
		t.Errorf("from %d to %d, %v", from, to, err)
	}
	c.Dir = filepath.Join(c.Dir, "nothing/to/do/with/it") // gateways run meanwhile
	if from, to, err := Migrate(t.Context(), c, true); err != nil || from != 2 || to != 4 {
		t.Errorf("from %d to %d, %v", from, to, err)
	}
	c.Dir = t.TempDir()
	s := open(t, c)
	if from, to := s.Version(); from != 4 || to != 4 || has(t, s.DB(), "a") || !has(t, s.DB(), "d") {
		t.Errorf("from %d to %d", from, to)
	}
}

// A new database has nothing to lose: nobody is asked, nothing is copied.
func TestOpen_WhenNewNothingIsDestroyed(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		c.files, c.Notify = files(true), func(text string) { t.Errorf("told %q", text) }
		s := open(t, c)
		if from, to := s.Version(); from != 0 || to != 4 {
			t.Errorf("from %d to %d", from, to)
		}
		if left, err := filepath.Glob(filepath.Join(c.Dir, "pasarela-version-*")); err != nil || len(left) != 0 {
			t.Errorf("%v, %v", left, err)
		}
	})
}

func TestMigrate_WhenAGatewayRuns(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		open(t, c)
		_, _, err := Migrate(t.Context(), c, false)
		if pg := c.DatabaseURL != ""; pg && err != nil || !pg && !errors.Is(err, ErrInUse) {
			t.Errorf("PostgreSQL %v: %v", pg, err)
		}
	})
}

// What goes wrong with the address never shows it.
func TestOpen_WhenTheDatabaseIsNotThere(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"unreadable": "postgres://u:canario@127.0.0.1:1/d?sslmode=canario",
		"broken":     "postgres://u:can%zzario@h/d",
		"nobody":     "postgres://u:canario@127.0.0.1:1/d?connect_timeout=2",
		"no socket":  "postgres://u@/d?password=canario&host=" + t.TempDir(),
	} {
		dir := t.TempDir()
		_, err := Open(t.Context(), Config{Dir: dir, DatabaseURL: url, Now: time.Now})
		if err == nil || strings.Contains(err.Error(), "canario") || strings.Contains(err.Error(), "zzario") {
			t.Errorf("%s: %v", name, err)
		}
		open(t, Config{Dir: dir, Now: time.Now}) // the directory is free again
	}
}
