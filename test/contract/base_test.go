package contract

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/api"
)

// comparison is oasdiff, the settings of api/base, and a copy of them to change.
type comparison struct {
	t            *testing.T
	oasdiff, dir string
}

// startComparison skips unless `make contract`, which installs oasdiff, runs the test.
func startComparison(t *testing.T) comparison {
	t.Helper()
	oasdiff := os.Getenv("PASARELA_OASDIFF")
	if oasdiff == "" {
		t.Skip("PASARELA_OASDIFF is not set; make contract sets it")
	}
	c := comparison{t: t, oasdiff: oasdiff, dir: t.TempDir()}
	if err := os.CopyFS(c.dir, os.DirFS("../../api/base")); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c comparison) read(name string) string {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}

func (c comparison) write(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// run compares a contract with the base; what it prints, and whether it passes.
func (c comparison) run(contract string) (string, bool) {
	c.t.Helper()
	c.write("nuevo.yaml", contract)
	out, err := exec.CommandContext(c.t.Context(), c.oasdiff, "breaking", "--config", filepath.Join(c.dir, "oasdiff.yaml"),
		filepath.Join(c.dir, "openapi.yaml"), filepath.Join(c.dir, "nuevo.yaml")).CombinedOutput()
	return string(out), err == nil
}

// broken are ways in which people break a contract, and how each is to be told.
func broken() []struct{ old, replacement, place, says string } {
	return []struct{ old, replacement, place, says string }{
		// An operation has gone, a method has another name.
		{"  /v1/efirmas/{rfc}:\n", "  /v1/firmas/{rfc}:\n", "GET /v1/efirmas/{rfc}", "API path removed without deprecation"},
		{"operationId: listarEfirmas", "operationId: enumerarEfirmas", "GET /v1/efirmas", "API operation id `listarEfirmas` removed and replaced with `enumerarEfirmas`"},
		// An answer lacks a field, or has a value that clients do not know.
		{"required: [idSolicitud, codEstatus, mensaje]", "required: [codEstatus, mensaje]", "POST /v1/sat/{servicio}/solicitudes", "the response property `idSolicitud` became optional"},
		{"vacia, parcial, fallida, cancelada]\n      x-enum", "vacia, parcial, fallida, cancelada, otra]\n      x-enum", "GET /v1/sat/descargas/{idDescarga}", "`otra`"},
		// A request must say more, or may not say what it could.
		{"required: [rfcSolicitante]", "required: [rfcSolicitante, tipoSolicitud]", "POST /v1/sat/{servicio}/solicitudes", "`tipoSolicitud` became required"},
		{"enum: [R1, R2, R3, R4, R5, C1]", "enum: [R1, R2, R3, R4, R5]", "POST /v1/sep/titulos/{folioControl}/cancelacion", "`C1`"},
	}
}

// TestBase_WhenBrokenSaysWhat wants each break named and the whole refused, and
// accepted once the list has a line for each.
func TestBase_WhenBrokenSaysWhat(t *testing.T) {
	c := startComparison(t)
	contract := string(api.Spec)
	for _, b := range broken() {
		if !strings.Contains(contract, b.old) {
			t.Fatalf("%q is not in the contract", b.old)
		}
		contract = strings.Replace(contract, b.old, b.replacement, 1)
	}
	out, passes := c.run(contract)
	if passes {
		t.Errorf("a broken contract passes:\n%s", out)
	}
	list := c.read("aceptados.md")
	told := breaks(out)
	for _, b := range broken() {
		if !slices.ContainsFunc(told, func(told string) bool { return strings.HasPrefix(told, b.place+" ") && strings.Contains(told, b.says) }) {
			t.Errorf("%s: %q is not told of:\n%s", b.place, b.says, out)
		}
	}
	for _, line := range told {
		list += "- " + line + ". Why: a test.\n"
	}
	c.write("aceptados.md", list)
	if out, passes := c.run(contract); !passes {
		t.Errorf("accepted line by line it is still refused:\n%s", out)
	}
}

// breaks are the place and the text of each break that oasdiff names.
func breaks(out string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^(?:error|warning)\t.*\n\tin (?:API )?(.*)\n\t\t(.*)$`).FindAllStringSubmatch(out, -1) {
		all = append(all, strings.TrimSuffix(m[1], "/schemas")+" "+m[2])
	}
	return all
}

// TestBase_WhenABreakIsAcceptedItIsOneAndHasAReason: each line of the list still
// excuses something, and says why.
func TestBase_WhenABreakIsAcceptedItIsOneAndHasAReason(t *testing.T) {
	c := startComparison(t)
	list := c.read("aceptados.md")
	c.write("aceptados.md", "")
	out, _ := c.run(string(api.Spec))
	for line := range strings.Lines(list) {
		accepted, isItem := strings.CutPrefix(line, "- ")
		if !isItem {
			continue
		}
		what, why, _ := strings.Cut(strings.TrimSpace(accepted), ". Why: ")
		if why == "" {
			t.Errorf("no reason: %s", line)
		}
		if !slices.Contains(breaks(out), what) {
			t.Errorf("nothing is left for it to excuse: %s", line)
		}
	}
}
