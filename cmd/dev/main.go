// Command dev is for trying Pasarela without the SAT: `dev run` starts a sandbox
// and a gateway and prints commands to paste; `dev demo` walks every operation
// and shows what came, -corto with a month of durable downloads instead of a year.
// It is not shipped.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "dev:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "run":
		return run(ctx, os.Stdout)
	case len(args) == 1 && args[0] == "demo", len(args) == 2 && args[0] == "demo" && args[1] == "-corto":
		return demo(ctx, os.Stdout, len(args) == 2)
	}
	return errors.New("usage: dev run | dev demo [-corto]")
}
