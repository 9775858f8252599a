package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

// TestBanner_CurlLinesWorkAsPasted runs what `make run` prints, one line after the
// other: only the folder is changed.
func TestBanner_CurlLinesWorkAsPasted(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is missing", program)
			}
			t.Skipf("SKIPPED: %s is missing, so what is printed was not tried", program)
		}
	}
	dir := t.TempDir()
	stack, err := devstack.Start(t.Context(), filepath.Join(dir, "gateway"), devstack.Options{
		Sandbox:   sandbox.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Dir: filepath.Join(dir, "sandbox"), Seed: 1, Log: zerolog.Nop()},
		Configure: func(c *config.Config) { c.Listen, c.AdminListen = "127.0.0.1:0", "127.0.0.1:0" },
		Log:       zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Stop(); err != nil {
			t.Error(err)
		}
	})
	var lines []string
	for line := range strings.Lines(banner(stack)) {
		if strings.HasPrefix(line, "  ") {
			// zsh runs them: see TestPages_CommentsDoNoHarmWhereAShellRunsThem.
			if text, is := strings.CutPrefix(line, "  # "); is && strings.ContainsAny(text, "'\"`()<>|&;$") {
				t.Errorf("a shell would act on: %s", text)
			}
			lines = append(lines, strings.ReplaceAll(line, "/tmp/", dir+"/"))
		}
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", strings.Join(lines, ""))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{`"idSolicitud":"`, `"estadoSolicitud":{"codigo":"3"`, "paquete.zip", `"idDescarga":"`, "event: presentada", "event: paquete_guardado",
		"event: fin", `"estado":"terminada"`, "uuid,rfcEmisor,nombreEmisor", `"estado":"vigente"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the output lacks %s:\n%s", want, out)
		}
	}
	// Forty a day.
	table, err := os.ReadFile(filepath.Join(dir, "metadatos.csv"))
	if n := strings.Count(string(table), "\n"); err != nil || n < 365*40 {
		t.Errorf("%d lines of CSV: %v", n, err)
	}
}
