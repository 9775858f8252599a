//go:build !unix

package apikeys

import "os"

// sameOwner has nothing to do: a new file takes the permissions of its folder.
func sameOwner(*os.File, os.FileInfo) error { return nil }

// trusted takes every file: whom it belongs to is for the permissions of its folder.
func trusted(os.FileInfo) error { return nil }
