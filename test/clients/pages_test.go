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
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// few answers as a gateway whose descarga, as the JSON says that it is, has a package
// on each of two pages; their bytes are what paquete answers.
func few(t *testing.T, descarga string, paquete http.HandlerFunc) string {
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
	says("GET /v1/sat/descargas/d", descarga)
	says("GET /v1/sat/descargas/d/cfdis", `{"cfdis":[{"uuid":"u","total":"1.00"}]}`)
	says("GET /v1/sat/descargas/d/cfdis.csv", "uuid,total\r\nu,1.00\r\n")
	mux.HandleFunc("GET /v1/sat/cfdi/paquetes/{id}", paquete)
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

// pk is a package that arrives whole.
func pk(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "PK") } //nolint:errcheck // the program's affair

const finished = `{"idDescarga":"d","estado":"terminada"}`

// withEveryExample runs each example against a gateway as few makes it, and hands over
// what it said, how it ended and its folder. Java and C# need a library: `make clients`
// alone tries them.
func withEveryExample(t *testing.T, descarga string, paquete http.HandlerFunc, look func(t *testing.T, dir, out string, err error)) {
	t.Helper()
	for _, tc := range []struct{ folder, with, order string }{
		{"curl", "curl", "./descarga.sh"}, {"python", "python3", "python3 recorrido.py"}, {"node", "node", "node recorrido.mjs"},
		{"php", "php", "php recorrido.php"}, {"go", "go", "go run main.go"},
	} {
		t.Run(tc.folder, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(tc.with); err != nil {
				if os.Getenv("CI") != "" {
					t.Fatalf("%s is missing", tc.with)
				}
				t.Skipf("SKIPPED: %s is missing, so the example was not tried", tc.with)
			}
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "examples"))); err != nil {
				t.Fatal(err)
			}
			dir = filepath.Join(dir, tc.folder)
			out, err := shell(t.Context(), dir, tc.order, "PASARELA_URL="+few(t, descarga, paquete), "PASARELA_CLAVE=")
			look(t, dir, out, err)
		})
	}
}

// arrived says which packages are in dir whole, in order.
func arrived(t *testing.T, dir string) []string {
	t.Helper()
	zips, err := filepath.Glob(filepath.Join(dir, "*.zip"))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range zips {
		if text, err := os.ReadFile(name); err != nil || string(text) != "PK" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
		zips[i] = filepath.Base(name)
	}
	return zips
}

// The sandbox has few packages, so that `make clients` sees one page, and all of it.
func TestExamples_AllPackagesOfSeveralPagesArriveAlsoOfAParcial(t *testing.T) {
	t.Parallel()
	for estado, descarga := range map[string]string{
		"terminada": finished, "parcial": `{"idDescarga":"d","estado":"parcial","motivo":"Falta el dos."}`,
	} {
		t.Run(estado, func(t *testing.T) {
			t.Parallel()
			withEveryExample(t, descarga, pk, func(t *testing.T, dir, out string, err error) {
				if got := arrived(t, dir); err != nil || !slices.Equal(got, []string{"A_01.zip", "A_02.zip"}) {
					t.Errorf("%v, %v\n%s", got, err, out)
				}
				if said := strings.Contains(out, "Falta el dos."); said != (estado == "parcial") {
					t.Errorf("it said what is missing: %t\n%s", said, out)
				}
			})
		})
	}
}

func TestExamples_AVaciaIsAGoodAnswer(t *testing.T) {
	t.Parallel()
	withEveryExample(t, `{"idDescarga":"d","estado":"vacia"}`, pk, func(t *testing.T, dir, out string, err error) {
		if got := arrived(t, dir); err != nil || len(got) > 0 || !strings.Contains(out, "no hay comprobantes") {
			t.Errorf("%v, %v\n%s", got, err, out)
		}
	})
}

