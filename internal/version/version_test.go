package version

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDescribe_WhenSourcesDiffer(t *testing.T) {
	build := func(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: version}, Settings: settings}
	}
	vcs := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123abc"}, {Key: "vcs.time", Value: "2026-02-01T18:00:00Z"}}
	for name, tt := range map[string]struct {
		linker Info
		build  *debug.BuildInfo
		want   Info
	}{
		"nothing is known":         {Info{}, nil, Info{Version: "devel"}},
		"go build without a VCS":   {Info{}, build("(devel)"), Info{Version: "devel"}},
		"go build in a checkout":   {Info{}, build("v0.0.0-1", vcs...), Info{Version: "v0.0.0-1", Commit: "0123abc", Fecha: "2026-02-01T18:00:00Z"}},
		"with changes":             {Info{}, build("v0.0.0-1", append(vcs, debug.BuildSetting{Key: "vcs.modified", Value: "true"})...), Info{Version: "v0.0.0-1", Commit: "0123abc+cambios", Fecha: "2026-02-01T18:00:00Z"}},
		"the linker's word is law": {Info{Version: "v2", Commit: "fed", Fecha: "2027"}, build("v0.0.0-1", vcs...), Info{Version: "v2", Commit: "fed", Fecha: "2027"}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.want.Go, tt.want.Plataforma = runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH
			if diff := cmp.Diff(tt.want, describe(tt.linker, tt.build)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// make build is what stamps: its flags must name the variables that are here.
func TestMakefile_WhenItStamps(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	const place = "github.com/pasarela-mx/pasarela/internal/version"
	if !strings.Contains(string(makefile), "SELLADO := "+place+"\n") {
		t.Error("the Makefile stamps another package")
	}
	var flags []string
	for _, name := range []string{"name", "commit", "fecha"} {
		variable := place + "." + name
		if !strings.Contains(string(makefile), "-X $(SELLADO)."+name+"=") {
			t.Errorf("the Makefile does not stamp %s", variable)
		}
		flags = append(flags, "-X "+variable+"=sello-"+name)
	}
	if testing.Short() {
		t.Skip("builds a program")
	}
	out, err := exec.Command("go", "test", "-count=1", "-run", "^TestRead_WhenStamped$", "-ldflags", strings.Join(flags, " "), ".", "-args", "stamped").CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestRead_WhenStamped(t *testing.T) {
	if len(os.Args) == 0 || os.Args[len(os.Args)-1] != "stamped" {
		t.Skip("run by TestMakefile_WhenItStamps")
	}
	if i := Read(); i.Version != "sello-name" || i.Commit != "sello-commit" || i.Fecha != "sello-fecha" {
		t.Errorf("%+v", i)
	}
}
