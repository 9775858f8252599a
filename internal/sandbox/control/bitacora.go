package control

import (
	"sync"
	"time"
)

const (
	// maxBitacora bounds the calls that are kept; the oldest are forgotten.
	maxBitacora = 20_000
	// maxObjetos bounds the things whose calls are counted; those that come later are not.
	maxObjetos = 100_000
)

// Anotacion is a call as the log keeps it.
type Anotacion struct {
	Numero    int64     `json:"numero"`   // from 1, in order of arrival
	Instante  time.Time `json:"instante"` // of arrival, sandbox clock
	Real      time.Time `json:"real"`     // of arrival, real clock
	Servicio  string    `json:"servicio"`
	Operacion string    `json:"operacion"`
	// Objeto is what it was about: the criteria of a request, or an id. Empty when it cannot be read.
	Objeto string `json:"objeto,omitempty"`
	// Codigo is what it came to, as in Conteo.Codigos; empty while it is under way or when it got no answer.
	Codigo string `json:"codigo,omitempty"`
	Falla  Tipo   `json:"falla,omitempty"` // the fault that was spent on it
	// ID is that of the request that it registered, whether or not the answer arrived.
	ID string `json:"idSolicitud,omitempty"`
}

// Objeto names a thing that calls are about.
type Objeto struct{ Servicio, Operacion, Objeto string }

// Bitacora is a bounded log of the calls in order of arrival, and how many there were about each thing,
// whatever came of them.
type Bitacora struct {
	mu      sync.Mutex
	ultima  int64
	anillo  []*Anotacion
	cuentas map[Objeto]int64
}

// NewBitacora returns an empty log.
func NewBitacora() *Bitacora {
	b := &Bitacora{}
	b.Reinicia()
	return b
}

// Anota logs a call that arrived and returns what Completa takes.
func (b *Bitacora) Anota(a Anotacion) *Anotacion {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ultima++
	a.Numero = b.ultima
	if len(b.anillo) < maxBitacora {
		b.anillo = append(b.anillo, &a)
	} else {
		b.anillo[(a.Numero-1)%maxBitacora] = &a
	}
	o := Objeto{a.Servicio, a.Operacion, a.Objeto}
	if _, hay := b.cuentas[o]; hay || len(b.cuentas) < maxObjetos {
		b.cuentas[o]++
	}
	return &a
}

// Completa changes a call of Anota's; one that was forgotten since is nobody's.
func (b *Bitacora) Completa(a *Anotacion, cambia func(*Anotacion)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	cambia(a)
}

// Lee returns the calls that are kept with numbers above desde, oldest first.
func (b *Bitacora) Lee(desde int64) []Anotacion {
	b.mu.Lock()
	defer b.mu.Unlock()
	desde = max(desde, b.ultima-int64(len(b.anillo)))
	lista := make([]Anotacion, 0, max(0, b.ultima-desde))
	for n := desde + 1; n <= b.ultima; n++ {
		lista = append(lista, *b.anillo[(n-1)%maxBitacora])
	}
	return lista
}

// Cuenta tells how many calls of an operation were about a thing.
func (b *Bitacora) Cuenta(o Objeto) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cuentas[o]
}

// Cuentas yields every thing and its calls, in no order.
func (b *Bitacora) Cuentas(toma func(Objeto, int64)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for o, n := range b.cuentas {
		toma(o, n)
	}
}

// Reinicia forgets everything; numbers begin anew.
func (b *Bitacora) Reinicia() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ultima, b.anillo, b.cuentas = 0, nil, make(map[Objeto]int64)
}
