// Package cli is the command line: what people and scripts type, the help that they
// read, and the exit codes that they get. It speaks Spanish to people; log lines
// are English, as everywhere.
//
// It does nothing that a gateway does: it starts one (internal/app), calls one
// (internal/cliente), or looks at what one would use. It never shows a password,
// nor an API key after the moment in which it was made.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// Exit codes. docs/linea-de-ordenes.md has which command gives which.
const (
	ExitOK     = 0
	ExitFailed = 1
	ExitUsage  = 2
	// ExitVencePronto: the e.firma serves, and not for as long as was asked for.
	ExitVencePronto = 3
	// ExitParcial, ExitFallida, ExitCancelada and ExitSigue say how a descarga is that
	// was followed without a failure.
	ExitParcial   = 3
	ExitFallida   = 4
	ExitCancelada = 5
	ExitSigue     = 6
	// ExitInterrupted is the shells' own for SIGINT: 128 and the signal's number.
	ExitInterrupted = 130
)

// Streams are what a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Main runs the command line and returns the exit code.
func Main(ctx context.Context, args []string, s Streams) int { return corre(ctx, args, s, time.Now) }

func corre(ctx context.Context, args []string, s Streams, now func() time.Time) int {
	s.Out, s.Err = limpia{s.Out}, limpia{s.Err}
	raiz := New(s, now)
	raiz.SetArgs(args)
	orden, err := raiz.ExecuteContextC(ctx)
	if err == nil {
		return ExitOK
	}
	var uso *errUso
	var salida *errSalida
	switch {
	case errors.As(err, &uso):
		dice(s.Err, uso.Error())
		fmt.Fprintf(s.Err, "Vea «%s --help».\n", orden.CommandPath()) //nolint:errcheck // nowhere else to say it
		return ExitUsage
	case errors.As(err, &salida):
		if salida.err != nil {
			dice(s.Err, salida.err.Error())
		}
		return salida.codigo
	}
	dice(s.Err, err.Error())
	return ExitFailed
}

// dice puts the program's name before each line, as tools in a pipe do.
func dice(w io.Writer, texto string) {
	fmt.Fprintf(w, "gateway: %s\n", strings.ReplaceAll(texto, "\n", "\ngateway: ")) //nolint:errcheck // nowhere else to say it
}

// errUso is a fault of the command line itself.
type errUso struct{ texto string }

func (e *errUso) Error() string { return e.texto }

func malUso(format string, args ...any) error { return &errUso{fmt.Sprintf(format, args...)} }

// errSalida ends the program with a code of its own; without err, all has been said.
type errSalida struct {
	codigo int
	err    error
}

func (e *errSalida) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *errSalida) Unwrap() error { return e.err }

// New builds the tree of commands. now is the clock that dates are judged by.
func New(s Streams, now func() time.Time) *cobra.Command {
	raiz := &cobra.Command{
		Use:   "gateway",
		Short: "Pasarela: JSON para sus sistemas, SOAP firmado para el gobierno",
		Long: `Pasarela: JSON para sus sistemas, SOAP firmado para el SAT, la SEP y el PAC Prodigia.

Sin orden es «gateway serve». La configuración son variables GATEWAY_*, y las opciones
de aquí no las sustituyen: docs/configuration.md las tiene todas.`,
		Example: `  # Atender peticiones
  GATEWAY_EFIRMA_DIR=./efirmas gateway

  # Saber si una e.firma sirve
  gateway efirma check empresa.cer empresa.key

  # Todas las facturas recibidas en enero, a una carpeta
  gateway descargar --rfc PRU010101AB1 --desde 2026-01-01 --hasta 2026-01-31`,
		Args:          sinArgumentos,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(c *cobra.Command, _ []string) error { return serve(c.Context(), s) },
	}
	raiz.SetIn(s.In)
	raiz.SetOut(s.Out)
	raiz.SetErr(s.Err)
	raiz.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return malUso("%s", enEspanol(err)) })
	raiz.SetHelpFunc(func(c *cobra.Command, _ []string) { ayuda(c.OutOrStdout(), c) })
	raiz.CompletionOptions.DisableDefaultCmd = true
	raiz.AddCommand(ordenServe(s), ordenMigrate(s), ordenKeys(s), ordenEFirma(s, now), ordenDescargar(s, now),
		ordenHealthcheck(s), ordenVersion(s), ordenCompletion(s), ordenHelp())
	conCodigos(raiz, codigosServe())
	conAyuda(raiz)
	return raiz
}

// sinArgumentos refuses what is neither a command nor an option.
func sinArgumentos(c *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case !c.HasAvailableSubCommands():
		return malUso("«%s» no lleva argumentos, y se dio «%s».", c.CommandPath(), args[0])
	}
	texto := fmt.Sprintf("No hay la orden «%s» en «%s».", args[0], c.CommandPath())
	if c.SuggestionsMinimumDistance <= 0 {
		c.SuggestionsMinimumDistance = 2
	}
	if parecidas := c.SuggestionsFor(args[0]); len(parecidas) > 0 {
		texto += " ¿Quiso decir «" + strings.Join(parecidas, "», «") + "»?"
	}
	return malUso("%s", texto)
}

// grupo is a command that only holds others.
func grupo(use, short, long string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Long: long, Args: sinArgumentos,
		RunE: func(c *cobra.Command, _ []string) error {
			var nombres []string
			for _, hija := range c.Commands() {
				nombres = append(nombres, hija.Name())
			}
			return malUso("Falta decir cuál: %s.", strings.Join(nombres, ", "))
		}}
}
