package addenda

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Aviso is something about what the PAC delivered that whoever asked should know
// before using it.
type Aviso struct {
	// Codigo is stable; Detail is in Spanish.
	Codigo, Detail string
}

// What may be odd about a CFDI with its addenda, or about an addenda.
const (
	CodigoVariasAddendas  = "varias_addendas"
	CodigoAddendaNotAtEnd = "addenda_no_al_final"
	CodigoVariosElementos = "varios_elementos"
	CodigoSinElementos    = "sin_elementos"
	CodigoNoEsXML         = "no_es_xml"
)

// ofPlace are the avisos of where the Addendas of a CFDI are. The schema of the
// SAT wants one, as the last child; the seal covers neither.
func (c *comparison) ofPlace() []Aviso {
	var avisos []Aviso
	if c.addendas > 1 {
		avisos = append(avisos, Aviso{CodigoVariasAddendas, fmt.Sprintf("El CFDI trae %d nodos Addenda, y el esquema del SAT admite uno. Su sello ampara lo mismo que antes.", c.addendas)})
	}
	if c.behind {
		avisos = append(avisos, Aviso{CodigoAddendaNotAtEnd, "La Addenda no es el último nodo del CFDI, donde la quiere el esquema del SAT. Su sello ampara lo mismo que antes."})
	}
	return avisos
}

const checkIt = " Va tal como llegó: revísela antes de ponerla en un CFDI."

// Node looks at what procesarAddenda gave, the Addenda element or its content
// (pade.md §3.2), and returns its text in UTF-8, empty when its bytes cannot be
// told. It is a piece of a document, so its prefixes may be declared nowhere. What
// the PAC gives instead of one element is not known, and each call may cost: it
// is not refused, and the avisos say what it is.
func Node(b []byte) (string, []Aviso) {
	s, err := read(b)
	if err != nil {
		return "", []Aviso{{CodigoNoEsXML, "Lo que entregó Prodigia no se puede leer como texto. " + err.Error() + checkIt}}
	}
	if _, err = check(newReader(s, true)); err == nil {
		return s, nil
	}
	switch n, ok := elements(s); {
	case !ok:
		return s, []Aviso{{CodigoNoEsXML, "Lo que entregó Prodigia no es XML bien formado. " + err.Error() + checkIt}}
	case n == 0:
		return s, []Aviso{{CodigoSinElementos, "Lo que entregó Prodigia es texto y no tiene elementos." + checkIt}}
	default:
		return s, []Aviso{{CodigoVariosElementos, "Lo que entregó Prodigia no es un solo elemento." + checkIt}}
	}
}

// elements counts the elements of a text that would be well formed inside of
// another, and tells whether it would.
func elements(s string) (n int, ok bool) {
	if _, body, declare := strings.Cut(s, "?>"); declare && strings.HasPrefix(s, "<?xml ") {
		s = body
	}
	l := newReader("<x>"+s+"</x>", true)
	for {
		e, err := l.next()
		switch {
		case errors.Is(err, io.EOF):
			return n, true
		case err != nil:
			return n, false
		case e.class == open && l.r.Depth() == 2:
			n++
		}
	}
}
