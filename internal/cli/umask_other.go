//go:build !unix

package cli

// hideFiles does nothing on systems without such modes.
func hideFiles() {}
