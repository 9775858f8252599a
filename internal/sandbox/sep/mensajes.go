package sep

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"
)

var reEntero = regexp.MustCompile(`^[+-]?[0-9]{1,30}$`)

// campo is an element of a request: a text, or with contenidos an element of elements.
type campo struct {
	nombre     string
	entero     bool
	base64     bool
	minimo     int // characters
	maximo     int // 0 is no bound
	contenidos []campo
}

func conAutenticacion(campos ...campo) []campo {
	return append(campos, campo{nombre: "autenticacion", contenidos: []campo{{nombre: "usuario"}, {nombre: "password"}}})
}

// valida holds the payload against the schema of the operation and returns its texts. What is not of the
// schema, be it a namespace, an order, or something more, is a fault, in the words of the Java validator.
func (op *operacion) valida(raiz *etree.Element, m *separador) (map[string]string, error) {
	v := &validador{campos: map[string]string{}, mensaje: m}
	v.atributos(raiz)
	v.secuencia(raiz, op.peticion)
	if len(v.motivos) > 0 {
		return nil, &faltaSOAP{codigo: "Client", texto: "Validation error", motivos: v.motivos}
	}
	return v.campos, nil
}

type validador struct {
	campos  map[string]string
	mensaje *separador
	motivos []string
}

func (v *validador) falla(formato string, valores ...any) {
	v.motivos = append(v.motivos, fmt.Sprintf(formato, valores...))
}

// secuencia checks the children of an xs:sequence: all of them, in order and in the one namespace.
func (v *validador) secuencia(e *etree.Element, campos []campo) {
	if strings.TrimSpace(textoDe(e)) != "" {
		v.falla("cvc-complex-type.2.3: Element '%s' cannot have character [children], because the type's content type is element-only.", e.FullTag())
		return
	}
	hijos := e.ChildElements()
	for i, c := range campos {
		if i >= len(hijos) {
			v.falla("cvc-complex-type.2.4.b: The content of element '%s' is not complete. One of '{\"%s\":%s}' is expected.", e.FullTag(), nsMET, c.nombre)
			return
		}
		if !es(hijos[i], nsMET, c.nombre) {
			v.falla("cvc-complex-type.2.4.a: Invalid content was found starting with element '%s'. One of '{\"%s\":%s}' is expected.", hijos[i].FullTag(), nsMET, c.nombre)
			return
		}
		v.atributos(hijos[i])
		if c.contenidos != nil {
			v.secuencia(hijos[i], c.contenidos)
			continue
		}
		v.texto(hijos[i], c)
	}
	if len(hijos) > len(campos) {
		v.falla("cvc-complex-type.2.4.d: Invalid content was found starting with element '%s'. No child element is expected at this point.", hijos[len(campos)].FullTag())
	}
}

func (v *validador) texto(e *etree.Element, c campo) {
	if len(e.ChildElements()) > 0 {
		v.falla("cvc-type.3.1.2: Element '%s' is a simple type, so it must have no element information item [children].", e.FullTag())
		return
	}
	texto := textoDe(e)
	switch {
	case c.base64:
		if !v.mensaje.base64 || strings.TrimSpace(texto) != "" {
			v.falla("cvc-datatype-valid.1.2.1: The value of element '%s' is not a valid value for 'base64Binary'.", e.FullTag())
		}
		return
	case c.entero:
		if texto = strings.TrimSpace(texto); !reEntero.MatchString(texto) {
			v.falla("cvc-datatype-valid.1.2.1: '%s' is not a valid value for 'integer'.", texto)
		}
	case utf8.RuneCountInString(texto) < c.minimo:
		v.falla("cvc-minLength-valid: Value '%s' with length = '%d' is not facet-valid with respect to minLength '%d'.", texto, utf8.RuneCountInString(texto), c.minimo)
	case c.maximo > 0 && utf8.RuneCountInString(texto) > c.maximo:
		v.falla("cvc-maxLength-valid: Value '%s' with length = '%d' is not facet-valid with respect to maxLength '%d'.", texto, utf8.RuneCountInString(texto), c.maximo)
	}
	v.campos[c.nombre] = texto
}

// atributos refuses all but declarations and those that a schema instance may always have.
func (v *validador) atributos(e *etree.Element) {
	for i := range e.Attr {
		a := &e.Attr[i]
		declara := a.Space == "xmlns" || (a.Space == "" && a.Key == "xmlns")
		if !declara && (a.Space == "" || a.NamespaceURI() != nsXSI) {
			v.falla("cvc-complex-type.3.2.2: Attribute '%s' is not allowed to appear in element '%s'.", a.FullKey(), e.FullTag())
		}
	}
}

// textoDe joins the texts of an element, also those around comments.
func textoDe(e *etree.Element) string {
	var b strings.Builder
	for _, t := range e.Child {
		if c, ok := t.(*etree.CharData); ok {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}
