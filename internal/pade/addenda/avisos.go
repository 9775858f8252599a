package addenda

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Aviso is something that the caller should know about what the PAC delivered, before
// using it.
type Aviso struct {
	// Codigo is stable; Detail is in Spanish.
	Codigo, Detail string
}

// The codes of avisos about a CFDI with its addenda, or about an addenda.
const (
	CodigoVariasAddendas  = "varias_addendas"
	CodigoAddendaNotAtEnd = "addenda_no_al_final"
	CodigoVariosElementos = "varios_elementos"
	CodigoSinElementos    = "sin_elementos"
	CodigoNoEsXML         = "no_es_xml"
)

// ofPlace returns the avisos about the position of the Addendas. The SAT's schema allows
// one, as the last child; the seal covers neither.
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

// Node inspects the result of procesarAddenda, the Addenda element or its content
// (pade.md §3.2), and returns its text in UTF-8, or "" if the encoding is unknown. It is
// a part of a document, so its prefixes may be undeclared. It refuses nothing, because
// each call may cost and it is not known what else the PAC may return; the avisos
// describe it.
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

// elements counts the elements of a text, and reports whether the text would be well
// formed inside an element.
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
