//go:build !unix

package cli

// hideFiles does nothing where files have no such modes.
func hideFiles() {}
