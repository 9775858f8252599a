package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// only is a sandbox without a gateway.
type only struct {
	*sandbox.Sandbox
	url string
}

// commonAutoridad is made once: RSA keys are slow to make.
var commonAutoridad = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "pasarela-sandbox-")
	if err != nil {
		return "", err
	}
	_, err = sandbox.New(sandbox.Config{Dir: dir, Log: zerolog.Nop()})
	return dir, err
})

func startSandbox(t *testing.T) *only {
	t.Helper()
	shared, err := commonAutoridad()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "sandbox")
	if err := os.CopyFS(dir, os.DirFS(shared)); err != nil {
		t.Fatal(err)
	}
	sb, err := sandbox.New(sandbox.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Dir: dir, Seed: 1, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	s := &only{Sandbox: sb}
	ctx, cancel := context.WithCancel(context.Background())
	started, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- sb.Run(ctx, func(soap, _ net.Addr) {
			s.url = "http://" + soap.String()
			close(started)
		})
	}()
	select {
	case <-started:
	case err := <-ended:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the sandbox: %v", err)
		}
	})
	return s
}

// env configures a gateway's process against a sandbox.
func env(sandboxURL, efirmas, data string) []string {
	return []string{"GATEWAY_DATA_DIR=" + data, "GATEWAY_EFIRMA_DIR=" + efirmas, "GATEWAY_SIN_SALIDA=" + sandboxURL}
}

// send sends a request to a gateway's process.
func send(t *testing.T, client *http.Client, method, address string, body any, headers ...string) (*http.Response, error) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	reader := bytes.NewReader(text)
	if body == nil {
		reader = bytes.NewReader(nil)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, address, reader)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return client.Do(req)
}

// whole is send with the answer read to its end.
func whole(t *testing.T, client *http.Client, method, address string, body any, headers ...string) gatewaytest.Response {
	t.Helper()
	resp, err := send(t, client, method, address, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return gatewaytest.Response{Status: resp.StatusCode, Header: resp.Header, Body: text}
}

func january(final string) map[string]any {
	return map[string]any{"tipoDescarga": "emitidos", "rfcSolicitante": gatewaytest.Company, "tipoSolicitud": "CFDI",
		"fechaInicial": "2026-01-31T00:00:00", "fechaFinal": final}
}

// ask presents a solicitud through a process and returns its only package's id;
// advance moves the sandbox's clock.
func ask(t *testing.T, client *http.Client, api string, body map[string]any, advance func()) string {
	t.Helper()
	created := whole(t, client, http.MethodPost, api+solicitudes, body)
	wantStatus(t, created, http.StatusCreated)
	advance()
	state := whole(t, client, http.MethodGet, api+created.Header.Get("Location"), nil)
	var got struct{ IdsPaquetes []string }
	state.JSON(t, &got)
	if len(got.IdsPaquetes) == 0 {
		t.Fatalf("no packages: %s", state.Body)
	}
	return got.IdsPaquetes[0]
}

func TestKill_WhenInMidDownloadThePartIsNeverServed(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	if err := s.Knobs().Change(map[string]any{"relleno_bytes": medium / 36}); err != nil {
		t.Fatal(err)
	}
	data, client := t.TempDir(), gatewaytest.Client(t)
	settings := env(s.url, s.EFirmasDir(), data)
	gw := startGateway(t, settings...)
	id := ask(t, client, gw.api, january("2026-01-31T23:00:00"), func() { s.Clock().BringForward(time.Minute) })
	path := gatewaytest.PaquetePath("cfdi", gatewaytest.Company, id)

	if _, err := s.Fallas().Add(sandbox.Falla{Operacion: opDescargar, Tipo: control.Goteo, Bytes: 64 << 10, Delay: 20 * time.Millisecond, Veces: 1}); err != nil {
		t.Fatal(err)
	}
	resp, err := send(t, client, http.MethodGet, gw.api+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil {
		t.Fatal(err)
	}
	gw.kill()
	if _, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Error("the killed gateway's answer ended cleanly")
	}
	resp.Body.Close() //nolint:errcheck // cut
	kept, partial := packageFiles(t, data)
	if len(kept) != 0 || len(partial) != 1 {
		t.Fatalf("the kill left %v whole and %v partial, want one partial", kept, partial)
	}

	gw = startGateway(t, settings...)
	if kept, partial = packageFiles(t, data); len(kept) != 0 || len(partial) != 0 {
		t.Errorf("after the start there are %v and %v", kept, partial)
	}
	got := whole(t, client, http.MethodGet, gw.api+path, nil)
	wantZip(t, got)
	if calls := s.Estado().Llamadas["cfdi"][opDescargar]; calls != 2 {
		t.Errorf("the SAT saw %d downloads, want 2", calls)
	}
	gw.kill() // also right behind the end
	gw = startGateway(t, settings...)
	again := whole(t, client, http.MethodGet, gw.api+path, nil)
	if again.Status == http.StatusOK && !bytes.Equal(again.Body, got.Body) {
		t.Error("what is served after the second kill is another package")
	}
	if again.Status != http.StatusOK {
		// It had been given out whole and the SAT owes no other.
		wantProblem(t, again, 410, "ya-no-disponible")
		t.Error("a package that a caller has got whole is lost")
	}
}

func TestKill_WhenBetweenSolicitaAndItsAnswerTheOutcomeIsUnknownForGood(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	data, client := t.TempDir(), gatewaytest.Client(t)
	settings := env(s.url, s.EFirmasDir(), data)
	gw := startGateway(t, settings...)
	if _, err := s.Fallas().Add(sandbox.Falla{Operacion: opEmitidos, Tipo: control.Lento, Delay: 2 * time.Second, Veces: 1}); err != nil {
		t.Fatal(err)
	}
	body := january("2026-01-31T23:00:00")
	ended := make(chan error, 1)
	go func() {
		resp, err := send(t, client, http.MethodPost, gw.api+solicitudes, body, "Idempotency-Key", "a")
		if err == nil {
			resp.Body.Close() //nolint:errcheck // not expected
		}
		ended <- err
	}()
	for deadline := time.Now().Add(patience); s.Estado().Llamadas["cfdi"][opEmitidos] == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the solicitud never reached the SAT")
		}
	}
	gw.kill()
	if err := <-ended; err == nil {
		t.Fatal("the killed gateway answered")
	}
	gw = startGateway(t, settings...)
	for range 2 {
		p := wantProblem(t, whole(t, client, http.MethodPost, gw.api+solicitudes, body, "Idempotency-Key", "a"), 504, "resultado-desconocido")
		if p.Reintentable {
			t.Error("it says that it may be repeated")
		}
	}
	if calls := s.Estado().Llamadas["cfdi"][opEmitidos]; calls != 1 {
		t.Errorf("the SAT saw %d solicitudes, want 1", calls)
	}
	wantStatus(t, whole(t, client, http.MethodPost, gw.api+solicitudes, january("2026-01-31T23:00:01"), "Idempotency-Key", "b"), http.StatusCreated)
}

// TestKill_WhenAnotherHoldsTheDataDirectoryTheProgramExits: the counts are true with one writer only.
func TestKill_WhenAnotherHoldsTheDataDirectoryTheProgramExits(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "datos")
	startGateway(t, "GATEWAY_DATA_DIR="+data)
	out, code := runGateway(t, "GATEWAY_DATA_DIR="+data, "GATEWAY_LISTEN=127.0.0.1:0", "GATEWAY_ADMIN_LISTEN=127.0.0.1:0")
	if code != 1 || !bytes.Contains([]byte(out), []byte(data)) {
		t.Errorf("exit code %d: %s", code, out)
	}
}
