// Command bench measures the gateway beside small reference programs of ours
// (bench/ref), OpenSSL and curl, interleaved in one run, and prints Markdown
// tables. What counts is the ratio between rows of one run; README.md says what
// each row means.
//
// It is no test: no number makes it fail. It exits with an error only when
// something could not be measured at all.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == processCommand {
		return runProcess(args[1:])
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "a run of a minute: fewer repeats, smaller packages")
	dir := flags.String("dir", "", "where packages are written and removed again (a temporary directory; some 4 GB pass through it)")
	only := flags.String("only", "", "sections to run, separated by commas: firma, paquete, verifica, sep, lectura, trabajos, arranque")
	profile := flags.String("perfil", "", "a directory for CPU and heap profiles of gateways, which then run inside this program: their size is not a release's")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	plan := full()
	if *quick {
		plan = brief()
	}
	return run(ctx, plan, *dir, *only, *profile)
}

// plan is how much is done.
type plan struct {
	name                   string
	pairs                  int // of signatures
	openssl                int // seconds
	megas, rounds, slow    int // package size, repeats, repeats of the slow programs
	smallMegas, bigMegas   int
	memoryRounds           int
	atOnce, atOnceMegas    int
	loadRounds, rateRounds int
	loadFor, rateFor       time.Duration
	starts                 int
	rows, documents        int // of metadata and of CFDI in a package
	live, laps             int // descargas, and how often each is polled in a window
	poll                   time.Duration
}

func full() plan {
	return plan{name: "full", pairs: 2000, openssl: 2, megas: 200, rounds: 7, slow: 2, smallMegas: 50, bigMegas: 1000, memoryRounds: 3,
		atOnce: 16, atOnceMegas: 50, loadRounds: 5, loadFor: 4 * time.Second, rateRounds: 5, rateFor: 4 * time.Second, starts: 7, rows: 1_000_000, documents: 50_000,
		live: 2000, laps: 3, poll: 20 * time.Second}
}

func brief() plan {
	return plan{name: "quick", pairs: 400, openssl: 1, megas: 100, rounds: 3, slow: 1, smallMegas: 25, bigMegas: 300, memoryRounds: 1,
		atOnce: 16, atOnceMegas: 20, loadRounds: 2, loadFor: 2 * time.Second, rateRounds: 2, rateFor: 2 * time.Second, starts: 3, rows: 200_000, documents: 10_000,
		live: 600, laps: 2, poll: 8 * time.Second}
}

// section is one table.
type section struct {
	name, title string
	run         func(context.Context, *bench) ([]row, error)
}

func sections() []section {
	return []section{
		{"firma", "1. A signed request", firma},
		{"paquete", "2. A package, from the SAT's envelope to a file", paquete},
		{"verifica", "3. Verifica through the gateway", verify},
		{"sep", "3b. The SEP: a small translation, and uploads", sepRows},
		{"lectura", "4. Reading packages", reading},
		{"trabajos", "4b. Live descargas", jobs},
		{"arranque", "5. Start and size", start},
	}
}

func run(ctx context.Context, p plan, dir, only, profile string) error {
	started := time.Now()
	b, err := newBench(ctx, p, dir, profile)
	if err != nil {
		return err
	}
	defer b.close()
	fmt.Printf("# Benchmark of %s (%s run)\n\n%s/%s, %d CPUs, %s. Ratios within this run are what counts.\n",
		started.Format(time.DateOnly), p.name, runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	for _, missing := range b.missing {
		fmt.Printf("\n**Skipped: %s**\n", missing)
	}
	var failed error
	for _, s := range sections() {
		if only != "" && !strings.Contains(","+only+",", ","+s.name+",") {
			continue
		}
		meter := b.newMeter()
		rows, err := b.section(ctx, s.run)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fmt.Printf("\n## %s\n\n%s\nOther programs used %.0f %% of the CPUs meanwhile.\n", s.title, table(rows), meter.others())
		if err != nil {
			fmt.Printf("\n**Not measured to the end: %v**\n", err)
			failed = errors.Join(failed, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	fmt.Printf("\nTook %s.\n", time.Since(started).Round(time.Second))
	return failed
}

// missingTools tells which rows cannot be there.
func missingTools() []string {
	var out []string
	if _, err := exec.LookPath("openssl"); err != nil {
		out = append(out, "openssl is not installed: its row is missing")
	}
	if _, err := exec.LookPath("curl"); err != nil {
		out = append(out, "curl is not installed: a Go client takes its place")
	}
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		out = append(out, "there is no /proc: memory and CPU rows are missing")
	}
	return out
}
