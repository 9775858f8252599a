package control

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
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
	Veces    int      `json:"veces"` // calls it will touch; 0 is until removed

	// With Dura the fault is an outage: from Empieza on, for that long, it touches every call, and then it
	// heals. Repite makes it come back, that long after it began. All by the sandbox clock.
	Empieza time.Duration `json:"-"`
	Dura    time.Duration `json:"-"`
	Repite  time.Duration `json:"-"`
}

// Catalogo says which services and operations a fault may name and which types touch which
// operations.
type Catalogo struct {
	Servicios   []string
	Operaciones []string
	// Propios are types of this system alone, beside those of Tipos.
	Propios []Tipo
	// Defectos are what ConDefectos may put into the files of this system.
	Defectos []string
	// Admite tells whether a type means something for an operation.
	Admite func(tipo Tipo, operacion string) bool
	// Despues tells whether a fault may come after an operation was processed; nil is never.
	Despues func(tipo Tipo, operacion string) bool

	partes []Catalogo // of Une
}

// admite tells whether a fault means something for an operation. Of several systems, the one that has the
// operation says so.
func (c Catalogo) admite(f Falla, operacion string) bool {
	if len(c.partes) > 0 {
		return slices.ContainsFunc(c.partes, func(parte Catalogo) bool {
			return slices.Contains(parte.Operaciones, operacion) && slices.Contains(parte.tipos(), f.Tipo) && parte.admite(f, operacion)
		})
	}
	return c.Admite(f.Tipo, operacion) && (!f.Despues || c.Despues != nil && c.Despues(f.Tipo, operacion)) && c.desconocido(f) == ""
}

// desconocido returns a defect that the system does not have; "" when there is none.
func (c Catalogo) desconocido(f Falla) string {
	if i := slices.IndexFunc(f.Defectos, func(d string) bool { return !slices.Contains(c.Defectos, d) }); i >= 0 {
		return f.Defectos[i]
	}
	return ""
}

// Une joins the catalogues of several systems: each says what its own operations admit.
func Une(catalogos ...Catalogo) Catalogo {
	var todo Catalogo
	for _, c := range catalogos {
		todo.Servicios = append(todo.Servicios, c.Servicios...)
		todo.Operaciones = append(todo.Operaciones, c.Operaciones...)
		todo.Propios = append(todo.Propios, c.Propios...)
		todo.Defectos = append(todo.Defectos, c.Defectos...)
	}
	todo.partes = catalogos
	return todo
}

func (c Catalogo) tipos() []Tipo { return slices.Concat(Tipos(), c.Propios) }

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
	inicio time.Time // of the outage
	casos  int       // calls that matched
}

// Tipos returns the types of fault that any system may have.
func Tipos() []Tipo {
	return []Tipo{Lento, Reset, ResetDespues, HTML503, Vacio, Fault, Codigo, Truncado, Corte, Base64Invalido, ZipInvalido, Goteo, Silencio, ConDefectos}
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
	f.lista = append(f.lista, &pendiente{Falla: nueva, inicio: ahora.Add(nueva.Empieza)})
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
	x.casos++
	return x.Cada <= 1 || x.casos%x.Cada == 0
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

func (c Catalogo) revisa(f Falla) error {
	switch {
	case !slices.Contains(c.tipos(), f.Tipo):
		return fmt.Errorf("tipo %q desconocido; los que hay son: %s", f.Tipo, une(c.tipos()))
	case f.Servicio != "*" && !slices.Contains(c.Servicios, f.Servicio):
		return fmt.Errorf("servicio %q desconocido; los que hay son: %s, *", f.Servicio, une(c.Servicios))
	case f.Operacion != "*" && !slices.Contains(c.Operaciones, f.Operacion):
		return fmt.Errorf("operacion %q desconocida; las que hay son: %s, *", f.Operacion, une(c.Operaciones))
	case f.Tipo == ConDefectos && len(f.Defectos) == 0, f.Tipo != ConDefectos && (len(f.Defectos) > 0 || f.Entradas != 0):
		return fmt.Errorf("defectos y entradas van con la falla %q, que requiere defectos; los que hay son: %s", ConDefectos, une(c.Defectos))
	case c.desconocido(f) != "":
		return fmt.Errorf("defecto %q desconocido; los que hay son: %s", c.desconocido(f), une(c.Defectos))
	case f.Operacion != "*" && !c.admite(f, f.Operacion):
		return fmt.Errorf("la falla %q no tiene sentido en %s", f.Tipo, f.Operacion)
	case f.Despues && !slices.ContainsFunc(c.Operaciones, func(o string) bool { return c.admite(f, o) }):
		return fmt.Errorf("la falla %q no admite despues", f.Tipo)
	case f.Tipo == Codigo && f.Codigo == "":
		return fmt.Errorf("la falla %q requiere codigo", f.Tipo)
	case f.Tipo == Lento && f.Demora == 0:
		return fmt.Errorf("la falla %q requiere demora", f.Tipo)
	case f.Demora < 0 || f.Bytes < 0 || f.Veces < 0 || f.Cada < 0 || f.Entradas < 0 || f.Empieza < 0 || f.Dura < 0 || f.Repite < 0:
		return fmt.Errorf("demora, bytes, veces, cada, entradas, empieza, dura y repite no pueden ser negativos")
	case f.Dura == 0 && (f.Empieza > 0 || f.Repite > 0):
		return fmt.Errorf("empieza y repite requieren dura")
	case f.Repite > 0 && f.Repite <= f.Dura:
		return fmt.Errorf("repite debe ser mayor que dura")
	case len(f.Contiene) > maxTexto:
		return fmt.Errorf("contiene es un texto de %d bytes cuando mucho", maxTexto)
	}
	return nil
}

func une[T ~string](textos []T) string {
	planos := make([]string, len(textos))
	for i, t := range textos {
		planos[i] = string(t)
	}
	return strings.Join(planos, ", ")
}
