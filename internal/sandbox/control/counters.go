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

func (c *Counters) change(add func(*Count)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	add(&c.c)
}

// Connection counts an accepted connection.
func (c *Counters) Connection() { c.change(func(n *Count) { n.Conexiones++ }) }

// Codigo counts an answered code.
func (c *Counters) Codigo(codigo string) { c.change(func(n *Count) { n.Codigos[codigo]++ }) }

// Token counts a granted session.
func (c *Counters) Token() { c.change(func(n *Count) { n.Tokens++ }) }

// Bytes counts so many bytes of an answer.
func (c *Counters) Bytes(bytes int) { c.change(func(n *Count) { n.Bytes += int64(bytes) }) }

// Call counts a call.
func (c *Counters) Call(servicio, operation string) {
	c.change(func(n *Count) {
		if n.Llamadas[servicio] == nil {
			n.Llamadas[servicio] = make(map[string]int64)
		}
		n.Llamadas[servicio][operation]++
	})
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
	c.change(func(n *Count) {
		*n = Count{Llamadas: make(map[string]map[string]int64), Codigos: make(map[string]int64)}
	})
}
