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

// tipo is the type of an attribute; the standard gives no lengths, patterns or enumerations.
type tipo int

const (
	cadena tipo = iota
	whole
	fecha
	inBase64
	version // only "1.0"
)

type attribute struct {
	name     string
	optional bool
	tipo     tipo
}

// element is an element of the structure, its children in order.
type element struct {
	name       string
	several    bool
	attributes []attribute
	children   []element
}

// req and opt are attributes without a type of their own.
func req(names ...string) []attribute { return ofTipo(cadena, false, names) }

func ofTipo(t tipo, optional bool, names []string) []attribute {
	all := make([]attribute, 0, len(names))
	for _, n := range names {
		all = append(all, attribute{n, optional, t})
	}
	return all
}

// list joins attributes; their order does not matter in a document.
func list(required []attribute, other ...attribute) []attribute { return append(required, other...) }

// structure is TituloElectronico 1.0 as institutions send it. Autenticacion is the authority's to add.
func structure() element {
	opt := func(name string) attribute { return attribute{name, true, cadena} }
	num := func(name string) attribute { return attribute{name, false, whole} }
	day := func(name string) attribute { return attribute{name, false, fecha} }
	optDay := func(name string) attribute { return attribute{name, true, fecha} }
	b64 := func(name string) attribute { return attribute{name, false, inBase64} }
	return element{name: "TituloElectronico", attributes: list(req("folioControl"), attribute{"version", false, version}), children: []element{
		{name: "FirmaResponsables", children: []element{{name: "FirmaResponsable", several: true, attributes: list(
			req("nombre", "primerApellido", "curp", "cargo", "noCertificadoResponsable"),
			opt("segundoApellido"), opt("abrTitulo"), num("idCargo"), b64("sello"), b64("certificadoResponsable"))}}},
		{name: "Institucion", attributes: req("cveInstitucion", "nombreInstitucion")},
		{name: "Carrera", attributes: list(req("cveCarrera", "nombreCarrera", "autorizacionReconocimiento"),
			optDay("fechaInicio"), day("fechaTerminacion"), num("idAutorizacionReconocimiento"), opt("numeroRvoe"))},
		{name: "Profesionista", attributes: list(req("curp", "nombre", "primerApellido", "correoElectronico"), opt("segundoApellido"))},
		{name: "Expedicion", attributes: list(req("modalidadTitulacion", "fundamentoLegalServicioSocial", "idEntidadFederativa", "entidadFederativa"),
			day("fechaExpedicion"), num("idModalidadTitulacion"), optDay("fechaExamenProfesional"), optDay("fechaExencionExamenProfesional"),
			num("cumplioServicioSocial"), num("idFundamentoLegalServicioSocial"))},
		{name: "Antecedente", attributes: list(req("institucionProcedencia", "tipoEstudioAntecedente", "idEntidadFederativa"),
			opt("entidadFederativa"), num("idTipoEstudioAntecedente"), optDay("fechaInicio"), day("fechaTerminacion"), opt("noCedula"))},
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
	for _, a := range e.attributes {
		value, this := n.attributes[a.name]
		if !this && !a.optional {
			return fmt.Errorf("el atributo '%s' debe aparecer en el elemento '%s'", a.name, e.name)
		}
		if !this {
			continue
		}
		if known++; !a.tipo.admit(value) {
			return fmt.Errorf("el valor '%s' del atributo '%s' del elemento '%s' no es válido", trim(value), a.name, e.name)
		}
	}
	if known < len(n.attributes) {
		return fmt.Errorf("hay atributos que no están permitidos en el elemento '%s'", e.name)
	}
	return nil
}

func (t tipo) admit(value string) bool {
	joined := strings.TrimSpace(value)
	switch t {
	case whole:
		return reWhole.MatchString(joined)
	case fecha:
		_, err := time.Parse(time.DateOnly, joined)
		return err == nil
	case inBase64:
		_, err := base64.StdEncoding.DecodeString(withoutBlank(value))
		return err == nil
	case version:
		return value == "1.0"
	}
	return true
}

func withoutBlank(text string) string { return strings.Join(strings.Fields(text), "") }

func trim(text string) string {
	const ceiling = 60
	if r := []rune(text); len(r) > ceiling {
		return string(r[:ceiling]) + "…"
	}
	return text
}
