package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Flush makes durable what was written into the files of a folder. It is for many small
// files, which one by one would wait for the disk as often.
func Flush(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the caller's own folder
	if err != nil {
		return err
	}
	return errors.Join(os.NewSyscallError("syncfs", unix.Syncfs(int(d.Fd()))), d.Close())
}
