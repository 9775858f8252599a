package disk

import (
	"os"
	"syscall"
)

// Free is what the file system of dir has free for this process, and its size.
func Free(dir string) (free, total int64, err error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, 0, os.NewSyscallError("statfs", err)
	}
	return int64(fs.Bavail) * fs.Bsize, int64(fs.Blocks) * fs.Bsize, nil //nolint:gosec // no disk has so many bytes
}
