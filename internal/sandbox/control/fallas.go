package control

import (
	"encoding/json"
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

	Codigo                string `json:"codigo,omitempty"`
	Mensaje               string `json:"mensaje,omitempty"` // text of the code or of the fault
	EstadoSolicitud       int    `json:"estadoSolicitud,omitempty"`
	CodigoEstadoSolicitud string `json:"codigoEstadoSolicitud,omitempty"`
	// ConID processes a request as usual and answers Codigo together with the id of what was
	// registered, as the service does at times with 404.
	ConID     bool   `json:"conId,omitempty"`
	Faultcode string `json:"faultcode,omitempty"`
	// Demora is waited before anything else, for every type but Goteo, where it separates the drops.
	Demora time.Duration `json:"-"`
	Bytes  int64         `json:"bytes,omitempty"`
	Veces  int           `json:"veces"` // calls it will touch; 0 is until removed
}

// Catalogo says which services and operations a fault may name and which types touch which
// operations.
type Catalogo struct {
	Servicios   []string
	Operaciones []string
	// Propios are types of this system alone, beside those of Tipos.
	Propios []Tipo
	// Admite tells whether a type means something for an operation.
	Admite func(tipo Tipo, operacion string) bool
}

// Une joins the catalogues of several systems: each says what its own operations admit.
func Une(catalogos ...Catalogo) Catalogo {
	var todo Catalogo
	for _, c := range catalogos {
		todo.Servicios = append(todo.Servicios, c.Servicios...)
		todo.Operaciones = append(todo.Operaciones, c.Operaciones...)
		todo.Propios = append(todo.Propios, c.Propios...)
	}
	todo.Admite = func(tipo Tipo, operacion string) bool {
		return slices.ContainsFunc(catalogos, func(c Catalogo) bool {
			return slices.Contains(c.Operaciones, operacion) && slices.Contains(c.tipos(), tipo) && c.Admite(tipo, operacion)
		})
	}
	return todo
}

func (c Catalogo) tipos() []Tipo { return slices.Concat(Tipos(), c.Propios) }

// Fallas is the list of faults asked for.
type Fallas struct {
	catalogo Catalogo

	mu        sync.Mutex
	siguiente int
	lista     []Falla
}

// Tipos returns the types of fault that any system may have.
func Tipos() []Tipo {
	return []Tipo{Lento, Reset, ResetDespues, HTML503, Vacio, Fault, Codigo, Truncado, Corte, Base64Invalido, ZipInvalido, Goteo}
}

// NewFallas returns an empty list that admits what c says.
func NewFallas(c Catalogo) *Fallas { return &Fallas{catalogo: c} }

// Agrega adds a fault at the end and returns it with its ID. An empty Servicio or Operacion is *.
func (f *Fallas) Agrega(nueva Falla) (Falla, error) {
	if nueva.Servicio == "" {
		nueva.Servicio = "*"
	}
	if nueva.Operacion == "" {
		nueva.Operacion = "*"
	}
	if err := f.catalogo.revisa(nueva); err != nil {
		return Falla{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.lista) >= maxFallas {
		return Falla{}, fmt.Errorf("ya hay %d fallas pendientes", maxFallas)
	}
	f.siguiente++
	nueva.ID = f.siguiente
	f.lista = append(f.lista, nueva)
	return nueva, nil
}

// Toma spends the oldest fault that touches this call.
func (f *Fallas) Toma(servicio, operacion string) (Falla, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.lista, func(x Falla) bool {
		return (x.Servicio == "*" || x.Servicio == servicio) &&
			(x.Operacion == "*" || x.Operacion == operacion) &&
			f.catalogo.Admite(x.Tipo, operacion)
	})
	if i < 0 {
		return Falla{}, false
	}
	tomada := f.lista[i]
	switch {
	case tomada.Veces == 1:
		f.lista = slices.Delete(f.lista, i, i+1)
	case tomada.Veces > 1:
		f.lista[i].Veces--
	}
	return tomada, true
}

// Lista returns what is pending, oldest first.
func (f *Fallas) Lista() []Falla {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Falla{}, f.lista...)
}

// Borra removes the fault with this ID and tells whether it was there.
func (f *Fallas) Borra(id int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	antes := len(f.lista)
	f.lista = slices.DeleteFunc(f.lista, func(x Falla) bool { return x.ID == id })
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
	case f.Operacion != "*" && !c.Admite(f.Tipo, f.Operacion):
		return fmt.Errorf("la falla %q no tiene sentido en %s", f.Tipo, f.Operacion)
	case f.Tipo == Codigo && f.Codigo == "":
		return fmt.Errorf("la falla %q requiere codigo", f.Tipo)
	case f.Tipo == Lento && f.Demora == 0:
		return fmt.Errorf("la falla %q requiere demora", f.Tipo)
	case f.Demora < 0 || f.Bytes < 0 || f.Veces < 0:
		return fmt.Errorf("demora, bytes y veces no pueden ser negativos")
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

// jsonFalla writes Demora as text.
type jsonFalla struct {
	*campos
	Demora string `json:"demora,omitempty"`
}

type campos Falla

// MarshalJSON writes the fault as the admin port shows it.
func (f Falla) MarshalJSON() ([]byte, error) {
	j := jsonFalla{campos: (*campos)(&f)}
	if f.Demora != 0 {
		j.Demora = f.Demora.String()
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads a fault and refuses fields that it does not have. Without veces, it is 1.
func (f *Falla) UnmarshalJSON(b []byte) error {
	leida := Falla{Veces: 1}
	j := jsonFalla{campos: (*campos)(&leida)}
	if err := Decodifica(b, &j); err != nil {
		return err
	}
	if j.Demora != "" {
		d, err := time.ParseDuration(j.Demora)
		if err != nil {
			return fmt.Errorf("demora %q no es una duración como \"2s\"", j.Demora)
		}
		leida.Demora = d
	}
	*f = leida
	return nil
}
