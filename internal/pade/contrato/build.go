package contrato

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// Build writes an operation's document: UTF-8, elements and attributes in the order of
// the PAC's examples, every attribute of the party even if empty, and Text unchanged. It
// reads the result again and compares it with the input.
//
// The error is a *gateway.Error of KindInvalida that lists the fields that the operation
// does not have or XML cannot carry. Validate checks the rest.
func Build(c Contrato, op gateway.FirmaOperation) ([]byte, error) {
	if fields := withoutPlace(c, op); fields != nil {
		return nil, &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnContratoInescribible, Detail: "El contrato no se puede escribir así.", Fields: fields}
	}
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Contrato>\n")
	fmt.Fprintf(&b, "  <Fecha>%s</Fecha>\n  <Hash>%s</Hash>\n  <Texto>%s</Texto>\n  <Firmas>\n", escape(c.Fecha), escape(c.Hash), escape(c.Text))
	for _, f := range c.Firmas {
		b.WriteString("    <Firma")
		for _, name := range order(op, f) {
			if a, ok := f.attribute(name); ok {
				fmt.Fprintf(&b, ` %s="%s"`, name, escape(*a.value))
			}
		}
		for _, a := range f.Other {
			fmt.Fprintf(&b, ` %s="%s"`, a.Name, escape(a.Value))
		}
		b.WriteString("/>\n")
	}
	b.WriteString("  </Firmas>\n</Contrato>\n")
	read, err := Read(b.Bytes())
	if err != nil {
		return nil, err
	}
	if !equal(read, c) {
		return nil, &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnContratoInestable, Detail: "El contrato cambia al escribirlo como XML; revise sus caracteres."}
	}
	return b.Bytes(), nil
}

func equal(a, b Contrato) bool {
	return a.Fecha == b.Fecha && a.Hash == b.Hash && a.Text == b.Text && slices.EqualFunc(a.Firmas, b.Firmas, same)
}

func same(a, b Firma) bool {
	de, en := a.attributes(), b.attributes()
	for i := range de {
		if *de[i].value != *en[i].value {
			return false
		}
	}
	return slices.Equal(a.Other, b.Other)
}

var xmlName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// withoutPlace lists the values that the operation's document cannot hold.
func withoutPlace(c Contrato, op gateway.FirmaOperation) []gateway.Field {
	fields := unreadableValues("", []attribute{{field: "fecha", value: &c.Fecha}, {field: "hash", value: &c.Hash}})
	if xmldoc.Foreign(c.Text) >= 0 {
		fields = append(fields, gateway.Field{Campo: "texto", Detalle: "Tiene un carácter que XML no admite."})
	}
	for i := range c.Firmas {
		f := &c.Firmas[i]
		its := order(op, *f)
		for _, a := range f.attributes() {
			if *a.value != "" && !slices.Contains(its, a.name) {
				fields = append(fields, gateway.Field{Campo: firmaPath(i, a.field), Detalle: "No va en esta firma.", ValoresValidos: fieldsOf(f, its)})
			}
		}
		fields = append(fields, unreadableValues(firmaPath(i, ""), f.attributes())...)
		for _, a := range f.Other {
			if _, known := f.attribute(a.Name); known || a.Name == "xmlns" || !xmlName.MatchString(a.Name) || xmldoc.Foreign(a.Value) >= 0 {
				fields = append(fields, gateway.Field{Campo: firmaPath(i, "otros"), Detalle: "Un atributo no se puede escribir."})
			}
		}
	}
	return fields
}

func fieldsOf(f *Firma, names []string) []string {
	var fields []string
	for _, name := range names {
		if a, ok := f.attribute(name); ok {
			fields = append(fields, a.field)
		}
	}
	return fields
}

func firmaPath(i int, field string) string { return fmt.Sprintf("firmas/%d/%s", i, field) }

// unreadableValues lists the one-line values that XML or an attribute cannot carry
// unchanged: a line break or tab would arrive as a space.
func unreadableValues(path string, values []attribute) []gateway.Field {
	var fields []gateway.Field
	for _, a := range values {
		switch {
		case strings.ContainsAny(*a.value, "\t\r\n"):
			fields = append(fields, gateway.Field{Campo: path + a.field, Detalle: "Va en una sola línea, sin tabuladores."})
		case xmldoc.Foreign(*a.value) >= 0:
			fields = append(fields, gateway.Field{Campo: path + a.field, Detalle: "Tiene un carácter que XML no admite."})
		}
	}
	return fields
}

// escape leaves line breaks of Text literal, as its readers expect them, and
// keeps a CR, which a parser would take for a line end, by its reference.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#13;").Replace(s)
}
