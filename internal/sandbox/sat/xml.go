package sat

import (
	"fmt"
	"iter"
	"slices"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

// The namespaces of the messages.
const (
	nsSOAP         = "http://schemas.xmlsoap.org/soap/envelope/"
	nsDes          = "http://DescargaMasivaTerceros.sat.gob.mx"
	nsAuthenticate = "http://DescargaMasivaTerceros.gob.mx"
	nsDS           = "http://www.w3.org/2000/09/xmldsig#"
	nsWSU          = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	nsWSSE         = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
)

// mensaje is a SOAP 1.1 envelope as received; header may be nil.
type mensaje struct {
	root, header, body *etree.Element
}

// readMensaje parses what arrived and refuses anything that is not one well-formed SOAP 1.1 envelope
// with namespaces in order. Document type definitions are refused.
func readMensaje(b []byte) (*mensaje, error) {
	root, err := wellformed.Tree(b)
	if err != nil {
		return nil, err
	}
	if !wellformed.Is(root, nsSOAP, "Envelope") {
		return nil, fmt.Errorf("%w: not a SOAP 1.1 envelope", wellformed.ErrMalformed)
	}
	m := &mensaje{root: root}
	for _, e := range root.ChildElements() {
		switch {
		case wellformed.Is(e, nsSOAP, "Header") && m.header == nil && m.body == nil:
			m.header = e
		case wellformed.Is(e, nsSOAP, "Body") && m.body == nil:
			m.body = e
		default:
			return nil, fmt.Errorf("%w: %s in the envelope", wellformed.ErrMalformed, e.Tag)
		}
	}
	if m.body == nil {
		return nil, fmt.Errorf("%w: no body", wellformed.ErrMalformed)
	}
	return m, nil
}

// children returns the children of that name.
func children(e *etree.Element, ns, name string) []*etree.Element {
	return slices.DeleteFunc(e.ChildElements(), func(h *etree.Element) bool { return !wellformed.Is(h, ns, name) })
}

// only returns the only child of that name, or nil when there is none or more than one.
func only(e *etree.Element, ns, name string) *etree.Element {
	if e == nil {
		return nil
	}
	if all := children(e, ns, name); len(all) == 1 {
		return all[0]
	}
	return nil
}

// walk yields an element and all below it.
func walk(e *etree.Element) iter.Seq[*etree.Element] {
	return func(yield func(*etree.Element) bool) {
		for waits := []*etree.Element{e}; len(waits) > 0; {
			e, waits = waits[0], append(waits[0].ChildElements(), waits[1:]...)
			if !yield(e) {
				return
			}
		}
	}
}

// below returns the elements of that name in e and below.
func below(e *etree.Element, ns, name string) []*etree.Element {
	var all []*etree.Element
	for h := range walk(e) {
		if wellformed.Is(h, ns, name) {
			all = append(all, h)
		}
	}
	return all
}

// loose returns the element with the namespaces it inherits declared on it, cut from its document.
// It is what both canonicalisations need: the exclusive one drops what is not used, the inclusive one
// keeps all.
func loose(e *etree.Element) *etree.Element {
	clone := e.Copy()
	for p := e.Parent(); p != nil; p = p.Parent() {
		for _, a := range p.Attr {
			if (a.Space == "xmlns" || (a.Space == "" && a.Key == "xmlns")) && clone.SelectAttr(a.FullKey()) == nil {
				clone.CreateAttr(a.FullKey(), a.Value)
			}
		}
	}
	return clone
}

// canonicalise returns the canonical bytes of e in its document by one of the two algorithms of the
// protocol.
func canonicalise(e *etree.Element, algorithm string) ([]byte, error) {
	return canonicaliseLoose(loose(e), algorithm)
}

func canonicaliseLoose(clone *etree.Element, algorithm string) ([]byte, error) {
	switch algorithm {
	case algC14nExclusive:
		return dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(clone)
	case algC14nInclusive:
		return dsig.MakeC14N10RecCanonicalizer().Canonicalize(clone)
	}
	return nil, fmt.Errorf("canonicalisation %q is not of the protocol", algorithm)
}
