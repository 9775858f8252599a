package pade

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
)

const (
	// maxFailed wrong logins in a row block a user, until the sandbox is reset.
	maxFailed = 3
	// maxUsers bounds how many users with wrong logins are remembered.
	maxUsers = 10_000
)

// cuentas counts wrong logins by user.
type cuentas struct {
	mu     sync.Mutex
	failed map[string]int
}

func newCuentas() *cuentas { return &cuentas{failed: make(map[string]int)} }

func (c *cuentas) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.failed)
}

// enter reports whether a user may. One that is blocked may not, with the right password either.
func (c *cuentas) enter(user string, correct bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ya := c.failed[user]
	switch {
	case n >= maxFailed:
		return false
	case !correct:
		if ya || len(c.failed) < maxUsers {
			c.failed[user]++
		}
		return false
	}
	delete(c.failed, user)
	return true
}

func (c *cuentas) blocked() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	users := []string{}
	for u, n := range c.failed {
		if n >= maxFailed {
			users = append(users, u)
		}
	}
	slices.Sort(users)
	return users
}

// enter judges user and password of a call.
func (s *Server) enter(ll *call) bool {
	user := ll.datum(parUsuario)
	return s.cuentas.enter(user, user == s.Knobs.Text(perUser) && ll.datum(parPasswd) == s.Knobs.Text(perPassword))
}

func (s *Server) isItsContrato(ll *call) bool {
	return ll.datum(parContrato) == s.Knobs.Text(perContrato)
}

// ids are those of transactions, in the form of a UUID, from the seed.
type ids struct {
	seed uint64

	mu sync.Mutex
	n  uint64
}

func (i *ids) reset() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.n = 0
}

func (i *ids) next() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.n++
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte(Servicio), i.seed), i.n))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
