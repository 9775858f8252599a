package pade

import (
	"crypto/sha256"
	"sync"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// cuentas remembers the accounts that the PAC has refused: three wrong logins
// block one for everybody, so after the first none is tried again until it is
// reset, with whatever password (pade.md §0). Only digests are kept.
type cuentas struct {
	mu       sync.Mutex
	refused  map[[sha256.Size]byte]bool
	attempts sync.Map // digest to *sync.Mutex: one first try at a time
}

func newCuentas() *cuentas { return &cuentas{refused: make(map[[sha256.Size]byte]bool)} }

func digest(c gateway.CuentaPADE) [sha256.Size]byte {
	return sha256.Sum256([]byte(c.Contrato + "\x00" + c.Usuario))
}

// use runs call for an account that has not been refused; call says whether it
// is now. Until an account has been accepted once, its calls wait for each
// other, so that a burst with a wrong password is one wrong login and not many.
func (c *cuentas) use(cuenta gateway.CuentaPADE, call func() (refused bool, err error)) error {
	key := digest(cuenta)
	gate, _ := c.attempts.LoadOrStore(key, &firstTry{})
	done := gate.(*firstTry).enter() //nolint:forcetypeassert // nothing else is stored
	if c.isRefused(key) {
		done(false)
		return errBloqueada
	}
	refused, err := call()
	if refused {
		c.mu.Lock()
		c.refused[key] = true
		c.mu.Unlock()
	}
	done(err == nil)
	return err
}

var errBloqueada = &gateway.Error{Kind: gateway.KindProhibido, Own: gateway.OwnCuentaBloqueada, Backend: backend, NoEnviada: true,
	Detail: "Prodigia rechazó antes esta cuenta y la pasarela ya no la usa, porque la tercera equivocación la bloquea. La petición no salió. Corrija usuario, contraseña y contrato, y desbloquee con DELETE /v1/pade/bloqueo."}

func (c *cuentas) isRefused(key [sha256.Size]byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused[key]
}

func (c *cuentas) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.refused)
}

// reset lets every account be tried again.
func (c *cuentas) reset() {
	c.mu.Lock()
	c.refused = make(map[[sha256.Size]byte]bool)
	c.mu.Unlock()
	c.attempts.Clear()
}

// firstTry lets one caller through at a time until one has succeeded.
type firstTry struct {
	mu       sync.Mutex
	accepted bool
	state    sync.Mutex
}

// enter waits for its turn and returns what ends it.
func (f *firstTry) enter() func(ok bool) {
	f.state.Lock()
	accepted := f.accepted
	f.state.Unlock()
	if accepted {
		return func(bool) {}
	}
	f.mu.Lock()
	return func(ok bool) {
		f.state.Lock()
		f.accepted = f.accepted || ok
		f.state.Unlock()
		f.mu.Unlock()
	}
}
