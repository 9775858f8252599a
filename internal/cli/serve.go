package cli

import (
	"context"
	"net"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/pasarela-mx/pasarela/internal/app"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/store"
	"github.com/pasarela-mx/pasarela/internal/telemetry"
	"github.com/pasarela-mx/pasarela/internal/version"
)

func codigosServe() []codigo {
	return []codigo{{ExitOK, "se detuvo porque se le pidió"}, {ExitFailed, "no pudo arrancar o seguir; dice por qué"}, {ExitUsage, "la orden está mal escrita"}}
}

func serveOrder(s Streams) *cobra.Command {
	return withCodigos(&cobra.Command{
		Use:   "serve",
		Short: "Atiende peticiones; es lo que hace «gateway» a secas",
		Long: `Arranca la pasarela y atiende peticiones hasta que se la detiene con Ctrl-C o SIGTERM.

Entonces deja terminar lo que está en curso, hasta GATEWAY_SHUTDOWN_TIMEOUT; una segunda
señal la termina al momento, y nada se pierde por ello. Escribe su registro, en inglés, en
la salida estándar. Toda su configuración son variables GATEWAY_*: docs/configuration.md.`,
		Example: `  # En esta máquina, con las e.firmas de ./efirmas
  GATEWAY_EFIRMA_DIR=./efirmas gateway serve

  # Para otros programas, con claves y detrás de un proxy con TLS
  GATEWAY_LISTEN=0.0.0.0:8080 GATEWAY_API_KEYS_FILE=./keys.json \
    GATEWAY_EFIRMA_DIR=./efirmas gateway serve`,
		Args: withoutArguments,
		RunE: func(c *cobra.Command, _ []string) error { return serve(c.Context(), s) },
	}, codigosServe())
}

func serve(ctx context.Context, s Streams) error {
	hideFiles()
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	return app.Run(ctx, cfg, app.Options{Log: telemetry.NewLogger(raw(s.Out), cfg.LogLevel, cfg.LogFormat), Version: version.Read().Version, Now: time.Now,
		// Reading the contract and the migrations makes 55 MB of garbage, while the rest
		// needs 4: the runtime would keep the difference for minutes.
		Started: func(net.Addr, net.Addr) { debug.FreeOSMemory() }})
}

func migrateOrder(s Streams) *cobra.Command {
	var said app.Migration
	var ofNew, acceptBackup bool
	c := withCodigos(&cobra.Command{
		Use:   "migrate",
		Short: "Pone al día la base de datos, como también lo hace el arranque",
		Long: `Pone al día la base de datos de GATEWAY_DATA_DIR o GATEWAY_DATABASE_URL y dice de qué versión a
cuál. El arranque lo hace por sí solo, salvo cuando una migración destruye datos de PostgreSQL:
entonces hay que respaldarla antes y decirlo con --backed-up. De SQLite se hace una copia sin que
se pida.

La pasarela no arranca sobre una base que no es la que dejó (vacía, otra, o más vieja), porque pediría
otra vez lo que el SAT cuenta de por vida. Con --acepta-respaldo o --de-nuevo se le dice que así debe
ser; docs/respaldos.md explica lo que cuesta.`,
		Example: `  gateway migrate

  # Con la base respaldada, también lo que destruye datos
  pg_dump pasarela > respaldo.sql && gateway migrate --backed-up

  # Después de restaurar un respaldo
  gateway migrate --acepta-respaldo`,
		Args: withoutArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case ofNew && acceptBackup:
				return badUse("Es --de-nuevo o --acepta-respaldo, no las dos.")
			case ofNew:
				said.Word = store.DeNuevo
			case acceptBackup:
				said.Word = store.AceptaRespaldo
			}
			hideFiles()
			cfg, err := config.Load()
			if err != nil {
				return err
			}
			return app.Migrate(c.Context(), cfg, said, s.Out)
		},
	}, []codigo{{ExitOK, "la base está al día"}, {ExitFailed, "no se pudo; dice por qué"}, {ExitUsage, "la orden está mal escrita"}})
	c.Flags().BoolVar(&ofNew, "de-nuevo", false, "se empieza sin memoria: la base está vacía y así debe ser")
	c.Flags().BoolVar(&acceptBackup, "acepta-respaldo", false, "la base se restauró, o es otra, y se sigue con ella")
	c.Flags().BoolVar(&said.BackedUp, "backed-up", false, "hay un respaldo: también las migraciones que destruyen datos")
	return c
}
