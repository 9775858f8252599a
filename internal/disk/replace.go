package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Replace makes text the content of the file at path in one step. Whoever reads it
// finds the old content or the new one, after a kill or a power cut too. Once Replace
// has returned, it is the new one.
//
// A new file has the given mode; fit, if given, may change what it was made with. The
// name on the way is always the same, so that kills leave no files behind: one process
// at a time may replace a path.
func Replace(path string, text []byte, mode fs.FileMode, fit ...func(*os.File) error) error {
	next := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".nuevo")
	// Of an interrupted run, and perhaps of another mode.
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) { //nolint:gosec // beside what it replaces
		return err
	}
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode) //nolint:gosec // beside what it replaces
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	for _, change := range fit {
		if err == nil {
			err = change(f)
		}
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = Settle(next, path)
	}
	if err != nil {
		os.Remove(next) //nolint:errcheck,gosec // it may have its other name already
	}
	return err
}

// Create writes a file that only this user may read, whole or not at all. A file that
// is there stays, and several processes may try at once: one of them creates it, and
// the others get fs.ErrExist.
func Create(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	// A link, unlike a rename, never takes the place of a file.
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// Settle gives a file that is written its final name, durably: its content first, so
// that no power cut leaves the name with less, and then the name.
func Settle(partial, path string) error {
	f, err := os.OpenFile(partial, os.O_RDWR, 0) //nolint:gosec // the caller's own file
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(partial, path); err != nil { //nolint:gosec // the caller's own file
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes the names in a folder durable. Windows has no call for that.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir) //nolint:gosec // the caller's own folder
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
