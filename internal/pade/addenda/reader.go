package addenda

import (
	"cmp"
	"encoding/xml"
	"errors"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// blank are what XML takes for white space.
const blank = " \t\r\n"

type class int

const (
	open class = iota
	shut
	text
	instruction
)

// evento is one item of a document's information set, without what the
// canonical form leaves out: comments, the declaration, prefixes.
type evento struct {
	class class
	// name has the namespace resolved; of an instruction, its target.
	name xml.Name
	// attributes are resolved and sorted; declarations of namespaces are not among them.
	attributes []xml.Attr
	text       string
}

// reader gives the events of a document in UTF-8.
type reader struct {
	source string
	r      *xmldoc.Reader
}

// newReader reads a text that has been decoded. With loose, prefixes that are
// not declared pass.
func newReader(source string, loose bool) *reader {
	return &reader{source: source, r: xmldoc.NewReader(strings.NewReader(source), xmldoc.Options{Decoded: true, LoosePrefixes: loose})}
}

// next returns io.EOF after a whole document. Every other error is a refusal.
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

// refusal is why a whole document is refused, in Spanish.
type refusal struct {
	detail string
	valid  []string // encodings, where that is what it is about
}

func (r refusal) Error() string { return r.detail }

// refusalOf tells what is wrong with a document, and where in its text; io.EOF stays.
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
