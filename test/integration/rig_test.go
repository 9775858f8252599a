package integration

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// The operations, as the sandbox names them.
const (
	opAutentica = "Autentica"
	opEmitidos  = "SolicitaDescargaEmitidos"
	opRecibidos = "SolicitaDescargaRecibidos"
	opFolio     = "SolicitaDescargaFolio"
	opV11       = "SolicitaDescarga"
	opVerify    = "VerificaSolicitudDescarga"
	opDescargar = "Descargar"
)

const (
	someUUID    = "5a3d7c1e-94b2-4f60-8e1d-2c7b6a905f43"
	somePackage = "5A3D7C1E-94B2-4F60-8E1D-2C7B6A905F43_01"
)

// patience is how long tests wait for what must happen, on a busy machine too.
const patience = 3 * time.Minute

// rig is a gateway and its sandbox, with helpers for these tests.
type rig struct {
	*gatewaytest.Gateway
	t testing.TB
	n atomic.Int64
}

// perDay is how many comprobantes a day each taxpayer has here.
const perDay = 4

func start(t *testing.T, opts gatewaytest.Options) *rig {
	t.Helper()
	r := &rig{Gateway: gatewaytest.Start(t, opts), t: t}
	r.knob("cfdis_por_dia", perDay) // small packages are made and checked fast
	t.Cleanup(func() { checkLog(t, r.Log()) })
	return r
}

// checkLog compares the log with what must never be in it.
func checkLog(t *testing.T, log string) {
	t.Helper()
	for _, secret := range []string{"eyJ", "access_token", "PRIVATE KEY", "BinarySecurityToken", "SignatureValue"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// falla asks the sandbox for a misbehaviour: once, unless f.Times says otherwise.
func (r *rig) falla(f sandbox.Falla) {
	r.t.Helper()
	if f.Veces == 0 {
		f.Veces = 1
	}
	if _, err := r.Sandbox.Fallas().Add(f); err != nil {
		r.t.Fatal(err)
	}
}

// always is falla until the list is cleared.
func (r *rig) always(f sandbox.Falla) {
	r.t.Helper()
	f.Veces = 0
	if _, err := r.Sandbox.Fallas().Add(f); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) knob(name string, value any) {
	r.t.Helper()
	if err := r.Sandbox.Knobs().Change(map[string]any{name: value}); err != nil {
		r.t.Fatal(err)
	}
}

// calls counts what the sandbox saw of an operation, in both families.
func (r *rig) calls(operation string) int64 {
	var n int64
	for _, operations := range r.Sandbox.Estado().Llamadas {
		n += operations[operation]
	}
	return n
}

// body is a solicitud of emitidos that no other test of this rig uses.
func (r *rig) body(changes map[string]any) map[string]any {
	final := time.Date(2026, 1, 31, 23, 0, 0, 0, time.UTC).Add(time.Duration(r.n.Add(1)) * time.Second)
	body := map[string]any{"tipoDescarga": "emitidos", "rfcSolicitante": gatewaytest.Company, "tipoSolicitud": "CFDI",
		"fechaInicial": "2026-01-01T00:00:00", "fechaFinal": final.Format("2006-01-02T15:04:05")}
	for k, v := range changes {
		if body[k] = v; v == nil {
			delete(body, k)
		}
	}
	return body
}

// paquete returns the route of a new package and its id.
func (r *rig) paquete(changes map[string]any) (path, id string) {
	r.t.Helper()
	body := r.body(changes)
	rfc := body["rfcSolicitante"].(string)
	ids := r.Paquetes("cfdi", rfc, r.Request("cfdi", rfc, body))
	return gatewaytest.PaquetePath("cfdi", rfc, ids[0]), ids[0]
}

// stored requests a package until it comes from storage: storing it takes a moment after
// the first caller has all of it.
func (r *rig) stored(path string) gatewaytest.Response {
	r.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		got := r.Get(path)
		if got.Header.Get("ETag") != "" {
			return got
		}
		if got.Status != http.StatusOK || time.Now().After(deadline) {
			r.t.Fatalf("%s never came from storage: status %d", path, got.Status)
		}
	}
}

// packageFiles lists what lies under the data directory's packages, partial ones too.
func packageFiles(t testing.TB, dataDir string) (whole, partial []string) {
	t.Helper()
	root := filepath.Join(dataDir, "paquetes")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case os.IsNotExist(err):
			return nil
		case err != nil || d.IsDir():
			return err
		case filepath.Base(filepath.Dir(path)) == "parciales":
			partial = append(partial, path)
		default:
			whole = append(whole, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return whole, partial
}

// problem is an RFC 9457 answer.
type problem struct {
	Type, Title, Detail, Instance, Backend, Codigo, Mensaje, IDSolicitud, RequestID string
	Status                                                                          int
	Reintentable                                                                    bool
}

// spanish finds a word that no English sentence has.
var spanish = regexp.MustCompile(`(?i)\b(el|la|los|las|una?|que|del?|por|para|con)\b`)

// leaked are texts that no answer may show: stack text, addresses, secrets.
var leaked = regexp.MustCompile(`eyJ|access_token|PRIVATE KEY|\bat System\.|goroutine |\.go:\d|127\.0\.0\.1:\d|\[::1\]|transport:|EOF`)

// wantProblem checks what is true of every problem.
func wantProblem(t testing.TB, r gatewaytest.Response, status int, slug string) problem {
	t.Helper()
	if r.Status != status {
		t.Fatalf("status %d, want %d: %s", r.Status, status, r.Body)
	}
	if got := r.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("content type %q: %s", got, r.Body)
	}
	var p problem
	r.JSON(t, &p)
	if !strings.HasSuffix(p.Type, "/errores.md#"+slug) {
		t.Errorf("type %q, want slug %q: %s", p.Type, slug, r.Body)
	}
	if p.Title == "" || p.Status != status || p.RequestID == "" || p.RequestID != r.Header.Get("X-Request-Id") {
		t.Errorf("title, status or requestId do not fit: %s", r.Body)
	}
	if !spanish.MatchString(p.Detail) {
		t.Errorf("detail is no Spanish sentence: %q", p.Detail)
	}
	if found := leaked.Find(r.Body); found != nil {
		t.Errorf("the body shows %q: %s", found, r.Body)
	}
	if after, err := strconv.Atoi(r.Header.Get("Retry-After")); (status == 429 || status == 503) && (err != nil || after < 1) {
		t.Errorf("Retry-After %q on a %d", r.Header.Get("Retry-After"), status)
	}
	return p
}

// The faults that most tests use.
func code(operation, codigo string) sandbox.Falla {
	return sandbox.Falla{Operacion: operation, Tipo: control.Codigo, Codigo: codigo}
}

func fails(operation string, tipo control.Tipo) sandbox.Falla {
	return sandbox.Falla{Operacion: operation, Tipo: tipo}
}

func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func overwrite(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
