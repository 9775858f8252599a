package contrato

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// The bounds of a document: a contract of many pages has less than 100 KiB.
const (
	maxDocument   = 2 << 20
	maxDepth      = 16
	maxFirmas     = 20
	maxAttributes = 100
)

// Read reads a Contrato in UTF-8, in which it is passed on. It finds elements by their
// local names, skips unknown ones, and keeps unknown attributes of a Firma. It does not
// check the values: Validate does.
//
// The error is a *gateway.Error of KindInvalida: over 2 MiB, not XML, not UTF-8, a DTD,
// nested too deeply, another root than Contrato, or something ambiguous (a repeated
// element or attribute, elements in Text).
func Read(document []byte) (Contrato, error) {
	return read(document, xmldoc.Options{OnlyUTF8: true})
}

// ReadReceived is Read for a Contrato from the PAC, in any encoding that xmldoc reads.
func ReadReceived(document []byte) (Contrato, error) { return read(document, xmldoc.Options{}) }

func read(document []byte, o xmldoc.Options) (Contrato, error) {
	if len(document) > maxDocument {
		return Contrato{}, unreadable("El Contrato pasa de 2 MiB.", nil)
	}
	o.MaxDepth, o.MaxAttributes = maxDepth, maxAttributes
	d := xmldoc.NewReader(bytes.NewReader(document), o)
	l := reader{texts: map[string]*strings.Builder{}}
	for {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			return l.contrato(), nil
		case err != nil:
			return Contrato{}, defective(document, err)
		}
		if detail := l.token(token); detail != "" {
			return Contrato{}, unreadable(detail, nil)
		}
	}
}

// defective returns an error that says what the XML reader found wrong, and where.
func defective(document []byte, err error) error {
	var falla *xmldoc.Error
	if !errors.As(err, &falla) {
		return unreadable("El Contrato no es XML bien formado.", err)
	}
	text, _ := xmldoc.Text(document, "") // the fault's position is in the text before it
	return unreadable("El Contrato no se puede leer. "+falla.In(text), err)
}

func unreadable(detail string, err error) error {
	return &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnContratoIlegible, Detail: detail, Err: err}
}

// reader follows the document and keeps the current path.
type reader struct {
	stack  []string
	texts  map[string]*strings.Builder // of the parts so far, by path
	firmas []Firma
}

func (l *reader) contrato() Contrato {
	text := func(path string) string {
		if b := l.texts[path]; b != nil {
			return b.String()
		}
		return ""
	}
	return Contrato{Fecha: text("Contrato/Fecha"), Hash: text("Contrato/Hash"), Text: text("Contrato/Texto"), Firmas: l.firmas}
}

// token returns what is wrong with a token, or "".
func (l *reader) token(token xml.Token) string {
	switch token := token.(type) {
	case xml.StartElement:
		return l.open(token)
	case xml.EndElement:
		l.stack = l.stack[:len(l.stack)-1]
	case xml.CharData:
		if b := l.texts[strings.Join(l.stack, "/")]; b != nil {
			b.Write(token)
		}
	}
	return ""
}

func (l *reader) open(e xml.StartElement) string {
	switch {
	case len(l.stack) == 0 && e.Name.Local != "Contrato":
		return "El elemento raíz del documento debe ser Contrato."
	case len(l.stack) == 2 && slices.Contains([]string{"Fecha", "Hash", "Texto"}, l.stack[1]):
		return l.stack[1] + " solo lleva texto."
	}
	l.stack = append(l.stack, e.Name.Local)
	switch path := strings.Join(l.stack, "/"); path {
	case "Contrato/Fecha", "Contrato/Hash", "Contrato/Texto", "Contrato/Firmas":
		if l.texts[path] != nil {
			return e.Name.Local + " está repetido."
		}
		l.texts[path] = &strings.Builder{}
	case "Contrato/Firmas/Firma":
		if len(l.firmas) == maxFirmas {
			return "El Contrato tiene demasiadas firmas."
		}
		l.firmas = append(l.firmas, firma(e.Attr))
	}
	return ""
}

func firma(attributes []xml.Attr) Firma {
	var f Firma
	for _, a := range attributes {
		if a.Name.Space != "" {
			continue
		}
		if known, ok := f.attribute(a.Name.Local); ok {
			*known.value = a.Value
			continue
		}
		f.Other = append(f.Other, Attribute{a.Name.Local, a.Value})
	}
	return f
}

// trim shortens what a text quotes of the input.
func trim(s string) string { return gateway.Clip(s, 60) }
