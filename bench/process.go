package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// stopAfter is how long a process may take to end before it is killed.
const stopAfter = 30 * time.Second

// process is a running server that the benchmark started.
type process struct {
	cmd    *exec.Cmd
	url    string
	stdin  io.Closer
	cancel context.CancelFunc
	ended  bool
}

// self is a command of this program, run as a process (children.go).
func self(ctx context.Context, args ...string) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, append([]string{processCommand}, args...)...)
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// outcome runs a command of this program to its end and reads the numbers that it prints.
func outcome(ctx context.Context, args []string, into ...any) (*os.ProcessState, error) {
	cmd, err := self(ctx, args...)
	if err != nil {
		return nil, err
	}
	out, err := cmd.Output()
	if err == nil {
		_, err = fmt.Sscan(string(out), into...)
	}
	if err != nil {
		return nil, fmt.Errorf("%v: %w", args, err)
	}
	return cmd.ProcessState, nil
}

// startSelf starts one of this program's own servers and returns when it has said
// where it listens. It ends when its input does.
func startSelf(ctx context.Context, args ...string) (*process, error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd, err := self(ctx, args...)
	if err != nil {
		cancel()
		return nil, err
	}
	p := &process{cmd: cmd, cancel: cancel}
	p.terminates()
	stdin, errIn := cmd.StdinPipe()
	stdout, errOut := cmd.StdoutPipe()
	if err := errors.Join(errIn, errOut); err != nil {
		cancel()
		return nil, err
	}
	p.stdin = stdin
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("starting %v: %w", args, errors.Join(err, p.stop()))
	}
	p.url = strings.TrimSpace(line)
	return p, nil
}

// terminates lets the process end by itself when it is told to.
func (p *process) terminates() {
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = stopAfter
}

// stop ends the process. A second call does nothing.
func (p *process) stop() error {
	if p.ended {
		return nil
	}
	p.ended = true
	if p.stdin != nil {
		p.stdin.Close() //nolint:errcheck // its end is the message
	}
	p.cancel()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) || errors.Is(err, context.Canceled) {
		return nil // it was told to
	}
	return err
}
