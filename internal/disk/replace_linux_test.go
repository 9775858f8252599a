package disk

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// After a power cut the name must not have half a content, nor the content no name: the
// file is synced before it is renamed, and its folder behind it.
func TestReplace_SyncsBeforeTheNameAndBehindIt(t *testing.T) {
	if dir := os.Getenv("DISK_TRACED"); dir != "" {
		if err := Replace(filepath.Join(dir, "marca"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("strace is missing")
		}
		t.Skip("SKIPPED: strace is not installed, so nobody looks whether names outlast a power cut")
	}
	if out, err := exec.CommandContext(t.Context(), strace, "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: strace may not trace on this machine: %v: %s", err, out)
	}
	dir := t.TempDir()
	report := filepath.Join(dir, "calls")
	traced := exec.CommandContext(t.Context(), strace, "-f", "-y", "-e", "trace=fsync,/^rename", "-o", report, os.Args[0], "-test.run=^"+t.Name()+"$")
	traced.Env = append(os.Environ(), "DISK_TRACED="+dir)
	if out, err := traced.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.Contains(line, "fsync(") && strings.Contains(line, "/.marca.nuevo>"):
			calls = append(calls, "file")
		case strings.Contains(line, "rename") && strings.Contains(line, "/marca\""):
			calls = append(calls, "name")
		case strings.Contains(line, "fsync(") && strings.Contains(line, "<"+dir+">"):
			calls = append(calls, "folder")
		}
	}
	if want := []string{"file", "name", "folder"}; !slices.Equal(calls, want) {
		t.Errorf("%q, want %q:\n%s", calls, want, text)
	}
}
