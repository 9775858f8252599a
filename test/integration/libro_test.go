package integration

import (
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// A gateway killed at any point of its start, again and again, is never refused later:
// the mark is then behind the database, or not written yet.
func TestKill_WhenStartingTheLedgerIsStillTheOneThatWasLeft(t *testing.T) {
	t.Parallel()
	chance, kills := random(t, 10)
	seed := chance.Uint64()
	for name, more := range map[string][]string{
		"SQLite":     nil,
		"PostgreSQL": {"GATEWAY_DATABASE_URL=" + pgtest.Start(t), "GATEWAY_BLOB_URL=file://" + t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chance := rand.New(rand.NewPCG(seed, 1))
			environment := cleanEnv(append(more, "GATEWAY_DATA_DIR="+filepath.Join(t.TempDir(), "datos"), "GATEWAY_EFIRMA_DIR="+t.TempDir(),
				"GATEWAY_LISTEN=127.0.0.1:0", "GATEWAY_ADMIN_LISTEN=127.0.0.1:0")...)
			// The duration of a start on this machine, so that the kills happen within
			// it.
			began := time.Now()
			startGateway(t, environment...).kill()
			took := time.Since(began)
			for range kills {
				cmd := exec.Command(binary(t, "gateway"))
				cmd.Env = environment
				var out strings.Builder
				cmd.Stdout, cmd.Stderr = &out, &out
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(chance.Int64N(int64(took) + 1)))
				cmd.Process.Kill()                    //nolint:errcheck // it may have ended
				cmd.Wait()                            //nolint:errcheck // it was killed
				if cmd.ProcessState.ExitCode() >= 0 { // by itself
					t.Fatalf("it ended by itself: %s", out.String())
				}
			}
			startGateway(t, environment...).kill()
		})
	}
}

// The first program is killed on a new directory, again and again. An unfinished start is
// never taken for a lost ledger.
func TestKill_WhenStartingForTheFirstTime(t *testing.T) {
	t.Parallel()
	for i := range 12 {
		data := filepath.Join(t.TempDir(), "datos")
		environment := cleanEnv("GATEWAY_DATA_DIR="+data, "GATEWAY_EFIRMA_DIR="+t.TempDir(), "GATEWAY_LISTEN=127.0.0.1:0", "GATEWAY_ADMIN_LISTEN=127.0.0.1:0")
		cmd := exec.Command(binary(t, "gateway"))
		cmd.Env = environment
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// From when the database exists.
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if _, err := os.Stat(filepath.Join(data, "pasarela.db")); err == nil {
				break
			}
		}
		time.Sleep(time.Duration(i) * 4 * time.Millisecond)
		cmd.Process.Kill() //nolint:errcheck // it may have ended
		cmd.Wait()         //nolint:errcheck // it was killed
		startGateway(t, environment...).kill()
	}
}

// The program says what it found and how to continue. Nothing leaves, and the advice
// works.
func TestStart_WhenTheLedgerWasLost(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	bucket := t.TempDir()
	for name, tc := range map[string]struct {
		lose        func(t *testing.T, data string)
		words       []string
		wrong, word string
	}{
		"its WAL": {func(t *testing.T, data string) { removeFrom(t, data, "pasarela.db-wal", "pasarela.db-shm") },
			[]string{"más viejo", "pasarela.db-wal"}, "", "--acepta-respaldo"},
		"its file": {func(t *testing.T, data string) {
			removeFrom(t, data, "pasarela.db", "pasarela.db-wal", "pasarela.db-shm")
		},
			[]string{"está vacía", "pasarela.libro"}, "--acepta-respaldo", "--de-nuevo"},
		"its directory": {func(t *testing.T, data string) {
			if err := os.RemoveAll(data); err != nil {
				t.Fatal(err)
			}
		}, []string{"está vacía", "pasarela.libro", bucket}, "--acepta-respaldo", "--de-nuevo"},
	} {
		t.Run(name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "datos")
			environment := append(env(r.SandboxURL, r.Config.EfirmaDir, data), "GATEWAY_LISTEN=127.0.0.1:0", "GATEWAY_ADMIN_LISTEN=127.0.0.1:0")
			if strings.Contains(name, "directory") {
				environment = append(environment, "GATEWAY_BLOB_URL=file://"+bucket)
			}
			g := startGateway(t, environment...)
			body := r.body(nil)
			if resp := whole(t, http.DefaultClient, http.MethodPost, g.api+solicitudes, body, "Idempotency-Key", "k"); resp.Status != http.StatusCreated {
				t.Fatalf("%d: %s", resp.Status, resp.Body)
			}
			marked := time.Now()
			waitFor(t, func() bool { // what was asked for is in the mark at once
				info, err := os.Stat(filepath.Join(data, "pasarela.libro"))
				return err == nil && (info.ModTime().After(marked) || time.Since(marked) > 10*time.Second)
			})
			g.kill()
			tc.lose(t, data)
			sent := r.calls(opEmitidos)
			out, code := runGateway(t, environment...)
			for _, w := range append(tc.words, tc.word, "docs/respaldos.md") {
				if !strings.Contains(out, w) {
					t.Errorf("it does not say %q: %s", w, out)
				}
			}
			if code != 1 {
				t.Fatalf("code %d: %s", code, out)
			}
			if tc.wrong != "" {
				if out, code := runCommand(t, []string{"migrate", tc.wrong}, environment...); code != 1 {
					t.Errorf("%s: code %d: %s", tc.wrong, code, out)
				}
			}
			if out, code := runCommand(t, []string{"migrate", tc.word}, environment...); code != 0 || !strings.Contains(out, "es el libro de esta pasarela") {
				t.Fatalf("%s: code %d: %s", tc.word, code, out)
			}
			startGateway(t, environment...).kill()
			if got := r.calls(opEmitidos); got != sent {
				t.Errorf("%d solicitudes were sent", got-sent)
			}
		})
	}
	if out, code := runCommand(t, []string{"migrate", "--de-nuevo", "--acepta-respaldo"}); code != 2 {
		t.Errorf("both words: code %d: %s", code, out)
	}
}

func removeFrom(t *testing.T, data string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.Remove(filepath.Join(data, name)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}
