package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// The states of an intent.
const (
	EstadoIntento     = "intento"
	EstadoAceptado    = "aceptado"
	EstadoRechazado   = "rechazado"
	EstadoDesconocido = "desconocido"
)

// Intento is one row of the ledger of what must not be sent twice.
type Intento struct {
	ID        int64
	Operacion string
	// Clave is the caller's idempotency key, scoped to the caller; empty for none.
	Clave string
	// Huella identifies what is asked for; Criterios says it to people.
	Huella, Criterios string
	Estado            string
	// Respuesta and Falla are JSON, empty unless there was one.
	Respuesta, Falla string
	Creado           time.Time
}

// Intenta writes that i is about to be sent, durably, and returns its row. If
// there is a row of the same operation and key, it is returned instead, with
// false: nothing may be sent.
func (s *Store) Intenta(ctx context.Context, i Intento) (Intento, bool, error) {
	result, err := s.db.ExecContext(ctx,
		`INSERT INTO intentos (operacion, clave, huella, criterios, estado, creado)
		 VALUES ($1, NULLIF($2, ''), $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		i.Operacion, i.Clave, i.Huella, i.Criterios, EstadoIntento, s.stamp())
	if err != nil {
		return Intento{}, false, fmt.Errorf("store: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil {
		return Intento{}, false, fmt.Errorf("store: %w", err)
	} else if n == 0 {
		row, err := s.Intento(ctx, i.Operacion, i.Clave)
		return row, false, err
	}
	i.Estado = EstadoIntento
	if i.ID, err = result.LastInsertId(); err != nil {
		return Intento{}, false, fmt.Errorf("store: %w", err)
	}
	return i, true, nil
}

// Reintenta turns row back into an intent, if it is still as it was read. It
// returns false when another caller was faster.
func (s *Store) Reintenta(ctx context.Context, row Intento) (bool, error) {
	result, err := s.db.ExecContext(ctx,
		`UPDATE intentos SET estado = $1, respuesta = '', falla = '', creado = $2 WHERE id = $3 AND estado = $4 AND creado = $5`,
		EstadoIntento, s.stamp(), row.ID, row.Estado, row.Creado.Format(time.RFC3339Nano))
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	return n == 1, nil
}

// Intento returns the row of a key, or ErrNotFound.
func (s *Store) Intento(ctx context.Context, operacion, clave string) (Intento, error) {
	return s.intento(ctx, `operacion = $1 AND clave = $2`, operacion, clave)
}

// Resuelve writes the outcome of the row i.ID.
func (s *Store) Resuelve(ctx context.Context, i Intento) error {
	_, err := s.db.ExecContext(ctx, `UPDATE intentos SET estado = $1, respuesta = $2, falla = $3, resuelto = $4 WHERE id = $5`,
		i.Estado, i.Respuesta, i.Falla, s.stamp(), i.ID)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// UltimaRespuesta returns the latest row with an answer for what huella
// identifies, or ErrNotFound.
func (s *Store) UltimaRespuesta(ctx context.Context, operacion, huella string) (Intento, error) {
	return s.intento(ctx, `operacion = $1 AND huella = $2 AND respuesta <> '' ORDER BY id DESC LIMIT 1`, operacion, huella)
}

// intento reads one row; where is a constant of this file, never input.
func (s *Store) intento(ctx context.Context, where string, args ...any) (Intento, error) {
	var row Intento
	var creado string
	err := s.db.QueryRowContext(ctx,
		`SELECT id, operacion, COALESCE(clave, ''), huella, criterios, estado, respuesta, falla, creado FROM intentos WHERE `+where, args...).
		Scan(&row.ID, &row.Operacion, &row.Clave, &row.Huella, &row.Criterios, &row.Estado, &row.Respuesta, &row.Falla, &creado)
	if errors.Is(err, sql.ErrNoRows) {
		return Intento{}, ErrNotFound
	}
	if err != nil {
		return Intento{}, fmt.Errorf("store: %w", err)
	}
	row.Creado, err = time.Parse(time.RFC3339Nano, creado)
	return row, err
}
