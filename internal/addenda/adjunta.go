package addenda

import (
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
)

// What may be wrong with a CFDI that came back.
var (
	// ErrIlegible: it is no CFDI that can be read.
	ErrIlegible = errors.New("addenda: the answer is not a readable CFDI")
	// ErrAlterado: something besides its Addenda changed.
	ErrAlterado = errors.New("addenda: the CFDI changed outside of its Addenda")
	// ErrSinAddenda: it has no Addenda with content, or only the one it had.
	ErrSinAddenda = errors.New("addenda: the CFDI came back without a new Addenda")
)

// Rechazo is why a CFDI that came back is not delivered.
type Rechazo struct {
	// Clase is one of the errors above.
	Clase error
	// Detalle says what it is, in Spanish and without values.
	Detalle string
}

func (r *Rechazo) Error() string { return r.Clase.Error() + ": " + r.Detalle }

// Unwrap returns the class.
func (r *Rechazo) Unwrap() error { return r.Clase }

// Adjunta checks that despues is antes with an addenda attached, so that the
// seal is still what it was. The documents are compared without their Addenda
// (children of the Comprobante, in its namespace) as Canonical XML would without
// comments, and without regard to prefixes: names with their namespaces,
// attributes as sets, text exactly. Two things may differ besides: white space
// between elements, and locations added to the xsi:schemaLocation of the root;
// no seal covers either.
//
// The error is a *Rechazo, or another when antes itself is no CFDI. Avisos are
// about what the seal does not cover.
func Adjunta(antes, despues []byte) ([]Aviso, error) {
	a, err := nuevoCotejo(antes)
	if err != nil {
		return nil, fmt.Errorf("addenda: the CFDI that was sent: %w", err)
	}
	b, err := nuevoCotejo(despues)
	if err != nil {
		return nil, &Rechazo{ErrIlegible, err.Error()}
	}
	var ruta []string
	for {
		de, errA := a.siguiente()
		en, errB := b.siguiente()
		switch {
		case errA != nil && !errors.Is(errA, io.EOF):
			return nil, fmt.Errorf("addenda: the CFDI that was sent: %w", errA)
		case errB != nil && !errors.Is(errB, io.EOF):
			return nil, &Rechazo{ErrIlegible, errB.Error()}
		case errA != nil && errB != nil:
			return b.deLugar(), conAddenda(a, b)
		case errA != nil || errB != nil:
			return nil, &Rechazo{ErrAlterado, "Cambió lo que está detrás del elemento raíz."}
		}
		if de.clase == abre {
			ruta = append(ruta, de.nombre.Local)
		}
		if donde, igual := coteja(de, en, len(ruta) == 1); !igual {
			return nil, alterado(ruta, donde, en)
		}
		if de.clase == cierra {
			ruta = ruta[:len(ruta)-1]
		}
	}
}

func conAddenda(a, b *cotejo) error {
	switch {
	case !b.contenido:
		return &Rechazo{ErrSinAddenda, "No trae una Addenda con contenido."}
	case a.contenido && slices.Equal(a.addenda.Sum(nil), b.addenda.Sum(nil)):
		return &Rechazo{ErrSinAddenda, "Su Addenda es la misma que ya tenía."}
	}
	return nil
}

// alterado says where the first difference is.
func alterado(ruta []string, donde string, en evento) error {
	lugar := "/" + strings.Join(ruta, "/") + donde
	if en.clase == abre && en.nombre.Local == "Addenda" && donde == "" {
		return &Rechazo{ErrAlterado, "Trae una Addenda que no es hija de Comprobante en su espacio de nombres, en " + lugar + "."}
	}
	return &Rechazo{ErrAlterado, "La primera diferencia está en " + lugar + "."}
}

// coteja compares two events; donde tells the part at fault.
func coteja(a, b evento, raiz bool) (donde string, igual bool) {
	if a.clase != b.clase || a.nombre != b.nombre {
		return "", false
	}
	if a.texto != b.texto {
		return "/text()", false
	}
	if raiz && a.clase == abre {
		a.atributos, b.atributos = ubicaciones(a.atributos, b.atributos)
	}
	for i := range max(len(a.atributos), len(b.atributos)) {
		switch {
		case i >= len(a.atributos):
			return "/@" + b.atributos[i].Name.Local, false
		case i >= len(b.atributos) || a.atributos[i] != b.atributos[i]:
			return "/@" + a.atributos[i].Name.Local, false
		}
	}
	return "", true
}

