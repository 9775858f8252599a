package integration

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/signing"
)

const (
	// sizeable is large enough to distinguish constant memory from a package held in
	// memory.
	sizeable = 128 << 20
	huge     = 1 << 30
	// spent is the memory that a package of any size may cost, beyond an idle gateway's.
	spent = 64 << 20
)

// sandboxProcess is a sandbox as a program, which makes gigabytes faster than one under
// the race detector.
type sandboxProcess struct{ url, admin, efirmas string }

func startSandboxProcess(t *testing.T) *sandboxProcess {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(binary(t, "sandbox"), "-listen", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-dir", dir)
	cmd.Env = cleanEnv()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it may have ended
		cmd.Wait()         //nolint:errcheck // killed
	})
	s := &sandboxProcess{efirmas: filepath.Join(dir, "efirmas")}
	lines := bufio.NewScanner(out)
	for s.url == "" || s.admin == "" {
		if !lines.Scan() {
			t.Fatal("the sandbox ended")
		}
		if _, address, ok := strings.Cut(lines.Text(), "CFDI "); ok {
			s.url = strings.TrimSuffix(strings.TrimSpace(address), "/cfdi/")
		}
		if _, address, ok := strings.Cut(lines.Text(), "Administración "); ok {
			s.admin = strings.TrimSpace(address)
		}
	}
	go io.Copy(io.Discard, out) //nolint:errcheck // it must not block
	return s
}

// turn sends a change to the admin port.
func (s *sandboxProcess) turn(t *testing.T, method, route, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.admin+route, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close() //nolint:errcheck // not read
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: status %d", method, route, resp.StatusCode)
	}
}

// memory reads a figure of /proc/<pid>/status in bytes.
func memory(t *testing.T, pid int, field string) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skipf("SKIPPED: no /proc: %v", err)
	}
	m := regexp.MustCompile(field + `:\s+(\d+) kB`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("no %s in /proc", field)
	}
	kb, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

// digest hashes a body to its end.
func digest(t *testing.T, r io.Reader) (string, int64) {
	t.Helper()
	sum := sha256.New()
	n, err := io.CopyBuffer(struct{ hash.Hash }{sum}, r, make([]byte, 256<<10))
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil)), n
}

// TestMemory_WhenAPackageIsHugeTheGatewayStaysSmall takes 128 MiB; with
// PASARELA_GRANDE=1 a gigabyte, which takes minutes under the race detector.
func TestMemory_WhenAPackageIsHugeTheGatewayStaysSmall(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED: a large package, with -short")
	}
	var least int64 = sizeable
	if os.Getenv("PASARELA_GRANDE") != "" {
		least = huge
	}
	for _, limit := range []string{"", "GOMEMLIMIT=96MiB"} {
		t.Run("with "+limit, func(t *testing.T) {
			s := startSandboxProcess(t)
			s.turn(t, http.MethodPut, "/perillas", fmt.Sprintf(`{"relleno_bytes": %d}`, least/36))
			client := gatewaytest.Client(t)
			settings := env(s.url, s.efirmas, t.TempDir())
			if limit != "" {
				settings = append(settings, limit)
			}
			gw := startGateway(t, settings...)
			id := ask(t, client, gw.api, january("2026-01-31T23:59:59"), func() { s.turn(t, http.MethodPost, "/reloj/adelantar", `{"duracion": "1m"}`) })
			idle := memory(t, gw.cmd.Process.Pid, "VmRSS")

			path := gw.api + gatewaytest.PaquetePath("cfdi", gatewaytest.Company, id)
			live, size := fetch(t, client, path, "")
			if size < least {
				t.Fatalf("the package has %d bytes only", size)
			}
			stored := ""
			for deadline := time.Now().Add(patience); stored == "" && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
				stored, _ = fetch(t, client, path, live)
			}
			peak := memory(t, gw.cmd.Process.Pid, "VmHWM")
			t.Logf("idle %d MiB, peak %d MiB", idle>>20, peak>>20)
			if peak-idle > spent {
				t.Errorf("peak %d MiB, idle %d MiB: over %d MiB for one package", peak>>20, idle>>20, spent>>20)
			}
			if direct := direct(t, s, id); live != direct || stored != direct {
				t.Errorf("the SAT's bytes %s, live %s, stored %s", direct, live, stored)
			}
		})
	}
}

