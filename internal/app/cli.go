package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/store"
	"github.com/pasarela-mx/pasarela/internal/telemetry"
)

// Exit codes of the command.
const (
	ExitOK     = 0
	ExitFailed = 1
	ExitUsage  = 2
)

const usage = `Pasarela: JSON for your systems, signed SOAP for the SAT.

  gateway [serve]      run the gateway; settings are GATEWAY_* variables
  gateway keys create -file FILE -name NAME -rfc RFC[,RFC…] [-scope SCOPE[,…]]
                       make an API key: printed once, its SHA-256 goes to FILE
  gateway migrate [-backed-up]
                       bring the database up to date, as the start does too;
                       -backed-up: also where that destroys data in PostgreSQL
  gateway version      print the version

Settings: docs/configuration.md
`

// errUsage says that the command line was wrong; the text has been printed.
var errUsage = errors.New("usage")

// Main runs the command line and returns the exit code.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := command(ctx, args, stdout, stderr)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return ExitOK
	case errors.Is(err, errUsage):
		return ExitUsage
	}
	fmt.Fprintf(stderr, "gateway: %s\n", strings.ReplaceAll(err.Error(), "\n", "\ngateway: ")) //nolint:errcheck // nowhere else to say it
	return ExitFailed
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	name := "serve"
	if len(args) > 0 {
		name = args[0]
	}
	switch {
	case name == "serve" && len(args) <= 1:
		return serveCommand(ctx, stdout)
	case name == "keys" && len(args) > 1 && args[1] == "create":
		return createKey(args[2:], stdout, stderr)
	case name == "migrate":
		return migrateCommand(ctx, args[1:], stdout, stderr)
	case name == "version" && len(args) == 1:
		_, err := fmt.Fprintln(stdout, Version())
		return err
	case name == "help" || name == "-h" || name == "--help":
		_, err := fmt.Fprint(stdout, usage)
		return err
	}
	fmt.Fprint(stderr, usage) //nolint:errcheck // nowhere else to say it
	return errUsage
}

func serveCommand(ctx context.Context, stdout io.Writer) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	return Run(ctx, cfg, Options{Log: telemetry.NewLogger(stdout, cfg.LogLevel, cfg.LogFormat), Version: Version(), Now: time.Now,
		// Reading the contract and the migrations takes 55 MB of garbage, and what runs after that 4:
		// the runtime would hold the difference for minutes.
		Started: func(net.Addr, net.Addr) { debug.FreeOSMemory() }})
}

func migrateCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("gateway migrate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	backedUp := flags.Bool("backed-up", false, "run migrations that destroy data: there is a copy of the database")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if flags.NArg() > 0 {
		flags.Usage()
		return errUsage
	}
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	return Migrate(ctx, cfg, *backedUp, stdout)
}

// Migrate brings the database of cfg up to date and says so on stdout.
func Migrate(ctx context.Context, cfg config.Config, backedUp bool, stdout io.Writer) error {
	place, err := almacen(cfg, Options{Now: time.Now})
	if err != nil {
		return err
	}
	place.Avisa = func(text string) { fmt.Fprintln(stdout, text) } //nolint:errcheck // nowhere else to say it
	from, to, err := store.Migra(ctx, place, backedUp)
	if err != nil {
		return err
	}
	name := "SQLite in " + cfg.DataDir
	if place.DatabaseURL != "" {
		name = "PostgreSQL"
	}
	if from == to {
		_, err = fmt.Fprintf(stdout, "%s: at version %d already\n", name, to)
	} else {
		_, err = fmt.Fprintf(stdout, "%s: from version %d to version %d\n", name, from, to)
	}
	return err
}

func createKey(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("gateway keys create", flag.ContinueOnError)
	flags.SetOutput(stderr)
	file := flags.String("file", "", "file of the API keys (GATEWAY_API_KEYS_FILE)")
	name := flags.String("name", "", "who uses the key; unique")
	rfcs := flags.String("rfc", "", "RFCs that it sees, separated by commas, or *")
	scopes := flags.String("scope", apikeys.Todo, "scopes, separated by commas: "+strings.Join(apikeys.Scopes(), ", ")+" or *")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if *file == "" || *name == "" || *rfcs == "" || flags.NArg() > 0 {
		flags.Usage()
		return errUsage
	}
	key, digest, err := apikeys.Generate()
	if err != nil {
		return err
	}
	entry := apikeys.Key{Name: *name, SHA256: digest, RFCs: strings.Split(*rfcs, ","), Scopes: strings.Split(*scopes, ",")}
	if err := apikeys.Add(*file, entry); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "The key of %s, shown this once; %s keeps its SHA-256 only:\n", *name, *file) //nolint:errcheck // the key matters
	_, err = fmt.Fprintln(stdout, key)
	return err
}

// Version is the module's version, or the commit that the binary was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	if version == "" || version == "(devel)" {
		version = "devel"
	}
	return version
}
