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

// banco is a running gateway that asks for keys, its sandbox at a hundred times
// the pace, and a key that may do what the command does.
type banco struct {
	*gatewaytest.Gateway
	clave string // the file
}

func monta(t *testing.T, perillas map[string]any, cambios ...func(*config.Config)) *banco {
	t.Helper()
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys.json")
	b := &banco{clave: filepath.Join(dir, "terminal.key")}
	s := ejecuta(t, "", "keys", "create", "--file", keys, "--name", "terminal", "--rfc", gatewaytest.Empresa, "--scope", "sat:descargas,sat:paquetes")
	if err := os.WriteFile(b.clave, []byte(s.out), 0o600); err != nil || s.codigo != 0 {
		t.Fatal(err, s)
	}
	b.Gateway = gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) {
		c.APIKeysFile = keys
		for _, cambia := range cambios {
			cambia(c)
		}
	}})
	if err := b.Sandbox.Reloj().Cambia(100); err != nil {
		t.Fatal(err)
	}
	b.perillas(t, map[string]any{"cfdis_por_dia": 4})
	b.perillas(t, perillas)
	return b
}

// insistente hardly waits between replacements of a range, which come ever further
// apart: the last of five waits a thousand times the longest pause.
func insistente(c *config.Config) {
	c.Descargas.SondeoMinimo.Duration, c.Descargas.SondeoMaximo.Duration = 5*time.Millisecond, 5*time.Millisecond
}

func (b *banco) perillas(t *testing.T, p map[string]any) {
	t.Helper()
	if err := b.Sandbox.Perillas().Cambia(p); err != nil {
		t.Fatal(err)
	}
}

func (b *banco) falla(t *testing.T, f sandbox.Falla) {
	t.Helper()
	if _, err := b.Sandbox.Fallas().Agrega(f); err != nil {
		t.Fatal(err)
	}
}

// pide runs the command for the issued of January 2026.
func (b *banco) pide(t *testing.T, carpeta string, mas ...string) salida {
	t.Helper()
	return ejecuta(t, "", b.args(b.API, carpeta, mas...)...)
}

func (b *banco) args(api, carpeta string, mas ...string) []string {
	return append(enero(carpeta, "--gateway", api, "--api-key-file", b.clave), mas...)
}

func enero(carpeta string, mas ...string) []string {
	return append([]string{"descargar", "--rfc", gatewaytest.Empresa, "--desde", "2026-01-01", "--hasta", "2026-01-31", "--tipo", "emitidos", "--carpeta", carpeta}, mas...)
}

// archivos lists what is in a folder but the lock, and fails for a part under any name.
func archivos(t *testing.T, carpeta string) []string {
	t.Helper()
	var todos []string
	err := filepath.WalkDir(carpeta, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != ".descargar.lock" {
			todos = append(todos, strings.TrimPrefix(path, carpeta+"/"))
		}
		if strings.HasSuffix(path, ".parcial") {
			t.Errorf("%s was left", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return todos
}

func manifiesto(t *testing.T, carpeta string) resultado {
	t.Helper()
	texto, err := os.ReadFile(filepath.Join(carpeta, "descarga.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m resultado
	if err := json.Unmarshal(texto, &m); err != nil {
		t.Fatal(err)
	}
	for _, a := range m.Archivos {
		contenido, err := os.ReadFile(filepath.Join(carpeta, a.Nombre))
		if suma := sha256.Sum256(contenido); err != nil || hex.EncodeToString(suma[:]) != a.SHA256 || int64(len(contenido)) != a.Bytes {
			t.Errorf("%s is not what descarga.json says: %v", a.Nombre, err)
		}
	}
	return m
}

// folios are what a complete January holds.
func (b *banco) folios() []string {
	desde, hasta := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 31, 23, 59, 59, 0, time.UTC)
	var nombres []string
	for uuid, cancelado := range b.Sandbox.Folios(gatewaytest.Empresa, sat.Emitidos, desde, hasta) {
		if !cancelado {
			nombres = append(nombres, "xml/"+uuid.String()+".xml")
		}
	}
	slices.Sort(nombres)
	return nombres
}

// puente is a way to the gateway on which accidents happen; it counts what passes.
type puente struct {
	*httptest.Server
	mu      sync.Mutex
	pasaron map[string]int
	rangos  []string
}

// tiende builds a bridge that cuts the first answers of a ZIP in the middle.
func (b *banco) tiende(t *testing.T, cortes int) *puente {
	t.Helper()
	destino, err := url.Parse(b.API)
	if err != nil {
		t.Fatal(err)
	}
	p := &puente{pasaron: map[string]int{}}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(destino) }, ErrorLog: nil}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		clase := r.Method + " " + ultimaParte(r)
		p.mu.Lock()
		p.pasaron[clase]++
		corta := clase == "GET paquete" && p.pasaron[clase] <= cortes
		if rango := r.Header.Get("Range"); rango != "" {
			p.rangos = append(p.rangos, rango)
		}
		p.mu.Unlock()
		if !corta {
			proxy.ServeHTTP(w, r)
			return
		}
		grabado := httptest.NewRecorder()
		proxy.ServeHTTP(grabado, r)
		for nombre, valores := range grabado.Header() {
			w.Header()[nombre] = valores
		}
		w.WriteHeader(grabado.Code)
		w.Write(grabado.Body.Bytes()[:grabado.Body.Len()/2]) //nolint:errcheck // it is to be cut
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(p.Close)
	return p
}

func ultimaParte(r *http.Request) string {
	switch partes := strings.Split(strings.Trim(r.URL.Path, "/"), "/"); {
	case slices.Contains(partes, "paquetes") && partes[len(partes)-1] != "paquetes":
		return "paquete"
	default:
		return partes[len(partes)-1]
	}
}
