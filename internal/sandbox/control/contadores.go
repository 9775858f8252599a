package control

import (
	"maps"
	"sync"
)

// Contadores count what the simulated systems did since the last reset.
type Contadores struct {
	mu sync.Mutex
	c  Conteo
}

// Conteo is a copy of the counters.
type Conteo struct {
	Conexiones int64                       `json:"conexiones"`     // accepted on the SOAP listener
	Llamadas   map[string]map[string]int64 `json:"llamadas"`       // by service and operation
	Codigos    map[string]int64            `json:"codigos"`        // CodEstatus answered, fault codes and HTTP errors
	Tokens     int64                       `json:"tokensEmitidos"` // sessions granted
	Bytes      int64                       `json:"bytes"`          // of answers, bodies only
}

// NewContadores returns counters at zero.
func NewContadores() *Contadores {
	c := &Contadores{}
	c.Reinicia()
	return c
}

// Conexion counts an accepted connection.
func (c *Contadores) Conexion() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c.Conexiones++
}

// Llamada counts a call.
func (c *Contadores) Llamada(servicio, operacion string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.c.Llamadas[servicio] == nil {
		c.c.Llamadas[servicio] = make(map[string]int64)
	}
	c.c.Llamadas[servicio][operacion]++
}

// Codigo counts an answered code.
func (c *Contadores) Codigo(codigo string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c.Codigos[codigo]++
}

// Token counts a granted session.
func (c *Contadores) Token() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c.Tokens++
}

// Bytes counts n bytes of an answer.
func (c *Contadores) Bytes(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c.Bytes += int64(n)
}

// Lee returns a copy.
func (c *Contadores) Lee() Conteo {
	c.mu.Lock()
	defer c.mu.Unlock()
	copia := c.c
	copia.Codigos = maps.Clone(c.c.Codigos)
	copia.Llamadas = make(map[string]map[string]int64, len(c.c.Llamadas))
	for servicio, operaciones := range c.c.Llamadas {
		copia.Llamadas[servicio] = maps.Clone(operaciones)
	}
	return copia
}

// Reinicia puts every counter at zero.
func (c *Contadores) Reinicia() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c = Conteo{Llamadas: make(map[string]map[string]int64), Codigos: make(map[string]int64)}
}
