package store_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// The rows of each version of the tables are in testdata/filas, one file for both
// databases: a row of every table, and of every form that the JSON in it has.
const rows = "testdata/filas"

func onBoth(t *testing.T, test func(*testing.T, store.Config)) {
	t.Helper()
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": pgtest.Start} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, store.Config{Dir: t.TempDir(), DatabaseURL: url(t), Now: now})
		})
	}
}

// TestRows_AreWrittenAsTheyWere holds what is stored now against the rows of the present
// version. A form that changes needs a migration of the rows that there are, whose version
// has a file of its own; the file of a version that was released is never written again.
func TestRows_AreWrittenAsTheyWere(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		st := open(t, c)
		write(t, st)
		got := dump(t, st)
		_, version := st.Version()
		file := filepath.Join(rows, fmt.Sprintf("%05d.jsonl", version))
		want, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) && c.DatabaseURL == "" {
			if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Fatalf("%s did not exist: look at what was written, and run this again", file)
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
			t.Errorf("what is stored has another form: migrate it, and let this write the file of the new version (-%s +now):\n%s", file, diff)
		}
		complete(t, got)
	})
}

// TestRows_WhenOfAnEarlierVersionAreReadAsTheyWere opens a database that each version has
// left, and asks it what was asked of it then: the answers are the same, and nothing is
// sent again.
func TestRows_WhenOfAnEarlierVersionAreReadAsTheyWere(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(rows, "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	onBoth(t, func(t *testing.T, c store.Config) {
		st := open(t, c)
		write(t, st)
		want := read(t, st)
		for _, file := range files {
			dir, url := t.TempDir(), ""
			if c.DatabaseURL != "" {
				url = pgtest.Start(t)
			}
			old := store.Config{Dir: dir, DatabaseURL: url, Now: now}
			upload(t, store.Until(t, old, strings.TrimSuffix(filepath.Base(file), ".jsonl")), file)
			st := open(t, old)
			if diff := cmp.Diff(want, read(t, st), cmpopts.IgnoreFields(gateway.Error{}, "Err")); diff != "" {
				t.Errorf("%s (-written now +read):\n%s", file, diff)
			}
		}
	})
}

func open(t *testing.T, c store.Config) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() }) //nolint:errcheck // read only by then
	return st
}

// ephemeral reports whether a start writes the rows of a table anew.
func ephemeral(table string) bool {
	return slices.Contains([]string{"goose_db_version", "esquema", "procesos", "cargos"}, table) || strings.HasPrefix(table, "sqlite_")
}

// renglon is a row of the golden files. Bytes are {"bytes": base64}.
type renglon struct {
	Tabla string         `json:"tabla"`
	Fila  map[string]any `json:"fila"`
}

// libro is the identity of a database, which is random, as it is in the files.
const libro = "libro-de-las-filas"

