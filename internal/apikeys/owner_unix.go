//go:build unix

package apikeys

import (
	"os"
	"syscall"
)

// sameOwner gives f the user and the group of old, which takes a privilege only
// where they differ.
func sameOwner(f *os.File, old os.FileInfo) error {
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	want, ok1 := old.Sys().(*syscall.Stat_t)
	have, ok2 := mine.Sys().(*syscall.Stat_t)
	if !ok1 || !ok2 || want.Uid == have.Uid && want.Gid == have.Gid {
		return nil
	}
	return f.Chown(int(want.Uid), int(want.Gid))
}
