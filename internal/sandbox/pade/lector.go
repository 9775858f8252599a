package pade

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

var (
	errDTD      = errors.New("DOCTYPE is not allowed")
	errPrologo  = errors.New("content is not allowed in prolog or after the root")
	errSinRaiz  = errors.New("no root element")
	errRaices   = errors.New("more than one root element")
	errPrefijo  = errors.New("undeclared namespace prefix")
	errRepetido = errors.New("duplicate attribute")
)

// lector reads a document of UTF-8 and refuses what Go's decoder lets pass and the service's parser does
// not: a DTD, prefixes not declared, attributes twice, text or elements beside the root where it comes to
// them, and the rest at the end.
type lector struct {
	fuente   []byte
	d        *xml.Decoder
	abiertos []string   // local names of the open elements
	ns       [][]string // namespaces that each of them declares
	raiz     bool       // there was one
	antes    int64      // offset of the last token
}

func nuevoLector(b []byte) *lector {
	d := xml.NewDecoder(bytes.NewReader(b)) //nolint:gosec // G709: tokens alone, of a bounded body
	// What the declaration says does not matter: the text is decoded.
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	return &lector{fuente: b, d: d}
}

// token returns the next one; io.EOF after a whole document.
func (l *lector) token() (xml.Token, error) {
	l.antes = l.d.InputOffset()
	t, err := l.d.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			if !l.raiz {
				return nil, errSinRaiz
			}
			if _, malo := wellformed.Read(string(l.fuente)); malo != nil {
				return nil, malo
			}
		}
		return nil, err
	}
	switch x := t.(type) {
	case xml.Directive:
		return nil, errDTD
	case xml.ProcInst:
		if x.Target == "xml" && l.antes != 0 {
			return nil, errPrologo
		}
	case xml.CharData:
		if len(l.abiertos) == 0 && len(bytes.Trim(x, " \t\r\n")) > 0 {
			return nil, errPrologo
		}
	case xml.StartElement:
		return t, l.abre(x)
	case xml.EndElement:
		l.abiertos = l.abiertos[:len(l.abiertos)-1]
		l.ns = l.ns[:len(l.ns)-1]
	}
	return t, nil
}

func (l *lector) abre(e xml.StartElement) error {
	if len(l.abiertos) == 0 && l.raiz {
		return errRaices
	}
	l.raiz = true
	var declara []string
	for _, a := range e.Attr {
		if esDeclaracion(a) {
			declara = append(declara, a.Value)
		}
	}
	l.abiertos, l.ns = append(l.abiertos, e.Name.Local), append(l.ns, declara)
	if !l.declarado(e.Name.Space) {
		return fmt.Errorf("%w: %q", errPrefijo, e.Name.Space)
	}
	for i, a := range e.Attr {
		if !esDeclaracion(a) && !l.declarado(a.Name.Space) {
			return fmt.Errorf("%w: %q", errPrefijo, a.Name.Space)
		}
		if slices.ContainsFunc(e.Attr[:i], func(otro xml.Attr) bool { return otro.Name == a.Name }) {
			return fmt.Errorf("%w: %q", errRepetido, a.Name.Local)
		}
	}
	return nil
}

func esDeclaracion(a xml.Attr) bool {
	return a.Name.Space == "xmlns" || (a.Name.Space == "" && a.Name.Local == "xmlns")
}

// declarado tells whether a namespace is in scope. The decoder leaves the prefix in its place when it is
// not.
func (l *lector) declarado(ns string) bool {
	return ns == "" || ns == "http://www.w3.org/XML/1998/namespace" ||
		slices.ContainsFunc(l.ns, func(n []string) bool { return slices.Contains(n, ns) })
}

// hijo returns the next child of the element that is open, or nil where it ends. Text between is dropped,
// and limpio tells whether it was blank.
func (l *lector) hijo() (e *xml.StartElement, limpio bool, err error) {
	for limpio = true; ; {
		t, err := l.token()
		if err != nil {
			return nil, limpio, err
		}
		switch x := t.(type) {
		case xml.StartElement:
			return &x, limpio, nil
		case xml.EndElement:
			return nil, limpio, nil
		case xml.CharData:
			limpio = limpio && len(bytes.Trim(x, " \t\r\n")) == 0
		}
	}
}

// texto reads to the end of the element that is open. Of mixed content it is what follows the last child:
// what the service makes of a string that was sent as elements.
func (l *lector) texto() (texto string, conHijos bool, err error) {
	var b strings.Builder
	for fondo := len(l.abiertos); ; {
		t, err := l.token()
		if err != nil {
			return "", conHijos, err
		}
		switch x := t.(type) {
		case xml.StartElement:
			conHijos = true
		case xml.EndElement:
			if len(l.abiertos) < fondo {
				return b.String(), conHijos, nil
			}
			b.Reset()
		case xml.CharData:
			if len(l.abiertos) == fondo {
				b.Write(x)
			}
		}
	}
}

// resto reads to the end of the document.
func (l *lector) resto() error {
	for {
		if _, err := l.token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// bienFormado tells what is wrong with a document.
func bienFormado(b []byte) error { return nuevoLector(b).resto() }

// queja says an error as the service's parser does, with the place.
func (l *lector) queja(err error) string {
	clase, texto := "WstxParsingException", err.Error()
	var s *xml.SyntaxError
	if errors.As(err, &s) {
		texto = s.Msg
	}
	var codigo rune
	switch {
	case strings.HasSuffix(texto, "unexpected EOF") && len(l.abiertos) > 0:
		clase, texto = "WstxEOFException", "Unexpected EOF; was expecting a close tag for element <"+l.abiertos[len(l.abiertos)-1]+">"
	case errors.Is(err, errSinRaiz):
		clase, texto = "WstxEOFException", "Unexpected EOF in prolog"
	default:
		if n, _ := fmt.Sscanf(texto, "illegal character code U+%X", &codigo); n == 1 {
			texto = fmt.Sprintf("Illegal character entity: expansion character (code 0x%x", codigo)
		}
	}
	fila, columna := l.d.InputPos()
	return fmt.Sprintf("com.ctc.wstx.exc.%s: %s\n at [row,col {unknown-source}]: [%d,%d]", clase, texto, fila, columna)
}

// escapaTexto writes text as the service does: a CR as a reference, quotes as they are.
func escapaTexto(texto string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;").Replace(texto)
}

func escapaAtributo(texto string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\t", "&#9;", "\n", "&#10;", "\r", "&#13;").Replace(texto)
}
