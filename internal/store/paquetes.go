package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

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
	// Duda says what is wrong with the delivery that is kept.
	Duda
	// Rotas counts the deliveries that came to their end and were no whole ZIP.
	Rotas int
	// Iguales says that two deliveries were the same bytes.
	Iguales bool
	// Nuestras counts the downloads that a failure of this machine lost, Llegaron the
	// most bytes that one of them had brought.
	Nuestras int
	Llegaron int64
}

// Falto reports whether this machine has lost a download of p: a process that died, or
// could not say how its flight ended, has lost it too.
func (p Paquete) Falto() bool { return p.Nuestras > 0 || p.Vuela != "" }

// Hay tells whether a delivery is kept, in storage or on its way there.
func (p Paquete) Hay() bool { return p.Borrado.IsZero() && (p.Completo || p.Parcial != "") }

// Duda is what is wrong with a delivery; the zero value is nothing.
type Duda struct {
	// Dudoso says it, in Spanish.
	Dudoso string
	// Roto says that it is no whole ZIP, so that nothing is read of it.
	Roto bool
}

// Pendiente is a package received whole and not in storage yet.
type Pendiente struct {
	gateway.Paquete
	SHA256  string
	Bytes   int64
	Parcial string
	Vuela   string
	Duda
	// Rota says that it came to its end all the same.
	Rota bool
	// Marca is what the file's last change was when its bytes were hashed; empty where
	// this process has not hashed them. The ledger does not keep it.
	Marca string
}

// Paquete returns the row of p; the zero value when there is none.
func (s *Store) Paquete(ctx context.Context, p gateway.Paquete) (Paquete, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	var row Paquete
	var completado, borrado string
	err := s.lecturas.QueryRowContext(ctx,
		`SELECT descargas, completo, bytes, sha256, completado, vuela, parcial, borrado, dudoso, roto, rotas, iguales, nuestras, llegaron FROM paquetes WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3`,
		string(p.Servicio), p.RFCSolicitante, p.Clave()).
		Scan(&row.Descargas, &row.Completo, &row.Bytes, &row.SHA256, &completado, &row.Vuela, &row.Parcial, &borrado, &row.Dudoso, &row.Roto, &row.Rotas, &row.Iguales, &row.Nuestras, &row.Llegaron)
	if errors.Is(err, sql.ErrNoRows) {
		return Paquete{}, nil
	}
	if err != nil {
		return Paquete{}, fmt.Errorf("store: %w", err)
	}
	if err := errors.Join(leeInstanteEn(completado, &row.Completado), leeInstanteEn(borrado, &row.Borrado)); err != nil {
		return Paquete{}, fmt.Errorf("store: %w", err)
	}
	return row, nil
}

// Reserva counts one more download of p and makes proceso the one that flies it,
// durably and in one step. It returns false, and changes nothing, when the count
// has reached maximo, when the package is there beyond doubt or was deleted, or when
// it is flown by another process than muerto, which the caller knows to be dead. A
// flight that is taken over has no end on record, and counts as one that a failure of
// ours has lost.
func (s *Store) Reserva(ctx context.Context, p gateway.Paquete, proceso, muerto string, maximo int) (bool, error) {
	if err := s.enSuLugar(); err != nil {
		return false, err
	}
	defer s.mueve()
	mine, err := s.changes(ctx, s.db,
		`INSERT INTO paquetes (servicio, rfc, id_paquete, descargas, vuela) SELECT $1, $2, $3, 1, $4 WHERE `+esEste("$7", "$8")+`
		 ON CONFLICT (servicio, rfc, id_paquete) DO UPDATE SET descargas = paquetes.descargas + 1, vuela = $4,
		        nuestras = paquetes.nuestras + CASE WHEN paquetes.vuela <> '' THEN 1 ELSE 0 END
		 WHERE paquetes.descargas < $5 AND (paquetes.completo = 0 OR paquetes.dudoso <> '') AND paquetes.borrado = '' AND (paquetes.vuela = '' OR paquetes.vuela = $6)`,
		append([]any{string(p.Servicio), p.RFCSolicitante, p.Clave(), proceso, maximo, muerto}, s.este()...)...)
	if err == nil {
		err = s.sigue(ctx, mine)
	}
	return mine, err
}

// Fracasa ends the flight of proceso without a package; devuelta are the
// downloads that the SAT surely did not serve, rotas those that came to their end and
// were no whole ZIP. One that was taken over has an end after all, and is lost no more.
func (s *Store) Fracasa(ctx context.Context, p gateway.Paquete, proceso string, devuelta, rotas int) error {
	_, err := s.changes(ctx, s.db,
		`UPDATE paquetes SET descargas = CASE WHEN descargas > $4 THEN descargas - $4 ELSE 0 END,
		        nuestras = CASE WHEN vuela <> $5 AND nuestras > 0 THEN nuestras - 1 ELSE nuestras END,
		        vuela = CASE WHEN vuela = $5 THEN '' ELSE vuela END, rotas = rotas + $6
		 WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3`,
		string(p.Servicio), p.RFCSolicitante, p.Clave(), devuelta, proceso, rotas)
	return err
}

