//go:build unix

package cli

import "syscall"

// hideFiles keeps others from reading what this process writes, whatever umask it was
// started with. The files that a command writes for people keep that umask.
func hideFiles() { syscall.Umask(0o077) }
