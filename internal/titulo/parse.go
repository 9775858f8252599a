package titulo

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// The bounds of a document. One with a signer has about 4 KiB.
const (
	maxTitulo      = 1 << 20
	maxProfundidad = 16
	maxFirmantes   = 50
)

// Parse reads a document leniently: any prefix or none, no namespace at all,
// nodes in any order, empty dates, an empty Autenticacion, unknown attributes
// and nodes (passed over). What the schema makes of it is Verifica's to say.
//
// The error is a Problema: not XML, not in UTF-8, over 1 MiB, nested too
// deeply, with a DTD, or with another root than TituloElectronico.
func Parse(documento []byte) (Titulo, error) {
	var l lista
	return l.lee(documento)
}

// lee reads the document and lists what the schema would refuse.
func (l *lista) lee(documento []byte) (Titulo, error) {
	if len(documento) > maxTitulo {
		return Titulo{}, fallo("", CodigoDemasiadoGrande, "El XML de un título no pasa de %d KiB.", maxTitulo>>10)
	}
	d := xmldoc.NewReader(bytes.NewReader(documento), xmldoc.Options{OnlyUTF8: true, MaxDepth: maxProfundidad})
	r := lector{lista: l}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Titulo{}, ilegible(documento, err)
		}
		if err := r.token(token); err != nil {
			return Titulo{}, err
		}
	}
	r.faltantes()
	return r.t, nil
}

// ilegible tells the caller what the reader of XML found wrong, and where.
func ilegible(documento []byte, err error) error {
	var falla *xmldoc.Error
	if !errors.As(err, &falla) {
		return fallo("", CodigoXMLIlegible, "No es XML bien formado.")
	}
	donde := falla.In(string(bytes.TrimPrefix(documento, []byte("\xEF\xBB\xBF"))))
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
	return fallo("", codigo, "%s", donde)
}

// lector follows the document and remembers where it is.
type lector struct {
	*lista
	t      Titulo
	pila   []string
	vistos []string // children of the root so far
	salta  int      // depth of the unknown element we are in, or 0
	ajeno  bool     // the namespace was reported
}

func (r *lector) token(token xml.Token) error {
	switch token := token.(type) {
	case xml.StartElement:
		if err := r.abre(token); err != nil {
			return err
		}
		r.pila = append(r.pila, token.Name.Local)
	case xml.EndElement:
		r.pila = r.pila[:len(r.pila)-1]
		if len(r.pila) < r.salta {
			r.salta = 0
		}
	case xml.CharData:
		r.texto(token)
	}
	return nil
}

func (r *lector) texto(texto xml.CharData) {
	// What is inside an authenticated title's node is the authority's.
	if len(bytes.TrimSpace(texto)) > 0 && r.salta == 0 && (len(r.pila) < 2 || r.pila[1] != "Autenticacion") {
		r.error(ruta(r.pila), CodigoTextoInesperado, "El título solo lleva atributos, no texto: «%s».", recorta(string(texto)))
	}
}
