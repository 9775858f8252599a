package main

import (
	"bytes"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

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

// meter measures how much of the machine was not ours while a section ran.
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
func (b *bench) ownCPU() float64 { return b.source.usage().cpu + statTicks("self", cutimeField+2) }

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
		total += number(field) / ticks
	}
	return total
}

// The places of utime and of cutime in /proc/<pid>/stat, counted after the
// command in parentheses; stime and cstime follow them (proc(5)).
const (
	utimeField  = 11
	cutimeField = 13
)

// ticks is USER_HZ, which is 100 on every Linux that Go runs on.
const ticks = 100

func statFields(pid string) []string {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return nil
	}
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
}

// statTicks sums a process's fields from utime up to another, in seconds.
func statTicks(pid string, until int) float64 {
	fields := statFields(pid)
	if len(fields) < until {
		return math.NaN()
	}
	total := 0.0
	for _, field := range fields[utimeField:until] {
		total += number(field) / ticks
	}
	return total
}

func number(text string) float64 {
	n, _ := strconv.ParseFloat(text, 64)
	return n
}

// usageOf reads /proc/<pid>; what cannot be read is NaN.
func usageOf(pid string) usage {
	u := usage{cpu: statTicks(pid, utimeField+2), rss: math.NaN(), peak: math.NaN()}
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return u
	}
	for line := range strings.Lines(string(status)) {
		name, rest, _ := strings.Cut(line, ":")
		switch kib, _, _ := strings.Cut(strings.TrimSpace(rest), " "); name {
		case "VmRSS":
			u.rss = number(kib) / 1024
		case "VmHWM":
			u.peak = number(kib) / 1024
		}
	}
	return u
}

// cpuSeconds is the CPU that this process took.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
