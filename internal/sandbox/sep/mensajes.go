package sep

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"

	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

var reWhole = regexp.MustCompile(`^[+-]?[0-9]{1,30}$`)

// field is an element of a request: a text, or with contents an element of elements.
type field struct {
	name     string
	whole    bool
	base64   bool
	min      int // characters
	max      int // 0 is no bound
	contents []field
}

func withAutenticacion(fields ...field) []field {
	return append(fields, field{name: "autenticacion", contents: []field{{name: "usuario"}, {name: "password"}}})
}

// validate holds the payload against the schema of the operation and returns its texts. What is not of the
// schema, be it a namespace, an order, or something more, is a fault, in the words of the Java validator.
func (op *operation) validate(root *etree.Element, m *separator) (map[string]string, error) {
	v := &validator{fields: map[string]string{}, mensaje: m}
	v.attributes(root)
	v.sequence(root, op.request)
	if len(v.motivos) > 0 {
		return nil, &soapFault{codigo: "Client", text: "Validation error", motivos: v.motivos}
	}
	return v.fields, nil
}

type validator struct {
	fields  map[string]string
	mensaje *separator
	motivos []string
}

func (v *validator) falla(format string, values ...any) {
	v.motivos = append(v.motivos, fmt.Sprintf(format, values...))
}

// sequence checks the children of an xs:sequence: all of them, in order and in the one namespace.
func (v *validator) sequence(e *etree.Element, fields []field) {
	if strings.TrimSpace(textOf(e)) != "" {
		v.falla("cvc-complex-type.2.3: Element '%s' cannot have character [children], because the type's content type is element-only.", e.FullTag())
		return
	}
	children := e.ChildElements()
	for i, c := range fields {
		if i >= len(children) {
			v.falla("cvc-complex-type.2.4.b: The content of element '%s' is not complete. One of '{\"%s\":%s}' is expected.", e.FullTag(), nsMET, c.name)
			return
		}
		if !wellformed.Is(children[i], nsMET, c.name) {
			v.falla("cvc-complex-type.2.4.a: Invalid content was found starting with element '%s'. One of '{\"%s\":%s}' is expected.", children[i].FullTag(), nsMET, c.name)
			return
		}
		v.attributes(children[i])
		if c.contents != nil {
			v.sequence(children[i], c.contents)
			continue
		}
		v.text(children[i], c)
	}
	if len(children) > len(fields) {
		v.falla("cvc-complex-type.2.4.d: Invalid content was found starting with element '%s'. No child element is expected at this point.", children[len(fields)].FullTag())
	}
}

func (v *validator) text(e *etree.Element, c field) {
	if len(e.ChildElements()) > 0 {
		v.falla("cvc-type.3.1.2: Element '%s' is a simple type, so it must have no element information item [children].", e.FullTag())
		return
	}
	text := textOf(e)
	switch {
	case c.base64:
		if !v.mensaje.base64 || strings.TrimSpace(text) != "" {
			v.falla("cvc-datatype-valid.1.2.1: The value of element '%s' is not a valid value for 'base64Binary'.", e.FullTag())
		}
		return
	case c.whole:
		if text = strings.TrimSpace(text); !reWhole.MatchString(text) {
			v.falla("cvc-datatype-valid.1.2.1: '%s' is not a valid value for 'integer'.", text)
		}
	case utf8.RuneCountInString(text) < c.min:
		v.falla("cvc-minLength-valid: Value '%s' with length = '%d' is not facet-valid with respect to minLength '%d'.", text, utf8.RuneCountInString(text), c.min)
	case c.max > 0 && utf8.RuneCountInString(text) > c.max:
		v.falla("cvc-maxLength-valid: Value '%s' with length = '%d' is not facet-valid with respect to maxLength '%d'.", text, utf8.RuneCountInString(text), c.max)
	}
	v.fields[c.name] = text
}

// attributes refuses all but declarations and those that a schema instance may always have.
func (v *validator) attributes(e *etree.Element) {
	for i := range e.Attr {
		a := &e.Attr[i]
		declare := a.Space == "xmlns" || (a.Space == "" && a.Key == "xmlns")
		if !declare && (a.Space == "" || a.NamespaceURI() != nsXSI) {
			v.falla("cvc-complex-type.3.2.2: Attribute '%s' is not allowed to appear in element '%s'.", a.FullKey(), e.FullTag())
		}
	}
}

// textOf joins the texts of an element, also those around comments.
func textOf(e *etree.Element) string {
	var b strings.Builder
	for _, t := range e.Child {
		if c, ok := t.(*etree.CharData); ok {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}
