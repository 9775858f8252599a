package main

import "syscall"

// protect keeps what this process has in memory, keys among it, from core dumps and from
// other processes of the same user (prctl(2), PR_SET_DUMPABLE).
func protect() {
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0) //nolint:errcheck // it cannot fail with these arguments
}