// dump writes every row of the database, in an order of its own.
func dump(t *testing.T, st *store.Store) string {
	t.Helper()
	query := `SELECT name FROM sqlite_master WHERE type = 'table'`
	if st.Postgres() {
		query = `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()`
	}
	var out []string
	for _, row := range consulta(t, st.DB(), query) {
		for _, table := range row {
			if ephemeral(table.(string)) {
				continue
			}
			found := consulta(t, st.DB(), "SELECT * FROM "+table.(string))
			if len(found) == 0 {
				t.Errorf("no row of %s", table)
			}
			for _, row := range found {
				if table == "libros" {
					row["id"] = libro
				}
				text, err := json.Marshal(renglon{table.(string), row})
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, string(text))
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n") + "\n"
}

func consulta(t *testing.T, db *sql.DB, query string) (out []map[string]any) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // Err says it
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := map[string]any{}
		for i, name := range columns {
			if raw, ok := values[i].([]byte); ok {
				values[i] = map[string]any{"bytes": base64.StdEncoding.EncodeToString(raw)}
			}
			row[name] = values[i]
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// complete wants that every column of every table says something somewhere.
func complete(t *testing.T, dump string) {
	t.Helper()
	says := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(dump), "\n") {
		r := lineOf(t, line)
		for column, v := range r.Fila {
			name := r.Tabla + "." + column
			says[name] = says[name] || v != nil && v != "" && v != json.Number("0") && v != json.Number("-1")
		}
	}
	for name, yes := range says {
		if !yes {
			t.Errorf("no row says anything in %s", name)
		}
	}
}

func lineOf(t *testing.T, line string) renglon {
	t.Helper()
	var r renglon
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	if err := d.Decode(&r); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return r
}

// upload makes the database of c with the rows of a file.
func upload(t *testing.T, c store.Config, file string) {
	t.Helper()
	if _, _, err := store.Migrate(t.Context(), c, true); err != nil {
		t.Fatal(err)
	}
	driver, source := "pgx", c.DatabaseURL
	if source == "" {
		driver, source = "sqlite", filepath.Join(c.Dir, "pasarela.db")
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // committed
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var left []renglon
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		left = append(left, lineOf(t, line))
	}
	// Those that others refer to come first: what is refused is tried again.
	for len(left) > 0 {
		var refused []renglon
		var last error
		for _, r := range left {
			if err := insert(t.Context(), db, r); err != nil {
				refused, last = append(refused, r), err
			}
		}
		if len(refused) == len(left) {
			t.Fatalf("%s: %d rows are refused: %v", file, len(left), last)
		}
		left = refused
	}
}

func insert(ctx context.Context, db *sql.DB, r renglon) error {
	var columns, marks []string
	var args []any
	for name, v := range r.Fila {
		if number, ok := v.(json.Number); ok {
			n, err := number.Int64()
			if err != nil {
				return err
			}
			v = n
		}
		if raw, ok := v.(map[string]any); ok {
			decoded, err := base64.StdEncoding.DecodeString(fmt.Sprint(raw["bytes"]))
			if err != nil {
				return err
			}
			v = decoded
		}
		args = append(args, v)
		columns, marks = append(columns, name), append(marks, fmt.Sprintf("$%d", len(args)))
	}
	_, err := db.ExecContext(ctx, "INSERT INTO "+r.Tabla+" ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(marks, ", ")+")", args...)
	return err
}

// TestRows_FilesBesideTheTablesAreReadAsTheyWere: the mark of a ledger, and a package that
// was received whole.
func TestRows_FilesBesideTheTablesAreReadAsTheyWere(t *testing.T) {
	t.Parallel()
	c := store.Config{Dir: t.TempDir(), Now: now}
	open(t, c).Close() //nolint:errcheck // opened again
	mark := filepath.Join(c.Dir, "pasarela.libro")
	text, err := os.ReadFile(mark)
	if err != nil {
		t.Fatal(err)
	}
	var m store.Mark
	if err := json.Unmarshal(text, &m); err != nil || string(text) != fmt.Sprintf(`{"libro":%q,"generacion":%d}`+"\n", m.ID, m.Generacion) || m.ID == "" || m.Generacion < 1 {
		t.Errorf("%s: %v", text, err)
	}
	later := fmt.Sprintf(`{"libro":%q,"generacion":99}`, m.ID)
	if err := os.WriteFile(mark, []byte(later), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), c); !errors.Is(err, store.ErrLibro) || !strings.Contains(err.Error(), "99") {
		t.Errorf("a mark that is ahead: %v", err)
	}
	if err := os.WriteFile(mark, text, 0o600); err != nil {
		t.Fatal(err)
	}
	whole := filepath.Join(c.Dir, "paquetes", "parciales", "entero,"+sumA+",retenciones,PRU010101AB1,ABC_01.zip")
	if err := os.WriteFile(whole, []byte("PK"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := open(t, c).Folder.Wholes(t.Context())
	want := []store.Pending{{Paquete: paquete("ABC_01"), SHA256: sumA, Partial: "parciales/" + filepath.Base(whole)}}
	if diff := cmp.Diff(want, list); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
