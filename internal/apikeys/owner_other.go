//go:build !unix

package apikeys

import "os"

// sameOwner does nothing: a new file inherits the permissions of its folder.
func sameOwner(*os.File, os.FileInfo) error { return nil }

// trusted accepts every file: the permissions of its folder decide who owns it.
func trusted(os.FileInfo) error { return nil }
