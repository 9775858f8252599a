package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	// Proceso is who sends, or has sent, by its id among the gateways that share
	// the database; empty where there are no others.
	Proceso string
	// Dueno is the ID of the API key whose message it is, and Recurso what the answer
	// made; empty for none.
	Dueno, Recurso string
}

// Intenta writes that i is about to be sent by i.Proceso, durably, and returns
// its row. If there is a row of the same operation and key, it is returned
// instead, with false: nothing may be sent. Beside an error, Creado is the instant of
// the row, which may have been written all the same; so it is with Reintenta.
func (s *Store) Intenta(ctx context.Context, i Intento) (Intento, bool, error) {
	if err := s.enSuLugar(); err != nil {
		return Intento{}, false, err
	}
	if err := s.cabe(); err != nil {
		// What is on record is known all the same.
		if row, errRow := s.Intento(ctx, i.Operacion, i.Clave); errRow == nil && i.Clave != "" {
			return row, false, nil
		}
		return Intento{}, false, err
	}
	creado := s.now().UTC().Truncate(time.Microsecond)
	mine, err := s.one(ctx,
		`INSERT INTO intentos (operacion, clave, huella, criterios, estado, creado, proceso, dueno)
		 SELECT $1, NULLIF($2, ''), $3, $4, $5, $6, $7, $8 WHERE `+esEste("$9", "$10")+` ON CONFLICT DO NOTHING RETURNING id`,
		append([]any{i.Operacion, i.Clave, i.Huella, legible(i.Criterios), EstadoIntento, Instante(creado), i.Proceso, i.Dueno}, s.este()...), &i.ID)
	if err == nil {
		err = s.sigue(ctx, mine)
	}
	if err != nil {
		return Intento{Creado: creado}, false, err
	}
	if !mine {
		row, err := s.Intento(ctx, i.Operacion, i.Clave)
		return row, false, err
	}
	s.mueve()
	i.Estado, i.Creado = EstadoIntento, creado
	return i, true, nil
}

// Reintenta turns row back into an intent, of proceso, if it is still as it was
// read, and returns what it has become; false when another caller was faster.
func (s *Store) Reintenta(ctx context.Context, row Intento, proceso string) (Intento, bool, error) {
	if err := errors.Join(s.enSuLugar(), s.cabe()); err != nil {
		return row, false, err
	}
	creado := s.now().UTC().Truncate(time.Microsecond)
	n, err := s.exec(ctx,
		`UPDATE intentos SET estado = $1, respuesta = '', falla = '', creado = $2, proceso = $3
		 WHERE id = $4 AND estado = $5 AND creado = $6 AND proceso = $7 AND `+esEste("$8", "$9"),
		append([]any{EstadoIntento, Instante(creado), proceso, row.ID, row.Estado, Instante(row.Creado), row.Proceso}, s.este()...)...)
	if err == nil {
		err = s.sigue(ctx, n == 1)
	}
	if err != nil {
		return Intento{Creado: creado}, false, err
	}
	if n != 1 {
		return row, false, nil
	}
	s.mueve()
	row.Estado, row.Respuesta, row.Falla, row.Creado, row.Proceso = EstadoIntento, "", "", creado, proceso
	return row, true, nil
}

// Intento returns the row of a key, or ErrNotFound.
func (s *Store) Intento(ctx context.Context, operacion, clave string) (Intento, error) {
	return s.intento(ctx, `operacion = $1 AND clave = $2`, operacion, clave)
}

// Resuelve writes the outcome of the intent i, which is as Intenta or Reintenta
// returned it but for its outcome. When another has taken the row over in the
// meantime, only a good answer is still written: what the other has found out is
// newer than a failure. It fails where the database is not the ledger any more.
func (s *Store) Resuelve(ctx context.Context, i Intento) error {
	defer s.mueve()
	n, err := s.exec(ctx,
		`UPDATE intentos SET estado = $1, respuesta = $2, falla = $3, resuelto = $4, recurso = $9
		 WHERE id = $5 AND (estado = 'intento' AND proceso = $6 AND creado = $7 OR $8 = 1 AND estado <> 'aceptado') AND `+esEste("$10", "$11"),
		append([]any{i.Estado, i.Respuesta, i.Falla, s.stamp(), i.ID, i.Proceso, Instante(i.Creado), number(i.Estado == EstadoAceptado), i.Recurso}, s.este()...)...)
	if err != nil {
		return err
	}
	return s.sigue(ctx, n > 0)
}

// UltimaRespuesta returns the latest row with an answer for what huella
// identifies, or ErrNotFound.
func (s *Store) UltimaRespuesta(ctx context.Context, operacion, huella string) (Intento, error) {
	return s.intento(ctx, `operacion = $1 AND huella = $2 AND respuesta <> '' ORDER BY id DESC LIMIT 1`, operacion, huella)
}

// PorHuella returns the rows of what huella identifies, the latest first and a
// hundred at most: whether such a message was ever sent, by whom, and what became
// of it.
func (s *Store) PorHuella(ctx context.Context, operacion, huella string) (found []Intento, err error) {
	err = s.intentos(ctx, `operacion = $1 AND huella = $2 ORDER BY id DESC LIMIT 100`, []any{operacion, huella},
		func(row Intento) { found = append(found, row) })
	return found, err
}

// PorRecurso returns the first row whose answer made recurso, or ErrNotFound.
func (s *Store) PorRecurso(ctx context.Context, operacion, recurso string) (Intento, error) {
	return s.intento(ctx, `operacion = $1 AND recurso = $2 AND recurso <> '' ORDER BY id LIMIT 1`, operacion, recurso)
}

// intento reads one row; where is a constant of this file, never input.
func (s *Store) intento(ctx context.Context, where string, args ...any) (Intento, error) {
	found, ok := Intento{}, false
	err := s.intentos(ctx, where, args, func(row Intento) { found, ok = row, true })
	if err == nil && !ok {
		err = ErrNotFound
	}
	return found, err
}

func (s *Store) intentos(ctx context.Context, where string, args []any, each func(Intento)) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	query := `SELECT id, operacion, COALESCE(clave, ''), huella, criterios, estado, respuesta, falla, creado, proceso, dueno, recurso FROM intentos WHERE ` + where //nolint:gosec // where is a constant of this file
	rows, err := s.lecturas.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err says it
	for rows.Next() {
		var row Intento
		var creado string
		if err := rows.Scan(&row.ID, &row.Operacion, &row.Clave, &row.Huella, &row.Criterios, &row.Estado, &row.Respuesta, &row.Falla, &creado, &row.Proceso, &row.Dueno, &row.Recurso); err != nil {
			return fmt.Errorf("store: %w", err)
		}
		if row.Creado, err = leeInstante(creado); err != nil {
			return fmt.Errorf("store: a row's time: %w", err)
		}
		each(row)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// legible takes out of a text what PostgreSQL does not store: callers' accounts
// may hold any byte. What is asked for is identified by Huella, not by it.
func legible(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "�"), "\x00", "�")
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
