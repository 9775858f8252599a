package contract

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

// needs skips where a program is missing; CI has them all.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is missing", p)
			}
			t.Skipf("SKIPPED: %s is missing, so what the page says was not tried", p)
		}
	}
}

// paste runs a block as a reader would, in dir, and returns what it printed.
func paste(t *testing.T, dir, block string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // pages may poll
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-eu", "-c", block)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestREADME_CurlLinesWorkAsPasted runs the README's lines against a gateway
// and a sandbox of its own: only the addresses and the folder are changed. Pasted
// again they ask for nothing new.
func TestREADME_CurlLinesWorkAsPasted(t *testing.T) {
	t.Parallel()
	needs(t, "curl", "sed", "head")
	g := gatewaytest.Start(t, gatewaytest.Options{})
	var blocks []string
	for _, block := range fences(page(t, "README.md"), "sh") {
		if strings.Contains(block, "curl ") {
			blocks = append(blocks, block)
		}
	}
	if len(blocks) == 0 {
		t.Fatal("the README has no curl lines")
	}
	ports := strings.NewReplacer("/tmp/", t.TempDir()+"/", "http://127.0.0.1:8080", g.API, "http://127.0.0.1:9090", g.Admin, "http://127.0.0.1:8082", g.SandboxAdmin)
	var ids []string
	for range 2 {
		out, err := paste(t, t.TempDir(), ports.Replace(strings.Join(blocks, "\n")))
		if err != nil || strings.Contains(out, "curl: (") {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, want := range []string{"event: fin\n", `"estado":"terminada"`, "uuid,", "PRU010101AB1"} {
			if !strings.Contains(out, want) {
				t.Errorf("the output lacks %s:\n%s", want, out)
			}
		}
		ids = append(ids, regexp.MustCompile(`"idDescarga":"[^"]+"`).FindString(out))
	}
	if ids[0] != ids[1] || ids[0] == "" {
		t.Errorf("pasted twice it is another descarga: %q", ids)
	}
}

// capture returns one envelope of each operation, signed in the given form.
func capture(t *testing.T, firma string) map[string][]byte {
	t.Helper()
	var mu sync.Mutex
	got := map[string][]byte{}
	g := gatewaytest.Start(t, gatewaytest.Options{
		Configure: func(c *config.Config) { c.SAT.Firma = firma },
		Sandbox: func(c *sandbox.Config) {
			c.Capture = func(s sandbox.Capture) {
				mu.Lock()
				defer mu.Unlock()
				got[s.Operation] = slices.Clone(s.Body)
			}
		},
	})
	// The RFC that has to be escaped.
	const rfc = gatewaytest.CompanyOdd
	id := g.Request("cfdi", rfc, nil)
	if r := g.Get("/v1/sat/cfdi/solicitudes/" + id + "?rfcSolicitante=" + url.QueryEscape(rfc)); r.Status != http.StatusOK {
		t.Fatalf("verifica: %d %s", r.Status, r.Body)
	}
	mu.Lock()
	defer mu.Unlock()
	return got
}

// TestFirma_CommandsWork runs the commands of docs/firma.md on messages that
// the sandbox received, and then on the same ones tampered with.
func TestFirma_CommandsWork(t *testing.T) {
	t.Parallel()
	needs(t, "openssl", "xmllint", "xmlsec1", "base64", "sed")
	blocks := fences(page(t, "docs/firma.md"), "sh")
	if len(blocks) != 5 {
		t.Fatalf("%d blocks of commands; the list below says what each must notice", len(blocks))
	}
	envelope, solicitud := capture(t, "sobre"), capture(t, "solicitud")
	good := map[string]string{
		"autentica.xml": string(envelope["Autentica"]),
		"sobre.xml":     string(envelope["VerificaSolicitudDescarga"]),
		"solicitud.xml": string(solicitud["VerificaSolicitudDescarga"]),
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if text == "" {
			t.Fatalf("%s was not captured", name)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range good {
		write(name, text)
	}
	for _, block := range blocks {
		if out, err := paste(t, dir, block); err != nil {
			t.Fatalf("%v\n%s\n%s", err, block, out)
		}
	}
	for i, tampered := range map[int]struct {
		file string
		part *regexp.Regexp
		with string
	}{
		1: {file: "autentica.xml", part: regexp.MustCompile(`<u:Expires>20`), with: `<u:Expires>21`},
		2: {file: "sobre.xml", part: regexp.MustCompile(`IdSolicitud="........`), with: `IdSolicitud="00000000`},
		3: {file: "sobre.xml", part: regexp.MustCompile(`<DigestValue>....`), with: `<DigestValue>AAAA`},
		4: {file: "solicitud.xml", part: regexp.MustCompile(`IdSolicitud="........`), with: `IdSolicitud="00000000`},
	} {
		write(tampered.file, tampered.part.ReplaceAllString(good[tampered.file], tampered.with))
		if out, err := paste(t, dir, blocks[i]); err == nil {
			t.Errorf("a tampered %s passes:\n%s\n%s", tampered.file, blocks[i], out)
		}
		write(tampered.file, good[tampered.file])
	}
}

// commands runs the sh blocks of a page against a gateway and a sandbox, one
// after the other, and holds what each prints against wants.
func commands(t *testing.T, name string, wants [][]string) {
	t.Helper()
	blocks := fences(page(t, name), "sh")
	if len(blocks) != len(wants) {
		t.Fatalf("%s has %d blocks of commands, and the test says what %d must print", name, len(blocks), len(wants))
	}
	g := gatewaytest.Start(t, gatewaytest.Options{})
	dir := t.TempDir()
	ports := strings.NewReplacer("/tmp/", dir+"/", "http://127.0.0.1:8080", g.API, "http://127.0.0.1:8082", g.SandboxAdmin)
	for i, block := range blocks {
		out, err := paste(t, dir, ports.Replace(block))
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, block, out)
		}
		for _, want := range wants[i] {
			if !strings.Contains(out, want) {
				t.Errorf("the output of\n%s\nlacks %s:\n%s", block, want, out)
			}
		}
	}
}

// TestPages_LinksLeadSomewhere follows the links between files of the repository.
func TestPages_LinksLeadSomewhere(t *testing.T) {
	links, known := 0, map[string][]string{}
	for _, name := range pages(t) {
		text := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(page(t, name), "")
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			target, anchor, _ := strings.Cut(m[1], "#")
			to := name
			if target != "" {
				to = filepath.ToSlash(filepath.Join(filepath.Dir(name), target))
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s: link to %s, which is not there", name, m[1])
				continue
			}
			if anchor != "" && known[to] == nil {
				known[to] = anchors(page(t, to))
			}
			if anchor != "" && !slices.Contains(known[to], anchor) {
				t.Errorf("%s: link to %s, which has no such heading", name, m[1])
			}
		}
	}
	if links < 20 {
		t.Errorf("only %d links were found", links)
	}
}

// anchors are the fragments that GitHub gives a page's headings.
func anchors(text string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		slug := strings.ToLower(m[1])
		slug = regexp.MustCompile(`[^\p{L}\p{N}\s_-]`).ReplaceAllString(slug, "")
		all = append(all, strings.ReplaceAll(slug, " ", "-"))
	}
	return all
}