func TestExamples_AFallidaIsAFailureAndSaysWhy(t *testing.T) {
	t.Parallel()
	withEveryExample(t, `{"idDescarga":"d","estado":"fallida","motivo":"El SAT la rechazó."}`, pk, func(t *testing.T, dir, out string, err error) {
		if got := arrived(t, dir); err == nil || len(got) > 0 || !strings.Contains(out, "fallida: El SAT la rechazó.") {
			t.Errorf("%v, %v\n%s", got, err, out)
		}
	})
}

func TestExamples_WhatIsNotThePackageIsNoZIP(t *testing.T) {
	t.Parallel()
	for name, paquete := range map[string]http.HandlerFunc{
		"another sum": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "PL") }, //nolint:errcheck // the program's affair
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "2")
			io.WriteString(w, "P") //nolint:errcheck // as above
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withEveryExample(t, finished, paquete, func(t *testing.T, dir, out string, err error) {
				if got := arrived(t, dir); err == nil || len(got) > 0 {
					t.Errorf("%v, %v\n%s", got, err, out)
				}
			})
		})
	}
}

// An answer of a proxy is no problem in JSON: what it meant is in its status alone.
func TestExamples_AnErrorIsToldAndNotWrittenAsAPackage(t *testing.T) {
	t.Parallel()
	for status, tc := range map[int]struct{ tipo, text string }{
		http.StatusNotFound:   {"application/problem+json", `{"type":"x#no-encontrado","status":404,"title":"t","detail":"d"}`},
		http.StatusBadGateway: {"text/html", "<html>nginx</html>"},
	} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			withEveryExample(t, finished, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tc.tipo)
				w.WriteHeader(status)
				io.WriteString(w, tc.text) //nolint:errcheck // the program's affair
			}, func(t *testing.T, dir, out string, err error) {
				left, globErr := filepath.Glob(filepath.Join(dir, "*.zip*"))
				if err == nil || globErr != nil || len(left) > 0 || !strings.Contains(out, strconv.Itoa(status)) {
					t.Errorf("%v, %v, %v\n%s", left, err, globErr, out)
				}
				if unreadable := regexp.MustCompile(`JSONDecode|SyntaxError|JsonException|invalid character`).FindString(out); unreadable != "" {
					t.Errorf("it says %s in place of the status\n%s", unreadable, out)
				}
			})
		})
	}
}

// The arguments of a program are everybody's to see, and `sleep ""` fails. What the
// script calls is seen through programs of those names that note what they are given.
func TestExamples_CurlHasTheKeyInNoArgumentAndWaitsWithoutRetryAfter(t *testing.T) {
	t.Parallel()
	const key = "la-clave"
	mux := http.NewServeMux()
	var views, sinClave atomic.Int32
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+key {
			sinClave.Add(1)
		}
		estado := "vacia"
		if views.Add(1) <= 2 { // the POST, and the first look
			estado = "en_cola"
		}
		fmt.Fprintf(w, `{"idDescarga":"d","estado":%q}`, estado) //nolint:errcheck // the program's affair
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "examples", "curl"))); err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	for name, then := range map[string]string{"curl": `exec ` + curl + ` "$@"`, "sleep": ""} {
		script := fmt.Sprintf("#!/bin/sh\necho %s \"$@\" >>%s/llamadas\n%s\n", name, bin, then)
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	out, err := shell(t.Context(), dir, "./descarga.sh", "PASARELA_URL="+server.URL, "PASARELA_CLAVE="+key, "PATH="+bin+":"+os.Getenv("PATH"))
	calls, readErr := os.ReadFile(filepath.Join(bin, "llamadas"))
	if err != nil || readErr != nil || views.Load() != 3 || sinClave.Load() != 0 {
		t.Fatalf("%v, %v; %d requests, %d of them without the key\n%s", err, readErr, views.Load(), sinClave.Load(), out)
	}
	if text := string(calls); strings.Contains(text, key) || !strings.Contains(text, "sleep 60\n") {
		t.Errorf("it called\n%s", text)
	}
}
