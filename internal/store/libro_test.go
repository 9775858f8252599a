package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// ledger opens c, writes n intents and closes it, as a gateway does that beats.
func ledger(t *testing.T, c Config, n int) {
	t.Helper()
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, _, err := s.Attempts.Try(t.Context(), attempt(rand.Text()+strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.Beat(t.Context()), s.Mark(), s.MarkOutside(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// folder is a place of packages outside of the data directory.
type folder string

func (c folder) Name() string { return string(c) }

func (c folder) ReadMark(context.Context) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(c), markFile))
}

func (c folder) SaveMark(_ context.Context, text []byte) error {
	return os.WriteFile(filepath.Join(string(c), markFile), text, 0o600)
}

func (c folder) Empty(context.Context) (bool, error) {
	_, err := os.Stat(filepath.Join(string(c), "sha256"))
	return errors.Is(err, fs.ErrNotExist), nil
}

// refused opens c, which must fail with want and say each of the words. What is
// refused is left as it is.
func refused(t *testing.T, c Config, want error, words ...string) {
	t.Helper()
	before := contents(t, c)
	for range 2 { // nor is it taken the second time
		s, err := Open(t.Context(), c)
		if err == nil {
			s.Close() //nolint:errcheck // it should not be open
			t.Fatal("it was opened")
		}
		if !errors.Is(err, want) {
			t.Fatalf("%v, want %v", err, want)
		}
		for _, w := range words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q does not say %q", err, w)
			}
		}
	}
	if after := contents(t, c); after != before {
		t.Errorf("refused and changed: %s became %s", before, after)
	}
}

