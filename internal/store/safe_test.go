package store

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSafe_WhenThereIsRoom(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing is written any more
	for _, deep := range []bool{false, true} {
		f, _, err := s.Folder.Safe(Gap{Seen: 1 << 20, Deep: deep})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("abc"); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(f.Name())
		if err != nil || string(got) != "abc" {
			t.Errorf("in depth %v: it begins with %q and %v", deep, got, err)
		}
		f.Close() //nolint:errcheck // it is of no use any more
	}
}

func TestSafe_WhenTheDiskIsTooFullNothingIsLeft(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing is written any more
	if _, _, err := s.Folder.Safe(Gap{Seen: math.MaxInt64}); !errors.Is(err, ErrWithoutPlace) {
		t.Errorf("error %v", err)
	}
	if left, err := os.ReadDir(s.Folder.partial()); err != nil || len(left) != 0 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
}

func TestSafe_WhenTheDiskTakesNoFile(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing is written any more
	if err := os.Remove(s.Folder.partial()); err != nil {
		t.Fatal(err)
	}
	if f, _, err := s.Folder.Safe(Gap{Seen: 1}); err == nil {
		t.Errorf("it was made: %s", f.Name())
	}
}

// TestPlace_WhenItSaysThatThereIsRoomThereIs: what watchers are told is what Safe goes by.
func TestPlace_WhenItSaysThatThereIsRoomThereIs(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing is written any more
	free, few, err := s.Folder.Place(Gap{})
	if err != nil || few <= 0 {
		t.Fatalf("%d and %d bytes, %v", free, few, err)
	}
	if free < few {
		t.Skipf("SKIPPED: %d bytes are free and the test needs %d", free, few)
	}
	if _, much, err := s.Folder.Place(Gap{Seen: free}); err != nil || much <= free {
		t.Errorf("for all that is free %d bytes are needed, %v", much, err)
	}
	if f, _, err := s.Folder.Safe(Gap{}); err != nil {
		t.Error(err)
	} else {
		f.Close() //nolint:errcheck // it is of no use any more
	}
}

// What a package needs and a disk may refuse on its own: to be read, and to be renamed.
func TestRehearse_WhenThereIsMoreToItThanWriting(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		flags int
		spoil func(dir string) error
		falla bool
	}{
		"all of it":       {os.O_RDWR, func(string) error { return nil }, false},
		"it is not read":  {os.O_WRONLY, func(string) error { return nil }, true},
		"it is not named": {os.O_RDWR, os.RemoveAll, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "parciales")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(filepath.Join(dir, "paquete"), tc.flags|os.O_CREATE, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close() //nolint:errcheck // it is of no use any more
			if err := tc.spoil(dir); err != nil {
				t.Fatal(err)
			}
			if err := rehearse(f, 3<<20); (err != nil) != tc.falla {
				t.Errorf("%v", err)
			}
			left, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil || !tc.falla && (len(left) != 1 || left[0] != f.Name()) {
				t.Errorf("%v, %v", left, err)
			}
		})
	}
}
