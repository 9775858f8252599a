package contract

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// TestBase_WhenBrokenSaysWhat breaks the contract as people would, and wants each
// break named and refused; and accepted once a line of the list says so.
func TestBase_WhenBrokenSaysWhat(t *testing.T) {
	for name, broken := range map[string]struct{ old, replacement, place, says string }{
		"an operation has gone": {"  /v1/efirmas/{rfc}:\n", "  /v1/firmas/{rfc}:\n",
			"GET /v1/efirmas/{rfc}", "API path removed without deprecation"},
		"a method has another name": {"operationId: listarEfirmas", "operationId: enumerarEfirmas",
			"GET /v1/efirmas", "API operation id `listarEfirmas` removed and replaced with `enumerarEfirmas`"},
		"an answer lacks a field": {"      required: [idSolicitud, codEstatus, mensaje]", "      required: [codEstatus, mensaje]",
			"POST /v1/sat/{servicio}/solicitudes", "the response property `idSolicitud` became optional"},
		"a request must say more": {"      required: [rfcSolicitante]", "      required: [rfcSolicitante, tipoSolicitud]",
			"POST /v1/sat/{servicio}/solicitudes", "`tipoSolicitud` became required"},
		"a value is refused": {"enum: [R1, R2, R3, R4, R5, C1]", "enum: [R1, R2, R3, R4, R5]",
			"POST /v1/sep/titulos/{folioControl}/cancelacion", "`C1`"},
		"an answer has a value that clients do not know": {"enum: [pausado, retirado]", "enum: [pausado, retirado, vencido]",
			"GET /v1/webhooks/{idWebhook}", "`vencido`"},
	} {
		t.Run(name, func(t *testing.T) {
			c := startComparison(t)
			contract := strings.Replace(string(api.Spec), broken.old, broken.replacement, 1)
			if contract == string(api.Spec) {
				t.Fatalf("%q is not in the contract", broken.old)
			}
			out, passes := c.run(contract)
			if passes || !strings.Contains(out, broken.place) || !strings.Contains(out, broken.says) {
				t.Errorf("passes = %v, want it refused for %q at %s:\n%s", passes, broken.says, broken.place, out)
			}
			c.accept(out)
			if out, passes := c.run(contract); !passes {
				t.Errorf("accepted line by line it is still refused:\n%s", out)
			}
		})
	}
}

// accept writes every break that out names into the list.
func (c comparison) accept(out string) {
	c.t.Helper()
	place := regexp.MustCompile(`(?m)^(?:error|warning)\t.*\n\tin (?:API )?(.*)\n\t\t(.*)$`)
	list := c.read("aceptados.md")
	for _, m := range place.FindAllStringSubmatch(out, -1) {
		list += "- " + strings.TrimSuffix(m[1], "/schemas") + " " + m[2] + ". Why: a test.\n"
	}
	c.write("aceptados.md", list)
}

// TestBase_WhenABreakIsAcceptedItIsOneAndHasAReason: each line of the list still
// excuses something, and says why.
func TestBase_WhenABreakIsAcceptedItIsOneAndHasAReason(t *testing.T) {
	c := startComparison(t)
	list := c.read("aceptados.md")
	for line := range strings.Lines(list) {
		if !strings.HasPrefix(line, "- ") {
			continue
		}
		if _, why, _ := strings.Cut(line, " Why: "); strings.TrimSpace(why) == "" {
			t.Errorf("no reason: %s", line)
		}
		c.write("aceptados.md", strings.Replace(list, line, "", 1))
		if out, passes := c.run(string(api.Spec)); passes {
			t.Errorf("nothing is left for it to excuse: %s%s", line, out)
		}
	}
}