// contents says what there is of a ledger in the directory.
func contents(t *testing.T, c Config) string {
	t.Helper()
	var b strings.Builder
	for _, name := range []string{"pasarela.db", "pasarela.db-wal", markFile} {
		info, err := os.Stat(filepath.Join(c.Dir, name))
		if err == nil && (info.Size() > 0 || name == "pasarela.db") && (name != "pasarela.db-wal" || !exists(c.Dir+"/pasarela.db")) {
			b.WriteString(name + " ")
		}
	}
	return b.String()
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

// accepted says the word, and then the ledger opens without one.
func accepted(t *testing.T, c Config, p Word) {
	t.Helper()
	said := c
	said.Word = p
	if _, _, err := Migrate(t.Context(), said, false); err != nil {
		t.Fatalf("%s: %v", p, err)
	}
	for range 2 {
		ledger(t, c, 0)
	}
}

func copyFile(t *testing.T, to, from string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// vacuum copies SQLite's database as docs/respaldos.md does.
func vacuum(t *testing.T, to, dir string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "pasarela.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // read only
	if _, err := db.ExecContext(t.Context(), `VACUUM INTO $1`, to); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

func TestOpen_WhenSQLiteIsNotTheLedgerThatWasLeft(t *testing.T) {
	t.Parallel()
	all := []string{"pasarela.db", "pasarela.db-wal", "pasarela.db-shm"}
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, dir, old string)
		words []string
		way   Word
		other Word // which is refused
	}{
		"gone": {func(t *testing.T, dir, _ string) { remove(t, dir, all...) },
			[]string{"vacía", markFile, "--de-nuevo", "--acepta-respaldo", "docs/respaldos.md"}, DeNuevo, AceptaRespaldo},
		"emptied": {func(t *testing.T, dir, _ string) {
			remove(t, dir, all[1:]...)
			if err := os.Truncate(filepath.Join(dir, "pasarela.db"), 0); err != nil {
				t.Fatal(err)
			}
		}, []string{"vacía", "--de-nuevo"}, DeNuevo, AceptaRespaldo},
		"gone, and its mark": {func(t *testing.T, dir, _ string) {
			remove(t, dir, append(all, markFile)...)
			if err := os.WriteFile(filepath.Join(dir, "paquetes", "p.zip"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, []string{"vacía", "1 paquete"}, DeNuevo, AceptaRespaldo},
		"gone, and its mark cannot be read": {func(t *testing.T, dir, _ string) {
			remove(t, dir, all...)
			if err := os.Truncate(filepath.Join(dir, markFile), 0); err != nil {
				t.Fatal(err)
			}
		}, []string{"vacía", "no se entiende"}, DeNuevo, AceptaRespaldo},
		"an older copy": {func(t *testing.T, dir, old string) {
			remove(t, dir, all...)
			copyFile(t, filepath.Join(dir, "pasarela.db"), old)
		}, []string{"más viejo", "generación", "--acepta-respaldo", "Una copia vieja"}, AceptaRespaldo, DeNuevo},
		"another's": {func(t *testing.T, dir, _ string) {
			other := t.TempDir()
			ledger(t, Config{Dir: other, Now: now}, 1)
			remove(t, dir, all...)
			copyFile(t, filepath.Join(dir, "pasarela.db"), filepath.Join(other, "pasarela.db"))
		}, []string{"es otro", "--acepta-respaldo"}, AceptaRespaldo, DeNuevo},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Config{Dir: t.TempDir(), Now: now}
			ledger(t, c, 1)
			old := filepath.Join(t.TempDir(), "old.db")
			vacuum(t, old, c.Dir)
			ledger(t, c, 1)
			tc.spoil(t, c.Dir, old)
			refused(t, c, ErrLibro, append(tc.words, "No se ha tocado nada")...)
			if _, _, err := Migrate(t.Context(), c, false); !errors.Is(err, ErrLibro) {
				t.Errorf("gateway migrate: %v", err)
			}
			wrong := c
			wrong.Word = tc.other
			if _, _, err := Migrate(t.Context(), wrong, false); !errors.Is(err, ErrLibro) {
				t.Errorf("%s: %v", tc.other, err)
			}
			accepted(t, c, tc.way)
		})
	}
}

// A young ledger, of which SQLite has moved nothing from its WAL by itself.
func TestOpen_WhenTheWALOfAYoungLedgerIsLost(t *testing.T) {
	t.Parallel()
	c := Config{Dir: t.TempDir(), Now: now}
	s := open(t, c)
	if info, err := os.Stat(s.Path()); err != nil || info.Size() <= 4096 {
		t.Fatalf("the file alone is nothing: %v, %v", info.Size(), err)
	}
	if _, _, err := s.Attempts.Try(t.Context(), attempt("k")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Beat(t.Context()), s.Mark()); err != nil {
		t.Fatal(err)
	}
	// As a kill leaves them, which runs no destructor of SQLite's.
	killed := Config{Dir: t.TempDir(), Now: now}
	copyFile(t, filepath.Join(killed.Dir, "pasarela.db"), s.Path())
	copyFile(t, filepath.Join(killed.Dir, markFile), filepath.Join(c.Dir, markFile))
	refused(t, killed, ErrLibro, "más viejo", "pasarela.db-wal")
	copyFile(t, filepath.Join(killed.Dir, "pasarela.db-wal"), s.Path()+"-wal")
	remove(t, killed.Dir, "pasarela.db-shm")
	ledger(t, killed, 0) // and with its WAL it is the ledger
}

// SQLite removes the WAL of a database that is gone: it has to be there still when
// the database comes back.
func TestOpen_WhenOnlyTheWALIsLeft(t *testing.T) {
	t.Parallel()
	c := Config{Dir: t.TempDir(), Now: now}
	wal := filepath.Join(c.Dir, "pasarela.db-wal")
	if err := os.WriteFile(wal, []byte("what was written last"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, c, ErrLibro, wal)
	if b, err := os.ReadFile(wal); err != nil || string(b) != "what was written last" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestOpen_WhenPostgresIsNotTheLedgerThatWasLeft(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, c *Config)
		words []string
		way   Word
	}{
		"an empty database": {func(*testing.T, *Config) {}, []string{"vacía", markFile, "--de-nuevo"}, DeNuevo},
		"an empty database, on a new directory": {func(t *testing.T, c *Config) { c.Dir = t.TempDir() },
			[]string{"vacía", markFile}, DeNuevo},
		"an empty database that was migrated": {func(t *testing.T, c *Config) {
			if _, _, err := Migrate(t.Context(), *c, false); err != nil {
				t.Fatal(err)
			}
		}, []string{"vacía", markFile}, DeNuevo},
		"another's": {func(t *testing.T, c *Config) {
			ledger(t, Config{Dir: t.TempDir(), DatabaseURL: c.DatabaseURL, Now: now}, 1)
		}, []string{"es otro", "--acepta-respaldo"}, AceptaRespaldo},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bucket := folder(t.TempDir())
			c := Config{Dir: t.TempDir(), DatabaseURL: pgtest.Start(t), Now: now, Outside: bucket}
			beside := Config{Dir: t.TempDir(), DatabaseURL: c.DatabaseURL, Now: now, Outside: bucket}
			ledger(t, c, 1)
			ledger(t, beside, 0)
			ledger(t, c, 0) // not older for the other's having started since
			next := pgtest.Start(t)
			c.DatabaseURL, beside.DatabaseURL = next, next
			tc.spoil(t, &c)
			refused(t, c, ErrLibro, tc.words...)
			// A Job speaks for all, without their directories.
			job := c
			job.Dir = filepath.Join(t.TempDir(), "nothing")
			accepted(t, Config{Dir: t.TempDir(), DatabaseURL: next, Now: now, Outside: bucket}, jobSays(t, job, tc.way))
			ledger(t, c, 0)
			ledger(t, beside, 0)
			if exists(job.Dir) {
				t.Error("the Job has made a directory")
			}
		})
	}
}

