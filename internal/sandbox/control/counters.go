package control

import (
	"maps"
	"sync"
)

// Counters count what the simulated systems did since the last reset.
type Counters struct {
	mu sync.Mutex
	c  Count
}

// Count is a copy of the counters.
type Count struct {
	Conexiones int64                       `json:"conexiones"`     // accepted on the SOAP listener
	Llamadas   map[string]map[string]int64 `json:"llamadas"`       // by service and operation
	Codigos    map[string]int64            `json:"codigos"`        // CodEstatus answered, fault codes and HTTP errors
	Tokens     int64                       `json:"tokensEmitidos"` // sessions granted
	Bytes      int64                       `json:"bytes"`          // of answers, bodies only
}

// NewCounters returns counters at zero.
func NewCounters() *Counters {
	c := &Counters{}
	c.Reset()
	return c
}

// Connection counts an accepted connection.
func (c *Counters) Connection() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c.Conexiones++
}

// Call counts a call.
func (c *Counters) Call(servicio, operation string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.c.Llamadas[servicio] == nil {
		c.c.Llamadas[servicio] = make(map[string]int64)
	}
	c.c.Llamadas[servicio][operation]++
}

// Codigo counts an answered code.
func (c *Counters) Codigo(codigo string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c.Codigos[codigo]++
}

// Token counts a granted session.
func (c *Counters) Token() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c.Tokens++
}

// Bytes counts n bytes of an answer.
func (c *Counters) Bytes(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c.Bytes += int64(n)
}

// Read returns a copy.
func (c *Counters) Read() Count {
	c.mu.Lock()
	defer c.mu.Unlock()
	clone := c.c
	clone.Codigos = maps.Clone(c.c.Codigos)
	clone.Llamadas = make(map[string]map[string]int64, len(c.c.Llamadas))
	for servicio, operations := range c.c.Llamadas {
		clone.Llamadas[servicio] = maps.Clone(operations)
	}
	return clone
}

// Reset puts every counter at zero.
func (c *Counters) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c = Count{Llamadas: make(map[string]map[string]int64), Codigos: make(map[string]int64)}
}
