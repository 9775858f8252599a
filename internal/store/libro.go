package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
)

// Word is what an operator says of a database that is not the one that was
// left here.
type Word string

// The words. Without one, such a database is refused.
const (
	// DeNuevo begins a ledger where there was one.
	DeNuevo Word = "--de-nuevo"
	// AceptaRespaldo goes on with a ledger that is older than its mark, or another.
	AceptaRespaldo Word = "--acepta-respaldo"
)

var (
	// ErrLibro says that the database is not the ledger that was left here.
	ErrLibro = errors.New("el libro no es el que se dejó aquí")
	// ErrNewer says that the database is of a program later than this one.
	ErrNewer = errors.New("la base de datos es de una versión más nueva que este programa")
)

// libro is what a database says of itself.
type libro struct {
	Mark // its own; zero where there is none yet
	// takenOver are the ledgers whose place it took.
	takenOver map[string]bool
	// recorded tells whether something was asked for, or sent, by it.
	recorded bool
}

// new reports whether nothing says that the database was ever in use.
func (l libro) new() bool { return l.ID == "" && !l.recorded }

// there reports whether the database has the table.
func (s *Store) there(ctx context.Context, table string) (bool, error) {
	query := `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1`
	if s.Postgres() {
		query = `SELECT count(to_regclass($1))`
	}
	var n int
	_, err := s.read.one(ctx, query, []any{table}, &n)
	return n > 0, err
}

// readLibro reads what the database says of itself, before it is migrated.
func (s *Store) readLibro(ctx context.Context) (l libro, err error) {
	for _, table := range []string{"intentos", "descargas"} {
		ok, err := s.there(ctx, table)
		if err != nil {
			return l, err
		}
		var n int
		if ok {
			if _, err := s.read.one(ctx, `SELECT count(*) FROM (SELECT 1 FROM `+table+` LIMIT 1) AS una`, nil, &n); err != nil {
				return l, err
			}
		}
		l.recorded = l.recorded || n > 0
	}
	if ok, err := s.there(ctx, "libros"); err != nil || !ok {
		return l, err
	}
	if _, err := s.read.one(ctx, `SELECT id, generacion FROM libros WHERE vigente = 1`, nil, &l.ID, &l.Generacion); err != nil {
		return l, err
	}
	l.takenOver = map[string]bool{}
	return l, s.read.each(ctx, func(f scanner) error {
		id, err := text(f)
		l.takenOver[id] = true
		return err
	}, `SELECT id FROM libros WHERE vigente = 0`)
}

// recognise compares the database with what is left outside of it, and refuses one
// that is not the ledger that was left here.
func (s *Store) recognise(ctx context.Context, c Config) error {
	l, err := s.readLibro(ctx)
	if err != nil {
		return err
	}
	r, err := s.find(ctx, c)
	if err != nil {
		return err
	}
	s.rests = r
	switch {
	case c.Word == DeNuevo && l.recorded:
		return fmt.Errorf("%w: la base de datos no está vacía, así que no se empieza de nuevo sobre ella. "+
			"Para seguir con lo que tiene: «gateway migrate %s». Para empezar de nuevo: otra base, o quite antes esta", ErrLibro, AceptaRespaldo)
	case c.Word == AceptaRespaldo && l.new():
		return fmt.Errorf("%w: la base de datos está vacía y no hay respaldo que aceptar. "+
			"Restáurelo antes (docs/respaldos.md); para empezar sin él: «gateway migrate %s»", ErrLibro, DeNuevo)
	case c.Word != "":
		return nil
	case l.new():
		return r.emptyEnvelope()
	}
	for _, m := range r.marks {
		if err := m.against(l); err != nil {
			return err
		}
	}
	return nil
}

