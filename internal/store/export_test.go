package store

import (
	"io/fs"
	"testing"
	"testing/fstest"
)

// Until is c with the migrations up to a version alone, as a program of that time had them.
func Until(t *testing.T, c Config, version string) Config {
	t.Helper()
	files, err := migrations(c.DatabaseURL != "")
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	all := fstest.MapFS{}
	for _, name := range names {
		if name[:len(version)] > version {
			continue
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = &fstest.MapFile{Data: text}
	}
	c.files = all
	return c
}
