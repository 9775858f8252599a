package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pocas answers as a gateway whose descarga has a package on each of two pages.
func pocas(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	says := func(pattern, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }) //nolint:errcheck // the program's affair
	}
	mux.HandleFunc("POST /v1/sat/descargas", func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err != nil || strings.Contains(string(body), "Metadata") {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusUnprocessableEntity)
			io.WriteString(w, `{"type":"x#datos-invalidos","status":422,"title":"t","detail":"d","errores":[{"campo":"fechaFinal","detalle":"antes"}]}`) //nolint:errcheck // as above
			return
		}
		io.WriteString(w, `{"idDescarga":"d","estado":"en_cola"}`) //nolint:errcheck // as above
	})
	says("GET /v1/sat/descargas/d", `{"idDescarga":"d","estado":"terminada"}`)
	says("GET /v1/sat/descargas/d/cfdis", `{"cfdis":[{"uuid":"u","total":"1.00"}]}`)
	says("GET /v1/sat/cfdi/paquetes/{id}", "PK")
	mux.HandleFunc("GET /v1/sat/descargas/d/paquetes", func(w http.ResponseWriter, r *http.Request) {
		id, next := "A_01", `,"siguiente":"dos+2"`
		if r.FormValue("cursor") == "dos+2" {
			id, next = "A_02", ""
		}
		fmt.Fprintf(w, `{"paquetes":[{"idPaquete":%q,"sha256":"%x","url":"/v1/sat/cfdi/paquetes/%s?rfcSolicitante=PRU010101AB1"}]%s}`, id, sha256.Sum256([]byte("PK")), id, next) //nolint:errcheck // as above
	})
	says("POST /v1/sep/lotes", `{"numeroLote":"1"}`)
	says("GET /v1/sep/lotes/1", `{"procesado":true}`)
	says("GET /v1/sep/lotes/1/resultado", `{"titulos":[{"folioControl":"X","resultado":"registrado","descripcion":""}]}`)
	says("POST /v1/pade/addendas", `{"xml":"<Dato>4500</Dato>"}`)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// TestEjemplos_WhenThePackagesAreOnSeveralPagesAllArrive: the sandbox has few, so that
// `make clients` sees one page. Java and C# need a library, and are tried there alone.
func TestEjemplos_WhenThePackagesAreOnSeveralPagesAllArrive(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ carpeta, con, orden string }{
		{"curl", "curl", "./descarga.sh"}, {"python", "python3", "python3 recorrido.py"}, {"node", "node", "node recorrido.mjs"},
		{"php", "php", "php recorrido.php"}, {"go", "go", "go run main.go"},
	} {
		t.Run(tc.carpeta, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(tc.con); err != nil {
				if os.Getenv("CI") != "" {
					t.Fatalf("%s is missing", tc.con)
				}
				t.Skipf("SKIPPED: %s is missing, so the example was not tried", tc.con)
			}
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "examples"))); err != nil {
				t.Fatal(err)
			}
			dir = filepath.Join(dir, tc.carpeta)
			out, err := shell(t.Context(), dir, tc.orden, "PASARELA_URL="+pocas(t), "PASARELA_CLAVE=")
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, name := range []string{"A_01.zip", "A_02.zip"} {
				if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(text) != "PK" {
					t.Errorf("%s: %q, %v\n%s", name, text, err, out)
				}
			}
		})
	}
}
