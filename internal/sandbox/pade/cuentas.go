package pade

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
)

const (
	// maxFallidos wrong logins in a row block a user, until the sandbox is reset.
	maxFallidos = 3
	// maxUsuarios bounds how many users with wrong logins are remembered.
	maxUsuarios = 10_000
)

// cuentas counts wrong logins by user.
type cuentas struct {
	mu       sync.Mutex
	fallidos map[string]int
}

func nuevasCuentas() *cuentas { return &cuentas{fallidos: make(map[string]int)} }

func (c *cuentas) reinicia() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.fallidos)
}

// entra tells whether a user may. One that is blocked may not, with the right password either.
func (c *cuentas) entra(usuario string, correcta bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ya := c.fallidos[usuario]
	switch {
	case n >= maxFallidos:
		return false
	case !correcta:
		if ya || len(c.fallidos) < maxUsuarios {
			c.fallidos[usuario]++
		}
		return false
	}
	delete(c.fallidos, usuario)
	return true
}

func (c *cuentas) bloqueadas() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	usuarios := []string{}
	for u, n := range c.fallidos {
		if n >= maxFallidos {
			usuarios = append(usuarios, u)
		}
	}
	slices.Sort(usuarios)
	return usuarios
}

// entra judges user and password of a call.
func (s *Servidor) entra(ll *llamada) bool {
	usuario := ll.dato(parUsuario)
	return s.cuentas.entra(usuario, usuario == s.o.Perillas.Texto(perUsuario) && ll.dato(parPasswd) == s.o.Perillas.Texto(perPassword))
}

func (s *Servidor) esSuContrato(ll *llamada) bool {
	return ll.dato(parContrato) == s.o.Perillas.Texto(perContrato)
}

// ids are those of transactions, in the form of a UUID, from the seed.
type ids struct {
	semilla uint64

	mu sync.Mutex
	n  uint64
}

func (i *ids) reinicia() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.n = 0
}

func (i *ids) siguiente() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.n++
	suma := sha256.Sum256(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte(Servicio), i.semilla), i.n))
	suma[6], suma[8] = suma[6]&0x0f|0x40, suma[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", suma[:4], suma[4:6], suma[6:8], suma[8:10], suma[10:16])
}
