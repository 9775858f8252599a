//go:build unix

package apikeys

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// deploy/README.md gives the file to root and lets the gateway's group read it. A
// revocation that the gateway cannot read would keep the key in force.
func TestRemove_TheGatewayCanStillReadTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link := filepath.Join(dir, "keys.json"), filepath.Join(dir, "link.json")
	for _, name := range []string{"erp", "other"} {
		if err := Add(file, Key{Name: name, SHA256: Digest(name), RFCs: []string{All}, Scopes: []string{All}}); err != nil {
			t.Fatal(err)
		}
	}
	group := os.Getgid()
	if os.Getuid() == 0 {
		group = 4321
		if err := os.Chown(file, 0, group); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("keys.json", link); err != nil {
		t.Fatal(err)
	}
	ring, err := Open(file, time.Now, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := Remove(link, "erp"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if gid := int(info.Sys().(*syscall.Stat_t).Gid); info.Mode().Perm() != 0o640 || gid != group {
		t.Errorf("mode %v and group %d, want 0640 and %d", info.Mode(), gid, group)
	}
	if to, err := os.Readlink(link); err != nil || to != "keys.json" {
		t.Errorf("the link leads to %q: %v", to, err)
	}
	if _, err := ring.Find("erp"); err == nil {
		t.Error("the revoked key is let in by the file that the link leads to")
	}
	if _, err := ring.Find("other"); err != nil {
		t.Error("the other key is not let in")
	}
	// The lock stays. It belongs to the file, by whichever name that was changed.
	if left, err := filepath.Glob(filepath.Join(dir, "*.json.*")); err != nil || !slices.Equal(left, []string{file + ".lock"}) {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestAdd_WhenManyAtOnceNoneIsLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	const many = 20
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			_, digest, err := Generate()
			if err != nil {
				t.Error(err)
				return
			}
			if err := Add(path, Key{Name: fmt.Sprint("k", i), SHA256: digest, RFCs: []string{All}, Scopes: []string{All}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	keys, err := List(path)
	if err != nil || len(keys) != many {
		t.Errorf("%d keys, want %d: %v", len(keys), many, err)
	}
}

// owned is a file of a user.
type owned struct {
	os.FileInfo
	uid uint32
}

func (o owned) Sys() any { return &syscall.Stat_t{Uid: o.uid} }

// The owner of a file can always change its mode and write it.
func TestTrusted_OnlyRootAndThisProcess(t *testing.T) {
	t.Parallel()
	me := uint32(os.Geteuid())
	for uid, want := range map[uint32]bool{0: true, me: true, me + 1: false, 65534: false} {
		if err := trusted(owned{uid: uid}); (err == nil) != want {
			t.Errorf("user %d: %v", uid, err)
		}
	}
}

func TestRing_WhenTheFileBelongsToSomebodyElse(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can give a file away")
	}
	r := newRig(t, "a")
	if err := os.Chown(r.path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	r.expect("a", nil)
	if f := r.Fault(); f.Err == nil || !strings.Contains(f.Err.Error(), "65534") {
		t.Errorf("%+v", f)
	}
	if _, err := Open(r.path, time.Now, nil); err == nil {
		t.Error("it starts with the file of another user")
	}
	// Root can still repair it.
	if err := Remove(r.path, "a"); err != nil {
		t.Error(err)
	}
}