// against refuses a database that is not the one of the mark, or was before it.
func (h found) against(l libro) error {
	switch {
	case h.ID == l.ID && l.Generacion >= h.Generacion, l.takenOver[h.ID]:
		return nil
	case h.ID == l.ID:
		return fmt.Errorf("%w: es más viejo. La base de datos va en la generación %d y %s dice que ya iba en la %d: "+
			"es una copia anterior, o perdió lo último que se escribió (por ejemplo su pasarela.db-wal).\n%s",
			ErrLibro, l.Generacion, h.where, h.Generacion, outputs)
	}
	return fmt.Errorf("%w: es otro. La base de datos es del libro %s y %s es del libro %s: "+
		"se cambió la base, o se juntaron los datos de dos pasarelas.\n%s", ErrLibro, l.ID, h.where, h.ID, outputs)
}

// outputs are the ways out, the one that costs nothing first.
const outputs = "Lo que se pidió al SAT, a la SEP o al PAC y no esté en el libro se pediría otra vez, y gasta cuota de por vida. No se ha tocado nada.\n" +
	"- Si la base buena existe, póngala en su lugar y arranque.\n" +
	"- Si lo que hay es el respaldo que quiere usar, lea «Una copia vieja» en docs/respaldos.md y diga «gateway migrate " + string(AceptaRespaldo) + "»."

// adopt gives the database an identity if it has none, or another one if an
// operator spoke: the marks of those before are good from then on, wherever they
// are. It makes the generation grow.
func (s *Store) adopt(ctx context.Context, c Config) error {
	l, err := s.readLibro(ctx)
	if err != nil {
		return err
	}
	if l.ID != "" && c.Word == "" {
		s.mark = Mark{ID: l.ID}
		return s.grow(ctx)
	}
	m := Mark{ID: strings.ToLower(rand.Text()), Generacion: l.Generacion + 1}
	err = s.inTx(ctx, func(tx conn) error {
		_, err := tx.exec(ctx, `UPDATE libros SET vigente = 0`)
		for _, h := range s.rests.marks {
			if err == nil && c.Word != "" {
				_, err = tx.exec(ctx, `INSERT INTO libros (id, generacion, vigente) VALUES ($1, $2, 0) ON CONFLICT (id) DO NOTHING`, h.ID, h.Generacion)
			}
		}
		if err == nil {
			_, err = tx.exec(ctx, `INSERT INTO libros (id, generacion, vigente) VALUES ($1, $2, 1)`, m.ID, m.Generacion)
		}
		return err
	})
	if err == nil {
		s.mark = m
	}
	return err
}

// compatible refuses tables that a later program has made, unless it has said that
// this one may work on them.
func (s *Store) compatible(ctx context.Context, know int64) error {
	if s.since <= know {
		return nil
	}
	var version, lowest int64
	ok, err := s.there(ctx, "esquema")
	if err == nil && ok {
		_, err = s.read.one(ctx, `SELECT version, minimo FROM esquema`, nil, &version, &lowest)
	}
	if err != nil {
		return err
	}
	if version >= s.since && lowest <= know {
		return nil
	}
	return fmt.Errorf("%w: sus tablas son de la versión %d, y este programa conoce hasta la %d. "+
		"No se ha tocado nada. Arranque la versión del programa que las puso al día, o una posterior; para volver a esta, restaure la copia de antes (docs/actualizacion.md)",
		ErrNewer, s.since, know)
}

// declare writes what a program has to know to work on the tables as they are now.
func (s *Store) declare(ctx context.Context, provider *goose.Provider, files fs.FS) error {
	sources := provider.ListSources()
	last := sources[len(sources)-1].Version
	destroy, err := destructive(provider, files, 0)
	if err != nil {
		return err
	}
	lowest := int64(0)
	if n := len(destroy); n > 0 {
		lowest = destroy[n-1].Version
	}
	return s.inTx(ctx, func(tx conn) error {
		// What a later program has said stays.
		if _, err := tx.exec(ctx, `DELETE FROM esquema WHERE version <= $1`, last); err != nil {
			return err
		}
		_, err := tx.exec(ctx, `INSERT INTO esquema (version, minimo)
			SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT) WHERE NOT EXISTS (SELECT 1 FROM esquema)`, last, lowest)
		return err
	})
}
