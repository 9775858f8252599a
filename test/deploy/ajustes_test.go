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

// archivos are those of deploy/, and the pages that operators read, by their path.
func archivos(t testing.TB) map[string]string {
	t.Helper()
	todos := map[string]string{}
	rutas := []string{raiz + "/docs/operacion.md", raiz + "/docs/respaldos.md", raiz + "/docs/actualizacion.md"}
	err := filepath.WalkDir(raiz+"/deploy", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "secretos" {
			return filepath.SkipDir
		}
		if err == nil && !d.IsDir() {
			rutas = append(rutas, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, ruta := range rutas {
		text, err := os.ReadFile(ruta)
		if err != nil {
			t.Fatal(err)
		}
		todos[strings.TrimPrefix(ruta, raiz+"/")] = string(text)
	}
	return todos
}

// A mistyped variable keeps the gateway from starting; here it keeps the change from landing.
func TestSettings_AreThoseOfTheGateway(t *testing.T) {
	t.Parallel()
	settings, err := config.Settings()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ruta, text := range archivos(t) {
		for _, nombre := range regexp.MustCompile(`\bGATEWAY_[A-Z][A-Z_]*[A-Z]\b`).FindAllString(text, -1) {
			n++
			if !slices.ContainsFunc(settings, func(s config.Setting) bool {
				return s.Name == nombre || strings.HasPrefix(s.Name, nombre+"_") && strings.Contains(text, nombre+"_")
			}) {
				t.Errorf("%s: there is no setting %s", ruta, nombre)
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
	for _, nombre := range []string{"compose.yaml", "compose.produccion.yaml"} {
		doc := leeComo[struct {
			Services map[string]servicio
			Secrets  map[string]struct{ File string }
			Volumes  map[string]any
		}](t, raiz+"/deploy/"+nombre)
		for quien, s := range doc.Services {
			if s.Extends.File != "" {
				otro := leeComo[struct{ Services map[string]servicio }](t, raiz+"/deploy/"+s.Extends.File)
				s = otro.Services[s.Extends.Service]
			}
			if _, etiqueta, ok := strings.Cut(s.Image, ":"); !ok || etiqueta == "latest" {
				t.Errorf("%s: %s has no version: %q", nombre, quien, s.Image)
			}
			for _, secreto := range s.Secrets {
				if _, ok := doc.Secrets[secreto]; !ok {
					t.Errorf("%s: %s wants the secret %s, which is not defined", nombre, quien, secreto)
				}
			}
			for _, volumen := range s.Volumes {
				donde, _, _ := strings.Cut(volumen, ":")
				_, propio := doc.Volumes[donde]
				_, err := os.Stat(raiz + "/deploy/" + donde)
				if !propio && err != nil && !strings.HasPrefix(donde, "./secretos/") {
					t.Errorf("%s: %s mounts %s, which is neither a volume nor a file", nombre, quien, donde)
				}
			}
		}
		preparar := archivos(t)["deploy/preparar"]
		for _, s := range doc.Secrets {
			base := strings.TrimSuffix(filepath.Base(s.File), ".txt")
			if _, err := os.Stat(raiz + "/deploy/" + s.File); err != nil && !regexp.MustCompile(`for nombre in .*\b`+base+`\b`).MatchString(preparar) {
				t.Errorf("%s: nobody makes %s", nombre, s.File)
			}
		}
	}
}

// No secret, and no place of whoever wrote it, is in what is shipped.
func TestDeploy_HoldsNoSecrets(t *testing.T) {
	t.Parallel()
	for ruta, text := range archivos(t) {
		if m := regexp.MustCompile(`(?i)PRIVATE KEY|AKIA[0-9A-Z]{16}|postgres(?:ql)?://[^:@/\s]+:[^@\s{$]+@|:latest\b`).FindString(text); m != "" {
			t.Errorf("%s holds %q", ruta, m)
		}
	}
}

// A gateway ends where its database is not there yet, and a limit of starts would
// leave it dead after a power cut that the database took longer to come back from.
func TestSystemd_StartsUntilTheDatabaseIsThere(t *testing.T) {
	t.Parallel()
	unidad := archivos(t)["deploy/systemd/pasarela.service"]
	for _, linea := range []string{"StartLimitIntervalSec=0", "Restart=on-failure"} {
		if !slices.Contains(strings.Split(unidad, "\n"), linea) {
			t.Errorf("the unit lacks %s", linea)
		}
	}
}

// A limit that only the kernel knows ends the gateway; one that Go knows has it collect.
// The chart's is made of its own limit, which make chart looks at.
func TestMemory_WhereThereIsALimitGoKnowsOfIt(t *testing.T) {
	t.Parallel()
	todos := archivos(t)
	for ruta, limite := range map[string]string{"deploy/compose.produccion.yaml": `(?m)^    mem_limit: ([0-9]+)m$`, "deploy/compose.yaml": `(?m)^    mem_limit: ([0-9]+)m$`,
		"deploy/systemd/pasarela.service": `(?m)^MemoryHigh=([0-9]+)M$`} {
		sistema, propio := numeroDe(t, ruta, todos[ruta], limite), numeroDe(t, ruta, todos[ruta], `GOMEMLIMIT[:=] ?([0-9]+)MiB`)
		if parte := float64(propio) / float64(sistema); parte < 0.85 || parte > 0.95 {
			t.Errorf("%s: GOMEMLIMIT is %d MiB and the limit %d", ruta, propio, sistema)
		}
	}
}

// numeroDe is the number that the first match of expr holds.
func numeroDe(t *testing.T, ruta, text, expr string) int {
	t.Helper()
	m := regexp.MustCompile(expr).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("%s: nothing is %s", ruta, expr)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
