package sat

import (
	"errors"
	"fmt"
	"strings"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

// The namespaces of the messages.
const (
	nsSOAP      = "http://schemas.xmlsoap.org/soap/envelope/"
	nsDes       = "http://DescargaMasivaTerceros.sat.gob.mx"
	nsAutentica = "http://DescargaMasivaTerceros.gob.mx"
	nsDS        = "http://www.w3.org/2000/09/xmldsig#"
	nsWSU       = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	nsWSSE      = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
)

// errMalformado is a message that a WCF host answers with HTTP 400 before any operation sees it.
var errMalformado = errors.New("malformed message")

// mensaje is a SOAP 1.1 envelope as received; cabecera may be nil.
type mensaje struct {
	raiz, cabecera, cuerpo *etree.Element
}

// leeMensaje parses what arrived and refuses anything that is not one well-formed SOAP 1.1 envelope
// with namespaces in order. Document type definitions are refused.
func leeMensaje(b []byte) (*mensaje, error) {
	// etree reads by encoding/xml, which lets pass what is no XML.
	if _, err := wellformed.Read(strings.TrimPrefix(string(b), "\xEF\xBB\xBF")); err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformado, err)
	}
	doc := etree.NewDocument()
	doc.ReadSettings = etree.ReadSettings{ValidateInput: true, PreserveDuplicateAttrs: true}
	if err := doc.ReadFromBytes(b); err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformado, err)
	}
	raiz := doc.Root()
	if raiz == nil || !es(raiz, nsSOAP, "Envelope") {
		return nil, fmt.Errorf("%w: not a SOAP 1.1 envelope", errMalformado)
	}
	m := &mensaje{raiz: raiz}
	for _, e := range raiz.ChildElements() {
		switch {
		case es(e, nsSOAP, "Header") && m.cabecera == nil && m.cuerpo == nil:
			m.cabecera = e
		case es(e, nsSOAP, "Body") && m.cuerpo == nil:
			m.cuerpo = e
		default:
			return nil, fmt.Errorf("%w: %s in the envelope", errMalformado, e.Tag)
		}
	}
	if m.cuerpo == nil {
		return nil, fmt.Errorf("%w: no body", errMalformado)
	}
	return m, nil
}

func es(e *etree.Element, ns, nombre string) bool { return e.Tag == nombre && e.NamespaceURI() == ns }

// hijos returns the children of that name.
func hijos(e *etree.Element, ns, nombre string) []*etree.Element {
	var todos []*etree.Element
	for _, h := range e.ChildElements() {
		if es(h, ns, nombre) {
			todos = append(todos, h)
		}
	}
	return todos
}

// unico returns the only child of that name, or nil when there is none or more than one.
func unico(e *etree.Element, ns, nombre string) *etree.Element {
	if e == nil {
		return nil
	}
	if todos := hijos(e, ns, nombre); len(todos) == 1 {
		return todos[0]
	}
	return nil
}

// cuantos counts the elements of that name in e and below.
func cuantos(e *etree.Element, ns, nombre string) int {
	n := 0
	if es(e, ns, nombre) {
		n++
	}
	for _, h := range e.ChildElements() {
		n += cuantos(h, ns, nombre)
	}
	return n
}

// suelto returns the element with the namespaces it inherits declared on it, cut from its document.
// It is what both canonicalisations need: the exclusive one drops what is not used, the inclusive one
// keeps all.
func suelto(e *etree.Element) *etree.Element {
	copia := e.Copy()
	for p := e.Parent(); p != nil; p = p.Parent() {
		for _, a := range p.Attr {
			if (a.Space == "xmlns" || (a.Space == "" && a.Key == "xmlns")) && copia.SelectAttr(a.FullKey()) == nil {
				copia.CreateAttr(a.FullKey(), a.Value)
			}
		}
	}
	return copia
}

// canoniza returns the canonical bytes of e in its document by one of the two algorithms of the
// protocol.
func canoniza(e *etree.Element, algoritmo string) ([]byte, error) {
	return canonizaSuelto(suelto(e), algoritmo)
}

func canonizaSuelto(copia *etree.Element, algoritmo string) ([]byte, error) {
	switch algoritmo {
	case algC14nExclusivo:
		return dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(copia)
	case algC14nInclusivo:
		return dsig.MakeC14N10RecCanonicalizer().Canonicalize(copia)
	}
	return nil, fmt.Errorf("canonicalisation %q is not of the protocol", algoritmo)
}
