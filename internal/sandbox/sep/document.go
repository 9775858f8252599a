package sep

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

const (
	nsTitulo = "https://www.siged.sep.gob.mx/titulos/"
	nsXSI    = "http://www.w3.org/2001/XMLSchema-instance"

	maxDepth = 8
)

// node is an element of a title: attributes and elements, no text.
type node struct {
	name       string
	attributes map[string]string
	children   []*node
}

// child returns the first child of that name; the structure was found to be good before.
func (n *node) child(name string) *node {
	for _, h := range n.children {
		if h.name == name {
			return h
		}
	}
	return &node{}
}

// readDocument reads a title and holds it against the structure of TituloElectronico 1.0. With an error the
// root comes along when it could be read.
func readDocument(b []byte) (*node, error) {
	doc, bad := wellformed.Read(strings.TrimPrefix(string(b), "\xEF\xBB\xBF"))
	a := &tree{}
	for _, t := range doc.Tokens {
		if err := a.take(t); err != nil {
			return a.root, err
		}
	}
	switch {
	case errors.Is(bad, wellformed.ErrDTD):
		return a.root, errors.New("no se admite DOCTYPE")
	case bad != nil, doc.Encoding != "" && !strings.EqualFold(doc.Encoding, "utf-8"):
		return a.root, errors.New("el documento no está bien formado")
	}
	return a.root, structure().check(a.root)
}

// tree grows from the tokens of a document.
type tree struct {
	root *node
	open []*node
}

func (a *tree) take(t xml.Token) error {
	switch t := t.(type) {
	case xml.CharData:
		if strings.TrimSpace(string(t)) != "" {
			return errors.New("no se admite texto entre los elementos")
		}
	case xml.StartElement:
		n, err := nodeOf(t)
		if a.root == nil {
			a.root = n
		}
		if err != nil {
			return err
		}
		if len(a.open) == maxDepth {
			return errors.New("demasiados elementos anidados")
		}
		if len(a.open) > 0 {
			parent := a.open[len(a.open)-1]
			parent.children = append(parent.children, n)
		}
		a.open = append(a.open, n)
	case xml.EndElement:
		a.open = a.open[:len(a.open)-1]
	}
	return nil
}

// nodeOf takes an element of the namespace of titles.
func nodeOf(e xml.StartElement) (*node, error) {
	n := &node{name: e.Name.Local, attributes: make(map[string]string, len(e.Attr))}
	for _, a := range e.Attr {
		switch {
		case a.Name.Space == nsXSI:
			continue
		case a.Name.Space != "":
			return n, fmt.Errorf("el atributo '%s' no está permitido en el elemento '%s'", a.Name.Local, n.name)
		}
		n.attributes[a.Name.Local] = a.Value
	}
	if e.Name.Space != nsTitulo {
		return n, fmt.Errorf("el elemento '%s' no es del espacio de nombres %s", n.name, nsTitulo)
	}
	return n, nil
}

// element is an element of the structure, its children in order. Its attributes are a list of words: a name, with ?
// where it may be missing, and after a colon its type. The standard gives no lengths, patterns or enumerations.
type element struct {
	name       string
	several    bool
	attributes string
	children   []element
}

// structure is TituloElectronico 1.0 as institutions send it. Autenticacion is the authority's to add.
func structure() element {
	return element{name: "TituloElectronico", attributes: "version:1.0 folioControl", children: []element{
		{name: "FirmaResponsables", children: []element{{name: "FirmaResponsable", several: true, attributes: `
			nombre primerApellido segundoApellido? curp idCargo:int cargo abrTitulo?
			noCertificadoResponsable sello:base64 certificadoResponsable:base64`}}},
		{name: "Institucion", attributes: "cveInstitucion nombreInstitucion"},
		{name: "Carrera", attributes: `cveCarrera nombreCarrera fechaInicio?:date fechaTerminacion:date
			idAutorizacionReconocimiento:int autorizacionReconocimiento numeroRvoe?`},
		{name: "Profesionista", attributes: "curp nombre primerApellido segundoApellido? correoElectronico"},
		{name: "Expedicion", attributes: `fechaExpedicion:date idModalidadTitulacion:int modalidadTitulacion
			fechaExamenProfesional?:date fechaExencionExamenProfesional?:date cumplioServicioSocial:int
			idFundamentoLegalServicioSocial:int fundamentoLegalServicioSocial idEntidadFederativa entidadFederativa`},
		{name: "Antecedente", attributes: `institucionProcedencia idTipoEstudioAntecedente:int tipoEstudioAntecedente
			idEntidadFederativa entidadFederativa? fechaInicio?:date fechaTerminacion:date noCedula?`},
	}}
}

// check holds an element and those below it against the structure.
func (e element) check(n *node) error {
	if n.name != e.name {
		return fmt.Errorf("se esperaba el elemento '%s' y se encontró '%s'", e.name, n.name)
	}
	if err := e.checkAttributes(n); err != nil {
		return err
	}
	rest := n.children
	for _, h := range e.children {
		for i := 0; i == 0 || (h.several && len(rest) > 0 && rest[0].name == h.name); i++ {
			if len(rest) == 0 {
				return fmt.Errorf("el contenido del elemento '%s' no está completo: falta '%s'", e.name, h.name)
			}
			if err := h.check(rest[0]); err != nil {
				return err
			}
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("no se esperaba el elemento '%s' en '%s'", rest[0].name, e.name)
	}
	return nil
}

func (e element) checkAttributes(n *node) error {
	known := 0
	for word := range strings.FieldsSeq(e.attributes) {
		name, tipo, _ := strings.Cut(word, ":")
		name, optional := strings.CutSuffix(name, "?")
		value, this := n.attributes[name]
		if !this && !optional {
			return fmt.Errorf("el atributo '%s' debe aparecer en el elemento '%s'", name, e.name)
		}
		if !this {
			continue
		}
		if known++; !admits(tipo, value) {
			return fmt.Errorf("el valor '%s' del atributo '%s' del elemento '%s' no es válido", trim(value), name, e.name)
		}
	}
	if known < len(n.attributes) {
		return fmt.Errorf("hay atributos que no están permitidos en el elemento '%s'", e.name)
	}
	return nil
}

// admits reports whether a value is of a type: any text where there is none, and else the only value that is taken.
func admits(tipo, value string) bool {
	joined := strings.TrimSpace(value)
	switch tipo {
	case "":
		return true
	case "int":
		return reWhole.MatchString(joined)
	case "date":
		_, err := time.Parse(time.DateOnly, joined)
		return err == nil
	case "base64":
		_, err := base64.StdEncoding.DecodeString(withoutBlank(value))
		return err == nil
	}
	return value == tipo
}

func withoutBlank(text string) string { return strings.Join(strings.Fields(text), "") }

func trim(text string) string {
	const ceiling = 60
	if r := []rune(text); len(r) > ceiling {
		return string(r[:ceiling]) + "…"
	}
	return text
}
