package contract

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// newcomer is where somebody stands who has run `make run` and `make build`: a
// folder with bin/gateway and data/sandbox.
func newcomer(t *testing.T, g *gatewaytest.Gateway) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "bin", "gateway"), "./cmd/gateway")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(g.Config.EfirmaDir), filepath.Join(dir, "data", "sandbox")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// free is an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // it was never used
	return l.Addr().String()
}

// followed pastes every sh block of a page where a newcomer stands, one after the
// other. What a block must print, and must not, comes in turn.
func followed(t *testing.T, name string, wants [][]string) {
	t.Helper()
	needs(t, "curl", "sed", "head")
	text := page(t, name)
	blocks := fences(text, "sh")
	if len(blocks) != len(wants) {
		t.Fatalf("%s has %d blocks of commands, and the test says what %d must print", name, len(blocks), len(wants))
	}
	if pasted, all := strings.Count(strings.Join(blocks, ""), "curl "), len(regexp.MustCompile(`(?m)^ *curl `).FindAllString(text, -1)); pasted < all || all == 0 {
		t.Errorf("%s has %d lines of curl, of which %d are run", name, all, pasted)
	}
	g := gatewaytest.Start(t, gatewaytest.Options{})
	dir, tmp := newcomer(t, g), t.TempDir()
	places := strings.NewReplacer("/tmp/", tmp+"/", "http://127.0.0.1:8080", g.API, "http://127.0.0.1:8081", g.SandboxURL, "127.0.0.1:8090", free(t), "127.0.0.1:9091", free(t))
	for i, block := range blocks {
		out, err := paste(t, dir, places.Replace(block))
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, block, out)
		}
		for _, want := range wants[i] {
			absent, not := strings.CutPrefix(want, "not:")
			if strings.Contains(out, absent) == not {
				t.Errorf("the output of\n%s\nshould hold %s:\n%s", block, want, out)
			}
		}
	}
	keysArePrivate(t, tmp)
}

// keysArePrivate wants that others of the machine cannot read the API keys that a
// page leaves in files.
func keysArePrivate(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(name); err != nil || strings.Contains(string(text), "pasarela_") && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s holds a key: %v, %v", filepath.Base(name), info, err)
		}
	}
}

func TestFirstSteps_CommandsWork(t *testing.T) {
	t.Parallel()
	followed(t, "docs/primeros-pasos.md", [][]string{
		{`"rfc":"PRU010101AB1"`, `"estado":"vigente"`},
		{`"idDescarga":"`, `"tipoSolicitud":"CFDI"`},
		{"event: presentada\n", "event: fin\n", `"estado":"terminada"`},
		{"uuid,", "PRU010101AB1", "<cfdi:Comprobante "},
		{"errores.md#datos-invalidos", `"campo":"fechaFinal"`, `"reintentable":false`},
		{"erp"},
		// One e.firma, and not the others: the key sees one RFC.
		{"errores.md#no-autenticado", `"rfc":"PRU010101AB1"`, "not:PEPJ800101AB5"},
		{`"token":"`, `"expira":"`},
	})
}

func TestEFirma_CommandsWork(t *testing.T) {
	t.Parallel()
	followed(t, "docs/efirma.md", [][]string{
		{"PRU010101AB1.cer", "PRU010101AB1.key", "password.txt"},
		{"SIRVE", "RFC            PRU010101AB1", "vigente hasta"},
		{`"estado":"vigente"`, `"diasRestantes":`},
		{"SIRVE", "not:emisor_sin_comprobar"},
		{`"token":"`},
		{"errores.md#no-encontrado", `"codigo":"5004"`, "not:305"},
		{`"estado":"vigente"`, "not:motivo"},
	})
}

// TestEFirma_ReasonsAreThoseOfErrores: the page tells the common ones, and no others.
func TestEFirma_ReasonsAreThoseOfErrores(t *testing.T) {
	known := map[string]bool{}
	for _, row := range rows(section(t, page(t, "docs/errores.md"), "## Motivos de rechazo de una e.firma")) {
		known[strings.Trim(row[0], "`")] = true
	}
	found := 0
	for _, row := range rows(section(t, page(t, "docs/efirma.md"), "## Cuando no sirve")) {
		reason := strings.Trim(row[0], "`")
		if strings.HasPrefix(reason, "InvalidSecurity") {
			continue // the SAT's
		}
		found++
		if !known[reason] {
			t.Errorf("there is no reason %s", reason)
		}
	}
	if found < 8 {
		t.Errorf("only %d reasons were found", found)
	}
}
