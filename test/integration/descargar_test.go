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

// `gateway descargar` with a gateway of its own is killed where it can hurt, as a
// process, and the same command goes on: nothing is asked of the SAT twice, and
// nothing half has a name.
func TestDescargar_WhenKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	rapido(t, r.Gateway, map[string]any{"cfdis_por_dia": 40, "cfdis_por_paquete": 100, "demora_proceso": "3m"}) // about two seconds
	carpeta := filepath.Join(t.TempDir(), "enero")
	entorno := append(env(r.SandboxURL, r.Sandbox.EFirmasDir(), t.TempDir()), "GATEWAY_DESCARGAS_SONDEO_MINIMO=100ms", "GATEWAY_DESCARGAS_SONDEO_MAXIMO=300ms")
	args := []string{"descargar", "--rfc", gatewaytest.Empresa, "--desde", "2026-01-01", "--hasta", "2026-01-31", "--tipo", "emitidos", "--xml", "--carpeta", carpeta}
	for _, hasta := range []string{"El SAT aceptó la solicitud", "Se guardó el paquete", "Bajando paquetes/", "Sacando los XML"} {
		cmd := exec.Command(binary(t, "gateway"), args...)
		cmd.Env = cleanEnv(entorno...)
		cmd.Stderr = &mata{cmd: cmd, texto: hasta, con: syscall.SIGKILL}
		if err := cmd.Run(); err == nil {
			t.Fatalf("it ended before %q: %s", hasta, cmd.Stderr)
		}
		if !strings.Contains(cmd.Stderr.(*mata).String(), hasta) {
			t.Fatalf("it ended without %q: %s", hasta, cmd.Stderr)
		}
	}
	out, code := runCommand(t, args, entorno...)
	if code != 0 || !strings.Contains(out, "Terminada: ") {
		t.Fatalf("code %d: %s", code, out)
	}
	revisaCarpeta(t, carpeta)
	if e := r.Sandbox.Estado(); len(e.Solicitudes) != 1 || e.MaxRecibidas != 1 {
		t.Errorf("%d solicitudes, the same one %d times", len(e.Solicitudes), e.MaxRecibidas)
	}
}

// mata is a stream that sends its writer one signal, once it has read a text.
type mata struct {
	leido bytes.Buffer // not embedded: its ReadFrom would take Write's place
	cmd   *exec.Cmd
	texto string
	con   os.Signal
}

func (m *mata) String() string { return m.leido.String() }

func (m *mata) Write(p []byte) (int, error) {
	n, err := m.leido.Write(p)
	if m.con != nil && strings.Contains(m.String(), m.texto) {
		m.cmd.Process.Signal(m.con) //nolint:errcheck // it may have ended
		m.con = nil
	}
	return n, err
}

func revisaCarpeta(t *testing.T, carpeta string) {
	t.Helper()
	texto, err := os.ReadFile(filepath.Join(carpeta, "descarga.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Archivos []struct{ Nombre, SHA256 string }
		XML      struct{ Comprobantes int }
	}
	if err := json.Unmarshal(texto, &m); err != nil {
		t.Fatal(err)
	}
	for _, a := range m.Archivos {
		contenido, err := os.ReadFile(filepath.Join(carpeta, a.Nombre))
		if suma := sha256.Sum256(contenido); err != nil || hex.EncodeToString(suma[:]) != a.SHA256 {
			t.Errorf("%s is not what descarga.json says: %v", a.Nombre, err)
		}
	}
	xml, err := filepath.Glob(filepath.Join(carpeta, "xml", "*"))
	if err != nil || len(xml) != m.XML.Comprobantes || len(xml) == 0 || len(m.Archivos) < 3 {
		t.Errorf("%d documents and %d files, want %d: %v", len(xml), len(m.Archivos), m.XML.Comprobantes, err)
	}
	for _, x := range xml {
		if contenido, err := os.ReadFile(x); err != nil || !bytes.HasSuffix(bytes.TrimSpace(contenido), []byte("Comprobante>")) {
			t.Errorf("%s is not whole: %v", x, err)
		}
	}
}

// The first signal lets it say how to go on.
func TestDescargar_WhenInterruptedBySignal(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	rapido(t, r.Gateway, map[string]any{"demora_proceso": "30m"})
	cmd := exec.Command(binary(t, "gateway"), "descargar", "--rfc", gatewaytest.Empresa, "--desde", "2026-01-01", "--hasta", "2026-01-31", "--carpeta", t.TempDir())
	cmd.Env = cleanEnv(append(env(r.SandboxURL, r.Sandbox.EFirmasDir(), t.TempDir()), "GATEWAY_DESCARGAS_SONDEO_MINIMO=100ms")...)
	avisada := &mata{cmd: cmd, texto: "El SAT aceptó la solicitud", con: os.Interrupt}
	cmd.Stderr = avisada
	cmd.Run() //nolint:errcheck // the code is looked at
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(avisada.String(), "la misma orden la retoma donde va") {
		t.Errorf("code %d: %s", code, avisada)
	}
}
