package integration

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// A gateway is told to stop while a package is in transit. It serves what it has until
// the package has come, starts nothing new, and reports at once that it is not ready.
func TestStop_WhenAPackageIsOnItsWayWhatIsThereIsRead(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	p := startGateway(t, env(r.SandboxURL, r.Config.EfirmaDir, t.TempDir())...)
	client := gatewaytest.Client(t)
	get := func(path string) *http.Response {
		t.Helper()
		resp, err := send(t, client, http.MethodGet, p.api+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	status := func(path string) int {
		t.Helper()
		resp := get(path)
		defer resp.Body.Close()        //nolint:errcheck // read only
		io.Copy(io.Discard, resp.Body) //nolint:errcheck // its status says all
		return resp.StatusCode
	}
	stored, _ := r.paquete(nil)
	if got := status(stored); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	waitFor(t, func() bool {
		resp := get(stored)
		defer resp.Body.Close() //nolint:errcheck // its head says all
		return resp.Header.Get("ETag") != ""
	})
	flying, _ := r.paquete(nil)
	never, _ := r.paquete(nil)
	before := r.calls(opDescargar)
	// The sandbox keeps silent until the test has seen enough.
	r.falla(sandbox.Falla{Operacion: opDescargar, Tipo: control.Lento, Delay: 40 * time.Second})
	came := make(chan int, 1)
	go func() {
		resp, err := send(t, client, http.MethodGet, p.api+flying, nil)
		if err != nil {
			t.Error(err)
			came <- 0
			return
		}
		defer resp.Body.Close() //nolint:errcheck // read only
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Error(err)
		}
		came <- resp.StatusCode
	}()
	waitFor(t, func() bool { return r.calls(opDescargar) == before+1 })

	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		resp, err := http.Get(p.admin + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() //nolint:errcheck // read only
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(text), "stopping")
	})
	for path, want := range map[string]int{stored: http.StatusOK, pathDescargas: http.StatusOK, "/openapi.yaml": http.StatusOK, never: http.StatusServiceUnavailable} {
		if got := status(path); got != want {
			t.Errorf("%s: status %d, want %d", path, got, want)
		}
	}
	for path, body := range map[string]any{solicitudes: r.body(nil), pathDescargas: r.metadatos(), pathWebhooks: webhookRequest(nil)} {
		resp, err := send(t, client, http.MethodPost, p.api+path, body)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close() //nolint:errcheck // its head says all
		if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !resp.Close {
			t.Errorf("%s: status %d, %v", path, resp.StatusCode, resp.Header)
		}
	}
	if got := <-came; got != http.StatusOK {
		t.Errorf("the package that was on its way: status %d", got)
	}
	<-p.done
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	if got := r.calls(opDescargar); got != before+1 {
		t.Errorf("%d downloads, want one", got-before)
	}
}
