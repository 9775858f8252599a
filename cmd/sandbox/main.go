// Command sandbox runs the simulated systems. It is for tests and development; nothing of it is the
// SAT's.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

// answer is how long the sandbox may take to say how it is.
const answer = 2 * time.Second

func main() {
	cfg := sandbox.Config{}
	flag.StringVar(&cfg.Listen, "listen", sandbox.Listen, "address of the SOAP services")
	flag.StringVar(&cfg.AdminListen, "admin", sandbox.AdminListen, "address of the admin port")
	flag.StringVar(&cfg.Dir, "dir", "data/sandbox", "where the authority and the e.firmas are kept")
	flag.Uint64Var(&cfg.Seed, "seed", 1, "seed of the data")
	flag.StringVar(&cfg.Scenario, "escenario", "", "scenario to start with: "+strings.Join(names(), ", "))
	flag.Float64Var(&cfg.Speed, "velocidad", 1, "sandbox seconds in a real one")
	flag.BoolVar(&cfg.AllowNonLoopback, "beyond-loopback", false, "listen on addresses that others can reach")
	sound := flag.Bool("healthcheck", false, "ask the sandbox of the admin port whether it runs, and end: for containers, which bring no curl")
	flag.Parse()
	cfg.Log = zerolog.New(os.Stderr).With().Timestamp().Logger().Level(zerolog.InfoLevel)

	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	build := func() error { return run(ctx, cfg, os.Stdout) }
	if *sound {
		build = func() error { return question(ctx, cfg.AdminListen) }
	}
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func names() []string {
	var all []string
	for _, e := range sandbox.Scenarios() {
		all = append(all, e.Nombre)
	}
	return all
}

// question asks the sandbox that listens on admin for its state.
func question(ctx context.Context, admin string) error {
	host, port, err := net.SplitHostPort(admin)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is read
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the sandbox answered %s", resp.Status)
	}
	return nil
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

`, soap, admin, s.EFirmasDir(), s.Scenario(), s.Clock().Read().Velocidad)
	})
}
