package pade

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/textfold"
)

// maxCuentas bounds the accounts of one caller.
const maxCuentas = 64

// cuentas remembers the accounts that the PAC refused. Three wrong logins block an
// account for everybody, so after the first one it is not tried again, with any password
// or contract code, until it is freed (pade.md §0). Each caller's accounts are separate:
// nobody can stop another caller's or the configured one. Only digests are kept.
type cuentas struct {
	mu sync.Mutex
	// by holds the accounts by caller (gateway.CuentaPADE.De).
	by map[string]map[[sha256.Size]byte]*gate
	// patience bounds how long a call waits for earlier ones.
	patience time.Duration
}

// gate is one account. Until it is first accepted, its calls are made one at a time.
type gate struct {
	refused, accepted bool
	try               *attempt // in progress; nil for none
}

// attempt is a first use of an account.
type attempt struct {
	ended chan struct{}
	// silent reports that the PAC did not answer. Read it after ended is closed.
	silent bool
}

func newCuentas() *cuentas {
	return &cuentas{by: make(map[string]map[[sha256.Size]byte]*gate), patience: timeout}
}

// digest identifies an account. The PAC blocks the user, whatever the contract code and
// the spelling that the PAC ignores.
func digest(c gateway.CuentaPADE) [sha256.Size]byte {
	return sha256.Sum256([]byte(textfold.Fold(c.User)))
}

// use runs call for an account that has not been refused; call reports whether it now is.
// Until an account is first accepted its calls wait for each other, so that a burst with
// a wrong password is one wrong login.
func (c *cuentas) use(ctx context.Context, cuenta gateway.CuentaPADE, call func() (refused bool, err error)) error {
	try, err := c.enter(ctx, cuenta)
	if err != nil {
		return err
	}
	refused, err := false, errPanic // replaced by call's results
	defer func() { c.leave(cuenta, try, refused, err) }()
	refused, err = call()
	return err
}

// errPanic is the error of a call that panicked.
var errPanic = errors.New("pade: a panic in a call")

// enter waits until a call of the account may be sent. It returns the attempt if this is
// the account's first use, and nil if the account has been accepted before.
func (c *cuentas) enter(ctx context.Context, cuenta gateway.CuentaPADE) (*attempt, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.patience, errWithoutTurn)
	defer cancel()
	for {
		other, try, err := c.turn(cuenta)
		if other == nil {
			return try, err
		}
		if err := other.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// wait returns nil when the attempt has ended and another may begin.
func (i *attempt) wait(ctx context.Context) error {
	select {
	case <-i.ended:
		if i.silent {
			return errWithoutTurn
		}
		return nil
	case <-ctx.Done():
		return interrupted(context.Cause(ctx))
	}
}

// turn begins an attempt, or returns the other one in progress.
func (c *cuentas) turn(cuenta gateway.CuentaPADE) (other, try *attempt, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.gate(cuenta)
	switch {
	case p == nil:
		return nil, nil, errTooMany
	case p.refused:
		return nil, nil, errBlocked
	case p.accepted:
		return nil, nil, nil
	case p.try != nil:
		return p.try, nil, nil
	}
	p.try = &attempt{ended: make(chan struct{})}
	return nil, p.try, nil
}

// leave records the result of a call.
func (c *cuentas) leave(cuenta gateway.CuentaPADE, try *attempt, refused bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.gate(cuenta); p != nil { // a freed account has a new gate
		p.refused = p.refused || refused
		p.accepted = p.accepted || err == nil
		if p.try == try {
			p.try = nil
		}
	}
	if try != nil {
		try.silent = unanswered(err)
		close(try.ended)
	}
}

// unanswered reports whether the PAC did not answer a call.
func unanswered(err error) bool {
	for _, kind := range []gateway.Kind{gateway.KindNoDisponible, gateway.KindSinRespuesta, gateway.KindResultadoDesconocido, gateway.KindSinServicio} {
		if gateway.IsKind(err, kind) {
			return true
		}
	}
	return false
}

// gate returns an account's gate, made at first use; nil if its caller has too many. The
// caller holds c.mu.
func (c *cuentas) gate(cuenta gateway.CuentaPADE) *gate {
	mine := c.by[cuenta.De]
	if mine == nil {
		mine = make(map[[sha256.Size]byte]*gate)
		c.by[cuenta.De] = mine
	}
	key := digest(cuenta)
	if p := mine[key]; p != nil {
		return p
	}
	for other, p := range mine {
		if len(mine) < maxCuentas {
			break
		}
		if !p.refused && p.try == nil {
			delete(mine, other) // it has to be accepted again
		}
	}
	if len(mine) >= maxCuentas {
		return nil
	}
	mine[key] = &gate{}
	return mine[key]
}

var (
	errBlocked = &gateway.Error{Kind: gateway.KindProhibido, Own: gateway.OwnCuentaBloqueada, Backend: backend, Unsent: true,
		Detail: "Prodigia rechazó antes esta cuenta y la pasarela ya no la usa, porque la tercera equivocación la bloquea. La petición no salió. Corrija usuario, contraseña y contrato, y desbloquee con DELETE /v1/pade/bloqueo."}
	errTooMany = &gateway.Error{Kind: gateway.KindProhibido, Own: gateway.OwnCuentasAlTope, Backend: backend, Unsent: true,
		Detail: "Esta clave de API tiene detenidas demasiadas cuentas que Prodigia rechazó, y la pasarela no prueba otras. La petición no salió. Corríjalas y desbloquee con DELETE /v1/pade/bloqueo."}
	errWithoutTurn = &gateway.Error{Kind: gateway.KindNoDisponible, Own: gateway.OwnCuentaSinRespuesta, Backend: backend, Unsent: true, Retryable: true, RetryAfter: remembered,
		Detail: "Otra petición con esta cuenta de Prodigia, que aún no se sabe si es buena, está sin respuesta. Esta no salió. Repita más tarde."}
)

// interrupted returns the failure of a wait that took too long or whose caller left.
func interrupted(cause error) error {
	if gateway.IsKind(cause, gateway.KindNoDisponible) {
		return cause
	}
	e := System().Unavailable("La petición se interrumpió antes de salir.", 0)
	e.Unsent, e.Err = true, cause
	return e
}

// count returns the number of stopped accounts.
func (c *cuentas) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for de := range c.by {
		n += c.refusedOf(de)
	}
	return n
}

// refusedOf counts those of one API caller. Hold c.mu.
func (c *cuentas) refusedOf(de string) int {
	n := 0
	for _, p := range c.by[de] {
		if p.refused {
			n++
		}
	}
	return n
}

// free allows the accounts of one caller again and returns how many were stopped.
func (c *cuentas) free(de string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.refusedOf(de)
	delete(c.by, de)
	return n
}

// freeAll allows every account again.
func (c *cuentas) freeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.by)
}

// stopped reports whether an account of de is stopped.
func (c *cuentas) stopped(de string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refusedOf(de) > 0
}
