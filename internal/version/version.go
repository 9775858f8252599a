// Package version says which build this is: what the linker was told, and what the
// Go command has recorded of the checkout where it was told nothing. It reads
// neither files nor the environment.
package version

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// What `make build` hands to the linker (-X): the name that git gives the
// checkout, its commit, and the time of that commit as RFC 3339.
var (
	name   string
	commit string
	fecha  string
)

// Info describes a build. Version is never empty; Commit and Fecha are where the
// build knew of no checkout.
type Info struct {
	Version string `json:"version"`
	// Commit is the whole hash, with "+cambios" behind it when the checkout had
	// changes that were not committed.
	Commit string `json:"commit,omitempty"`
	// Fecha is when the commit was made, RFC 3339.
	Fecha      string `json:"fecha,omitempty"`
	Go         string `json:"go"`
	Plataforma string `json:"plataforma"`
}

// withoutVersion is what a build is called that nobody has given a name.
const withoutVersion = "devel"

// Read describes the running program.
func Read() Info {
	info, _ := debug.ReadBuildInfo()
	return describe(Info{Version: name, Commit: commit, Fecha: fecha}, info)
}

// describe fills in from the build's own record what the linker was not told.
func describe(i Info, build *debug.BuildInfo) Info {
	i.Go, i.Plataforma = runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH
	if build != nil {
		vcs := map[string]string{}
		for _, s := range build.Settings {
			vcs[s.Key] = s.Value
		}
		if i.Commit == "" && vcs["vcs.revision"] != "" {
			i.Commit = vcs["vcs.revision"]
			if vcs["vcs.modified"] == "true" {
				i.Commit += "+cambios"
			}
		}
		i.Fecha = cmp.Or(i.Fecha, vcs["vcs.time"])
		if build.Main.Version != "(devel)" {
			i.Version = cmp.Or(i.Version, build.Main.Version)
		}
	}
	i.Version = cmp.Or(i.Version, withoutVersion)
	return i
}
