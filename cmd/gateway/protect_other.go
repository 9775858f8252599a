//go:build !linux

package main

// protect does nothing where there is no such call.
func protect() {}
