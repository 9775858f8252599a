package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// compiled builds this program as `make demo` runs it: without the race detector.
func compiled(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: the whole demo, with -short")
	}
	file := filepath.Join(t.TempDir(), "dev")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", file, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

// TestDemo_WhenShortItTellsTheWholeStory runs the demo with a month in the place of the year.
func TestDemo_WhenShortItTellsTheWholeStory(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, compiled(t), "demo", "-corto")
	cmd.Env = append(os.Environ(), "TMPDIR="+place)
	text, err := cmd.CombinedOutput()
	out := string(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"partida", "101,928 rows and 38,", "3 of them too large and split", "no package was fetched twice", "notice 3 of 3, its signature verified",
		"a day passes", "run 2,",
		"the same 60,729 folios", "the same 41,199 folios", "the same 38,", "All of it worked."} {
		if !strings.Contains(out, want) {
			t.Errorf("the demo does not say %q", want)
		}
	}
	if strings.Contains(out, "whsec_") || strings.Contains(out, "\x1b") {
		t.Error("a secret, or a moving line where there is no terminal")
	}
	if t.Failed() {
		t.Log(out)
	}
	empty(t, place)
}

// TestDemo_WhenInterruptedItCleansUp presses Ctrl-C while the packages come.
func TestDemo_WhenInterruptedItCleansUp(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	cmd := exec.CommandContext(t.Context(), compiled(t), "demo", "-corto")
	cmd.Env = append(os.Environ(), "TMPDIR="+place)
	out := &notifier{word: "partida", seen: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-out.seen:
	case err := <-ended:
		t.Fatalf("it ended: %v\n%s", err, out.text.String())
	case <-time.After(3 * time.Minute):
		t.Fatal("nothing is split")
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		t.Logf("it ended: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
	empty(t, place)
}

// empty wants nothing of the demo left in dir.
func empty(t *testing.T, dir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "pasarela-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// notifier closes seen once word was written to it.
type notifier struct {
	word string
	seen chan struct{}
	text bytes.Buffer
	done bool
}

func (a *notifier) Write(p []byte) (int, error) {
	a.text.Write(p)
	if !a.done && strings.Contains(a.text.String(), a.word) {
		a.done = true
		close(a.seen)
	}
	return len(p), nil
}
