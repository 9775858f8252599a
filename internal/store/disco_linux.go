package store

import (
	"errors"
	"os"
	"syscall"
)

// disco is what the file system of dir has free for this process, and its size.
func disco(dir string) (libre, total int64, err error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, 0, os.NewSyscallError("statfs", err)
	}
	return int64(fs.Bavail) * fs.Bsize, int64(fs.Blocks) * fs.Bsize, nil //nolint:gosec // no disk has so many bytes
}

// keepSize is FALLOC_FL_KEEP_SIZE (fallocate(2)).
const keepSize = 1

// aparta takes n bytes of room for f, which stays as long as it is.
func aparta(f *os.File, n int64) error {
	for {
		err := syscall.Fallocate(int(f.Fd()), keepSize, 0, n)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.ENOSYS):
			// Some file systems cannot; what is free was seen to be enough.
			return nil
		}
		return os.NewSyscallError("fallocate", err)
	}
}
