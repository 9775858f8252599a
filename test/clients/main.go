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

// aLaVez is how many clients are built and run at a time. On two cores: of three,
// one is usually waiting for its descarga.
const aLaVez = 3

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
	trabajos, err := trabajos(".", names)
	if err != nil {
		return err
	}
	taller, err := filepath.Abs(filepath.Join(".cache", "clients"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(taller, 0o750); err != nil {
		return err
	}
	autoridad, err := autoridad()
	if err != nil {
		return err
	}
	defer os.RemoveAll(autoridad) //nolint:errcheck // a temporary directory
	started := time.Now()
	corrida := corrida{taller: taller, autoridad: autoridad, enCI: os.Getenv("CI") != ""}
	if err := corrida.generador(ctx, ".", trabajos); err != nil {
		return err
	}
	resultados := corrida.todos(ctx, out, trabajos)
	return tabla(out, resultados, time.Since(started))
}

// todos runs the jobs, aLaVez at a time, and prints what each said when it ends.
func (c *corrida) todos(ctx context.Context, out io.Writer, trabajos []trabajo) []resultado {
	resultados := make([]resultado, len(trabajos))
	turnos := make(chan struct{}, aLaVez)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i, t := range trabajos {
		turnos <- struct{}{}
		wg.Go(func() {
			defer func() { <-turnos }()
			resultados[i] = c.corre(ctx, t)
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(out, "\n== %s: %s\n%s", t, resultados[i].estado, indent(resultados[i].salida)) //nolint:errcheck // a terminal
		})
	}
	wg.Wait()
	return resultados
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("   " + line)
	}
	return b.String()
}

// tabla prints what ran. The error says that not everything did.
func tabla(out io.Writer, resultados []resultado, total time.Duration) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-12s %-10s %-9s %9s  %s\n", "cliente", "qué", "resultado", "segundos", "con")
	n := make(map[estado]int)
	for _, r := range resultados {
		n[r.estado]++
		fmt.Fprintf(&b, "%-12s %-10s %-9s %9.1f  %s\n", r.lenguaje.nombre, r.clase, r.estado, r.tomo.Seconds(), r.con)
	}
	fmt.Fprintf(&b, "\nclients: %d passed, %d failed, %d skipped\n%.0f s in all\n", n[bien], n[fallo], n[omitido], total.Seconds())
	fmt.Fprint(out, b.String()) //nolint:errcheck // a terminal
	if n[fallo] > 0 {
		return fmt.Errorf("%d of %d clients failed", n[fallo], len(resultados))
	}
	if n[bien] == 0 {
		return errors.New("no client ran")
	}
	return nil
}
