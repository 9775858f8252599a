package app

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/store"
)

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
	name := "SQLite en " + cfg.DataDir
	if place.DatabaseURL != "" {
		name = "PostgreSQL"
	}
	if from == to {
		_, err = fmt.Fprintf(stdout, "%s: ya estaba en la versión %d\n", name, to)
	} else {
		_, err = fmt.Fprintf(stdout, "%s: de la versión %d a la %d\n", name, from, to)
	}
	return err
}
