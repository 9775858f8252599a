package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// expenses are what is written before something that counts elsewhere is sent, and what
// must not be written over another's row after it.
func expenses(t *testing.T, s *Store) map[string]func() error {
	t.Helper()
	row := attempt("antes")
	row, mine, err := s.Attempts.Try(t.Context(), row)
	if err != nil || !mine {
		t.Fatalf("%v, %v", mine, err)
	}
	other, mine, err := s.Attempts.Try(t.Context(), attempt("otro"))
	if err != nil || !mine {
		t.Fatalf("%v, %v", mine, err)
	}
	p := gateway.Paquete{Servicio: gateway.CFDI, RFCSolicitante: "PRU010101AB1", IDPaquete: "5A3D7C1E-94B2-4F60-8E1D-2C7B6A905F43_01"}
	return map[string]func() error{
		"a message":             func() error { _, _, err := s.Attempts.Try(t.Context(), attempt("despues")); return err },
		"a message without key": func() error { _, _, err := s.Attempts.Try(t.Context(), attempt("")); return err },
		"a message of before":   func() error { _, _, err := s.Attempts.Try(t.Context(), attempt("antes")); return err },
		"once more":             func() error { _, _, err := s.Attempts.Retry(t.Context(), other, "p"); return err },
		"a descarga": func() error {
			_, err := s.Descargas.Create(t.Context(), sampleDescarga("d", func(*Descarga) {}), nil)
			return err
		},
		"a download": func() error { _, err := s.Paquetes.Reserve(t.Context(), p, "p", "", 2); return err },
		"an outcome": func() error {
			row.Estado, row.Answer = EstadoAceptado, "{}"
			return s.Attempts.Resolve(t.Context(), row)
		},
		"a beat": func() error { return s.Beat(t.Context()) },
	}
}

// A database that is put back to what it was, or replaced, under a gateway that runs is
// another ledger: nothing is entered in it, however long it has run since, until the
// right one is there again.
func TestTry_WhenTheLedgerChangesUnderTheGateway(t *testing.T) {
	t.Parallel()
	for base, url := range map[string]func(*testing.T) string{"SQLite": func(*testing.T) string { return "" }, "PostgreSQL": func(t *testing.T) string { return pgtest.Start(t) }} {
		for name, tc := range map[string]struct{ spoil, mend string }{
			"an older copy": {`UPDATE libros SET generacion = generacion - 3`, `UPDATE libros SET generacion = generacion + 3`},
			"another's": {`UPDATE libros SET id = 'otra' || id, generacion = generacion + 1000`,
				`UPDATE libros SET id = substr(id, 5), generacion = generacion - 1000`},
			"one that took its place": {`UPDATE libros SET vigente = 0`, `UPDATE libros SET vigente = 1`},
		} {
			t.Run(base+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := open(t, Config{Dir: t.TempDir(), DatabaseURL: url(t), Now: now})
				all := expenses(t, s)
				for range 5 {
					if err := s.Beat(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := s.DB().ExecContext(t.Context(), tc.spoil); err != nil {
					t.Fatal(err)
				}
				var before, after int
				count := func(n *int) {
					if err := s.DB().QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM intentos) + (SELECT count(*) FROM descargas) + (SELECT COALESCE(SUM(descargas), 0) FROM paquetes) + (SELECT count(*) FROM intentos WHERE estado <> 'intento')`).Scan(n); err != nil {
						t.Fatal(err)
					}
				}
				count(&before)
				for range 5 { // it does not grow into the right one
					for what, writes := range all {
						if err := writes(); !errors.Is(err, ErrLibro) || !gateway.Passes(err) {
							t.Errorf("%s: %v, want that it is another ledger", what, err)
						}
					}
				}
				if count(&after); after != before {
					t.Errorf("%d rows were written", after-before)
				}
				if _, err := s.DB().ExecContext(t.Context(), tc.mend); err != nil {
					t.Fatal(err)
				}
				for what, writes := range all {
					if err := writes(); err != nil {
						t.Errorf("%s, when the right one is back: %v", what, err)
					}
				}
			})
		}
	}
}

// SQLite writes to a file that nobody will find again, and says that all is well.
func TestTry_WhenSQLitesFileIsTakenAway(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil func(s *Store) error
		names string
	}{
		"its directory is removed": {func(s *Store) error { return os.RemoveAll(s.Dir()) }, "pasarela.db"},
		"another takes its place": {func(s *Store) error {
			return errors.Join(os.Rename(s.Path(), s.Path()+".aparte"), os.WriteFile(s.Path(), nil, 0o600))
		}, "pasarela.db"},
		"its WAL is removed":              {func(s *Store) error { return os.Remove(s.Path() + "-wal") }, "pasarela.db-wal"},
		"the index of its WAL is removed": {func(s *Store) error { return os.Remove(s.Path() + "-shm") }, "pasarela.db-shm"},
		"another WAL is there": {func(s *Store) error {
			return errors.Join(os.Remove(s.Path()+"-wal"), os.WriteFile(s.Path()+"-wal", nil, 0o600))
		}, "pasarela.db-wal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, Config{Dir: filepath.Join(t.TempDir(), "datos"), Now: now})
			all := expenses(t, s)
			if err := tc.spoil(s); err != nil {
				t.Fatal(err)
			}
			delete(all, "an outcome") // it is written where the intent is
			for what, writes := range all {
				if err := writes(); err == nil || !strings.Contains(err.Error(), tc.names+" ") {
					t.Errorf("%s: %v, want the file's name", what, err)
				}
			}
		})
	}
}

// A WAL that is removed holds what was written last: the next beat saves it, and so does
// a stop.
func TestBeat_WhenTheWALIsRemovedNothingOfItIsLost(t *testing.T) {
	t.Parallel()
	for name, saves := range map[string]func(s *Store) error{
		"a beat, and a kill": func(s *Store) error {
			if err := s.Beat(t.Context()); err == nil {
				return errors.New("the beat says nothing")
			}
			return nil
		},
		"a stop": func(s *Store) error { return s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, Config{Dir: t.TempDir(), Now: now})
			for i := range 50 {
				if _, _, err := s.Attempts.Try(t.Context(), attempt(fmt.Sprint(i))); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(s.Beat(t.Context()), s.Mark(), os.Remove(s.Path()+"-wal"), os.Remove(s.Path()+"-shm")); err != nil {
				t.Fatal(err)
			}
			if err := saves(s); err != nil {
				t.Fatal(err)
			}
			killed := Config{Dir: t.TempDir(), Now: now}
			copyFile(t, filepath.Join(killed.Dir, "pasarela.db"), s.Path())
			copyFile(t, filepath.Join(killed.Dir, markFile), filepath.Join(s.Dir(), markFile))
			again := open(t, killed)
			for i := range 50 {
				if _, err := again.Attempts.Get(t.Context(), "sat.solicita", fmt.Sprint(i)); err != nil {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
}
