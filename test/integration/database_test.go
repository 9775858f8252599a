package integration

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/cluster"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// apart moves the password from an address to a file.
func apart(t *testing.T, address string) (without, password, file string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	password, _ = u.User.Password()
	u.User = url.User(u.User.Username())
	file = filepath.Join(t.TempDir(), "clave.txt")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return u.String(), password, file
}

func TestMigrate_WhenRunByHand(t *testing.T) {
	t.Parallel()
	address := pgtest.Start(t)
	without, password, file := apart(t, address)
	data := "GATEWAY_DATA_DIR=" + filepath.Join(t.TempDir(), "data")
	for name, env := range map[string][]string{
		"SQLite":     {data},
		"PostgreSQL": {data, "GATEWAY_BLOB_URL=s3://paquetes", "GATEWAY_DATABASE_URL=" + without, "GATEWAY_DATABASE_PASSWORD_FILE=" + file},
	} {
		for _, want := range []string{": de la versión 0 a la ", "ya estaba"} {
			out, code := runCommand(t, []string{"migrate"}, env...)
			if code != 0 || !strings.Contains(out, name) || !strings.Contains(out, want) {
				t.Errorf("%s: code %d: %s", name, code, out)
			}
		}
	}
	if out, code := runCommand(t, []string{"migrate"}, data, "GATEWAY_BLOB_URL=s3://paquetes", "GATEWAY_DATABASE_URL="+address); code != 0 || !strings.Contains(out, "ya estaba") || strings.Contains(out, password) {
		t.Errorf("with the password in the address: code %d: %s", code, out)
	}
	for _, args := range [][]string{{"migrate", "x"}, {"migrate", "--nothing"}} {
		if out, code := runCommand(t, args, data); code != 2 {
			t.Errorf("%v: code %d: %s", args, code, out)
		}
	}
}

// The program says why it cannot start, and never shows the password.
func TestStart_WhenTheDatabaseRefuses(t *testing.T) {
	t.Parallel()
	address := pgtest.Start(t)
	without, password, file := apart(t, address)
	data := "GATEWAY_DATA_DIR=" + t.TempDir()
	wrong := strings.Replace(address, password, "canario", 1)
	for name, env := range map[string][]string{
		"a wrong password":    {data, "GATEWAY_BLOB_URL=s3://paquetes", "GATEWAY_DATABASE_URL=" + wrong},
		"two passwords":       {data, "GATEWAY_BLOB_URL=s3://paquetes", "GATEWAY_DATABASE_URL=" + address, "GATEWAY_DATABASE_PASSWORD_FILE=" + file},
		"another's address":   {data, "GATEWAY_BLOB_URL=s3://paquetes", "GATEWAY_DATABASE_URL=" + strings.Replace(wrong, "postgres", "mysql", 1)},
		"a broken address":    {data, "GATEWAY_BLOB_URL=s3://paquetes", "GATEWAY_DATABASE_URL=" + strings.Replace(wrong, "@", "%zz@", 1)},
		"an option of no use": {data, "GATEWAY_BLOB_URL=s3://paquetes", "GATEWAY_DATABASE_URL=" + wrong + "&sslmode=canario"},
		"no file":             {data, "GATEWAY_BLOB_URL=s3://paquetes", "GATEWAY_DATABASE_URL=" + without, "GATEWAY_DATABASE_PASSWORD_FILE=" + file + ".nada"},
	} {
		out, code := runGateway(t, append(env, "GATEWAY_LISTEN=127.0.0.1:0", "GATEWAY_ADMIN_LISTEN=127.0.0.1:0")...)
		if code != 1 || out == "" || strings.Contains(out, "canario") || strings.Contains(out, password) {
			t.Errorf("%s: code %d: %s", name, code, out)
		}
	}
}

