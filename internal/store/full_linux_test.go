package store

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// tiny mounts a file system of so many bytes, which only root may do, and not in
// every container.
func tiny(t *testing.T, bytes string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+bytes); err != nil {
		t.Skip("SKIPPED: a file system of its own cannot be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// zeros never end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// A full disk is found by the beat, though nobody asks for anything; and it is over
// when there is room.
func TestBeat_WhenTheDiskIsFull(t *testing.T) {
	t.Parallel()
	dir := tiny(t, "8m")
	s := open(t, Config{Dir: filepath.Join(dir, "datos"), Now: now})
	if err := errors.Join(s.Beat(t.Context()), s.Mark()); err != nil {
		t.Fatal(err)
	}
	fill, err := os.Create(filepath.Join(dir, "relleno"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{fill}, zeros{}, make([]byte, 4096)); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	for range 3 { // the WAL's last block may have room for a page
		if err = s.Beat(t.Context()); err != nil {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "full") || errors.Is(err, ErrDamaged) {
		t.Errorf("full: %v", err)
	}
	if err := s.Mark(); err == nil {
		t.Error("the mark was written to a full disk")
	}
	if m, err := os.ReadFile(filepath.Join(dir, "datos", markFile)); err != nil || !strings.Contains(string(m), s.mark.ID) {
		t.Errorf("the mark of before is gone: %q, %v", m, err)
	}
	if err := errors.Join(fill.Close(), os.Remove(fill.Name())); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Beat(t.Context()), s.Mark()); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// The same of a disk that becomes read-only, as the kernel makes one that fails.
func TestOpen_WhenTheDiskIsReadOnly(t *testing.T) {
	t.Parallel()
	dir := tiny(t, "8m")
	c := Config{Dir: filepath.Join(dir, "datos"), Now: now}
	ledger(t, c, 1)
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skip("SKIPPED: it cannot be mounted read-only: ", err)
	}
	if s, err := Open(t.Context(), c); err == nil {
		s.Close() //nolint:errcheck // it should not be open
		t.Error("it was opened")
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	ledger(t, c, 0)
}
