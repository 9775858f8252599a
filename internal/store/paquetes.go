package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// plazo bounds a step: callers write outcomes with contexts that do not end, and
// a database that went away must not hold them for ever.
const plazo = 30 * time.Second

// Paquete is one row of the packages' ledger.
type Paquete struct {
	// Descargas counts what the SAT has served, or may have.
	Descargas int
	// Completo says that the object SHA256 is in storage.
	Completo bool
	Bytes    int64
	SHA256   string // hexadecimal
	// Completado is when it was received whole; zero when it was not.
	Completado time.Time
	// Vuela is the process that downloads or stores it; it may be dead.
	Vuela string
	// Parcial names the file, in the data directory of the process Vuela, that
	// holds the package whole until it is in storage; empty when there is none.
	Parcial string
	// Borrado is when its content was removed for good; zero when it was not.
	Borrado time.Time
}

// Pendiente is a package received whole and not in storage yet.
type Pendiente struct {
	gateway.Paquete
	SHA256  string
	Bytes   int64
	Parcial string
	Vuela   string
}

// Paquete returns the row of p; the zero value when there is none.
func (s *Store) Paquete(ctx context.Context, p gateway.Paquete) (Paquete, error) {
	ctx, cancel := context.WithTimeout(ctx, plazo)
	defer cancel()
	var row Paquete
	var completado, borrado string
	err := s.db.QueryRowContext(ctx,
		`SELECT descargas, completo, bytes, sha256, completado, vuela, parcial, borrado FROM paquetes WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3`,
		string(p.Servicio), p.RFCSolicitante, p.IDPaquete).
		Scan(&row.Descargas, &row.Completo, &row.Bytes, &row.SHA256, &completado, &row.Vuela, &row.Parcial, &borrado)
	if errors.Is(err, sql.ErrNoRows) {
		return Paquete{}, nil
	}
	if err != nil {
		return Paquete{}, fmt.Errorf("store: %w", err)
	}
	for _, at := range []struct {
		text string
		to   *time.Time
	}{{completado, &row.Completado}, {borrado, &row.Borrado}} {
		if at.text == "" {
			continue
		}
		if *at.to, err = time.Parse(time.RFC3339Nano, at.text); err != nil {
			return Paquete{}, fmt.Errorf("store: %w", err)
		}
	}
	return row, nil
}

// Reserva counts one more download of p and makes proceso the one that flies it,
// durably and in one step. It returns false, and changes nothing, when the count
// has reached maximo, when the package is there or was deleted, or when it is
// flown by another process than muerto, which the caller knows to be dead.
func (s *Store) Reserva(ctx context.Context, p gateway.Paquete, proceso, muerto string, maximo int) (bool, error) {
	return s.changes(ctx, s.db,
		`INSERT INTO paquetes (servicio, rfc, id_paquete, descargas, vuela) VALUES ($1, $2, $3, 1, $4)
		 ON CONFLICT (servicio, rfc, id_paquete) DO UPDATE SET descargas = paquetes.descargas + 1, vuela = $4
		 WHERE paquetes.descargas < $5 AND paquetes.completo = 0 AND paquetes.borrado = '' AND (paquetes.vuela = '' OR paquetes.vuela = $6)`,
		string(p.Servicio), p.RFCSolicitante, p.IDPaquete, proceso, maximo, muerto)
}

// Fracasa ends the flight of proceso without a package; devuelta are the
// downloads that the SAT surely did not serve.
func (s *Store) Fracasa(ctx context.Context, p gateway.Paquete, proceso string, devuelta int) error {
	_, err := s.changes(ctx, s.db,
		`UPDATE paquetes SET descargas = CASE WHEN descargas > $4 THEN descargas - $4 ELSE 0 END,
		        vuela = CASE WHEN vuela = $5 THEN '' ELSE vuela END
		 WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3`,
		string(p.Servicio), p.RFCSolicitante, p.IDPaquete, devuelta, proceso)
	return err
}

