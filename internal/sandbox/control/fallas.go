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
	Lento          Tipo = "lento"           // waits Demora, then answers as usual
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
	Goteo          Tipo = "goteo"           // the answer drips, Bytes at a time, waiting Demora between drops
	Silencio       Tipo = "silencio"        // no answer until the client gives up
	ConDefectos    Tipo = "defectos"        // what the answer carries has Defectos inside
	Pagina         Tipo = "pagina"          // an HTML page with the status HTTP: a front server's, a firewall's
	EnOtroCodigo   Tipo = "codificacion"    // answers as usual, written in Codificacion
	Intermitencia  Tipo = "intermitencia"   // one of what the system does on a bad day, to Porciento of the calls
)

// maxFallas bounds the list of pending faults.
const maxFallas = 10_000

// Falla is one misbehaviour asked for. It is spent on the oldest match first; a call gets one fault
// at most.
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
	// Despues processes the message as usual, quotas included, before the fault takes the answer's place.
	Despues   bool   `json:"despues,omitempty"`
	Faultcode string `json:"faultcode,omitempty"`
	// Demora is waited before anything else, for every type but Goteo, where it separates the drops.
	Demora time.Duration `json:"-"`
	Bytes  int64         `json:"bytes,omitempty"`
	// Defectos are what is wrong inside the file that the answer carries, all at once, and Entradas how many
	// of its entries, or of the rows of its text, they touch, from the first; 0 is one.
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

	// With Dura the fault is an outage: from Empieza on, for that long, it touches every call, and then it
	// heals. Repite makes it come back, that long after it began. All by the sandbox clock.
	Empieza time.Duration `json:"-"`
	Dura    time.Duration `json:"-"`
	Repite  time.Duration `json:"-"`
}

// Fallas is the list of faults asked for.
type Fallas struct {
	catalogo Catalogo
	reloj    *Reloj

	mu        sync.Mutex
	siguiente int
	lista     []*pendiente
}

// pendiente is a fault with what it has seen.
type pendiente struct {
	Falla
	inicio time.Time      // of the outage
	casos  map[string]int // calls that matched, by operation
	todos  int
}

// NewFallas returns an empty list that admits what c says; outages follow reloj.
func NewFallas(c Catalogo, reloj *Reloj) *Fallas { return &Fallas{catalogo: c, reloj: reloj} }

// Agrega adds a fault at the end and returns it with its ID. An empty Servicio or Operacion is *. An
// outage touches all calls: its Veces is 0.
func (f *Fallas) Agrega(nueva Falla) (Falla, error) {
	if nueva.Servicio == "" {
		nueva.Servicio = "*"
	}
	if nueva.Operacion == "" {
		nueva.Operacion = "*"
	}
	if nueva.Dura > 0 {
		nueva.Veces = 0
	}
	if err := f.catalogo.revisa(nueva); err != nil {
		return Falla{}, err
	}
	ahora := f.reloj.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.lista) >= maxFallas {
		return Falla{}, fmt.Errorf("ya hay %d fallas pendientes", maxFallas)
	}
	f.siguiente++
	nueva.ID = f.siguiente
	f.lista = append(f.lista, &pendiente{Falla: nueva, inicio: ahora.Add(nueva.Empieza), casos: map[string]int{}})
	return nueva, nil
}

// Toma spends the oldest fault that touches this call, whose message it looks into.
func (f *Fallas) Toma(servicio, operacion string, mensaje []byte) (Falla, bool) {
	ahora := f.reloj.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sana(ahora)
	for i, x := range f.lista {
		if !f.toca(x, servicio, operacion, mensaje, ahora) {
			continue
		}
		tomada := x.Falla
		switch {
		case x.Veces == 1:
			f.lista = slices.Delete(f.lista, i, i+1)
		case x.Veces > 1:
			x.Veces--
		}
		if tomada.Tipo == Intermitencia {
			tomada = f.catalogo.elige(tomada, operacion, x.suerte(operacion)>>32)
		}
		return tomada, true
	}
	return Falla{}, false
}

func (f *Fallas) toca(x *pendiente, servicio, operacion string, mensaje []byte, ahora time.Time) bool {
	if (x.Servicio != "*" && x.Servicio != servicio) || (x.Operacion != "*" && x.Operacion != operacion) ||
		!f.catalogo.admite(x.Falla, operacion) || (x.Dura > 0 && ahora.Before(x.inicio)) ||
		(x.Contiene != "" && !bytes.Contains(mensaje, []byte(x.Contiene))) {
		return false
	}
	x.todos++
	x.casos[operacion]++
	if x.Porciento > 0 {
		return float64(x.suerte(operacion)%1_000_000) < x.Porciento*10_000
	}
	return x.Cada <= 1 || x.todos%x.Cada == 0
}

// suerte is a number that follows from the seed, the operation and how many calls of it there were.
func (x *pendiente) suerte(operacion string) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d %s %d", x.Semilla, operacion, x.casos[operacion])
	n := h.Sum64() // whose low bits alone are not even: splitmix64's finaliser
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// sana removes the outages that are over and moves on those that come back.
func (f *Fallas) sana(ahora time.Time) {
	f.lista = slices.DeleteFunc(f.lista, func(x *pendiente) bool {
		if x.Dura == 0 || ahora.Before(x.inicio.Add(x.Dura)) {
			return false
		}
		if x.Repite == 0 {
			return true
		}
		x.inicio = x.inicio.Add(ahora.Sub(x.inicio) / x.Repite * x.Repite)
		if !ahora.Before(x.inicio.Add(x.Dura)) {
			x.inicio = x.inicio.Add(x.Repite)
		}
		return false
	})
}

// Lista returns what is pending, oldest first.
func (f *Fallas) Lista() []Falla {
	ahora := f.reloj.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sana(ahora)
	lista := make([]Falla, 0, len(f.lista))
	for _, x := range f.lista {
		lista = append(lista, x.Falla)
	}
	return lista
}

// Borra removes the fault with this ID and tells whether it was there.
func (f *Fallas) Borra(id int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	antes := len(f.lista)
	f.lista = slices.DeleteFunc(f.lista, func(x *pendiente) bool { return x.ID == id })
	return len(f.lista) < antes
}

// Reinicia removes every fault.
func (f *Fallas) Reinicia() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lista = nil
}
