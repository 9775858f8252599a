package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// onBoth runs a test on SQLite and on PostgreSQL, each with a new place.
func onBoth(t *testing.T, test func(*testing.T, Config)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, Config{Dir: t.TempDir(), Now: time.Now})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Config{Dir: t.TempDir(), DatabaseURL: pgtest.Start(t), Now: time.Now})
	})
}

func now() time.Time { return time.Now() }

func open(t *testing.T, c Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() }) //nolint:errcheck // may be closed already
	return s
}

func attempt(key string) Attempt {
	return Attempt{Operation: "sat.solicita", Key: key, Digest: "h", Criterios: "c"}
}

func TestOpen_WhenTakenOrLeft(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		c.Dir = filepath.Join(c.Dir, "a", "b")
		first := open(t, c)
		if _, err := Open(t.Context(), c); !errors.Is(err, ErrInUse) {
			t.Errorf("a second process: %v", err)
		}
		part, err := first.Folder.Partial()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(part.Close(), first.Close()); err != nil {
			t.Fatal(err)
		}
		open(t, c)
		if _, err := os.Stat(part.Name()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a partial package of an earlier process is still there: %v", err)
		}
		if info, err := os.Stat(c.Dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("mode %v, error %v", info.Mode(), err)
		}
	})
}

func TestTry_WhenKeyIsUsedTwice(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		s := open(t, c)
		first, mine, err := s.Attempts.Try(t.Context(), attempt("k"))
		if err != nil || !mine {
			t.Fatalf("mine %v, error %v", mine, err)
		}
		first.Estado, first.Answer = EstadoAceptado, `{"x":1}`
		if err := s.Attempts.Resolve(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, c) // the ledger outlives the process
		again, mine, err := s.Attempts.Try(t.Context(), attempt("k"))
		if err != nil || mine || again.Answer != `{"x":1}` || again.Estado != EstadoAceptado || again.Digest != "h" || again.Criterios != "c" {
			t.Errorf("row %+v, mine %v, error %v", again, mine, err)
		}
		other := attempt("k")
		other.Operation = "sep.carga"
		for _, i := range []Attempt{attempt(""), attempt(""), other} { // without a key, or of another kind, it is its own
			if _, mine, err := s.Attempts.Try(t.Context(), i); err != nil || !mine {
				t.Errorf("%+v: mine %v, error %v", i, mine, err)
			}
		}
		last, err := s.Attempts.LastAnswer(t.Context(), "sat.solicita", "h")
		if err != nil || last.ID != first.ID {
			t.Errorf("last %+v, error %v", last, err)
		}
		for _, miss := range [][2]string{{"sat.solicita", "other"}, {"sep.carga", "h"}} {
			if _, err := s.Attempts.LastAnswer(t.Context(), miss[0], miss[1]); !errors.Is(err, ErrNotFound) {
				t.Errorf("%v: error %v", miss, err)
			}
		}
	})
}

func TestTry_WhenManyUseOneKey(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		s := open(t, c)
		var winners atomic.Int32
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, mine, err := s.Attempts.Try(context.Background(), attempt("k")); err != nil {
					t.Error(err)
				} else if mine {
					winners.Add(1)
				}
			})
		}
		wg.Wait()
		if n := winners.Load(); n != 1 {
			t.Errorf("%d may send", n)
		}
	})
}

func TestRetry_WhenTwoTry(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		s := open(t, c)
		row, _, err := s.Attempts.Try(t.Context(), attempt("k"))
		if err != nil {
			t.Fatal(err)
		}
		row.Estado = EstadoRechazado
		if err := s.Attempts.Resolve(t.Context(), row); err != nil {
			t.Fatal(err)
		}
		if row, err = s.Attempts.Get(t.Context(), "sat.solicita", "k"); err != nil || row.Estado != EstadoRechazado {
			t.Fatalf("row %+v, error %v", row, err)
		}
		for _, want := range []bool{true, false} { // both have read the same row
			if _, mine, err := s.Attempts.Retry(t.Context(), row, "otro"); err != nil || mine != want {
				t.Errorf("mine %v, want %v, error %v", mine, want, err)
			}
		}
		if _, err := s.Attempts.Get(t.Context(), "sat.solicita", "other"); !errors.Is(err, ErrNotFound) {
			t.Errorf("error %v", err)
		}
	})
}

