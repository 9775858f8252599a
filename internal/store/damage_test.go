package store

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// spoil writes n random bytes into SQLite's file.
func spoil(t *testing.T, path string, at int64, n int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	rand.Read(b)
	_, err = f.WriteAt(b, at)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestOpen_WhenSQLitesFileIsDamaged(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(t *testing.T, path string, size int64){
		"its header": func(t *testing.T, path string, _ int64) { spoil(t, path, 0, 100) },
		"cut in half": func(t *testing.T, path string, size int64) {
			if err := os.Truncate(path, size/2/4096*4096); err != nil {
				t.Fatal(err)
			}
		},
		"pages in the middle": func(t *testing.T, path string, size int64) {
			for at := int64(40960); at < size-8192; at += 36864 {
				spoil(t, path, at, 4096)
			}
		},
		"something else": func(t *testing.T, path string, _ int64) {
			if err := os.WriteFile(path, []byte(strings.Repeat("no es una base\n", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Config{Dir: t.TempDir(), Now: now}
			ledger(t, c, 200)
			path := filepath.Join(c.Dir, "pasarela.db")
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			do(t, path, info.Size())
			refused(t, c, ErrDamaged, "docs/respaldos.md", ".recover")
			if _, _, err := Migrate(t.Context(), c, false); !errors.Is(err, ErrDamaged) {
				t.Errorf("gateway migrate: %v", err)
			}
		})
	}
}

// A statement that finds the file malformed has said it for the beat too, which touches
// one page alone; and one bad reading is not believed for good.
func TestBeat_WhenPagesAreDamagedUnderTheGateway(t *testing.T) {
	t.Parallel()
	c := Config{Dir: t.TempDir(), Now: now}
	s := open(t, c)
	for i := range 400 {
		if _, _, err := s.Attempts.Try(t.Context(), attempt(fmt.Sprint(strings.Repeat("k", 500), i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.DB().ExecContext(t.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(len(whole)) / 2 / 4096 * 4096; at < int64(len(whole)); at += 4096 { // what came last
		spoil(t, s.Path(), at, 4096)
	}
	read := func() error {
		// Another connection's pages are not in memory yet.
		s.read.on.(*sql.DB).SetMaxIdleConns(0)
		_, err := all(t.Context(), s.read, text, `SELECT clave FROM intentos`)
		return err
	}
	if err := read(); !ofForm(err) {
		t.Fatalf("%v: this test sees nothing", err)
	}
	if err := s.Beat(t.Context()); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v, want that it is damaged", err)
	}
	f, err := os.OpenFile(s.Path(), os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt(whole, 0)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.Beat(t.Context()); err != nil {
		t.Errorf("mended: %v", err)
	}
}
