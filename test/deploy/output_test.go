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

// indent is that of a block of commands within a list.
var indent = regexp.MustCompile(`(?m)^ {3}`)

// variables are the settings that a gateway started by commands would have.
func variables(t testing.TB, commands string) map[string]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", commands+"\nenv")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return ofLines(string(out))
}

func ofLines(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && strings.HasPrefix(name, config.Prefix+"_") {
			all[name] = value
		}
	}
	return all
}

// ofCompose is the environment of the gateway that is tried beside a sandbox.
func ofCompose(t *testing.T) map[string]string {
	t.Helper()
	s := readAs[struct {
		Services map[string]struct {
			Environment map[string]string
			NetworkMode string `yaml:"network_mode" json:"network_mode"`
		}
	}](t, root+"/deploy/compose.yaml").Services["gateway"]
	if s.NetworkMode != "service:sandbox" {
		t.Errorf("compose.yaml: the gateway's own machine is %q, and not the sandbox's", s.NetworkMode)
	}
	return maps.Collect(func(yield func(string, string) bool) {
		for name, value := range s.Environment {
			if strings.HasPrefix(name, config.Prefix+"_") && !yield(name, value) {
				return
			}
		}
	})
}

// ofFirstSteps is what the page puts before the gateway that it starts.
func ofFirstSteps(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(root + "/docs/primeros-pasos.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)((?:GATEWAY_[A-Z_]+=\S+[ \\\n]+)+)bin/gateway > `).FindAllStringSubmatch(string(text), -1)
	if len(m) != 1 {
		t.Fatalf("the page starts %d gateways, and the test knows of one", len(m))
	}
	return ofLines(strings.Join(strings.Fields(strings.ReplaceAll(m[0][1], "\\", "")), "\n"))
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
	call := ofLines(strings.Join(environ, "\n"))
	var outside []string
	for _, s := range settings {
		if s.Sandbox != "" && !strings.HasPrefix(call[s.Name], "http://127.0.0.1:8081/") && !strings.HasPrefix(call[s.Name], "https://127.0.0.1:9/") {
			outside = append(outside, s.Name)
		}
	}
	return outside
}

// Wherever a gateway is started for a trial or a restore, none of its addresses leaves
// the machine, and none can be taken there: the start is refused.
func TestTrials_NeverCallTheSystems(t *testing.T) {
	settings, err := config.Settings()
	if err != nil {
		t.Fatal(err)
	}
	own, err := devstack.Config("http://127.0.0.1:8081", t.TempDir(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	environ, err := own.Environ()
	if err != nil {
		t.Fatal(err)
	}
	for where, ajustes := range map[string]map[string]string{
		"deploy/compose.yaml":    ofCompose(t),
		"docs/respaldos.md":      variables(t, indent.ReplaceAllString(orders(t, "sin salida"), "")),
		"docs/primeros-pasos.md": ofFirstSteps(t),
		"devstack":               ofLines(strings.Join(environ, "\n")),
	} {
		if outside := salen(t, settings, ajustes); len(outside) > 0 {
			t.Errorf("%s: GATEWAY_SIN_SALIDA is missing or wrong: it would call %v", where, outside)
		}
		for _, s := range settings {
			if s.Sandbox == "" {
				continue
			}
			// Taken out, it is the sandbox's; taken elsewhere, it is refused by its name.
			without := maps.Clone(ajustes)
			delete(without, s.Name)
			if outside := salen(t, settings, without); len(outside) > 0 {
				t.Errorf("%s without %s would call %v", where, s.Name, outside)
			}
			without[s.Name] = s.Default
			if outside := salen(t, settings, without); !slices.Equal(outside, []string{s.Name}) {
				t.Errorf("%s with %s: the test sees %v", where, s.Default, outside)
			}
			if _, err := config.Load(); err == nil || !strings.Contains(err.Error(), s.Name+": "+s.Default+" is not on this machine") {
				t.Errorf("%s starts with %s=%s: %v", where, s.Name, s.Default, err)
			}
			without["GATEWAY_SIN_SALIDA"] = ""
			if outside := salen(t, settings, without); !slices.Contains(outside, s.Name) {
				t.Errorf("%s without GATEWAY_SIN_SALIDA: the test does not see %s", where, s.Name)
			}
		}
	}
}
