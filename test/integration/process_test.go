package integration

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := binaries(); err == nil {
		os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	}
	if dir, err := commonAutoridad(); err == nil {
		os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	}
	os.Exit(code)
}

// binaries builds the programs once, as they are shipped: without the race detector.
var binaries = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "pasarela-bin-")
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./cmd/gateway", "./cmd/sandbox", "./test/integration/vida")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("building: %w: %s", err, out)
	}
	return dir, nil
})

func binary(t *testing.T, name string) string {
	t.Helper()
	dir, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// cleanEnv is this process's environment without the gateway's settings, and with no way
// to a real system, whatever a test forgets.
func cleanEnv(extra ...string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(), "GATEWAY_SIN_SALIDA=https://127.0.0.1:9"}
	return append(env, extra...)
}

// runGateway runs the program to its end and returns what it wrote.
func runGateway(t *testing.T, env ...string) (string, int) {
	t.Helper()
	return runCommand(t, nil, env...)
}

// runCommand is runGateway with a command line.
func runCommand(t *testing.T, args []string, env ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(binary(t, "gateway"), args...)
	cmd.Env = cleanEnv(env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() { cmd.Process.Kill() }) //nolint:errcheck // it ended by itself
	defer timer.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// process is a program that runs beside the test.
type process struct {
	cmd   *exec.Cmd
	api   string // http://host:port of the gateway's API
	admin string // and of its administration
	done  chan struct{}
}

// startGateway starts the program and waits until it listens.
func startGateway(t *testing.T, env ...string) *process {
	t.Helper()
	return startProcess(t, exec.Command(binary(t, "gateway")), env...)
}

// startProcess is startGateway with a command of one's own.
func startProcess(t *testing.T, cmd *exec.Cmd, env ...string) *process {
	t.Helper()
	p := &process{cmd: cmd, done: make(chan struct{})}
	p.cmd.Env = cleanEnv(append(env, "GATEWAY_LISTEN=127.0.0.1:0", "GATEWAY_ADMIN_LISTEN=127.0.0.1:0")...)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	p.cmd.Stderr = &stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	listening := make(chan [2]string, 1)
	go func() {
		defer close(p.done)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var line struct{ Message, API, Admin string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "listening" {
				listening <- [2]string{line.API, line.Admin}
			}
		}
		io.Copy(io.Discard, out) //nolint:errcheck // what a scanner would not take
	}()
	select {
	case at := <-listening:
		p.api, p.admin = "http://"+at[0], "http://"+at[1]
	case <-p.done:
		t.Fatalf("the gateway ended: %s", stderr.String())
	case <-time.After(patience):
		t.Fatal("the gateway does not listen")
	}
	return p
}

// kill ends it as a power cut would, without warning.
func (p *process) kill() {
	p.cmd.Process.Signal(syscall.SIGKILL) //nolint:errcheck // it may have ended
	<-p.done
	p.cmd.Wait() //nolint:errcheck // killed
}
