package deploy

import (
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/config"
)

// sangria is that of a block of commands within a list.
var sangria = regexp.MustCompile(`(?m)^ {3}`)

// variables are the settings that a gateway started by commands would have.
func variables(t testing.TB, commands string) map[string]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", commands+"\nenv")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return deLineas(string(out))
}

func deLineas(text string) map[string]string {
	todas := map[string]string{}
	for linea := range strings.Lines(text) {
		if nombre, valor, ok := strings.Cut(strings.TrimSpace(linea), "="); ok && strings.HasPrefix(nombre, config.Prefix+"_") {
			todas[nombre] = valor
		}
	}
	return todas
}

// deCompose is the environment of the gateway that is tried beside a sandbox.
func deCompose(t *testing.T) map[string]string {
	t.Helper()
	s := leeComo[struct {
		Services map[string]struct {
			Environment map[string]string
			NetworkMode string `yaml:"network_mode" json:"network_mode"`
		}
	}](t, raiz+"/deploy/compose.yaml").Services["gateway"]
	if s.NetworkMode != "service:sandbox" {
		t.Errorf("compose.yaml: the gateway's own machine is %q, and not the sandbox's", s.NetworkMode)
	}
	return maps.Collect(func(yield func(string, string) bool) {
		for nombre, valor := range s.Environment {
			if strings.HasPrefix(nombre, config.Prefix+"_") && !yield(nombre, valor) {
				return
			}
		}
	})
}

// dePrimerosPasos is what the page puts before the gateway that it starts.
func dePrimerosPasos(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(raiz + "/docs/primeros-pasos.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)((?:GATEWAY_[A-Z_]+=\S+[ \\\n]+)+)bin/gateway > `).FindAllStringSubmatch(string(text), -1)
	if len(m) != 1 {
		t.Fatalf("the page starts %d gateways, and the test knows of one", len(m))
	}
	return deLineas(strings.Join(strings.Fields(strings.ReplaceAll(m[0][1], "\\", "")), "\n"))
}

// salen are the addresses that a gateway with these settings would call elsewhere.
func salen(t *testing.T, settings []config.Setting, ajustes map[string]string) []string {
	t.Helper()
	for _, s := range settings {
		t.Setenv(s.Name, ajustes[s.Name])
		if _, ok := ajustes[s.Name]; !ok {
			os.Unsetenv(s.Name) //nolint:errcheck // Setenv restores it
		}
	}
	c, _ := config.Load() // what it finds wrong is the folders of another machine
	environ, err := c.Environ()
	if err != nil {
		t.Fatal(err)
	}
	llama := deLineas(strings.Join(environ, "\n"))
	var fuera []string
	for _, s := range settings {
		if s.Sandbox != "" && !strings.HasPrefix(llama[s.Name], "http://127.0.0.1:8081/") && !strings.HasPrefix(llama[s.Name], "https://127.0.0.1:9/") {
			fuera = append(fuera, s.Name)
		}
	}
	return fuera
}

// Wherever a gateway is started for a trial or a restore, none of its addresses leaves
// the machine, and none can be taken there: the start is refused.
func TestTrials_NeverCallTheSystems(t *testing.T) {
	settings, err := config.Settings()
	if err != nil {
		t.Fatal(err)
	}
	propia, err := devstack.Config("http://127.0.0.1:8081", t.TempDir(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	environ, err := propia.Environ()
	if err != nil {
		t.Fatal(err)
	}
	for donde, ajustes := range map[string]map[string]string{
		"deploy/compose.yaml":    deCompose(t),
		"docs/respaldos.md":      variables(t, sangria.ReplaceAllString(ordenes(t, "sin salida"), "")),
		"docs/primeros-pasos.md": dePrimerosPasos(t),
		"devstack":               deLineas(strings.Join(environ, "\n")),
	} {
		if fuera := salen(t, settings, ajustes); len(fuera) > 0 {
			t.Errorf("%s: GATEWAY_SIN_SALIDA is missing or wrong: it would call %v", donde, fuera)
		}
		for _, s := range settings {
			if s.Sandbox == "" {
				continue
			}
			// Taken out, it is the sandbox's; taken elsewhere, it is refused by its name.
			sin := maps.Clone(ajustes)
			delete(sin, s.Name)
			if fuera := salen(t, settings, sin); len(fuera) > 0 {
				t.Errorf("%s without %s would call %v", donde, s.Name, fuera)
			}
			sin[s.Name] = s.Default
			if fuera := salen(t, settings, sin); !slices.Equal(fuera, []string{s.Name}) {
				t.Errorf("%s with %s: the test sees %v", donde, s.Default, fuera)
			}
			if _, err := config.Load(); err == nil || !strings.Contains(err.Error(), s.Name+": "+s.Default+" is not on this machine") {
				t.Errorf("%s starts with %s=%s: %v", donde, s.Name, s.Default, err)
			}
			sin["GATEWAY_SIN_SALIDA"] = ""
			if fuera := salen(t, settings, sin); !slices.Contains(fuera, s.Name) {
				t.Errorf("%s without GATEWAY_SIN_SALIDA: the test does not see %s", donde, s.Name)
			}
		}
	}
}
