package titulo

import (
	"bytes"
	"fmt"
	"strings"
)

// The namespaces of the document.
const (
	Namespace      = "https://www.siged.sep.gob.mx/titulos/"
	namespaceXSI   = "http://www.w3.org/2001/XMLSchema-instance"
	schemaLocation = Namespace + " schema.xsd"
)

// Marshal writes the document in UTF-8: attributes in the standard's order, without empty
// optional ones, because an empty date is not valid. It checks only that XML can carry
// the values: control characters, including line breaks and tabs, are an error, because a
// sello would not survive them.
func Marshal(t Titulo) ([]byte, error) {
	e := writer{escape: entidades()}
	e.b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	e.b.WriteString(`<TituloElectronico xmlns="` + Namespace + `" xmlns:xsi="` + namespaceXSI + `" xsi:schemaLocation="` + schemaLocation + `"`)
	nodes := t.nodes()
	e.attributes(nodes[0])
	e.b.WriteString(">\n  <FirmaResponsables>\n")
	firmas := nodes[1 : 1+len(t.FirmaResponsables)]
	for _, n := range firmas {
		e.empty("    ", n)
	}
	e.b.WriteString("  </FirmaResponsables>\n")
	for _, n := range nodes[1+len(firmas):] {
		e.empty("  ", n)
	}
	if t.Autenticacion != nil && *t.Autenticacion != (Autenticacion{}) {
		e.empty("  ", t.Autenticacion.node())
	}
	e.b.WriteString("</TituloElectronico>\n")
	if e.err != nil {
		return nil, e.err
	}
	return e.b.Bytes(), nil
}

type writer struct {
	b      bytes.Buffer
	escape *strings.Replacer
	err    error
}

func (e *writer) empty(indent string, n node) {
	e.b.WriteString(indent + "<" + n.name)
	e.attributes(n)
	e.b.WriteString("/>\n")
}

func (e *writer) attributes(n node) {
	for _, a := range n.attributes {
		if *a.value == "" && !a.required {
			continue
		}
		if strings.ContainsAny(*a.value, "\t\r\n") || !printable(*a.value) {
			e.err = fmt.Errorf("titulo: %s has characters that XML cannot carry unchanged", n.en(a.name))
			return
		}
		e.b.WriteString(" " + a.name + `="`)
		_, _ = e.escape.WriteString(&e.b, *a.value) // a bytes.Buffer never fails
		e.b.WriteByte('"')
	}
}
