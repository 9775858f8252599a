package addenda

import (
	"cmp"
	"encoding/xml"
	"errors"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// blancos are what XML takes for white space.
const blancos = " \t\r\n"

type clase int

const (
	abre clase = iota
	cierra
	texto
	instruccion
)

// evento is one item of a document's information set, without what the
// canonical form leaves out: comments, the declaration, prefixes.
type evento struct {
	clase clase
	// nombre has the namespace resolved; of an instruccion, its target.
	nombre xml.Name
	// atributos are resolved and sorted; declarations of namespaces are not among them.
	atributos []xml.Attr
	texto     string
}

// lector gives the events of a document in UTF-8.
type lector struct {
	fuente string
	r      *xmldoc.Reader
}

// nuevoLector reads a text that has been decoded. With sueltos, prefixes that are
// not declared pass.
func nuevoLector(fuente string, sueltos bool) *lector {
	return &lector{fuente: fuente, r: xmldoc.NewReader(strings.NewReader(fuente), xmldoc.Options{Decoded: true, LoosePrefixes: sueltos})}
}

// siguiente returns io.EOF after a whole document. Every other error is a rechazo.
func (l *lector) siguiente() (evento, error) {
	token, err := l.r.Token()
	if err != nil {
		return evento{}, rechazoDe(l.fuente, err)
	}
	switch t := token.(type) {
	case xml.StartElement:
		slices.SortFunc(t.Attr, func(a, b xml.Attr) int {
			return cmp.Or(cmp.Compare(a.Name.Space, b.Name.Space), cmp.Compare(a.Name.Local, b.Name.Local))
		})
		return evento{clase: abre, nombre: t.Name, atributos: t.Attr}, nil
	case xml.EndElement:
		return evento{clase: cierra, nombre: t.Name}, nil
	case xml.ProcInst:
		return evento{clase: instruccion, nombre: xml.Name{Local: t.Target}, texto: string(t.Inst)}, nil
	case xml.CharData:
		return evento{clase: texto, texto: string(t)}, nil
	}
	return evento{}, errors.New("addenda: an event that the reader does not give")
}

// rechazo is why a whole document is refused, in Spanish.
type rechazo struct {
	detalle string
	validos []string // encodings, where that is what it is about
}

func (r rechazo) Error() string { return r.detalle }

// rechazoDe tells what is wrong with a document, and where in its text; io.EOF stays.
func rechazoDe(documento string, err error) error {
	var falla *xmldoc.Error
	if !errors.As(err, &falla) {
		return err
	}
	r := rechazo{detalle: falla.In(documento)}
	if falla.Kind == xmldoc.Encoding {
		r.validos = xmldoc.Encodings()
	}
	return r
}
