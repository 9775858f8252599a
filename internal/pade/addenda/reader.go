package addenda

import (
	"cmp"
	"encoding/xml"
	"errors"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// blank is XML's white space.
const blank = " \t\r\n"

type class int

const (
	open class = iota
	shut
	text
	instruction
)

// evento is one item of a document's information set, without what the canonical form
// omits: comments, the declaration, prefixes.
type evento struct {
	class class
	// name has its namespace resolved; for an instruction it is the target.
	name xml.Name
	// attributes are resolved and sorted, without namespace declarations.
	attributes []xml.Attr
	text       string
}

// reader returns the events of a document in UTF-8.
type reader struct {
	source string
	r      *xmldoc.Reader
}

// newReader reads decoded text. With loose, undeclared prefixes are allowed.
func newReader(source string, loose bool) *reader {
	return &reader{source: source, r: xmldoc.NewReader(strings.NewReader(source), xmldoc.Options{Decoded: true, LoosePrefixes: loose})}
}

// next returns io.EOF after a complete document. Every other error is a refusal.
func (l *reader) next() (evento, error) {
	token, err := l.r.Token()
	if err != nil {
		return evento{}, refusalOf(l.source, err)
	}
	switch t := token.(type) {
	case xml.StartElement:
		slices.SortFunc(t.Attr, func(a, b xml.Attr) int {
			return cmp.Or(cmp.Compare(a.Name.Space, b.Name.Space), cmp.Compare(a.Name.Local, b.Name.Local))
		})
		return evento{class: open, name: t.Name, attributes: t.Attr}, nil
	case xml.EndElement:
		return evento{class: shut, name: t.Name}, nil
	case xml.ProcInst:
		return evento{class: instruction, name: xml.Name{Local: t.Target}, text: string(t.Inst)}, nil
	case xml.CharData:
		return evento{class: text, text: string(t)}, nil
	}
	return evento{}, errors.New("addenda: an event that the reader does not give")
}

// refusal explains in Spanish why a document is refused.
type refusal struct {
	detail string
	valid  []string // accepted encodings, if the refusal is about the encoding
}

func (r refusal) Error() string { return r.detail }

// refusalOf explains what is wrong with a document, and where; io.EOF is returned
// unchanged.
func refusalOf(document string, err error) error {
	var falla *xmldoc.Error
	if !errors.As(err, &falla) {
		return err
	}
	r := refusal{detail: falla.In(document)}
	if falla.Kind == xmldoc.Encoding {
		r.valid = xmldoc.Encodings()
	}
	return r
}
