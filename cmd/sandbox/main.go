// Command sandbox runs the simulated systems. It is for tests and development; nothing of it is the
// SAT's.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

func main() {
	cfg := sandbox.Config{}
	flag.StringVar(&cfg.Listen, "listen", sandbox.Listen, "address of the SOAP services")
	flag.StringVar(&cfg.AdminListen, "admin", sandbox.AdminListen, "address of the admin port")
	flag.StringVar(&cfg.Dir, "dir", "data/sandbox", "where the authority and the e.firmas are kept")
	flag.Uint64Var(&cfg.Seed, "seed", 1, "seed of the data")
	flag.StringVar(&cfg.Escenario, "escenario", "", "scenario to start with: "+strings.Join(nombres(), ", "))
	flag.Float64Var(&cfg.Velocidad, "velocidad", 1, "sandbox seconds in a real one")
	flag.BoolVar(&cfg.AllowNonLoopback, "beyond-loopback", false, "listen on addresses that others can reach")
	flag.Parse()
	cfg.Log = zerolog.New(os.Stderr).With().Timestamp().Logger().Level(zerolog.InfoLevel)

	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, cfg, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func nombres() []string {
	var todos []string
	for _, e := range sandbox.Escenarios() {
		todos = append(todos, e.Nombre)
	}
	return todos
}

func run(ctx context.Context, cfg sandbox.Config, out io.Writer) error {
	s, err := sandbox.New(cfg)
	if err != nil {
		return err
	}
	return s.Run(ctx, func(soap, admin net.Addr) {
		_, _ = fmt.Fprintf(out, `
  SANDBOX DE PASARELA. Esto NO es el SAT: sus datos son inventados y sus
  certificados no sirven en ningún otro lugar.

  CFDI           http://%[1]s/cfdi/
  Retenciones    http://%[1]s/retenciones/
  Administración http://%[2]s/
  e.firmas       %[3]s
  Escenario      %[4]s, a %[5]g segundos por segundo

`, soap, admin, s.EFirmasDir(), s.Escenario(), s.Reloj().Lee().Velocidad)
	})
}
