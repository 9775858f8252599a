package blobs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pasarela-mx/pasarela/internal/disk"
)

// file opens an object of the folder by itself, not through blob.Reader, so
// that the system sends it without a copy.
func (d *Depot) file(sha256 string, bytes int64) (*os.File, error) {
	f, err := os.Open(d.path(sha256))
	if err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() != bytes {
		err = fmt.Errorf("%s has %d bytes of %d: %w", sha256, info.Size(), bytes, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("blobs: %w", errors.Join(err, f.Close()))
	}
	return f, nil
}

// withMark tells the Mark of a file beside it.
func withMark(f *os.File, err error) (*os.File, string, error) {
	if err != nil {
		return nil, "", err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, "", fmt.Errorf("blobs: %w", errors.Join(err, f.Close()))
	}
	return f, Mark(info), nil
}

// markOf is Mark in a folder.
func (d *Depot) markOf(sha256 string, bytes int64) (string, error) {
	f, mark, err := withMark(d.file(sha256, bytes))
	if err != nil {
		return "", err
	}
	return mark, f.Close()
}

// Mark is Depot.Mark of a file: one that becomes an object of a folder keeps it.
func Mark(info fs.FileInfo) string {
	return fmt.Sprintf("%d %s", info.Size(), info.ModTime().UTC().Format(time.RFC3339Nano))
}

// path is where fileblob has the object's key.
func (d *Depot) path(sha256 string) string {
	return filepath.Join(d.folder, filepath.FromSlash(key(sha256)))
}

// mounted tells when the folder is there no more: what writes into it would make it anew,
// and what was kept would seem to be gone.
func (d *Depot) mounted() error {
	if d.folder == "" {
		return nil
	}
	if info, err := os.Stat(d.folder); err != nil || !info.IsDir() {
		// Not fs.ErrNotExist, which is said of objects.
		return fmt.Errorf("blobs: the folder %s is not there: %v", d.folder, err) //nolint:errorlint // see above
	}
	return nil
}

// move renames the file into the folder, which costs no second copy, and makes
// the name durable.
func (d *Depot) move(sha256 string, bytes int64, path string) error {
	final := d.path(sha256)
	dir := filepath.Dir(final)
	if err := d.mounted(); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("blobs: %w", err)
	}
	err := os.Rename(path, final)
	if errors.Is(err, syscall.EXDEV) {
		err = clone(final, path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		// A call that was cut has moved it, or there is nothing to be saved.
		f, missing := d.file(sha256, bytes)
		if missing != nil {
			return missing
		}
		err = f.Close()
	}
	if err != nil {
		return fmt.Errorf("blobs: %w", err)
	}
	for _, at := range []string{dir, filepath.Dir(dir), d.folder} {
		if err := disk.SyncDir(at); err != nil {
			return fmt.Errorf("blobs: %w", err)
		}
	}
	return nil
}

// clone is for a folder on another file system. The name on the way is the same
// when it is tried again, so that crashes leave nothing behind.
func clone(final, path string) error {
	from, err := os.Open(path) //nolint:gosec // a partial file of ours
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // read only
	onTheWay := filepath.Join(filepath.Dir(final), "."+filepath.Base(path))
	to, err := os.OpenFile(onTheWay, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // beside the object
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err == nil {
		err = disk.Settle(onTheWay, final)
	}
	if err != nil {
		os.Remove(onTheWay) //nolint:errcheck // it may have its other name already
	}
	return err
}
