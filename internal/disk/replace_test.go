package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// in are the names in a folder.
func in(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestReplace_WhoeverReadsFindsOneOrTheOther(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "marca")
	texts := []string{strings.Repeat("a", 1<<20), strings.Repeat("b", 1<<20)}
	if err := Replace(path, []byte(texts[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
			}
			if got, err := os.ReadFile(path); err != nil || !slices.Contains(texts, string(got)) {
				t.Errorf("%d bytes: %v", len(got), err)
				return
			}
		}
	})
	for i := range 40 {
		if err := Replace(path, []byte(texts[i%2]), 0o600); err != nil {
			t.Error(err)
		}
	}
	close(over)
	readers.Wait()
	if left := in(t, filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %q", left)
	}
}

// What a kill has left on the way neither stands in the way nor lends its mode.
func TestReplace_AfterAKillOnTheWay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "marca")
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), ".marca.nuevo"), []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Replace(path, []byte("whole"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != int64(len("whole")) {
		t.Errorf("%v, %v", info, err)
	}
	if left := in(t, filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %q", left)
	}
}

func TestReplace_WhenItFailsTheOldOneStays(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "marca")
	refused := errors.New("refused")
	if err := Replace(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Replace(path, []byte("new"), 0o600, func(*os.File) error { return refused }); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); string(got) != "old" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if left := in(t, filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %q", left)
	}
}

func TestCreate_WhenManyTryOneDoes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "clave")
	const many = 20
	results := make([]error, many)
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() { results[i] = Create(path, []byte{byte('a' + i)}) })
	}
	all.Wait()
	made := slices.Index(results, nil)
	for i, err := range results {
		if i != made && !errors.Is(err, fs.ErrExist) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || made < 0 || string(got) != string([]byte{byte('a' + made)}) {
		t.Errorf("%d made it, and it holds %q: %v", made, got, err)
	}
	if left := in(t, filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %q", left)
	}
}

func TestFlush_WhenAFolderIsThereOrNot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "a.xml"), []byte("<a/>"), 0o600), Flush(dir)); err != nil {
		t.Error(err)
	}
	if err := Flush(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
