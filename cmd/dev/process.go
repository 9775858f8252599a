package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// program is what is built and measured: the gateway as it is shipped.
const program = "github.com/pasarela-mx/pasarela/cmd/gateway"

const (
	startTimeout = 30 * time.Second // until it listens
	stopTimeout  = 15 * time.Second // from being told to stop until it is killed
	settleTime   = time.Second      // until what its start took has settled
)

// process is a gateway in a process of its own, so that its memory is its own.
type process struct {
	cmd *exec.Cmd
	api string
	// rest is what it took before it was asked for anything, in bytes; 0 where
	// there is no /proc to read it from.
	rest int64
	end  chan struct{}
}

// compile builds the gateway into dir and returns where it is.
func compile(ctx context.Context, dir string) (string, error) {
	file := filepath.Join(dir, "bin", "gateway")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, program) //nolint:gosec // our own program, into our own folder
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the gateway (the demo runs within the repository): %w: %s", err, out)
	}
	return file, nil
}

// start starts the program with env alone, and waits until it listens and is idle.
func start(ctx context.Context, file string, env []string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, file), end: make(chan struct{})}
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = stopTimeout
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}, env...)
	var complaint bytes.Buffer
	p.cmd.Stderr = &complaint
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	listens := make(chan string, 1)
	go p.listen(out, listens)
	select {
	case addr := <-listens:
		p.api = "http://" + addr
	case <-p.end:
		return nil, fmt.Errorf("the gateway ended: %w: %s", p.cmd.Wait(), complaint.String())
	case <-time.After(startTimeout):
		return nil, errors.Join(errors.New("the gateway does not listen"), p.Close())
	}
	time.Sleep(settleTime)
	p.rest, _ = p.memory("VmRSS")
	return p, nil
}

// listen reads the log until it ends: one line says where the API is.
func (p *process) listen(out io.Reader, listens chan<- string) {
	defer close(p.end)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var line struct{ Message, API string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "listening" {
			listens <- line.API
		}
	}
	io.Copy(io.Discard, out) //nolint:errcheck // what a scanner would not take
}

// Close tells it to stop, and waits.
func (p *process) Close() error {
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	timer := time.AfterFunc(stopTimeout, func() { p.cmd.Process.Kill() }) //nolint:errcheck // it ended by itself
	defer timer.Stop()
	<-p.end
	return errors.Join(err, p.cmd.Wait())
}

// memory is a field of /proc/<pid>/status in bytes: VmRSS is what the process
// takes now, VmHWM the most it ever took. False where there is no such file.
func (p *process) memory(field string) (int64, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, false
	}
	m := regexp.MustCompile(`(?m)^` + field + `:\s+(\d+) kB$`).FindSubmatch(text)
	if m == nil {
		return 0, false
	}
	kb, err := strconv.ParseInt(string(m[1]), 10, 64)
	return kb << 10, err == nil
}
