package integration

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// nobody is the user of a gateway that a test as root starts, as containers have one.
const nobody = 65534

// A gateway that is started with the loosest umask, by a user who is not root.
func TestFiles_WhenTheUmaskLetsEverybodyInNobodyIs(t *testing.T) {
	t.Parallel()
	home, err := os.MkdirTemp("", "pasarela-umask-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) }) //nolint:errcheck // a temporary directory
	program, data := filepath.Join(home, "gateway"), filepath.Join(home, "data")
	content, err := os.ReadFile(binary(t, "gateway"))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{os.WriteFile(program, content, 0o755), os.Chmod(home, 0o711), os.Mkdir(data, 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("sh", "-c", `umask 000; exec "$0" serve`, program)
	cmd.Dir = "/"
	uid := uint32(os.Geteuid())
	if uid == 0 {
		uid = nobody
		if err := os.Chown(data, nobody, nobody); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	p := startProcess(t, cmd, "GATEWAY_DATA_DIR="+data)
	var names []string
	err = filepath.WalkDir(data, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the ledger's mark on its way, which has its own name by now
		}
		if err != nil {
			return err
		}
		names = append(names, info.Name())
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("others may use %s: mode %04o", path, info.Mode().Perm())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"pasarela.db", "pasarela.db-wal", "pasarela.db-shm", "pasarela.lock"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not there: %q", want, names)
		}
	}
	// What of a process belongs to root cannot be read by its own user (proc_pid(5)).
	info, err := os.Stat("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/mem")
	if err != nil {
		t.Fatal(err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid == uid {
		t.Errorf("the memory belongs to user %d: the process can be dumped", uid)
	}
	resp, err := http.Get(p.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	metrics, err := io.ReadAll(resp.Body)
	for _, want := range []string{"\nprocess_open_fds ", "\nprocess_start_time_seconds ", "\nprocess_resident_memory_bytes "} {
		if err != nil || !strings.Contains(string(metrics), want) {
			t.Errorf("%v, /metrics lacks %q", err, want)
		}
	}
}