// fetch hashes a package. With a tag it expects the stored one, requests it in two parts,
// and returns nothing until it is stored.
func fetch(t *testing.T, client *http.Client, address, tag string) (string, int64) {
	t.Helper()
	if tag == "" {
		resp, err := send(t, client, http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() //nolint:errcheck // read only
		return digest(t, resp.Body)
	}
	head, err := send(t, client, http.MethodGet, address, nil, "Range", "bytes=0-999", "If-Range", `"`+tag+`"`)
	if err != nil {
		t.Fatal(err)
	}
	defer head.Body.Close() //nolint:errcheck // read only
	if head.StatusCode != http.StatusPartialContent {
		return "", 0
	}
	rest, err := send(t, client, http.MethodGet, address, nil, "Range", "bytes=1000-")
	if err != nil {
		t.Fatal(err)
	}
	defer rest.Body.Close() //nolint:errcheck // read only
	return digest(t, io.MultiReader(head.Body, rest.Body))
}

// direct hashes the package from the sandbox, with a client that shares neither transport
// nor decoder with the gateway.
func direct(t *testing.T, s *sandboxProcess, id string) string {
	t.Helper()
	cred, err := efirma.NewKeyring(s.efirmas, nil, time.Now).Get(gatewaytest.Company)
	if err != nil {
		t.Fatal(err)
	}
	const nsAuthenticate = "http://DescargaMasivaTerceros.gob.mx"
	envelope, err := signing.Authenticate(&signing.Element{Local: opAutentica}, nsAuthenticate, cred, time.Now(), "uuid-1-1")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(soap(t, s.url+"/cfdi/Autenticacion/Autenticacion.svc", nsAuthenticate+"/IAutenticacion/Autentica", "", envelope))
	if err != nil {
		t.Fatal(err)
	}
	token := content(t, string(answer), "AutenticaResult")
	envelope, err = signing.Request(&signing.Element{Local: "PeticionDescargaMasivaTercerosEntrada", Children: []signing.Element{{
		Local: "peticionDescarga", Attrs: []signing.Attr{{Local: "IdPaquete", Value: id}, {Local: "RfcSolicitante", Value: gatewaytest.Company}},
	}}}, nsDes, signing.FamilyEnvelope, cred)
	if err != nil {
		t.Fatal(err)
	}
	body := bufio.NewReaderSize(soap(t, s.url+"/cfdi/DescargaMasivaService.svc", actionBase+"IDescargaMasivaTercerosService/Descargar", token, envelope), 1<<20)
	for open := ""; open != "Paquete>"; {
		if _, err = body.ReadString('<'); err == nil {
			open, err = body.ReadString('>')
		}
		if err != nil {
			t.Fatalf("no Paquete: %v", err)
		}
	}
	sum, _ := digest(t, base64.NewDecoder(base64.StdEncoding, &untilTag{body}))
	return sum
}

// soap sends an envelope and returns the answer's body, closed with the test.
func soap(t *testing.T, address, action, token string, envelope []byte) io.Reader {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, address, bytes.NewReader(envelope))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header.Set("SOAPAction", action)
	req.Header.Set("Accept-Encoding", "identity")
	if token != "" {
		req.Header.Set("Authorization", `WRAP access_token="`+token+`"`)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() }) //nolint:errcheck // read only
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d", action, resp.StatusCode)
	}
	return resp.Body
}

// untilTag ends at the next tag.
type untilTag struct{ r *bufio.Reader }

func (u *untilTag) Read(p []byte) (int, error) {
	head, err := u.r.Peek(min(len(p), u.r.Size()))
	if i := bytes.IndexByte(head, '<'); i >= 0 {
		head, err = head[:i], io.EOF
	}
	n := copy(p, head)
	u.r.Discard(n) //nolint:errcheck // it has just been peeked
	if n > 0 {
		return n, nil
	}
	return 0, err
}
