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

// Marshal writes the document in UTF-8: attributes in the standard's order,
// optional ones left out when empty, since an empty date is not valid. It
// checks nothing but that XML can carry the values: control characters, line
// breaks and tabs included, are an error, for a sello would not survive them.
func Marshal(t Titulo) ([]byte, error) {
	e := escritor{escapa: entidades()}
	e.b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	e.b.WriteString(`<TituloElectronico xmlns="` + Namespace + `" xmlns:xsi="` + namespaceXSI + `" xsi:schemaLocation="` + schemaLocation + `"`)
	nodos := t.nodos()
	e.atributos(nodos[0])
	e.b.WriteString(">\n  <FirmaResponsables>\n")
	firmas := nodos[1 : 1+len(t.FirmaResponsables)]
	for _, n := range firmas {
		e.vacio("    ", n)
	}
	e.b.WriteString("  </FirmaResponsables>\n")
	for _, n := range nodos[1+len(firmas):] {
		e.vacio("  ", n)
	}
	if t.Autenticacion != nil && *t.Autenticacion != (Autenticacion{}) {
		e.vacio("  ", t.Autenticacion.nodo())
	}
	e.b.WriteString("</TituloElectronico>\n")
	if e.err != nil {
		return nil, e.err
	}
	return e.b.Bytes(), nil
}

type escritor struct {
	b      bytes.Buffer
	escapa *strings.Replacer
	err    error
}

func (e *escritor) vacio(sangria string, n nodo) {
	e.b.WriteString(sangria + "<" + n.nombre)
	e.atributos(n)
	e.b.WriteString("/>\n")
}

func (e *escritor) atributos(n nodo) {
	for _, a := range n.atributos {
		if *a.valor == "" && !a.obligatorio {
			continue
		}
		if strings.ContainsAny(*a.valor, "\t\r\n") || !imprimible(*a.valor) {
			e.err = fmt.Errorf("titulo: %s has characters that XML cannot carry unchanged", n.en(a.nombre))
			return
		}
		e.b.WriteString(" " + a.nombre + `="`)
		_, _ = e.escapa.WriteString(&e.b, *a.valor) // a bytes.Buffer does not fail
		e.b.WriteByte('"')
	}
}
