// Package properties holds gateway and sandbox against properties of the
// contract. schemathesis, which make properties installs, makes requests of it,
// right and wrong ones, alone and in chains along its links, and judges every
// answer. What it does not think of is in a test of our own: text that is none,
// bytes of Latin-1, headers without sense.
package properties

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/config"
)

func TestContract_WhenAskedAtRandom(t *testing.T) {
	needSchemathesis(t)
	r := start(t, nil)
	r.asksAtRandom(t)
}

// TestContract_WhenAskedAtRandomWithKeys does the same with API keys: a request
// without a valid one must be refused by every operation that asks for one.
func TestContract_WhenAskedAtRandomWithKeys(t *testing.T) {
	needSchemathesis(t)
	keys := filepath.Join(t.TempDir(), "claves.json")
	key, digest, err := apikeys.Generate()
	if err != nil {
		t.Fatal(err)
	}
	if err := apikeys.Add(keys, apikeys.Key{Name: "todo", SHA256: digest, RFCs: []string{apikeys.All}, Scopes: []string{apikeys.All}}); err != nil {
		t.Fatal(err)
	}
	r := start(t, func(c *config.Config) { c.APIKeysFile = keys })
	r.key = key
	r.asksAtRandom(t)
	if strings.Contains(r.Log(), key) {
		t.Error("the log holds an API key")
	}
}

// program is schemathesis, installed by make.
func program() string { return os.Getenv("PASARELA_SCHEMATHESIS") }

func needSchemathesis(t *testing.T) {
	t.Helper()
	if program() == "" {
		t.Skip("make properties installs schemathesis and runs this")
	}
}

// asksAtRandom asks every operation by itself, and then along the links of the
// contract for as long as it is told.
func (r *rig) asksAtRandom(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"schemathesis.toml", "hooks.py"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, string(text))
	}
	for name, values := range r.existing(t) {
		var lines strings.Builder
		for _, v := range values {
			fmt.Fprintf(&lines, "%q\n", v)
		}
		write(t, dir, name+".dict", lines.String())
	}
	t.Run("each by itself", func(t *testing.T) {
		r.schemathesis(t, dir, "--phases", "examples,coverage,fuzzing", "--max-examples", cmp.Or(os.Getenv("PASARELA_EJEMPLOS"), "10"))
	})
	t.Run("along the links", func(t *testing.T) {
		r.schemathesis(t, dir, "--phases", "stateful", "--max-examples", "100", "--max-time", cmp.Or(os.Getenv("PASARELA_SEGUNDOS"), "10"))
	})
	r.checkLog(t)
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// schemathesis runs it in dir, where its configuration is.
func (r *rig) schemathesis(t *testing.T, dir string, args ...string) {
	t.Helper()
	args = append([]string{"run", r.API + "/openapi.json", "--url", r.API, "--no-color", "--seed", cmp.Or(os.Getenv("PASARELA_SEMILLA"), "1")}, args...)
	args = append(args, strings.Fields(os.Getenv("PASARELA_SCHEMATHESIS_MAS"))...)
	cmd := exec.CommandContext(t.Context(), program(), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PASARELA_CLAVE="+r.key)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	if err := cmd.Run(); err != nil {
		t.Errorf("schemathesis: %v", err)
	}
}