// Recibe enters that the process p.Vuela holds the package whole in its file
// p.Parcial. From then on the object counts as referred to. It returns false
// when the package is no longer this process's to fly, and an *OcupadoError
// while another process removes the object; muerto names one that has died.
func (s *Store) Recibe(ctx context.Context, p Pendiente, muerto string) (bool, error) {
	return s.recibe(ctx, p, muerto, `UPDATE paquetes SET parcial = $4, bytes = $5, sha256 = $6, completado = $7
		 WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3 AND vuela = $8 AND completo = 0`)
}

// Adopta is Recibe for a file that an earlier version has stored by its id,
// with a row or, after a crash, without one.
func (s *Store) Adopta(ctx context.Context, p Pendiente, muerto string) (bool, error) {
	return s.recibe(ctx, p, muerto, `INSERT INTO paquetes (servicio, rfc, id_paquete, descargas, parcial, bytes, sha256, completado, vuela)
		 VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8)
		 ON CONFLICT (servicio, rfc, id_paquete) DO UPDATE SET completo = 0, parcial = $4, bytes = $5, sha256 = $6, completado = $7, vuela = $8
		 WHERE paquetes.borrado = '' AND paquetes.parcial = ''`)
}

func (s *Store) recibe(ctx context.Context, p Pendiente, muerto, query string) (bool, error) {
	mine := false
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		free, err := s.changes(ctx, tx,
			`INSERT INTO objetos (sha256) VALUES ($1) ON CONFLICT (sha256) DO UPDATE SET borra = '' WHERE objetos.borra = '' OR objetos.borra = $2`,
			p.SHA256, muerto)
		if err != nil {
			return err
		}
		if !free {
			return s.ocupado(ctx, tx, p.SHA256)
		}
		mine, err = s.changes(ctx, tx, query,
			string(p.Servicio), p.RFCSolicitante, p.IDPaquete, p.Parcial, p.Bytes, p.SHA256, s.stamp(), p.Vuela)
		return err
	})
	return mine, err
}

// Completa enters that the object of a package received whole is in storage. It
// returns false when the row no longer speaks of the file parcial.
func (s *Store) Completa(ctx context.Context, p gateway.Paquete, parcial string) (bool, error) {
	return s.changes(ctx, s.db,
		`UPDATE paquetes SET completo = 1, parcial = '', vuela = '' WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3 AND parcial = $4 AND parcial <> ''`,
		string(p.Servicio), p.RFCSolicitante, p.IDPaquete, parcial)
}

// Toma makes proceso the one that stores a package whose file another process,
// now dead, has received whole. It returns false when somebody else flies it.
func (s *Store) Toma(ctx context.Context, p Pendiente, proceso string) (bool, error) {
	return s.changes(ctx, s.db,
		`UPDATE paquetes SET vuela = $4 WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3 AND parcial = $5 AND vuela = $6`,
		string(p.Servicio), p.RFCSolicitante, p.IDPaquete, proceso, p.Parcial, p.Vuela)
}

// Pendientes lists the packages that were received whole and are not in storage.
func (s *Store) Pendientes(ctx context.Context) ([]Pendiente, error) {
	rows, err := s.db.QueryContext(ctx,
		`SELECT servicio, rfc, id_paquete, sha256, bytes, parcial, vuela FROM paquetes WHERE parcial <> '' ORDER BY completado`)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err says it
	var out []Pendiente
	for rows.Next() {
		var p Pendiente
		if err := rows.Scan(&p.Servicio, &p.RFCSolicitante, &p.IDPaquete, &p.SHA256, &p.Bytes, &p.Parcial, &p.Vuela); err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		out = append(out, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return out, nil
}

// execer is a database or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// changes executes a statement and tells whether it changed a row.
func (s *Store) changes(ctx context.Context, db execer, query string, args ...any) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, plazo)
	defer cancel()
	result, err := db.ExecContext(ctx, query, args...)
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	return n > 0, nil
}

func (s *Store) inTx(ctx context.Context, do func(*sql.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, plazo)
	defer cancel()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}
