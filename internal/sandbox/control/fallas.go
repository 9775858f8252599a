package control

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"
)

// Tipo is what a fault does.
type Tipo string

// The faults. Those of a package touch only the operation that answers with one.
const (
	Lento          Tipo = "lento"           // waits Delay, then answers as usual
	Reset          Tipo = "reset"           // TCP reset before the message is processed
	ResetDespues   Tipo = "reset_despues"   // processes, spends the quota, then TCP reset: the lost answer
	HTML503        Tipo = "html503"         // the HTML page of an overloaded IIS, HTTP 503
	Vacio          Tipo = "vacio"           // HTTP 200 without a body
	Fault          Tipo = "fault"           // SOAP fault, HTTP 500; an internal error unless Faultcode and Mensaje say more
	Codigo         Tipo = "codigo"          // the code in the shape of the operation's answer
	Truncado       Tipo = "truncado"        // the base64 of the package stops after Bytes; the envelope closes as it should
	Corte          Tipo = "corte"           // the connection ends after Bytes of the answer's body
	Base64Invalido Tipo = "base64_invalido" // characters that are not base64 after Bytes of it
	ZipInvalido    Tipo = "zip_invalido"    // good base64 of Bytes bytes that are no ZIP
	Goteo          Tipo = "goteo"           // the answer drips, Bytes at a time, waiting Delay between drops
	Silencio       Tipo = "silencio"        // no answer until the client gives up
	ConDefectos    Tipo = "defectos"        // what the answer carries has Defects inside
	Pagina         Tipo = "pagina"          // an HTML page with the status HTTP: a front server's, a firewall's
	InOtherCodigo  Tipo = "codificacion"    // answers as usual, written in Codificacion
	Intermitencia  Tipo = "intermitencia"   // one of what the system does on a bad day, to Porciento of the calls
)

// maxFallas bounds the list of pending faults.
const maxFallas = 10_000

// Falla is one misbehaviour that was asked for. A call gets at most one: the oldest that matches.
type Falla struct {
	ID        int    `json:"id"`
	Servicio  string `json:"servicio"`  // a family of the system, or * for any
	Operacion string `json:"operacion"` // an operation, or * for any to which the fault applies
	Tipo      Tipo   `json:"tipo"`

	// Contiene touches only the calls whose message has this text: an id, a date, an RFC.
	Contiene string `json:"contiene,omitempty"`
	// Cada touches one in so many of the calls that match: the third, the sixth and so on.
	Cada int `json:"cada,omitempty"`
	// Porciento touches that share of the calls that match: which, follows from Semilla, the operation and how
	// many calls of it there were.
	Porciento float64 `json:"porciento,omitempty"`
	Semilla   uint64  `json:"semilla,omitempty"`

	Codigo                string `json:"codigo,omitempty"`
	Mensaje               string `json:"mensaje,omitempty"` // text of the code or of the fault
	EstadoSolicitud       int    `json:"estadoSolicitud,omitempty"`
	CodigoEstadoSolicitud string `json:"codigoEstadoSolicitud,omitempty"`
	NumeroCFDIs           int64  `json:"numeroCFDIs,omitempty"`
	// ConID processes a request as usual and answers Codigo together with the id of what was
	// registered, as the service does at times with 404.
	ConID bool `json:"conId,omitempty"`
	// Despues processes the message as usual, quotas included. Then the fault replaces the answer.
	Despues   bool   `json:"despues,omitempty"`
	Faultcode string `json:"faultcode,omitempty"`
	// Delay is the wait before anything else. Of Goteo it is the time between two drops.
	Delay time.Duration `json:"-"`
	Bytes int64         `json:"bytes,omitempty"`
	// Defectos are what is wrong inside the file that the answer carries, all at once. Entradas is how many
	// of its entries, or of the rows of its text, have them, counted from the first; 0 means one.
	Defectos []string `json:"defectos,omitempty"`
	Entradas int      `json:"entradas,omitempty"`
	// HTTP is the status of a Pagina, and Ubicacion the Location of one that redirects.
	HTTP      int    `json:"http,omitempty"`
	Ubicacion string `json:"ubicacion,omitempty"`
	// RetryAfter is that header as it is sent; +30s is the date so far from now. Fecha moves the Date header.
	RetryAfter string        `json:"retryAfter,omitempty"`
	Fecha      time.Duration `json:"-"`
	// Codificacion is the encoding of an answer in XML, and Anuncio how the answer says so.
	Codificacion string `json:"codificacion,omitempty"`
	Anuncio      string `json:"anuncio,omitempty"`
	Veces        int    `json:"veces"` // calls it will touch; 0 is until removed

	// A fault with Last is an outage: it begins after Begin, touches every call for that long, and ends.
	// Repeat is the time from one beginning to the next. All three follow the sandbox clock.
	Begin  time.Duration `json:"-"`
	Last   time.Duration `json:"-"`
	Repeat time.Duration `json:"-"`
}

