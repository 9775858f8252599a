package store

import (
	"context"
	"fmt"
	"time"
)

// Dano is what is wrong with an object; empty for nothing.
type Dano string

// The kinds of damage.
const (
	// DanoAusente: it is not there with all its bytes.
	DanoAusente Dano = "ausente"
	// DanoAlterado: its bytes are others than its address says.
	DanoAlterado Dano = "alterado"
	// DanoIlegible: the disk cannot read it.
	DanoIlegible Dano = "ilegible"
)

// Verificacion is what the last whole reading of an object has come to.
type Verificacion struct {
	// Hecha tells whether there was one, Hace how long ago.
	Hecha bool
	Hace  time.Duration
	// Marca is what the storage said of the object's last change by then.
	Marca string
	Dano  Dano
}

// Objeto is one that is to be read.
type Objeto struct {
	SHA256 string
	Bytes  int64
}

// Verificacion returns what is known of an object.
func (s *Store) Verificacion(ctx context.Context, sha256 string) (Verificacion, error) {
	var v Verificacion
	var cuando string
	if _, err := s.one(ctx, `SELECT verificado, marca, dano FROM objetos WHERE sha256 = $1`, []any{sha256}, &cuando, &v.Marca, &v.Dano); err != nil || cuando == "" {
		return v, err
	}
	at, err := leeInstante(cuando)
	if err != nil {
		return v, fmt.Errorf("store: the verification of an object: %w", err)
	}
	v.Hecha, v.Hace = true, s.now().Sub(at)
	return v, nil
}

// AnotaVerificacion enters that an object was read now, and what it came to. Of one
// that no package refers to any more, or that is being removed, nothing is entered.
func (s *Store) AnotaVerificacion(ctx context.Context, sha256, marca string, d Dano) error {
	_, err := s.exec(ctx, `UPDATE objetos SET verificado = $2, marca = $3, dano = $4
		WHERE sha256 = $1 AND borra = '' AND NOT `+sinReferencias, sha256, Instante(s.now()), marca, string(d))
	return err
}

// PorVerificar lists stored objects that were last read more than cada ago, and damaged
// ones more than danados ago; those whose reading is the oldest come first. A reading
// of the future is none: the clock was wrong.
func (s *Store) PorVerificar(ctx context.Context, cada, danados, futuro time.Duration, limite int) ([]Objeto, error) {
	ahora := s.now()
	return todas(ctx, s.lecturas, func(f fila) (Objeto, error) {
		var o Objeto
		err := f.Scan(&o.SHA256, &o.Bytes)
		return o, err
	},
		`SELECT o.sha256, MAX(p.bytes) FROM objetos o JOIN paquetes p ON p.sha256 = o.sha256 AND p.completo = 1
		WHERE o.verificado < $1 OR o.verificado > $2 OR o.dano <> '' AND o.verificado < $3
		GROUP BY o.sha256, o.verificado ORDER BY o.verificado LIMIT $4`,
		Instante(ahora.Add(-cada)), Instante(ahora.Add(futuro)), Instante(ahora.Add(-danados)), limite)
}
