package store

import (
	"context"
	"fmt"
	"time"
)

// Damage is what is wrong with an object; empty for nothing.
type Damage string

// The kinds of damage.
const (
	// DanoAusente: it is not there with all its bytes.
	DanoAusente Damage = "ausente"
	// DanoAlterado: its bytes are others than its address says.
	DanoAlterado Damage = "alterado"
	// DanoIlegible: the disk cannot read it.
	DanoIlegible Damage = "ilegible"
)

// Verification is what the last whole reading of an object has come to.
type Verification struct {
	// Done tells whether there was one, Make how long ago.
	Done bool
	Make time.Duration
	// Mark is what the storage said of the object's last change by then.
	Mark   string
	Damage Damage
}

// Blob is one that is to be read.
type Blob struct {
	SHA256 string
	Bytes  int64
}

// Verification returns what is known of an object.
func (s Blobs) Verification(ctx context.Context, sha256 string) (Verification, error) {
	var v Verification
	var when string
	if _, err := s.read.one(ctx, `SELECT verificado, marca, dano FROM objetos WHERE sha256 = $1`, []any{sha256}, &when, &v.Mark, &v.Damage); err != nil || when == "" {
		return v, err
	}
	at, err := readInstant(when)
	if err != nil {
		return v, fmt.Errorf("store: the verification of an object: %w", err)
	}
	v.Done, v.Make = true, s.now().Sub(at)
	return v, nil
}

// RecordVerification enters that an object was read now, and what it came to. Of one
// that no package refers to any more, or that is being removed, nothing is entered.
func (s Blobs) RecordVerification(ctx context.Context, sha256, mark string, d Damage) error {
	_, err := s.write.exec(ctx, `UPDATE objetos SET verificado = $2, marca = $3, dano = $4
		WHERE sha256 = $1 AND borra = '' AND NOT `+withoutReferences, sha256, Instant(s.now()), mark, string(d))
	return err
}

// ToVerify lists stored objects that were last read more than every ago, and damaged
// ones more than damaged ago; those whose reading is the oldest come first. A reading
// of the future is none: the clock was wrong.
func (s Blobs) ToVerify(ctx context.Context, every, damaged, future time.Duration, limit int) ([]Blob, error) {
	now := s.now()
	return all(ctx, s.read, func(f scanner) (Blob, error) {
		var o Blob
		err := f.Scan(&o.SHA256, &o.Bytes)
		return o, err
	},
		`SELECT o.sha256, MAX(p.bytes) FROM objetos o JOIN paquetes p ON p.sha256 = o.sha256 AND p.completo = 1
		WHERE o.verificado < $1 OR o.verificado > $2 OR o.dano <> '' AND o.verificado < $3
		GROUP BY o.sha256, o.verificado ORDER BY o.verificado LIMIT $4`,
		Instant(now.Add(-every)), Instant(now.Add(future)), Instant(now.Add(-damaged)), limit)
}