func jobSays(t *testing.T, c Config, p Word) Word {
	t.Helper()
	c.Word = p
	if _, _, err := Migrate(t.Context(), c, false); err != nil {
		t.Fatalf("%s: %v", p, err)
	}
	return AceptaRespaldo
}

func TestOpen_WhenAnOlderCopyOfPostgresIsRestored(t *testing.T) {
	t.Parallel()
	c := Config{Dir: t.TempDir(), DatabaseURL: pgtest.Start(t), Now: now}
	ledger(t, c, 1)
	s := open(t, c)
	if _, err := s.DB().ExecContext(t.Context(), `UPDATE libros SET generacion = generacion - 2`); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	refused(t, c, ErrLibro, "más viejo", "--acepta-respaldo")
	// A pod whose disk is new knows of no mark.
	ledger(t, Config{Dir: t.TempDir(), DatabaseURL: c.DatabaseURL, Now: now}, 0)
}

// What was SQLite's is not forgotten by a move to PostgreSQL, nor the other way.
func TestOpen_WhenTheKindOfDatabaseChanges(t *testing.T) {
	t.Parallel()
	c := Config{Dir: t.TempDir(), Now: now}
	ledger(t, c, 1)
	remove(t, c.Dir, markFile)
	c.DatabaseURL = pgtest.Start(t)
	refused(t, c, ErrLibro, "vacía", "pasarela.db")
	back := Config{Dir: t.TempDir(), Now: now}
	if err := os.WriteFile(filepath.Join(back.Dir, "proceso"), []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, back, ErrLibro, "vacía", "proceso")
}

// The mark beside the packages is left when the whole data directory is not; a copy of
// the database that is as new as that mark needs no word.
func TestOpen_WhenTheDataDirectoryIsLost(t *testing.T) {
	t.Parallel()
	bucket := folder(t.TempDir())
	c := Config{Dir: t.TempDir(), Now: now, Outside: bucket}
	ledger(t, c, 1)
	old, last := filepath.Join(t.TempDir(), "old.db"), filepath.Join(t.TempDir(), "last.db")
	vacuum(t, old, c.Dir)
	ledger(t, c, 1)
	vacuum(t, last, c.Dir)
	c.Dir = t.TempDir()
	refused(t, c, ErrLibro, "vacía", bucket.Name())
	copyFile(t, filepath.Join(c.Dir, "pasarela.db"), old)
	refused(t, c, ErrLibro, "más viejo", bucket.Name())
	copyFile(t, filepath.Join(c.Dir, "pasarela.db"), last)
	ledger(t, c, 0)
	// Packages without a mark are of a gateway that was killed before it wrote one.
	c = Config{Dir: t.TempDir(), Now: now, Outside: folder(t.TempDir())}
	if err := os.Mkdir(filepath.Join(c.Outside.Name(), "sha256"), 0o700); err != nil {
		t.Fatal(err)
	}
	refused(t, c, ErrLibro, "paquetes en "+c.Outside.Name())
	accepted(t, c, DeNuevo)
}