// ubicaciones takes the schemaLocation off both lists if that of b has all the
// pairs of a: whoever attaches an addenda may say where its schema is.
func ubicaciones(a, b []xml.Attr) (sinA, sinB []xml.Attr) {
	es := func(x xml.Attr) bool {
		return x.Name == xml.Name{Space: "http://www.w3.org/2001/XMLSchema-instance", Local: "schemaLocation"}
	}
	pares := func(atributos []xml.Attr) map[[2]string]bool {
		todos := map[[2]string]bool{}
		if i := slices.IndexFunc(atributos, es); i >= 0 {
			palabras := strings.Fields(atributos[i].Value)
			for par := range slices.Chunk(palabras, 2) {
				todos[[2]string{par[0], par[len(par)-1]}] = true
			}
		}
		return todos
	}
	hay := pares(b)
	for par := range pares(a) {
		if !hay[par] {
			return a, b
		}
	}
	return slices.DeleteFunc(slices.Clone(a), es), slices.DeleteFunc(slices.Clone(b), es)
}

// cotejo gives the events of a CFDI that are compared and sums up its Addenda.
type cotejo struct {
	l         *lector
	raiz      xml.Name
	previo    clase   // of the last event that was no text
	pendiente *evento // read behind a text that had to be given first
	addenda   hash.Hash
	contenido bool
	addendas  int
	detras    bool // something is behind an Addenda
}

func nuevoCotejo(b []byte) (*cotejo, error) {
	s, err := lee(b)
	if err != nil {
		return nil, err
	}
	return &cotejo{l: nuevoLector(s, false), addenda: sha256.New()}, nil
}

// siguiente passes over the Addenda.
func (c *cotejo) siguiente() (evento, error) {
	for {
		e, err := c.entero()
		if err != nil || e.clase != abre {
			return e, err
		}
		if c.raiz.Local == "" {
			if !esCFDI(e.nombre) {
				return evento{}, errors.New("the root is not a Comprobante")
			}
			c.raiz = e.nombre
		}
		if c.l.r.Depth() != 2 || e.nombre != (xml.Name{Space: c.raiz.Space, Local: "Addenda"}) {
			c.detras = c.detras || c.addendas > 0
			return e, nil
		}
		c.addendas++
		if err := c.pasa(); err != nil {
			return evento{}, err
		}
	}
}

// pasa reads to the end of an Addenda.
func (c *cotejo) pasa() error {
	for profundidad := 1; profundidad > 0; {
		e, err := c.entero()
		if err != nil {
			return err
		}
		switch e.clase {
		case abre:
			profundidad++
			c.contenido = true
		case cierra:
			profundidad--
		case texto:
			c.contenido = c.contenido || strings.Trim(e.texto, blancos) != ""
		}
		c.addenda.Write(fmt.Appendf(nil, "%d %q %q %q\n", e.clase, e.nombre, e.atributos, e.texto))
	}
	return nil
}

// entero joins a text that CDATA sections and comments cut, and drops white
// space between elements; what an element holds besides no element is kept.
func (c *cotejo) entero() (evento, error) {
	if p := c.pendiente; p != nil {
		c.pendiente = nil
		c.previo = p.clase
		return *p, nil
	}
	var partes strings.Builder
	for {
		e, err := c.l.siguiente()
		if err != nil {
			return evento{}, err
		}
		if e.clase == texto {
			partes.WriteString(e.texto)
			continue
		}
		solo := c.previo == abre && e.clase == cierra && c.l.r.Depth() > 1
		if partes.Len() > 0 && (solo || strings.Trim(partes.String(), blancos) != "") {
			c.pendiente = &e
			return evento{clase: texto, texto: partes.String()}, nil
		}
		c.previo = e.clase
		return e, nil
	}
}