// Of gateways that all believe the one before them dead, two get a download.
func TestReserve_WhenManyAsk(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		stores := []*Store{open(t, c)}
		if c.DatabaseURL != "" { // another gateway's
			c.Dir = t.TempDir()
			stores = append(stores, open(t, c))
		}
		p := gateway.Paquete{Servicio: gateway.CFDI, RFCSolicitante: "PRU010101AB1", IDPaquete: "ABC_01"}
		var got atomic.Int32
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				s := stores[i%len(stores)]
				for range 10 {
					row, err := s.Paquetes.Get(context.Background(), p)
					if err != nil {
						t.Error(err)
						return
					}
					if mine, err := s.Paquetes.Reserve(context.Background(), p, fmt.Sprint(i), row.Fly, 2); err != nil {
						t.Error(err)
					} else if mine {
						got.Add(1)
					}
				}
			})
		}
		wg.Wait()
		row, err := stores[0].Paquetes.Get(t.Context(), p)
		if n := got.Load(); n != 2 || row.Descargas != 2 || err != nil {
			t.Errorf("%d reserved, %d on record, %v", n, row.Descargas, err)
		}
	})
}

func TestByDigest_WhenSentBefore(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		s := open(t, c)
		var ids []int64
		for _, key := range []string{"", "a", "b"} {
			i := attempt(key)
			i.Process = "p-" + key
			row, _, err := s.Attempts.Try(t.Context(), i)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, row.ID)
			if key == "a" {
				row.Estado, row.Answer = EstadoAceptado, `{"x":1}`
				if err := s.Attempts.Resolve(t.Context(), row); err != nil {
					t.Fatal(err)
				}
			}
		}
		other := attempt("c")
		other.Digest = "otra"
		if _, _, err := s.Attempts.Try(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		rows, err := s.Attempts.ByDigest(t.Context(), "sat.solicita", "h")
		if err != nil || len(rows) != 3 {
			t.Fatalf("%+v, %v", rows, err)
		}
		for i, row := range rows {
			if row.ID != ids[2-i] || row.Estado != []string{EstadoIntento, EstadoAceptado, EstadoIntento}[i] ||
				row.Process != []string{"p-b", "p-a", "p-"}[i] || (row.Answer != "") != (i == 1) {
				t.Errorf("row %d: %+v", i, row)
			}
		}
		if rows, err := s.Attempts.ByDigest(t.Context(), "sep.carga", "h"); err != nil || len(rows) != 0 {
			t.Errorf("of another kind: %+v, %v", rows, err)
		}
	})
}

// Whoever has lost its row to another may still tell that all went well, and
// nothing else; who has taken over may not undo that.
func TestResolve_WhenTheRowWasTakenOver(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		s := open(t, c)
		for name, tc := range map[string]struct {
			first, second, want string // the first sender's outcome comes first
		}{
			"the first failed":              {EstadoRechazado, EstadoAceptado, EstadoAceptado},
			"the first failed, as did all":  {EstadoDesconocido, EstadoRechazado, EstadoRechazado},
			"the first succeeded after all": {EstadoAceptado, EstadoRechazado, EstadoAceptado},
		} {
			i := attempt(name)
			i.Process = "uno"
			row, _, err := s.Attempts.Try(t.Context(), i)
			if err != nil {
				t.Fatal(err)
			}
			taken, mine, err := s.Attempts.Retry(t.Context(), row, "dos")
			if err != nil || !mine || taken.Process != "dos" {
				t.Fatalf("%+v, mine %v, %v", taken, mine, err)
			}
			row.Estado, taken.Estado = tc.first, tc.second
			if err := errors.Join(s.Attempts.Resolve(t.Context(), row), s.Attempts.Resolve(t.Context(), taken)); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Attempts.Get(t.Context(), row.Operation, name); err != nil || got.Estado != tc.want {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
	})
}

// Gateways that start at once wait for each other's migrations.
func TestOpen_WhenManyStartOnOneDatabase(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := Open(t.Context(), Config{Dir: t.TempDir(), DatabaseURL: url, Now: time.Now})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestOpen_WhenItSaysWhatItIs(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		s := open(t, c)
		pg := c.DatabaseURL != ""
		if s.Postgres() != pg || (s.Path() == "") != pg || s.Dir() != c.Dir || s.DB() == nil {
			t.Errorf("PostgreSQL %v: Postgres %v, Path %q, Dir %q", pg, s.Postgres(), s.Path(), s.Dir())
		}
		if pg {
			return
		}
		if _, err := os.Stat(s.Path()); err != nil {
			t.Error(err)
		}
	})
}

// An account that a caller sends may hold bytes that are no text.
func TestTry_WhenCriteriaAreNoText(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		s := open(t, c)
		i := attempt("k")
		i.Criterios = "a\x00b\xffñ"
		if _, mine, err := s.Attempts.Try(t.Context(), i); err != nil || !mine {
			t.Fatalf("mine %v, %v", mine, err)
		}
		if row, err := s.Attempts.Get(t.Context(), i.Operation, i.Key); err != nil || row.Criterios != "a�b�ñ" {
			t.Errorf("%q, %v", row.Criterios, err)
		}
	})
}
