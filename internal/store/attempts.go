package store

import (
	"context"
	"errors"
	"strings"
	"time"
)

// Attempts are the intents of what must not be sent twice, and what came of them.
type Attempts struct{ *core }

// The states of an intent.
const (
	EstadoIntento     = "intento"
	EstadoAceptado    = "aceptado"
	EstadoRechazado   = "rechazado"
	EstadoDesconocido = "desconocido"
)

// Attempt is one row of the ledger of what must not be sent twice.
type Attempt struct {
	ID        int64
	Operation string
	// Key is the caller's idempotency key, scoped to the caller; empty for none.
	Key string
	// Digest identifies what is asked for; Criterios says it to people.
	Digest, Criterios string
	Estado            string
	// Answer and Falla are JSON, empty unless there was one.
	Answer, Falla string
	Created       time.Time
	// Process is who sends, or has sent, by its id among the gateways that share
	// the database; empty where there are no others.
	Process string
	// Owner is the ID of the API key whose message it is, and Resource what the answer
	// made; empty for none.
	Owner, Resource string
}

// Try writes that i is about to be sent by i.Process, durably, and returns
// its row. If there is a row of the same operation and key, it is returned
// instead, with false: nothing may be sent. Beside an error, Created is the instant of
// the row, which may have been written all the same; so it is with Retry.
func (s Attempts) Try(ctx context.Context, i Attempt) (Attempt, bool, error) {
	if err := s.inItsPlace(); err != nil {
		return Attempt{}, false, err
	}
	if err := s.fit(); err != nil {
		// What is on record is known all the same.
		if row, errRow := s.Get(ctx, i.Operation, i.Key); errRow == nil && i.Key != "" {
			return row, false, nil
		}
		return Attempt{}, false, err
	}
	created := s.now().UTC().Truncate(time.Microsecond)
	mine, err := s.write.one(ctx,
		`INSERT INTO intentos (operacion, clave, huella, criterios, estado, creado, proceso, dueno)
		 SELECT $1, NULLIF($2, ''), $3, $4, $5, $6, $7, $8 WHERE `+isThis("$9", "$10")+` ON CONFLICT DO NOTHING RETURNING id`,
		append([]any{i.Operation, i.Key, i.Digest, readable(i.Criterios), EstadoIntento, Instant(created), i.Process, i.Owner}, s.this()...), &i.ID)
	if err == nil {
		err = s.follow(ctx, mine)
	}
	if err != nil {
		return Attempt{Created: created}, false, err
	}
	if !mine {
		row, err := s.Get(ctx, i.Operation, i.Key)
		return row, false, err
	}
	s.move()
	i.Estado, i.Created = EstadoIntento, created
	return i, true, nil
}

// Retry turns row back into an intent, of process, if it is still as it was
// read, and returns what it has become; false when another caller was faster.
func (s Attempts) Retry(ctx context.Context, row Attempt, process string) (Attempt, bool, error) {
	if err := errors.Join(s.inItsPlace(), s.fit()); err != nil {
		return row, false, err
	}
	created := s.now().UTC().Truncate(time.Microsecond)
	n, err := s.write.exec(ctx,
		`UPDATE intentos SET estado = $1, respuesta = '', falla = '', creado = $2, proceso = $3
		 WHERE id = $4 AND estado = $5 AND creado = $6 AND proceso = $7 AND `+isThis("$8", "$9"),
		append([]any{EstadoIntento, Instant(created), process, row.ID, row.Estado, Instant(row.Created), row.Process}, s.this()...)...)
	if err == nil {
		err = s.follow(ctx, n == 1)
	}
	if err != nil {
		return Attempt{Created: created}, false, err
	}
	if n != 1 {
		return row, false, nil
	}
	s.move()
	row.Estado, row.Answer, row.Falla, row.Created, row.Process = EstadoIntento, "", "", created, process
	return row, true, nil
}

// Get returns the row of a key, or ErrNotFound.
func (s Attempts) Get(ctx context.Context, operation, key string) (Attempt, error) {
	return first(ctx, s.read, readAttempt, selectAttempt+`operacion = $1 AND clave = $2`, operation, key)
}

// Resolve writes the outcome of the intent i, which is as Try or Retry
// returned it but for its outcome. When another has taken the row over in the
// meantime, only a good answer is still written: what the other has found out is
// newer than a failure. It fails where the database is not the ledger any more.
func (s Attempts) Resolve(ctx context.Context, i Attempt) error {
	defer s.move()
	n, err := s.write.exec(ctx,
		`UPDATE intentos SET estado = $1, respuesta = $2, falla = $3, recurso = $4
		 WHERE id = $5 AND (estado = 'intento' AND proceso = $6 AND creado = $7 OR $8 = 1 AND estado <> 'aceptado') AND `+isThis("$9", "$10"),
		append([]any{i.Estado, i.Answer, i.Falla, i.Resource, i.ID, i.Process, Instant(i.Created), number(i.Estado == EstadoAceptado)}, s.this()...)...)
	if err != nil {
		return err
	}
	return s.follow(ctx, n > 0)
}

// LastAnswer returns the latest row with an answer for what digest
// identifies, or ErrNotFound.
func (s Attempts) LastAnswer(ctx context.Context, operation, digest string) (Attempt, error) {
	return first(ctx, s.read, readAttempt, selectAttempt+`operacion = $1 AND huella = $2 AND respuesta <> '' ORDER BY id DESC LIMIT 1`, operation, digest)
}

// ByDigest returns the rows of what digest identifies, the latest first and a
// hundred at most: whether such a message was ever sent, by whom, and what became
// of it.
func (s Attempts) ByDigest(ctx context.Context, operation, digest string) ([]Attempt, error) {
	return all(ctx, s.read, readAttempt, selectAttempt+`operacion = $1 AND huella = $2 ORDER BY id DESC LIMIT 100`, operation, digest)
}

// ByResource returns the first row whose answer made resource, or ErrNotFound.
func (s Attempts) ByResource(ctx context.Context, operation, resource string) (Attempt, error) {
	return first(ctx, s.read, readAttempt, selectAttempt+`operacion = $1 AND recurso = $2 AND recurso <> '' ORDER BY id LIMIT 1`, operation, resource)
}

const selectAttempt = `SELECT id, operacion, COALESCE(clave, ''), huella, criterios, estado, respuesta, falla, creado, proceso, dueno, recurso
	FROM intentos WHERE `

func readAttempt(f scanner) (a Attempt, err error) {
	var created string
	err = f.Scan(&a.ID, &a.Operation, &a.Key, &a.Digest, &a.Criterios, &a.Estado, &a.Answer, &a.Falla, &created, &a.Process, &a.Owner, &a.Resource)
	return a, errors.Join(err, readInstantIn(created, &a.Created))
}

// readable takes out of a text what PostgreSQL does not store: callers' accounts
// may hold any byte. What is asked for is identified by Digest, not by it.
func readable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "�"), "\x00", "�")
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
