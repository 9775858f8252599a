package contrato

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Construye writes the document for an operation: UTF-8, elements and attributes
// in the order of the PAC's examples, every attribute of the party present even
// when empty, nothing added to Texto. What it wrote it reads again, and what
// was read must be what was given.
//
// The error is a *gateway.Error of KindInvalida that lists the fields which the
// operation has no place for, or which XML cannot carry. Whether the rest makes
// sense is Valida's to say.
func Construye(c Contrato, op gateway.OperacionFirma) ([]byte, error) {
	if campos := sinLugar(c, op); campos != nil {
		return nil, &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnContratoInescribible, Detail: "El contrato no se puede escribir así.", Campos: campos}
	}
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Contrato>\n")
	fmt.Fprintf(&b, "  <Fecha>%s</Fecha>\n  <Hash>%s</Hash>\n  <Texto>%s</Texto>\n  <Firmas>\n", escapa(c.Fecha), escapa(c.Hash), escapa(c.Texto))
	for _, f := range c.Firmas {
		b.WriteString("    <Firma")
		for _, nombre := range orden(op, f) {
			if a, ok := f.atributo(nombre); ok {
				fmt.Fprintf(&b, ` %s="%s"`, nombre, escapa(*a.valor))
			}
		}
		for _, a := range f.Otros {
			fmt.Fprintf(&b, ` %s="%s"`, a.Nombre, escapa(a.Valor))
		}
		b.WriteString("/>\n")
	}
	b.WriteString("  </Firmas>\n</Contrato>\n")
	leido, err := Lee(b.Bytes())
	if err != nil {
		return nil, err
	}
	if !iguales(leido, c) {
		return nil, &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnContratoInestable, Detail: "El contrato cambia al escribirlo como XML; revise sus caracteres."}
	}
	return b.Bytes(), nil
}

func iguales(a, b Contrato) bool {
	return a.Fecha == b.Fecha && a.Hash == b.Hash && a.Texto == b.Texto && slices.EqualFunc(a.Firmas, b.Firmas, misma)
}

func misma(a, b Firma) bool {
	de, en := a.atributos(), b.atributos()
	for i := range de {
		if *de[i].valor != *en[i].valor {
			return false
		}
	}
	return slices.Equal(a.Otros, b.Otros)
}

var nombreXML = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// sinLugar lists what the document of the operation cannot hold.
func sinLugar(c Contrato, op gateway.OperacionFirma) []gateway.Campo {
	campos := ilegibles("", []atributo{{campo: "fecha", valor: &c.Fecha}, {campo: "hash", valor: &c.Hash}})
	if !caracteres(c.Texto) {
		campos = append(campos, gateway.Campo{Campo: "texto", Detalle: "Tiene un carácter que XML no admite."})
	}
	for i := range c.Firmas {
		f := &c.Firmas[i]
		suyos := orden(op, *f)
		for _, a := range f.atributos() {
			if *a.valor != "" && !slices.Contains(suyos, a.nombre) {
				campos = append(campos, gateway.Campo{Campo: rutaFirma(i, a.campo), Detalle: "No va en esta firma.", ValoresValidos: camposDe(f, suyos)})
			}
		}
		campos = append(campos, ilegibles(rutaFirma(i, ""), f.atributos())...)
		for _, a := range f.Otros {
			if _, conocido := f.atributo(a.Nombre); conocido || a.Nombre == "xmlns" || !nombreXML.MatchString(a.Nombre) || !caracteres(a.Valor) {
				campos = append(campos, gateway.Campo{Campo: rutaFirma(i, "otros"), Detalle: "Un atributo no se puede escribir."})
			}
		}
	}
	return campos
}

func camposDe(f *Firma, nombres []string) []string {
	var campos []string
	for _, nombre := range nombres {
		if a, ok := f.atributo(nombre); ok {
			campos = append(campos, a.campo)
		}
	}
	return campos
}

func rutaFirma(i int, campo string) string { return fmt.Sprintf("firmas/%d/%s", i, campo) }

// ilegibles lists the values of one line that XML or an attribute cannot carry
// unchanged: a line break or tab there would arrive as a space.
func ilegibles(ruta string, valores []atributo) []gateway.Campo {
	var campos []gateway.Campo
	for _, a := range valores {
		switch {
		case strings.ContainsAny(*a.valor, "\t\r\n"):
			campos = append(campos, gateway.Campo{Campo: ruta + a.campo, Detalle: "Va en una sola línea, sin tabuladores."})
		case !caracteres(*a.valor):
			campos = append(campos, gateway.Campo{Campo: ruta + a.campo, Detalle: "Tiene un carácter que XML no admite."})
		}
	}
	return campos
}

// caracteres tells whether s is UTF-8 and of the production Char of XML 1.0.
func caracteres(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	})
}

// escapa leaves line breaks of Texto literal, as its readers expect them, and
// keeps a CR, which a parser would take for a line end, by its reference.
func escapa(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#13;").Replace(s)
}
