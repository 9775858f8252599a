//go:build unix

package apikeys

import (
	"fmt"
	"os"
	"syscall"
)

// sameOwner gives f the user and group of old. That needs a privilege only if they
// differ.
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

// trusted returns an error unless root or this process's user owns the file: an owner can
// always change its mode and write it.
func trusted(info os.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if me := os.Geteuid(); ok && stat.Uid != 0 && int(stat.Uid) != me {
		return fmt.Errorf("belongs to user %d, who may change it; it must belong to root or to user %d, who runs this", stat.Uid, me)
	}
	return nil
}
