package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// EstadoIntento and the others are the states of a row of the ledger.
const (
	EstadoIntento     = "intento"
	EstadoAceptada    = "aceptada"
	EstadoRechazada   = "rechazada"
	EstadoDesconocida = "desconocida"
)

// Solicitud is one row of the ledger.
type Solicitud struct {
	ID          int64
	Huella      string
	Estado      string
	IDSolicitud string
	CodEstatus  string
	Mensaje     string
	// Falla is the refusal as JSON, empty unless there was one.
	Falla  string
	Creado time.Time
}

// Huella identifies a solicitud's criteria.
func Huella(s gateway.Solicitud) string {
	sum := sha256.Sum256([]byte(s.Criterios()))
	return hex.EncodeToString(sum[:])
}

// Intento writes that s is about to be sent, durably, and returns the row. clave
// is the caller's idempotency key or empty. If a row of the same clave exists it
// is returned instead, with false: nothing may be sent.
func (s *Store) Intento(ctx context.Context, clave string, sol gateway.Solicitud) (Solicitud, bool, error) {
	huella := Huella(sol)
	result, err := s.db.ExecContext(ctx,
		`INSERT INTO solicitudes (clave, huella, criterios, servicio, rfc, estado, creado)
		 VALUES (NULLIF($1, ''), $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		clave, huella, sol.Criterios(), string(sol.Servicio), sol.RFCSolicitante, EstadoIntento, s.stamp())
	if err != nil {
		return Solicitud{}, false, fmt.Errorf("store: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil {
		return Solicitud{}, false, fmt.Errorf("store: %w", err)
	} else if n == 0 {
		row, err := s.solicitud(ctx, `clave = $1`, clave)
		return row, false, err
	}
	id, err := result.LastInsertId()
	if err != nil {
		return Solicitud{}, false, fmt.Errorf("store: %w", err)
	}
	return Solicitud{ID: id, Huella: huella, Estado: EstadoIntento}, true, nil
}

// Reintento turns the row of a refusal that allows it back into an intent. It
// returns false when another caller was faster.
func (s *Store) Reintento(ctx context.Context, id int64) (bool, error) {
	result, err := s.db.ExecContext(ctx,
		`UPDATE solicitudes SET estado = $1, falla = '', cod_estatus = '', mensaje = '', creado = $2 WHERE id = $3 AND estado = $4`,
		EstadoIntento, s.stamp(), id, EstadoRechazada)
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	return n == 1, nil
}

// Resuelve writes the outcome of the row sol.ID.
func (s *Store) Resuelve(ctx context.Context, sol Solicitud) error {
	_, err := s.db.ExecContext(ctx,
		`UPDATE solicitudes SET estado = $1, id_solicitud = $2, cod_estatus = $3, mensaje = $4, falla = $5, resuelto = $6 WHERE id = $7`,
		sol.Estado, sol.IDSolicitud, sol.CodEstatus, sol.Mensaje, sol.Falla, s.stamp(), sol.ID)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// UltimaAceptada returns the latest accepted solicitud with the criteria of
// huella, or ErrNotFound.
func (s *Store) UltimaAceptada(ctx context.Context, huella string) (Solicitud, error) {
	return s.solicitud(ctx, `huella = $1 AND id_solicitud <> '' ORDER BY id DESC LIMIT 1`, huella)
}

// solicitud reads one row; where is a constant of this file, never input.
func (s *Store) solicitud(ctx context.Context, where string, arg any) (Solicitud, error) {
	var row Solicitud
	var creado string
	err := s.db.QueryRowContext(ctx,
		`SELECT id, huella, estado, id_solicitud, cod_estatus, mensaje, falla, creado FROM solicitudes WHERE `+where, arg).
		Scan(&row.ID, &row.Huella, &row.Estado, &row.IDSolicitud, &row.CodEstatus, &row.Mensaje, &row.Falla, &creado)
	if errors.Is(err, sql.ErrNoRows) {
		return Solicitud{}, ErrNotFound
	}
	if err != nil {
		return Solicitud{}, fmt.Errorf("store: %w", err)
	}
	row.Creado, err = time.Parse(time.RFC3339Nano, creado)
	return row, err
}
