package deploy

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/config"
)

// files are those of deploy/, and the pages that operators read, by their path.
func files(t testing.TB) map[string]string {
	t.Helper()
	all := map[string]string{}
	paths := []string{root + "/docs/operacion.md", root + "/docs/respaldos.md", root + "/docs/actualizacion.md"}
	err := filepath.WalkDir(root+"/deploy", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "secretos" {
			return filepath.SkipDir
		}
		if err == nil && !d.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(path, root+"/")] = string(text)
	}
	return all
}

// A mistyped variable keeps the gateway from starting; here it keeps the change from landing.
func TestSettings_AreThoseOfTheGateway(t *testing.T) {
	t.Parallel()
	settings, err := config.Settings()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for path, text := range files(t) {
		for _, name := range regexp.MustCompile(`\bGATEWAY_[A-Z][A-Z_]*[A-Z]\b`).FindAllString(text, -1) {
			n++
			if !slices.ContainsFunc(settings, func(s config.Setting) bool {
				return s.Name == name || strings.HasPrefix(s.Name, name+"_") && strings.Contains(text, name+"_")
			}) {
				t.Errorf("%s: there is no setting %s", path, name)
			}
		}
	}
	if n < 50 {
		t.Errorf("%d settings found: the test does not see what it looks at", n)
	}
}

// servicio is what a compose file says of one.
type servicio struct {
	Image   string
	Secrets []string
	Volumes []string
	Extends struct{ File, Service string }
}

// An image that changes under its name, and a file that is not there, are found by
// who runs it; here they are found before.
func TestCompose_WhenItIsStartedEverythingIsThere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"compose.yaml", "compose.produccion.yaml"} {
		doc := readAs[struct {
			Services map[string]servicio
			Secrets  map[string]struct{ File string }
			Volumes  map[string]any
		}](t, root+"/deploy/"+name)
		for who, s := range doc.Services {
			if s.Extends.File != "" {
				other := readAs[struct{ Services map[string]servicio }](t, root+"/deploy/"+s.Extends.File)
				s = other.Services[s.Extends.Service]
			}
			if _, label, ok := strings.Cut(s.Image, ":"); !ok || label == "latest" {
				t.Errorf("%s: %s has no version: %q", name, who, s.Image)
			}
			for _, secret := range s.Secrets {
				if _, ok := doc.Secrets[secret]; !ok {
					t.Errorf("%s: %s wants the secret %s, which is not defined", name, who, secret)
				}
			}
			for _, volume := range s.Volumes {
				where, _, _ := strings.Cut(volume, ":")
				_, own := doc.Volumes[where]
				_, err := os.Stat(root + "/deploy/" + where)
				if !own && err != nil && !strings.HasPrefix(where, "./secretos/") {
					t.Errorf("%s: %s mounts %s, which is neither a volume nor a file", name, who, where)
				}
			}
		}
		prepare := files(t)["deploy/preparar"]
		for _, s := range doc.Secrets {
			base := strings.TrimSuffix(filepath.Base(s.File), ".txt")
			if _, err := os.Stat(root + "/deploy/" + s.File); err != nil && !regexp.MustCompile(`for nombre in .*\b`+base+`\b`).MatchString(prepare) {
				t.Errorf("%s: nobody makes %s", name, s.File)
			}
		}
	}
}

// No secret, and no place of whoever wrote it, is in what is shipped.
func TestDeploy_HoldsNoSecrets(t *testing.T) {
	t.Parallel()
	for path, text := range files(t) {
		if m := regexp.MustCompile(`(?i)PRIVATE KEY|AKIA[0-9A-Z]{16}|postgres(?:ql)?://[^:@/\s]+:[^@\s{$]+@|:latest\b`).FindString(text); m != "" {
			t.Errorf("%s holds %q", path, m)
		}
	}
}

// A gateway ends where its database is not there yet, and a limit of starts would
// leave it dead after a power cut that the database took longer to come back from.
func TestSystemd_StartsUntilTheDatabaseIsThere(t *testing.T) {
	t.Parallel()
	unit := files(t)["deploy/systemd/pasarela.service"]
	for _, line := range []string{"StartLimitIntervalSec=0", "Restart=on-failure"} {
		if !slices.Contains(strings.Split(unit, "\n"), line) {
			t.Errorf("the unit lacks %s", line)
		}
	}
}

// A limit that only the kernel knows ends the gateway; one that Go knows has it collect.
// The chart's is made of its own limit, which make chart looks at.
func TestMemory_WhereThereIsALimitGoKnowsOfIt(t *testing.T) {
	t.Parallel()
	all := files(t)
	for path, limit := range map[string]string{"deploy/compose.produccion.yaml": `(?m)^    mem_limit: ([0-9]+)m$`, "deploy/compose.yaml": `(?m)^    mem_limit: ([0-9]+)m$`,
		"deploy/systemd/pasarela.service": `(?m)^MemoryHigh=([0-9]+)M$`} {
		system, own := numberOf(t, path, all[path], limit), numberOf(t, path, all[path], `GOMEMLIMIT[:=] ?([0-9]+)MiB`)
		if part := float64(own) / float64(system); part < 0.85 || part > 0.95 {
			t.Errorf("%s: GOMEMLIMIT is %d MiB and the limit %d", path, own, system)
		}
	}
}

// numberOf is the number that the first match of expr holds.
func numberOf(t *testing.T, path, text, expr string) int {
	t.Helper()
	m := regexp.MustCompile(expr).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("%s: nothing is %s", path, expr)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