// pages are the Markdown files of the repository.
func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, entry := range list(t).entries {
		if path.Ext(entry) == ".md" {
			all = append(all, entry)
		}
	}
	return all
}

// TestContributing_MapIsTheRoot holds the map of the root listing against the root.
func TestContributing_MapIsTheRoot(t *testing.T) {
	mapped := map[string]bool{}
	for _, row := range rows(section(t, page(t, "CONTRIBUTING.md"), "## Where things go")) {
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[0], -1) {
			mapped[m[1]] = true
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("the map shows %s, which is not there", m[1])
			}
		}
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() && !local(name) && !strings.HasPrefix(name, ".") && !mapped[name+"/"] {
			t.Errorf("the map lacks %s/", name)
		}
	}
}

// TestPages_TargetsOfMakeExist holds what the pages tell people to run against
// the Makefile.
func TestPages_TargetsOfMakeExist(t *testing.T) {
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(page(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	told := 0
	for _, name := range pages(t) {
		for _, m := range regexp.MustCompile("(?m)(?:`|^)make ([a-z-]+)").FindAllStringSubmatch(page(t, name), -1) {
			told++
			if !targets[m[1]] {
				t.Errorf("%s: there is no make %s", name, m[1])
			}
		}
	}
	if told < 8 {
		t.Errorf("only %d targets were found in the pages", told)
	}
}
