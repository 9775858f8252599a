package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/cli"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

// mark begins the window of a profile, or ends it.
func (g *gatewayProcess) mark() error {
	if g.profile == "" {
		return nil
	}
	return g.cmd.Process.Signal(syscall.SIGUSR1)
}

// profiled is a gateway inside this program. The first SIGUSR1 starts the CPU's
// profile, the second ends it and writes the heap's.
func profiled(prefix string, args []string) error {
	marks := make(chan os.Signal, 1)
	signal.Notify(marks, syscall.SIGUSR1)
	go func() {
		if err := profile(prefix, marks); err != nil {
			fmt.Fprintln(os.Stderr, "bench: profile:", err)
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if code := cli.Main(ctx, args, cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}); code != 0 {
		return fmt.Errorf("the gateway ended with %d", code)
	}
	return nil
}

func profile(prefix string, marks <-chan os.Signal) error {
	<-marks
	cpu, err := os.Create(prefix + ".cpu.pprof")
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return errors.Join(err, cpu.Close())
	}
	<-marks
	pprof.StopCPUProfile()
	heap, err := os.Create(prefix + ".heap.pprof")
	if err != nil {
		return errors.Join(err, cpu.Close())
	}
	runtime.GC()
	return errors.Join(cpu.Close(), pprof.Lookup("allocs").WriteTo(heap, 0), heap.Close())
}

// inProcess is a sandbox whose requests stay in process for two days. It says
// where it listens, and its admin port.
func inProcess(dir string) error {
	s, err := sandbox.New(sandbox.Config{Dir: dir, Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Seed: 1, Log: zerolog.Nop()})
	if err != nil {
		return err
	}
	if err := s.Knobs().Change(map[string]any{"demora_aceptada": time.Duration(0), "demora_proceso": 48 * time.Hour}); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return s.Run(ctx, func(soap, admin net.Addr) { fmt.Printf("http://%s http://%s\n", soap, admin) })
}
