package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/sat"
)

// bench is a running gateway that asks for keys, its sandbox at a hundred times
// the pace, and a key that may do what the command does.
type bench struct {
	*gatewaytest.Gateway
	password string // the file
}

func mount(t *testing.T, knobs map[string]any, changes ...func(*config.Config)) *bench {
	t.Helper()
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys.json")
	b := &bench{password: filepath.Join(dir, "terminal.key")}
	s := execute(t, "", "keys", "create", "--file", keys, "--name", "terminal", "--rfc", gatewaytest.Company, "--scope", "sat:descargas,sat:paquetes")
	if err := os.WriteFile(b.password, []byte(s.out), 0o600); err != nil || s.codigo != 0 {
		t.Fatal(err, s)
	}
	b.Gateway = gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) {
		c.APIKeysFile = keys
		for _, change := range changes {
			change(c)
		}
	}})
	if err := b.Sandbox.Clock().Change(100); err != nil {
		t.Fatal(err)
	}
	b.knobs(t, map[string]any{"cfdis_por_dia": 4})
	b.knobs(t, knobs)
	return b
}

// insistent hardly waits between replacements of a range, which come ever further
// apart: the last of five waits a thousand times the longest pause.
func insistent(c *config.Config) {
	c.Descargas.SondeoMinimo.Duration, c.Descargas.SondeoMaximo.Duration = 5*time.Millisecond, 5*time.Millisecond
}

func (b *bench) knobs(t *testing.T, p map[string]any) {
	t.Helper()
	if err := b.Sandbox.Knobs().Change(p); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) falla(t *testing.T, f sandbox.Falla) {
	t.Helper()
	if _, err := b.Sandbox.Fallas().Add(f); err != nil {
		t.Fatal(err)
	}
}

// ask runs the command for the issued of January 2026.
func (b *bench) ask(t *testing.T, folder string, more ...string) output {
	t.Helper()
	return execute(t, "", b.args(b.API, folder, more...)...)
}

func (b *bench) args(api, folder string, more ...string) []string {
	return append(january(folder, "--gateway", api, "--api-key-file", b.password), more...)
}

func january(folder string, more ...string) []string {
	return append([]string{"descargar", "--rfc", gatewaytest.Company, "--desde", "2026-01-01", "--hasta", "2026-01-31", "--tipo", "emitidos", "--carpeta", folder}, more...)
}

// files lists what is in a folder but the lock, and fails for a part under any name.
func files(t *testing.T, folder string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != ".descargar.lock" {
			all = append(all, strings.TrimPrefix(path, folder+"/"))
		}
		if strings.HasSuffix(path, ".parcial") {
			t.Errorf("%s was left", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func manifiesto(t *testing.T, folder string) result {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "descarga.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m result
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	for _, a := range m.Archivos {
		content, err := os.ReadFile(filepath.Join(folder, a.Nombre))
		if sum := sha256.Sum256(content); err != nil || hex.EncodeToString(sum[:]) != a.SHA256 || int64(len(content)) != a.Bytes {
			t.Errorf("%s is not what descarga.json says: %v", a.Nombre, err)
		}
	}
	return m
}

// folios are what a complete January holds.
func (b *bench) folios() []string {
	since, until := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 31, 23, 59, 59, 0, time.UTC)
	var names []string
	for uuid, cancelled := range b.Sandbox.Folios(gatewaytest.Company, sat.Emitidos, since, until) {
		if !cancelled {
			names = append(names, "xml/"+uuid.String()+".xml")
		}
	}
	slices.Sort(names)
	return names
}

// bridge is a way to the gateway on which accidents happen; it counts what passes.
type bridge struct {
	*httptest.Server
	mu     sync.Mutex
	passed map[string]int
	rangos []string
}

// tend builds a bridge that cuts the first answers of a ZIP in the middle.
func (b *bench) tend(t *testing.T, cuts int) *bridge {
	t.Helper()
	target, err := url.Parse(b.API)
	if err != nil {
		t.Fatal(err)
	}
	p := &bridge{passed: map[string]int{}}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, ErrorLog: nil}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		class := r.Method + " " + lastPart(r)
		p.mu.Lock()
		p.passed[class]++
		short := class == "GET paquete" && p.passed[class] <= cuts
		if rango := r.Header.Get("Range"); rango != "" {
			p.rangos = append(p.rangos, rango)
		}
		p.mu.Unlock()
		if !short {
			proxy.ServeHTTP(w, r)
			return
		}
		engraved := httptest.NewRecorder()
		proxy.ServeHTTP(engraved, r)
		for name, values := range engraved.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(engraved.Code)
		w.Write(engraved.Body.Bytes()[:engraved.Body.Len()/2]) //nolint:errcheck // it is to be cut
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(p.Close)
	return p
}

func lastPart(r *http.Request) string {
	switch parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/"); {
	case slices.Contains(parts, "paquetes") && parts[len(parts)-1] != "paquetes":
		return "paquete"
	default:
		return parts[len(parts)-1]
	}
}
