//go:build unix

package cli

import "syscall"

// hideFiles lets nobody else read what this process writes, whatever the umask was that it
// was started with. What a command writes for people keeps theirs.
func hideFiles() { syscall.Umask(0o077) }
