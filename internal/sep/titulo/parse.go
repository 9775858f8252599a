package titulo

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// The bounds of a document. One with a single signer has about 4 KiB.
const (
	maxTitulo    = 1 << 20
	maxDepth     = 16
	maxFirmantes = 50
)

// Parse reads a document leniently: any prefix or none, no namespace at all, elements in
// any order, empty dates, an empty Autenticacion. It skips unknown attributes and
// elements. Verify checks the schema.
//
// The error is a Problem: not XML, not UTF-8, over 1 MiB, nested too deeply, with a DTD,
// or with another root than TituloElectronico.
func Parse(document []byte) (Titulo, error) {
	var l list
	return l.read(document)
}

// read reads the document and lists violations of the schema.
func (l *list) read(document []byte) (Titulo, error) {
	if len(document) > maxTitulo {
		return Titulo{}, failure("", CodigoDemasiadoGrande, "El XML de un título no pasa de %d KiB.", maxTitulo>>10)
	}
	d := xmldoc.NewReader(bytes.NewReader(document), xmldoc.Options{OnlyUTF8: true, MaxDepth: maxDepth})
	r := reader{list: l}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Titulo{}, unreadable(document, err)
		}
		if err := r.token(token); err != nil {
			return Titulo{}, err
		}
	}
	r.missing()
	return r.t, nil
}

// unreadable returns what the XML reader found wrong, and where.
func unreadable(document []byte, err error) error {
	var falla *xmldoc.Error
	if !errors.As(err, &falla) {
		return failure("", CodigoXMLIlegible, "No es XML bien formado.")
	}
	where := falla.In(string(bytes.TrimPrefix(document, []byte("\xEF\xBB\xBF"))))
	codigo := CodigoXMLIlegible
	switch falla.Kind {
	case xmldoc.DTD:
		codigo = CodigoDTD
	case xmldoc.Encoding, xmldoc.Bytes:
		codigo = CodigoCodificacion
	case xmldoc.Depth:
		codigo = CodigoProfundidad
	case xmldoc.Bound:
		codigo = CodigoDemasiadoGrande
	}
	return failure("", codigo, "%s", where)
}

// reader follows the document and keeps the current path.
type reader struct {
	*list
	t       Titulo
	stack   []string
	seen    []string // children of the root read so far
	skip    int      // depth within an unknown element, or 0
	foreign bool     // the namespace was reported
}

func (r *reader) token(token xml.Token) error {
	switch token := token.(type) {
	case xml.StartElement:
		if err := r.open(token); err != nil {
			return err
		}
		r.stack = append(r.stack, token.Name.Local)
	case xml.EndElement:
		r.stack = r.stack[:len(r.stack)-1]
		if len(r.stack) < r.skip {
			r.skip = 0
		}
	case xml.CharData:
		r.text(token)
	}
	return nil
}

func (r *reader) text(text xml.CharData) {
	// The content of an authenticated title's node is the authority's.
	if len(bytes.TrimSpace(text)) > 0 && r.skip == 0 && (len(r.stack) < 2 || r.stack[1] != "Autenticacion") {
		r.error(pathOf(r.stack), CodigoTextoInesperado, "El título solo lleva atributos, no texto: «%s».", trim(string(text)))
	}
}