func TestIdempotency_WhenTwoGatewaysShareADatabase(t *testing.T) {
	t.Parallel()
	a := start(t, gatewaytest.Options{Postgres: true})
	b := a.Beside()
	body := a.body(nil)
	first := a.Post(solicitudes, body, "Idempotency-Key", "a")
	wantStatus(t, first, http.StatusCreated)
	again := b.Post(solicitudes, body, "Idempotency-Key", "a")
	wantStatus(t, again, http.StatusCreated)
	if again.Header.Get("Idempotent-Replayed") != "true" || string(again.Body) != string(first.Body) {
		t.Errorf("replayed %q: %s and %s", again.Header.Get("Idempotent-Replayed"), first.Body, again.Body)
	}
	wantProblem(t, b.Post(solicitudes, a.body(nil), "Idempotency-Key", "a"), 409, "conflicto")
	if got := a.calls(opEmitidos); got != 1 {
		t.Errorf("the SAT saw %d solicitudes, want 1", got)
	}
}

// A gateway finishes its work before the others learn that it has left, and then they
// learn it at once.
func TestStop_WhenAnotherGatewayStays(t *testing.T) {
	t.Parallel()
	a := start(t, gatewaytest.Options{Postgres: true})
	b := a.Beside()
	conn, err := pgx.Connect(t.Context(), string(a.Config.DatabaseURL))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // read only
	rows := func() (n int) {
		if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM procesos`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := rows(); n != 2 {
		t.Fatalf("%d gateways are present", n)
	}
	a.falla(sandbox.Falla{Operacion: opEmitidos, Tipo: control.Lento, Delay: 4 * time.Second})
	body := a.body(nil)
	var sender sync.WaitGroup
	sender.Go(func() {
		if r, err := b.Do(http.MethodPost, solicitudes, body); err != nil || r.Status != http.StatusCreated {
			t.Errorf("what was under way: status %d, %v", r.Status, err)
		}
	})
	waitFor(t, func() bool { return a.calls(opEmitidos) == 1 })
	stopped := make(chan error, 1)
	go func() { stopped <- b.StopGateway() }()
	waitFor(t, func() bool { return strings.Contains(b.Log(), "stopping") })
	if n := rows(); n != 2 {
		t.Errorf("%d are present while one still sends", n)
	}
	sender.Wait()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if n := rows(); n != 1 {
		t.Errorf("%d are present", n)
	}
}

// A gateway is killed while it sends. The other one says that the message is in progress
// for as long as it may be, and then that the outcome is unknown. It never sends it
// again.
func TestKill_WhenAnotherGatewayIsSending(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{Postgres: true, Cluster: cluster.Options{Beat: 100 * time.Millisecond, Death: 3 * time.Second}})
	killed := startGateway(t, append(env(r.SandboxURL, r.Config.EfirmaDir, t.TempDir()), "GATEWAY_BLOB_URL="+r.Config.BlobURL, "GATEWAY_DATABASE_URL="+string(r.Config.DatabaseURL))...)
	r.falla(sandbox.Falla{Operacion: opEmitidos, Tipo: control.Lento, Delay: time.Minute})
	body := r.body(nil)
	var sender sync.WaitGroup
	sender.Go(func() {
		if resp, err := send(t, http.DefaultClient, http.MethodPost, killed.api+solicitudes, body, "Idempotency-Key", "a"); err == nil {
			resp.Body.Close() //nolint:errcheck // it is killed
		}
	})
	defer sender.Wait()
	defer killed.kill()
	waitFor(t, func() bool { return r.calls(opEmitidos) == 1 })
	if p := wantProblem(t, r.Post(solicitudes, body, "Idempotency-Key", "a"), 409, "conflicto"); !p.Reintentable {
		t.Errorf("while it is sent: %+v", p)
	}
	killed.kill()
	var last gatewaytest.Response
	waitFor(t, func() bool {
		last = r.Post(solicitudes, body, "Idempotency-Key", "a")
		return last.Status != http.StatusConflict
	})
	wantProblem(t, last, 504, "resultado-desconocido")
	if got := r.calls(opEmitidos); got != 1 {
		t.Errorf("the SAT saw %d solicitudes, want 1", got)
	}
}

// waitFor checks a condition ten times a second until it is true.
func waitFor(t *testing.T, so func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come to pass")
		}
	}
}