func TestOpen_WhenALaterProgramWasHere(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		ledger(t, c, 1)
		for _, tc := range []struct {
			name, sql string
			refused   bool
		}{
			{"nobody says that this one may", `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, ` + trueLiteral(c) + `)`, true},
			{"it only added", `UPDATE esquema SET version = 99`, false},
			{"it destroyed", `UPDATE esquema SET minimo = 98`, true},
			{"it destroyed nothing that this one does not know of", `UPDATE esquema SET minimo = 1`, false},
		} {
			db := directly(t, c)
			if _, err := db.ExecContext(t.Context(), tc.sql); err != nil {
				t.Fatal(err)
			}
			db.Close() //nolint:errcheck // done with it
			if tc.refused {
				refused(t, c, ErrNewer, "99", "docs/actualizacion.md")
				if _, _, err := Migrate(t.Context(), c, true); !errors.Is(err, ErrNewer) {
					t.Errorf("%s: gateway migrate: %v", tc.name, err)
				}
				continue
			}
			ledger(t, c, 0) // which must not say less of version 99 than was said
		}
	})
}

func trueLiteral(c Config) string {
	if c.DatabaseURL == "" {
		return "1"
	}
	return "true"
}

func directly(t *testing.T, c Config) *sql.DB {
	t.Helper()
	name, address := "pgx", c.DatabaseURL
	if address == "" {
		name, address = "sqlite", filepath.Join(c.Dir, "pasarela.db")
	}
	db, err := sql.Open(name, address)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// What this program's migrations destroy keeps earlier ones away.
func TestOpen_WhenAMigrationDestroysEarlierProgramsAreRefused(t *testing.T) {
	t.Parallel()
	c := Config{Dir: t.TempDir(), Now: now}
	fill(t, c)
	c.files = files(true)
	open(t, c).Close() //nolint:errcheck // refused next if not
	c.files = files(false)
	refused(t, c, ErrNewer, "4", "2")
}

// A copy that was made a moment before a stop is an old one: what was asked for between
// them is in the mark, though its own time to be written had not come.
func TestRun_WhenItEndsRightAfterSomethingWasAskedForTheMarkKnows(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		s := open(t, c)
		before := s.mark.Generacion
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.Run(ctx, func(err error) { t.Error(err) })
		}()
		if _, _, err := s.Attempts.Try(t.Context(), attempt("k")); err != nil {
			t.Error(err)
		}
		cancel()
		<-ended
		var m Mark
		text, err := os.ReadFile(filepath.Join(c.Dir, markFile))
		if err == nil {
			err = json.Unmarshal(text, &m)
		}
		if err != nil || m.Generacion <= before {
			t.Errorf("the mark is of generation %d, and the ledger was of %d before: %v", m.Generacion, before, err)
		}
	})
}

// What was asked for is in the mark at once, not at the next beat only: a young ledger
// may lose its WAL in its first seconds.
func TestRun_WhenSomethingIsAskedForTheMarkKnows(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		s := open(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.Run(ctx, func(err error) { t.Error(err) })
		}()
		defer func() { cancel(); <-ended }()
		read := func() (m Mark) {
			b, err := os.ReadFile(filepath.Join(c.Dir, markFile))
			if err == nil {
				err = json.Unmarshal(b, &m)
			}
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		for what, do := range map[string]func() error{
			"an intent": func() error { _, _, err := s.Attempts.Try(t.Context(), attempt("k")); return err },
			"a download": func() error {
				_, err := s.Paquetes.Reserve(t.Context(), gateway.Paquete{Servicio: gateway.CFDI, RFCSolicitante: "R", IDPaquete: "P_01"}, "yo", "", 2)
				return err
			},
			"a descarga": func() error {
				_, err := s.Descargas.Create(t.Context(), Descarga{Descarga: gateway.Descarga{ID: "d"}, Digest: "h"}, nil)
				return err
			},
		} {
			before := read()
			start := time.Now()
			if err := do(); err != nil {
				t.Fatal(what, err)
			}
			for read().Generacion == before.Generacion {
				if time.Since(start) > time.Minute {
					t.Fatalf("%s: the mark does not know", what)
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
	})
}