// AnotaNuestra enters that a failure of this machine lost a download of p that had
// brought llegaron bytes.
func (s *Store) AnotaNuestra(ctx context.Context, p gateway.Paquete, llegaron int64) error {
	_, err := s.changes(ctx, s.db,
		`UPDATE paquetes SET nuestras = nuestras + 1, llegaron = CASE WHEN llegaron < $4 THEN $4 ELSE llegaron END WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3`,
		string(p.Servicio), p.RFCSolicitante, p.Clave(), llegaron)
	return err
}

// Mayor is the longest package that the ledger knows of. What was cut as it was longer
// than maximo says nothing of how long packages are.
func (s *Store) Mayor(ctx context.Context, maximo int64) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	var bytes, llegaron int64
	err := s.lecturas.QueryRowContext(ctx, `SELECT CAST(COALESCE(MAX(bytes), 0) AS BIGINT), CAST(COALESCE(MAX(CASE WHEN llegaron <= $1 THEN llegaron ELSE 0 END), 0) AS BIGINT) FROM paquetes`, maximo).Scan(&bytes, &llegaron)
	if err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	return max(bytes, llegaron), nil
}

// AnotaDuda enters what is wrong with the delivery sha256 of p, if that is kept.
func (s *Store) AnotaDuda(ctx context.Context, p gateway.Paquete, sha256 string, d Duda) error {
	_, err := s.changes(ctx, s.db, `UPDATE paquetes SET dudoso = $4, roto = $5 WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3 AND sha256 = $6`,
		string(p.Servicio), p.RFCSolicitante, p.Clave(), d.Dudoso, bit(d.Roto), sha256)
	return err
}

// AnotaIguales enters that another delivery of p was the same bytes as the kept one.
func (s *Store) AnotaIguales(ctx context.Context, p gateway.Paquete) error {
	_, err := s.changes(ctx, s.db, `UPDATE paquetes SET iguales = 1 WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3`,
		string(p.Servicio), p.RFCSolicitante, p.Clave())
	return err
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Recibe enters that the process p.Vuela holds a delivery of the package in its file
// p.Parcial, whole but for what p.Duda says. It takes the place of a doubtful one.
// What is no whole ZIP is nobody's to fly from then on: the second download may begin
// while its file moves. From then on the object counts as referred to. It returns false
// when the package is no longer this process's to fly, and an *OcupadoError
// while another process removes the object; muerto names one that has died.
func (s *Store) Recibe(ctx context.Context, p Pendiente, muerto string) (bool, error) {
	return s.recibe(ctx, p, muerto, `UPDATE paquetes SET completo = 0, parcial = $4, bytes = $5, sha256 = $6, completado = $7, dudoso = $9, roto = $10, rotas = rotas + $11, iguales = 0,
			vuela = CASE WHEN $10 = 1 THEN '' ELSE vuela END
		 WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3 AND vuela = $8 AND (completo = 0 OR dudoso <> '')`)
}

// Adopta is Recibe for a whole file of an earlier process, of which no row says that it
// was received.
func (s *Store) Adopta(ctx context.Context, p Pendiente, muerto string) (bool, error) {
	return s.recibe(ctx, p, muerto, `INSERT INTO paquetes (servicio, rfc, id_paquete, descargas, parcial, bytes, sha256, completado, vuela, dudoso, roto, rotas)
		 VALUES ($1, $2, $3, 1, $4, $5, $6, $7, CASE WHEN $10 = 1 THEN '' ELSE $8 END, $9, $10, $11)
		 ON CONFLICT (servicio, rfc, id_paquete) DO UPDATE SET completo = 0, parcial = $4, bytes = $5, sha256 = $6, completado = $7, vuela = CASE WHEN $10 = 1 THEN '' ELSE $8 END,
			dudoso = $9, roto = $10, rotas = paquetes.rotas + $11, iguales = 0
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
			string(p.Servicio), p.RFCSolicitante, p.Clave(), p.Parcial, p.Bytes, p.SHA256, s.stamp(), p.Vuela,
			p.Dudoso, bit(p.Roto), bit(p.Rota))
		return err
	})
	return mine, err
}

// Completa enters that the object of a package received whole is in storage. It
// returns false when the row no longer speaks of the file parcial.
func (s *Store) Completa(ctx context.Context, p gateway.Paquete, parcial string) (bool, error) {
	return s.changes(ctx, s.db,
		`UPDATE paquetes SET completo = 1, parcial = '', vuela = CASE WHEN roto = 1 THEN vuela ELSE '' END WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3 AND parcial = $4 AND parcial <> ''`,
		string(p.Servicio), p.RFCSolicitante, p.Clave(), parcial)
}

// Toma makes proceso the one that stores a package whose file another process,
// now dead, has received whole. It returns false when somebody else flies it.
func (s *Store) Toma(ctx context.Context, p Pendiente, proceso string) (bool, error) {
	return s.changes(ctx, s.db,
		`UPDATE paquetes SET vuela = $4 WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3 AND parcial = $5 AND vuela = $6`,
		string(p.Servicio), p.RFCSolicitante, p.Clave(), proceso, p.Parcial, p.Vuela)
}

// Pendientes lists the packages that were received whole and are not in storage.
func (s *Store) Pendientes(ctx context.Context) ([]Pendiente, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	rows, err := s.lecturas.QueryContext(ctx,
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
	ctx, cancel := context.WithTimeout(ctx, deadline)
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
	ctx, cancel := context.WithTimeout(ctx, deadline)
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