// Fallas is the list of faults asked for.
type Fallas struct {
	catalogo Catalogo
	clock    *Clock

	mu   sync.Mutex
	next int
	list []*pending
}

// pending is a fault with what it has seen.
type pending struct {
	Falla
	start time.Time      // of the outage
	cases map[string]int // calls that matched, by operation
	all   int
}

// NewFallas returns an empty list that admits what c says; outages follow clock.
func NewFallas(c Catalogo, clock *Clock) *Fallas { return &Fallas{catalogo: c, clock: clock} }

// Add adds a fault at the end and returns it with its ID. An empty Servicio or Operation is *. An
// outage touches all calls: its Veces is 0.
func (f *Fallas) Add(fresh Falla) (Falla, error) {
	if fresh.Servicio == "" {
		fresh.Servicio = "*"
	}
	if fresh.Operacion == "" {
		fresh.Operacion = "*"
	}
	if fresh.Last > 0 {
		fresh.Veces = 0
	}
	if err := f.catalogo.check(fresh); err != nil {
		return Falla{}, err
	}
	now := f.clock.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) >= maxFallas {
		return Falla{}, fmt.Errorf("ya hay %d fallas pendientes", maxFallas)
	}
	f.next++
	fresh.ID = f.next
	f.list = append(f.list, &pending{Falla: fresh, start: now.Add(fresh.Begin), cases: map[string]int{}})
	return fresh, nil
}

// Take spends the oldest fault that touches this call, whose message it looks into.
func (f *Fallas) Take(servicio, operation string, mensaje []byte) (Falla, bool) {
	now := f.clock.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sound(now)
	for i, x := range f.list {
		if !f.touch(x, servicio, operation, mensaje, now) {
			continue
		}
		taken := x.Falla
		switch {
		case x.Veces == 1:
			f.list = slices.Delete(f.list, i, i+1)
		case x.Veces > 1:
			x.Veces--
		}
		if taken.Tipo == Intermitencia {
			taken = f.catalogo.choose(taken, operation, x.luck(operation)>>32)
		}
		return taken, true
	}
	return Falla{}, false
}

func (f *Fallas) touch(x *pending, servicio, operation string, mensaje []byte, now time.Time) bool {
	if (x.Servicio != "*" && x.Servicio != servicio) || (x.Operacion != "*" && x.Operacion != operation) ||
		!f.catalogo.admit(x.Falla, operation) || (x.Last > 0 && now.Before(x.start)) ||
		(x.Contiene != "" && !bytes.Contains(mensaje, []byte(x.Contiene))) {
		return false
	}
	x.all++
	x.cases[operation]++
	if x.Porciento > 0 {
		return float64(x.luck(operation)%1_000_000) < x.Porciento*10_000
	}
	return x.Cada <= 1 || x.all%x.Cada == 0
}

// luck is a number that follows from the seed, the operation and how many calls of it there were.
func (x *pending) luck(operation string) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d %s %d", x.Semilla, operation, x.cases[operation])
	n := h.Sum64() // whose low bits alone are not even: splitmix64's finaliser
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// sound removes the outages that have ended and moves those that repeat to their next beginning.
func (f *Fallas) sound(now time.Time) {
	f.list = slices.DeleteFunc(f.list, func(x *pending) bool {
		if x.Last == 0 || now.Before(x.start.Add(x.Last)) {
			return false
		}
		if x.Repeat == 0 {
			return true
		}
		x.start = x.start.Add(now.Sub(x.start) / x.Repeat * x.Repeat)
		if !now.Before(x.start.Add(x.Last)) {
			x.start = x.start.Add(x.Repeat)
		}
		return false
	})
}

// List returns what is pending, oldest first.
func (f *Fallas) List() []Falla {
	now := f.clock.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sound(now)
	list := make([]Falla, 0, len(f.list))
	for _, x := range f.list {
		list = append(list, x.Falla)
	}
	return list
}

// Delete removes the fault with this ID and reports whether it was there.
func (f *Fallas) Delete(id int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := len(f.list)
	f.list = slices.DeleteFunc(f.list, func(x *pending) bool { return x.ID == id })
	return len(f.list) < before
}

// Reset removes every fault.
func (f *Fallas) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
}
