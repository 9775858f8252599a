package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
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
}

// startSelf starts one of this program's own servers (children.go) and returns
// when it has said where it listens.
func startSelf(ctx context.Context, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, self, append([]string{processCommand}, args...)...)
	cmd.Stderr = os.Stderr
	p := &process{cmd: cmd, cancel: cancel}
	p.terminates()
	stdout, err := p.begin()
	if err != nil {
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

// begin starts the process between two pipes: it ends when its input does.
func (p *process) begin() (io.Reader, error) {
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return stdout, p.cmd.Start()
}

// terminates lets the process end by itself when it is told to.
func (p *process) terminates() {
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = stopAfter
}

func (p *process) stop() error {
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

// usage is what the kernel says of a process.
type usage struct {
	cpu       float64 // seconds, user and system
	rss, peak float64 // MiB
}

func (p *process) usage() usage { return usageOf(strconv.Itoa(p.cmd.Process.Pid)) }

// resetPeak makes the peak that of what follows (proc(5), clear_refs).
func (p *process) resetPeak() {
	path := "/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/clear_refs"
	os.WriteFile(path, []byte("5"), 0) //nolint:errcheck // without /proc the row says so
}

// meter tells how much of the machine was not ours while a section ran.
type meter struct {
	b         *bench
	started   time.Time
	busy, own float64
}

func (b *bench) newMeter() *meter {
	return &meter{b: b, started: time.Now(), busy: machineBusy(), own: b.ownCPU()}
}

// others returns the percentage of all CPUs that other programs used, or that
// the hypervisor withheld.
func (m *meter) others() float64 {
	busy, own := machineBusy()-m.busy, m.b.ownCPU()-m.own
	return max(0, 100*(busy-own)/(since(m.started)*float64(runtime.NumCPU())))
}

// ownCPU is what this process, the source, and every process that has ended took.
func (b *bench) ownCPU() float64 {
	fields := statFields("self")
	if len(fields) <= cutimeField+1 {
		return math.NaN()
	}
	total := b.source.usage().cpu
	for _, field := range fields[utimeField : cutimeField+2] {
		n, _ := strconv.ParseFloat(field, 64)
		total += n / ticks
	}
	return total
}

// machineBusy sums the machine's user, nice, system, irq, softirq and steal
// seconds (proc(5), stat).
func machineBusy() float64 {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return math.NaN()
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	total := 0.0
	for i, field := range strings.Fields(line) {
		if i == 0 || i == 4 || i == 5 || i > 8 { // the name, idle, iowait, guests
			continue
		}
		n, _ := strconv.ParseFloat(field, 64)
		total += n / ticks
	}
	return total
}

// The places of utime and of cutime in /proc/<pid>/stat, counted after the
// command in parentheses; stime and cstime follow them (proc(5)).
const (
	utimeField  = 11
	cutimeField = 13
)

func statFields(pid string) []string {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return nil
	}
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
}

// ticks is USER_HZ, which is 100 on every Linux that Go runs on.
const ticks = 100

// usageOf reads /proc/<pid>; what cannot be read is NaN.
func usageOf(pid string) usage {
	u := usage{cpu: math.NaN(), rss: math.NaN(), peak: math.NaN()}
	if fields := statFields(pid); len(fields) > utimeField+1 {
		user, _ := strconv.ParseFloat(fields[utimeField], 64)
		system, _ := strconv.ParseFloat(fields[utimeField+1], 64)
		u.cpu = (user + system) / ticks
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
