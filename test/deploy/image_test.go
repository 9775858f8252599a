package deploy

import (
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What the image is built from is a list of what is let in, as it must never hold an
// e.firma; so a new folder has to be let in, or the build breaks where CI does not look.
func TestImage_HasEverythingThatItIsBuiltFrom(t *testing.T) {
	t.Parallel()
	enter := map[string]bool{}
	ignore, err := os.ReadFile(root + "/.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(ignore)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "!"); ok {
			enter[name] = true
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if .Module}}{{if .Module.Main}}{{.Dir}}{{end}}{{end}}", "./cmd/gateway", "./cmd/sandbox")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	absolute, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(out)) {
		rel, err := filepath.Rel(absolute, strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		n++
		if first, _, _ := strings.Cut(filepath.ToSlash(rel), "/"); !enter[first] {
			t.Errorf(".dockerignore keeps %s out", rel)
		}
	}
	if n < 20 || !enter["go.mod"] || !enter["go.sum"] {
		t.Errorf("%d packages; go.mod or go.sum do not come in", n)
	}
}

// The image's Go builds with no other toolchain than its own.
func TestImage_HasAGoThatTheModuleTakes(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile(root + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	ask := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(mod)
	has := regexp.MustCompile(`(?m)^ARG GO_IMAGE=\S+:(\d+\.\d+\.\d+)-\S+$`).FindStringSubmatch(files(t)["deploy/Dockerfile"])
	if ask == nil || has == nil || version.Compare("go"+has[1], "go"+string(ask[1])) < 0 {
		t.Errorf("go.mod wants %s, the image has %s", ask, has)
	}
}

// The linker ignores a variable that does not exist, and the image would not know
// which version it is.
func TestImage_IsStampedAsABuildIs(t *testing.T) {
	t.Parallel()
	dockerfile := files(t)["deploy/Dockerfile"]
	paquete := regexp.MustCompile(`SELLADO=github\.com/pasarela-mx/pasarela/(\S+)`).FindStringSubmatch(dockerfile)
	variables := regexp.MustCompile(`-X \$\{SELLADO\}\.(\w+)=`).FindAllStringSubmatch(dockerfile, -1)
	if paquete == nil || len(variables) != 3 {
		t.Fatalf("%v, %v", paquete, variables)
	}
	sources, err := filepath.Glob(filepath.Join(root, paquete[1], "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range sources {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, v := range variables {
		if !regexp.MustCompile(`(?m)^\s+` + v[1] + `\s+string$`).MatchString(all.String()) {
			t.Errorf("%s has no variable %s", paquete[1], v[1])
		}
	}
}

// A cache of a folder that Go does not use keeps nothing, and every build fetches all.
func TestImage_KeepsTheFoldersThatGoUses(t *testing.T) {
	t.Parallel()
	dockerfile := files(t)["deploy/Dockerfile"]
	caches := regexp.MustCompile(`--mount=type=cache,target=(\S+)`).FindAllStringSubmatch(dockerfile, -1)
	if len(caches) != 2 {
		t.Fatalf("%d caches", len(caches))
	}
	for _, c := range caches {
		if !regexp.MustCompile(`(?m)^ENV .*\bGO(MOD)?CACHE=` + regexp.QuoteMeta(c[1]) + `(\s|$)`).MatchString(dockerfile) {
			t.Errorf("%s is no folder of Go's", c[1])
		}
	}
}
