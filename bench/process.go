package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stopAfter is how long a process may take to end before it is killed.
const stopAfter = 30 * time.Second

// process is a running server that the benchmark started.
type process struct {
	cmd   *exec.Cmd
	url   string
	stdin io.Closer
	// cut makes ctx's end the process's own.
	cancel context.CancelFunc
}

// startSelf starts one of this program's own servers (children.go) and returns
// when it has said where it listens.
func startSelf(ctx context.Context, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, self, append([]string{processCommand}, args...)...) //nolint:gosec // this program
	cmd.Stderr = os.Stderr
	p := &process{cmd: cmd, cancel: cancel}
	p.terminates()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, errors.Join(err, p.abandon())
	}
	p.stdin = stdin
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, p.abandon())
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, p.abandon())
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("starting %v: %w", args, errors.Join(err, p.stop()))
	}
	p.url = strings.TrimSpace(line)
	return p, nil
}

func (p *process) abandon() error {
	p.cancel()
	return nil
}

// terminates lets the process end by itself when it is told to.
func (p *process) terminates() {
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = stopAfter
}

func (p *process) stop() error {
	if p.stdin != nil {
		p.stdin.Close() //nolint:errcheck,gosec // its end is the message
	}
	p.cancel()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) || errors.Is(err, context.Canceled) {
		return nil // it was told to
	}
	return err
}

// usage is what the kernel says of a process.
type usage struct {
	cpu       float64 // seconds, user and system
	rss, peak float64 // MiB
}

func (p *process) usage() usage { return usageOf(strconv.Itoa(p.cmd.Process.Pid)) }

// resetPeak makes the peak that of what follows (proc(5), clear_refs).
func (p *process) resetPeak() {
	path := "/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/clear_refs"
	os.WriteFile(path, []byte("5"), 0) //nolint:errcheck,gosec // without /proc the row says so
}

// ticks is USER_HZ, which is 100 on every Linux that Go runs on.
const ticks = 100

// usageOf reads /proc/<pid>; what cannot be read is NaN.
func usageOf(pid string) usage {
	u := usage{cpu: math.NaN(), rss: math.NaN(), peak: math.NaN()}
	if stat, err := os.ReadFile("/proc/" + pid + "/stat"); err == nil {
		// After the command in parentheses: state is field 3, utime 14, stime 15.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 12 {
			user, _ := strconv.ParseFloat(fields[11], 64)
			system, _ := strconv.ParseFloat(fields[12], 64)
			u.cpu = (user + system) / ticks
		}
	}
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return u
	}
	for line := range strings.Lines(string(status)) {
		name, rest, _ := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			continue
		}
		kib, _ := strconv.ParseFloat(fields[0], 64)
		switch name {
		case "VmRSS":
			u.rss = kib / 1024
		case "VmHWM":
			u.peak = kib / 1024
		}
	}
	return u
}
