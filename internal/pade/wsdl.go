package pade

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// The namespaces of WSDL 1.1 and of its SOAP 1.1 binding.
const (
	nsWSDL = "http://schemas.xmlsoap.org/wsdl/"
	nsSOAP = "http://schemas.xmlsoap.org/wsdl/soap/"
)

var errNotWSDL = errors.New("pade: not a WSDL")

// description is the content of all documents of one WSDL, by their names for each other
// (WSDL 1.1 §2.1.1).
type description struct {
	ports     []port
	bindings  map[xml.Name]binding
	portTypes map[xml.Name][]operation
	order     []xml.Name            // of the bindings and portTypes, as they came
	elements  map[xml.Name]xml.Name // the element of a message's first part
}

// port is an address of a service.
type port struct {
	binding xml.Name
	address string
}

type binding struct {
	portType xml.Name
	soap     bool // SOAP 1.1, the only supported version
}

type operation struct {
	name  string
	input xml.Name // the message
}

func newDescription() *description {
	return &description{bindings: map[xml.Name]binding{}, portTypes: map[xml.Name][]operation{}, elements: map[xml.Name]xml.Name{}}
}

// read adds a document and returns the locations of the WSDLs that it imports. It skips
// schemas, its own and imported ones.
func (d *description) read(body []byte, charset string) (imports []string, err error) {
	text, err := xmldoc.Text(body, charset)
	if err != nil {
		text = string(xmldoc.Salvage(body)) // the needed names are ASCII
	}
	r := xmldoc.NewReader(strings.NewReader(text), xmldoc.Options{Decoded: true, Around: true})
	at := place{d: d, r: r}
	for {
		token, err := r.Token()
		if errors.Is(err, io.EOF) {
			return at.imports, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if len(at.path) == 0 && t.Name != (xml.Name{Space: nsWSDL, Local: "definitions"}) {
				return nil, errNotWSDL
			}
			at.path = append(at.path, local(t.Name))
			at.starts(t)
		case xml.EndElement:
			at.path = at.path[:len(at.path)-1]
		}
	}
}

// local returns the local name of a WSDL element, or any other's namespace and name.
func local(n xml.Name) string {
	if n.Space == nsWSDL {
		return n.Local
	}
	return n.Space + " " + n.Local
}

// place is the reader's position in a document.
type place struct {
	d       *description
	r       *xmldoc.Reader
	path    []string
	target  string   // the document's target namespace
	named   xml.Name // the binding, portType or message that is open
	imports []string
}

func (p *place) starts(e xml.StartElement) {
	get := func(name string) string {
		i := slices.IndexFunc(e.Attr, func(a xml.Attr) bool { return a.Name == xml.Name{Local: name} })
		if i < 0 {
			return ""
		}
		return strings.TrimSpace(e.Attr[i].Value)
	}
	d := p.d
	if len(p.path) == 2 {
		p.named = xml.Name{Space: p.target, Local: get("name")}
	}
	switch strings.Join(p.path, "/") {
	case "definitions":
		p.target = get("targetNamespace")
	case "definitions/import":
		if location := get("location"); location != "" {
			p.imports = append(p.imports, location)
		}
	case "definitions/message/part":
		if _, known := d.elements[p.named]; !known && get("element") != "" {
			d.elements[p.named] = p.name(get("element"))
		}
	case "definitions/portType":
		if _, known := d.portTypes[p.named]; !known {
			d.portTypes[p.named], d.order = nil, append(d.order, p.named)
		}
	case "definitions/portType/operation":
		d.portTypes[p.named] = append(d.portTypes[p.named], operation{name: get("name")})
	case "definitions/portType/operation/input":
		ops := d.portTypes[p.named]
		ops[len(ops)-1].input = p.name(get("message"))
	case "definitions/binding":
		d.bindings[p.named], d.order = binding{portType: p.name(get("type"))}, append(d.order, p.named)
	case "definitions/binding/" + nsSOAP + " binding":
		b := d.bindings[p.named]
		b.soap = true
		d.bindings[p.named] = b
	case "definitions/service/port":
		d.ports = append(d.ports, port{binding: p.name(get("binding"))})
	case "definitions/service/port/" + nsSOAP + " address":
		d.ports[len(d.ports)-1].address = get("location")
	}
}

// name resolves the namespace of a QName in a value.
func (p *place) name(q string) xml.Name {
	prefix, local, has := strings.Cut(q, ":")
	if !has {
		prefix, local = "", q
	}
	namespace, _ := p.r.Lookup(prefix)
	return xml.Name{Space: namespace, Local: local}
}

// contract returns the description of the service at a path. Among several ports it uses
// those of SOAP 1.1, and among these those of that path, if any.
func (d *description) contract(path string) (contract, error) {
	out := contract{namespaces: map[string]string{}}
	missing, unnamed := "", false
	for _, portType := range d.bound(path) {
		ops, known := d.portTypes[portType]
		if !known {
			missing = portType.Local
		}
		for _, op := range ops {
			if _, twice := out.namespaces[op.name]; twice {
				continue
			}
			// The runtime dispatches on the element of the message. Without one, its
			// namespace is the interface's.
			namespace := portType.Space
			if element, ok := d.elements[op.input]; ok {
				namespace = element.Space
			}
			if namespace == "" {
				unnamed = true
				continue
			}
			out.namespaces[op.name] = namespace
			out.operations = append(out.operations, op.name)
		}
	}
	switch {
	case len(out.operations) > 0:
		return out, nil
	case unnamed:
		return out, errors.New("sus operaciones no están en ninguno")
	case missing != "":
		return out, errors.New("no está su portType «" + clip(missing) + "»")
	}
	return out, errors.New("no tiene portType con operaciones")
}

// bound returns the portTypes of the ports that count, or else of the bindings, or else
// all.
func (d *description) bound(path string) []xml.Name {
	ports := slices.Clone(d.ports)
	prefer := func(wanted func(port) bool) {
		if slices.ContainsFunc(ports, wanted) {
			ports = slices.DeleteFunc(ports, func(p port) bool { return !wanted(p) })
		}
	}
	prefer(func(p port) bool { return d.bindings[p.binding].soap })
	prefer(func(p port) bool { return pathOf(p.address) == path })
	var out []xml.Name
	add := func(b binding) {
		if b.portType.Local != "" && !slices.Contains(out, b.portType) {
			out = append(out, b.portType)
		}
	}
	for _, p := range ports {
		add(d.bindings[p.binding])
	}
	if len(out) > 0 {
		return out
	}
	for _, soap := range []bool{true, false} {
		for _, name := range d.order {
			if b := d.bindings[name]; b.soap == soap {
				add(b)
			}
		}
	}
	if len(out) > 0 {
		return out
	}
	return slices.DeleteFunc(slices.Clone(d.order), func(n xml.Name) bool { _, ok := d.portTypes[n]; return !ok })
}
