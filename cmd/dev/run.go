package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/telemetry"
)

// The places of `make run`. DEV_DATA_DIR moves them.
const (
	defaultDataDir = "./data"
	rfcCompany     = "PRU010101AB1"
)

func run(ctx context.Context, out io.Writer) error {
	dir := os.Getenv("DEV_DATA_DIR")
	if dir == "" {
		dir = defaultDataDir
	}
	fmt.Fprintln(out, "Starting the sandbox and the gateway (the first time makes keys, a second or two)…") //nolint:errcheck // a terminal
	// The sandbox forgets its solicitudes when it stops and gives the same ids
	// again: a ledger that remembered them would answer with other packages.
	if err := os.MkdirAll(dir, 0o700); err != nil { //nolint:gosec // the developer's own choice of place
		return err
	}
	ledger, err := os.MkdirTemp(dir, "gateway-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(ledger) //nolint:errcheck // a copy of what the sandbox makes
	stack, err := devstack.Start(ctx, ledger, devstack.Options{
		Sandbox: sandbox.Config{Dir: dir + "/sandbox", Seed: 1, Log: zerolog.Nop()},
		Log:     telemetry.NewLogger(out, "info", "console"),
	})
	if err != nil {
		return fmt.Errorf("%w\n(is another `make run` using the ports?)", err)
	}
	fmt.Fprint(out, banner(stack)) //nolint:errcheck // a terminal
	err = stack.Wait()
	if stopped := stack.Stop(); err == nil {
		err = stopped
	}
	return err
}

// banner is what to paste. A test runs these very lines.
func banner(s *devstack.Stack) string {
	return strings.NewReplacer("{api}", s.API, "{admin}", s.Admin, "{sandbox}", s.SandboxURL, "{sandboxAdmin}", s.SandboxAdmin,
		"{efirmas}", s.Sandbox.EFirmasDir(), "{rfc}", rfcCompany).Replace(`
Pasarela   {api}     contract: {api}/openapi.yaml   admin: {admin}/metrics
Docs       {api}/docs     guides, and every operation to be tried from the page
Descargas  {admin}/descargas     a page of all durable downloads
Sandbox    {sandbox}     simulates SAT, SEP and Prodigia; admin: {sandboxAdmin}
e.firmas   {efirmas}

Paste, in another terminal:

  # 1. Ask for the invoices that {rfc} issued in January 2026
  curl -sS {api}/v1/sat/cfdi/solicitudes -H 'Content-Type: application/json' -d '{"tipoDescarga":"emitidos","tipoSolicitud":"CFDI","rfcSolicitante":"{rfc}","fechaInicial":"2026-01-01T00:00:00","fechaFinal":"2026-01-31T23:59:59"}' | tee /tmp/solicitud.json

  # 2. Follow it: estadoSolicitud 3 means that the packages are ready, here in about five seconds
  sleep 6; curl -sS "{api}/v1/sat/cfdi/solicitudes/$(sed -E 's/.*"idSolicitud":"([^"]+)".*/\1/' /tmp/solicitud.json)?rfcSolicitante={rfc}" | tee /tmp/estado.json

  # 3. Download the package as a ZIP
  curl -fsS -o /tmp/paquete.zip "{api}/v1/sat/cfdi/paquetes/$(sed -E 's/.*"idsPaquetes":\["([^"]+)".*/\1/' /tmp/estado.json)?rfcSolicitante={rfc}" && ls -l /tmp/paquete.zip

  # Or let the gateway do all of it: the metadata of everything that {rfc} received in 2025
  curl -sS {api}/v1/sat/descargas -H 'Content-Type: application/json' -d '{"servicio":"cfdi","tipoDescarga":"recibidos","tipoSolicitud":"Metadata","rfcSolicitante":"{rfc}","fechaInicial":"2025-01-01T00:00:00","fechaFinal":"2025-12-31T23:59:59"}' | tee /tmp/descarga.json

  # Watch what happens, until everything has come: about ten seconds here
  curl -sSN "{api}/v1/sat/descargas/$(sed -E 's/.*"idDescarga":"([^"]+)".*/\1/' /tmp/descarga.json)/eventos/flujo"

  # Read it, as often as you like: here as CSV
  curl -fsS -o /tmp/metadatos.csv "{api}/v1/sat/descargas/$(sed -E 's/.*"idDescarga":"([^"]+)".*/\1/' /tmp/descarga.json)/metadatos.csv" && head -n 3 /tmp/metadatos.csv

  # The e.firmas that the gateway signs with
  curl -sS {api}/v1/efirmas

Ctrl-C stops both.

`)
}
