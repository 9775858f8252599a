package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// Migration is what an operator says to Migrate.
type Migration struct {
	// BackedUp says that there is a copy of what migrations destroy.
	BackedUp bool
	// Word says that the database as it is shall be the ledger.
	Word store.Word
}

// Migrate brings the database of cfg up to date and says so on stdout.
func Migrate(ctx context.Context, cfg config.Config, m Migration, stdout io.Writer) (err error) {
	place, err := storeConfig(cfg, Options{Now: time.Now})
	if err != nil {
		return err
	}
	place.Notify = func(text string) { fmt.Fprintln(stdout, text) } //nolint:errcheck // nowhere else to say it
	if place.Word = m.Word; m.Word != "" {
		depot, errOpen := openDepot(ctx, cfg)
		if errOpen != nil {
			return errOpen
		}
		defer func() { err = errors.Join(err, depot.Close()) }()
		place.Outside = outside(cfg, depot)
	}
	from, to, err := store.Migrate(ctx, place, m.BackedUp)
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
	if err == nil && m.Word != "" {
		_, err = fmt.Fprintf(stdout, "%s: desde ahora es el libro de esta pasarela; el siguiente arranque sigue con él\n", name)
	}
	return err
}
