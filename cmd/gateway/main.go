// Command gateway runs Pasarela.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/pasarela-mx/pasarela/internal/cli"
)

func main() {
	protect()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the next one ends the program at once, as it would without us.
	context.AfterFunc(ctx, stop)
	code := cli.Main(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
