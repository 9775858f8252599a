//go:build !linux

package disk

import (
	"errors"
	"os"
	"path/filepath"
)

// Flush makes durable what was written into the files of a folder.
func Flush(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		f, err := os.OpenFile(filepath.Join(dir, e.Name()), os.O_RDWR, 0) //nolint:gosec // of the caller's own folder
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return SyncDir(dir)
}
