package store

import (
	"errors"
	"os"
	"syscall"
)

// keepSize is FALLOC_FL_KEEP_SIZE (fallocate(2)).
const keepSize = 1

// setAside takes n bytes of room for f, which stays as long as it is.
func setAside(f *os.File, n int64) error {
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
