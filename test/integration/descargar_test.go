package integration

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// `gateway descargar` with its own gateway is killed, as a process, at the critical
// points. The same command then continues: nothing is requested of the SAT twice, and no
// incomplete file has its final name.
func TestDownload_WhenKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	fast(t, r.Gateway, map[string]any{"cfdis_por_dia": 40, "cfdis_por_paquete": 100, "demora_proceso": "3m"}) // about two seconds
	folder := filepath.Join(t.TempDir(), "enero")
	environ := append(env(r.SandboxURL, r.Sandbox.EFirmasDir(), t.TempDir()), "GATEWAY_DESCARGAS_SONDEO_MINIMO=100ms", "GATEWAY_DESCARGAS_SONDEO_MAXIMO=300ms")
	args := []string{"descargar", "--rfc", gatewaytest.Company, "--desde", "2026-01-01", "--hasta", "2026-01-31", "--tipo", "emitidos", "--xml", "--carpeta", folder}
	for _, until := range []string{"El SAT aceptó la solicitud", "Se guardó el paquete", "Bajando paquetes/", "Sacando los XML"} {
		cmd := exec.Command(binary(t, "gateway"), args...)
		cmd.Env = cleanEnv(environ...)
		cmd.Stderr = &kill{cmd: cmd, text: until, with: syscall.SIGKILL}
		if err := cmd.Run(); err == nil {
			t.Fatalf("it ended before %q: %s", until, cmd.Stderr)
		}
		if !strings.Contains(cmd.Stderr.(*kill).String(), until) {
			t.Fatalf("it ended without %q: %s", until, cmd.Stderr)
		}
	}
	out, code := runCommand(t, args, environ...)
	if code != 0 || !strings.Contains(out, "Terminada: ") {
		t.Fatalf("code %d: %s", code, out)
	}
	checkFolder(t, folder)
	if e := r.Sandbox.Estado(); len(e.Solicitudes) != 1 || e.MaxRecibidas != 1 {
		t.Errorf("%d solicitudes, the same one %d times", len(e.Solicitudes), e.MaxRecibidas)
	}
}

// kill is a stream that sends its writer one signal after it has read a text.
type kill struct {
	read bytes.Buffer // not embedded: its ReadFrom would take Write's place
	cmd  *exec.Cmd
	text string
	with os.Signal
}

func (m *kill) String() string { return m.read.String() }

func (m *kill) Write(p []byte) (int, error) {
	n, err := m.read.Write(p)
	if m.with != nil && strings.Contains(m.String(), m.text) {
		m.cmd.Process.Signal(m.with) //nolint:errcheck // it may have ended
		m.with = nil
	}
	return n, err
}

func checkFolder(t *testing.T, folder string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "descarga.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Archivos []struct{ Nombre, SHA256 string }
		XML      struct{ Comprobantes int }
	}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	for _, a := range m.Archivos {
		content, err := os.ReadFile(filepath.Join(folder, a.Nombre))
		if sum := sha256.Sum256(content); err != nil || hex.EncodeToString(sum[:]) != a.SHA256 {
			t.Errorf("%s is not what descarga.json says: %v", a.Nombre, err)
		}
	}
	xml, err := filepath.Glob(filepath.Join(folder, "xml", "*"))
	if err != nil || len(xml) != m.XML.Comprobantes || len(xml) == 0 || len(m.Archivos) < 3 {
		t.Errorf("%d documents and %d files, want %d: %v", len(xml), len(m.Archivos), m.XML.Comprobantes, err)
	}
	for _, x := range xml {
		if content, err := os.ReadFile(x); err != nil || !bytes.HasSuffix(bytes.TrimSpace(content), []byte("Comprobante>")) {
			t.Errorf("%s is not whole: %v", x, err)
		}
	}
}

// After the first signal it can print how to continue.
func TestDownload_WhenInterruptedBySignal(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	fast(t, r.Gateway, map[string]any{"demora_proceso": "30m"})
	cmd := exec.Command(binary(t, "gateway"), "descargar", "--rfc", gatewaytest.Company, "--desde", "2026-01-01", "--hasta", "2026-01-31", "--carpeta", t.TempDir())
	cmd.Env = cleanEnv(append(env(r.SandboxURL, r.Sandbox.EFirmasDir(), t.TempDir()), "GATEWAY_DESCARGAS_SONDEO_MINIMO=100ms")...)
	notified := &kill{cmd: cmd, text: "El SAT aceptó la solicitud", with: os.Interrupt}
	cmd.Stderr = notified
	cmd.Run() //nolint:errcheck // the code is looked at
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(notified.String(), "la misma orden la retoma donde va") {
		t.Errorf("code %d: %s", code, notified)
	}
}
