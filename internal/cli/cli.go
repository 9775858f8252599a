// Package cli is the command line: commands, help and exit codes. It speaks Spanish to
// people; log lines are English.
//
// It does no work of a gateway itself: it starts one (internal/app), calls one
// (internal/client), or inspects the files that one would use. It never shows a password,
// and shows an API key only when it is made.
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

// Exit codes. docs/linea-de-ordenes.md lists them by command.
const (
	ExitOK     = 0
	ExitFailed = 1
	ExitUsage  = 2
	// ExitExpiresSoon: the e.firma is usable, but not for as long as requested.
	ExitExpiresSoon = 3
	// ExitPartial, ExitDescargaFailed, ExitCancelled and ExitStillRunning are the states
	// of a descarga that was followed without an error.
	ExitPartial        = 3
	ExitDescargaFailed = 4
	ExitCancelled      = 5
	ExitStillRunning   = 6
	// ExitInterrupted is the shells' code for SIGINT: 128 and the signal's number.
	ExitInterrupted = 130
)

// Streams are a command's input and outputs.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Main runs the command line and returns the exit code.
func Main(ctx context.Context, args []string, s Streams) int { return run(ctx, args, s, time.Now) }

func run(ctx context.Context, args []string, s Streams, now func() time.Time) int {
	s.Out, s.Err = cleanWriter{s.Out}, cleanWriter{s.Err}
	root := New(s, now)
	root.SetArgs(args)
	order, err := root.ExecuteContextC(ctx)
	if err == nil {
		return ExitOK
	}
	var use *errUse
	var output *errOutput
	switch {
	case errors.As(err, &use):
		say(s.Err, use.Error())
		fmt.Fprintf(s.Err, "Vea «%s --help».\n", order.CommandPath()) //nolint:errcheck // nowhere else to say it
		return ExitUsage
	case errors.As(err, &output):
		if output.err != nil {
			say(s.Err, output.err.Error())
		}
		return output.codigo
	}
	say(s.Err, err.Error())
	return ExitFailed
}

// say puts the program's name before each line, as tools in a pipe do.
func say(w io.Writer, text string) {
	fmt.Fprintf(w, "gateway: %s\n", strings.ReplaceAll(text, "\n", "\ngateway: ")) //nolint:errcheck // nowhere else to say it
}

// errUse is a fault of the command line.
type errUse struct{ text string }

func (e *errUse) Error() string { return e.text }

func badUse(format string, args ...any) error { return &errUse{fmt.Sprintf(format, args...)} }

// errOutput ends the program with its own exit code. Without err, everything has been
// printed.
type errOutput struct {
	codigo int
	err    error
}

func (e *errOutput) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *errOutput) Unwrap() error { return e.err }

// New builds the tree of commands. now is the clock for dates.
func New(s Streams, now func() time.Time) *cobra.Command {
	root := &cobra.Command{
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
		Args:          withoutArguments,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(c *cobra.Command, _ []string) error { return serve(c.Context(), s) },
	}
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return badUse("%s", inSpanish(err)) })
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { help(c.OutOrStdout(), c) })
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(serveOrder(s), migrateOrder(s), keysOrder(s), eFirmaOrder(s, now), orderDownload(s, now),
		healthcheckOrder(s), versionOrder(s), completionOrder(s), helpOrder())
	withCodigos(root, codigosServe())
	withHelp(root)
	return root
}

// withoutArguments refuses arguments that are neither a command nor an option.
func withoutArguments(c *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case !c.HasAvailableSubCommands():
		return badUse("«%s» no lleva argumentos, y se dio «%s».", c.CommandPath(), args[0])
	}
	text := fmt.Sprintf("No hay la orden «%s» en «%s».", args[0], c.CommandPath())
	if c.SuggestionsMinimumDistance <= 0 {
		c.SuggestionsMinimumDistance = 2
	}
	if similar := c.SuggestionsFor(args[0]); len(similar) > 0 {
		text += " ¿Quiso decir «" + strings.Join(similar, "», «") + "»?"
	}
	return badUse("%s", text)
}

// group is a command that only has subcommands.
func group(use, short, long string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Long: long, Args: withoutArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			var names []string
			for _, child := range c.Commands() {
				names = append(names, child.Name())
			}
			return badUse("Falta decir cuál: %s.", strings.Join(names, ", "))
		}}
}
