// Command clients generates clients of the API in six languages, in two of them by
// two generators, from the contract as a running gateway serves it, builds them and lets them do real
// work against that gateway and a sandbox; then it runs the programs of
// examples/, which need no generator.
//
// What it runs are the blocks of docs/clientes.md and examples/README.md as they
// stand there, so that neither page can say what does not work. It keeps
// nothing but downloads, in .cache/clients, and skips a language whose programs
// are missing, unless CI is set.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// atOnce is how many clients are built and run at a time. On two cores: of three,
// one is usually waiting for its descarga.
const atOnce = 3

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Stdout, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, out io.Writer, names []string) error {
	jobs, err := jobs(".", names)
	if err != nil {
		return err
	}
	workshop, err := filepath.Abs(filepath.Join(".cache", "clients"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(workshop, 0o750); err != nil {
		return err
	}
	autoridad, err := autoridad()
	if err != nil {
		return err
	}
	defer os.RemoveAll(autoridad) //nolint:errcheck // a temporary directory
	started := time.Now()
	corrida := corrida{workshop: workshop, autoridad: autoridad, inCI: os.Getenv("CI") != ""}
	if err := corrida.generator(ctx, ".", jobs); err != nil {
		return err
	}
	results := corrida.all(ctx, out, jobs)
	return table(out, results, time.Since(started))
}

// all runs the jobs, atOnce at a time, and prints what each said when it ends.
func (c *corrida) all(ctx context.Context, out io.Writer, jobs []job) []result {
	results := make([]result, len(jobs))
	turns := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i, t := range jobs {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			results[i] = c.run(ctx, t)
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(out, "\n== %s: %s\n%s", t, results[i].estado, indent(results[i].output)) //nolint:errcheck // a terminal
		})
	}
	wg.Wait()
	return results
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("   " + line)
	}
	return b.String()
}

// table prints what ran. The error says that not everything did.
func table(out io.Writer, results []result, total time.Duration) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-12s %-10s %-9s %9s  %s\n", "cliente", "qué", "resultado", "segundos", "con")
	n := make(map[estado]int)
	for _, r := range results {
		n[r.estado]++
		fmt.Fprintf(&b, "%-12s %-10s %-9s %9.1f  %s\n", r.language.name, r.class, r.estado, r.took.Seconds(), r.with)
	}
	fmt.Fprintf(&b, "\nclients: %d passed, %d failed, %d skipped\n%.0f s in all\n", n[bien], n[failure], n[omitido], total.Seconds())
	fmt.Fprint(out, b.String()) //nolint:errcheck // a terminal
	if n[failure] > 0 {
		return fmt.Errorf("%d of %d clients failed", n[failure], len(results))
	}
	if n[bien] == 0 {
		return errors.New("no client ran")
	}
	return nil
}
