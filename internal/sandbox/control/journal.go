package control

import (
	"sync"
	"time"
)

const (
	// maxJournal bounds the calls that are kept; the oldest are forgotten.
	maxJournal = 20_000
	// maxBlobs bounds the things whose calls are counted; those that come later are not.
	maxBlobs = 100_000
)

// Note is a call as the log keeps it.
type Note struct {
	Numero    int64     `json:"numero"`   // from 1, in order of arrival
	Instante  time.Time `json:"instante"` // of arrival, sandbox clock
	Real      time.Time `json:"real"`     // of arrival, real clock
	Servicio  string    `json:"servicio"`
	Operacion string    `json:"operacion"`
	// Objeto is what the call was about: the criteria of a request, or an id. It is empty if it cannot be read.
	Objeto string `json:"objeto,omitempty"`
	// Codigo is the outcome, as in Count.Codigos. It is empty while the call runs, and if it got no answer.
	Codigo string `json:"codigo,omitempty"`
	Falla  Tipo   `json:"falla,omitempty"` // the fault that was spent on it
	// ID is the id of the request that the call registered, whether or not its answer arrived.
	ID string `json:"idSolicitud,omitempty"`
}

// Blob names a thing that calls are about.
type Blob struct{ Servicio, Operation, Blob string }

// Journal is a bounded log of the calls in order of arrival, and how many there were about each thing,
// whatever came of them.
type Journal struct {
	mu      sync.Mutex
	last    int64
	ring    []*Note
	cuentas map[Blob]int64
}

// NewJournal returns an empty log.
func NewJournal() *Journal {
	b := &Journal{}
	b.Reset()
	return b
}

// Record logs a call that arrived and returns what Complete takes.
func (b *Journal) Record(a Note) *Note {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	a.Numero = b.last
	if len(b.ring) < maxJournal {
		b.ring = append(b.ring, &a)
	} else {
		b.ring[(a.Numero-1)%maxJournal] = &a
	}
	o := Blob{a.Servicio, a.Operacion, a.Objeto}
	if _, has := b.cuentas[o]; has || len(b.cuentas) < maxBlobs {
		b.cuentas[o]++
	}
	return &a
}

// Complete changes a call that Record returned, also after the log forgot it.
func (b *Journal) Complete(a *Note, change func(*Note)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(a)
}

// Read returns the calls that are kept with numbers above since, oldest first.
func (b *Journal) Read(since int64) []Note {
	b.mu.Lock()
	defer b.mu.Unlock()
	since = max(since, b.last-int64(len(b.ring)))
	list := make([]Note, 0, max(0, b.last-since))
	for n := since + 1; n <= b.last; n++ {
		list = append(list, *b.ring[(n-1)%maxJournal])
	}
	return list
}

// Count tells how many calls of an operation were about a thing.
func (b *Journal) Count(o Blob) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cuentas[o]
}

// Cuentas yields every thing and its calls, in no order.
func (b *Journal) Cuentas(take func(Blob, int64)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for o, n := range b.cuentas {
		take(o, n)
	}
}

// Reset forgets everything; numbers begin anew.
func (b *Journal) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last, b.ring, b.cuentas = 0, nil, make(map[Blob]int64)
}
