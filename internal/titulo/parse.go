package titulo

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
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
	documento = bytes.TrimPrefix(documento, []byte("\xEF\xBB\xBF"))
	switch {
	case len(documento) > maxTitulo:
		return Titulo{}, fallo("", CodigoDemasiadoGrande, "El XML de un título no pasa de %d KiB.", maxTitulo>>10)
	case bytes.HasPrefix(documento, []byte("\xFF\xFE")), bytes.HasPrefix(documento, []byte("\xFE\xFF")):
		return Titulo{}, fallo("", CodigoCodificacion, "El XML está en UTF-16; escríbalo en UTF-8.")
	}
	r := lector{lista: l, d: xml.NewDecoder(bytes.NewReader(documento))}
	r.d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errCodificacion }
	for {
		token, err := r.d.Token()
		if errors.Is(err, io.EOF) && r.raiz && len(r.pila) == 0 {
			break
		}
		if err != nil {
			return Titulo{}, ilegible(err)
		}
		if err := r.token(token); err != nil {
			return Titulo{}, err
		}
	}
	r.faltantes()
	return r.t, nil
}

var errCodificacion = errors.New("titulo: not in UTF-8")

func ilegible(err error) error {
	var sintaxis *xml.SyntaxError
	switch {
	case errors.Is(err, errCodificacion):
		return fallo("", CodigoCodificacion, "El XML dice estar en otra codificación; escríbalo en UTF-8.")
	case errors.As(err, &sintaxis):
		return fallo("", CodigoXMLIlegible, "No es XML bien formado: el error está en la línea %d.", sintaxis.Line)
	}
	return fallo("", CodigoXMLIlegible, "No es XML bien formado.")
}

// lector follows the document and remembers where it is.
type lector struct {
	*lista
	d      *xml.Decoder
	t      Titulo
	raiz   bool
	pila   []string
	vistos []string // children of the root so far
	salta  int      // depth of the unknown element we are in, or 0
	ajeno  bool     // the namespace was reported
}

func (r *lector) token(token xml.Token) error {
	switch token := token.(type) {
	case xml.Directive:
		return fallo("", CodigoDTD, "El XML lleva un DOCTYPE; quítelo.")
	case xml.StartElement:
		if len(r.pila) == 0 && r.raiz {
			return fallo("", CodigoXMLIlegible, "Hay algo después del elemento raíz.")
		}
		if len(r.pila) >= maxProfundidad {
			return fallo("", CodigoProfundidad, "El XML tiene más de %d niveles.", maxProfundidad)
		}
		if err := r.abre(token); err != nil {
			return err
		}
		r.raiz = true
		r.pila = append(r.pila, token.Name.Local)
	case xml.EndElement:
		r.pila = r.pila[:len(r.pila)-1]
		if len(r.pila) < r.salta {
			r.salta = 0
		}
	case xml.CharData:
		return r.texto(token)
	}
	return nil
}

func (r *lector) texto(texto xml.CharData) error {
	if len(bytes.TrimSpace(texto)) == 0 {
		return nil
	}
	if len(r.pila) == 0 {
		return fallo("", CodigoXMLIlegible, "Hay texto fuera del elemento raíz.")
	}
	// What is inside an authenticated title's node is the authority's.
	if r.salta == 0 && (len(r.pila) < 2 || r.pila[1] != "Autenticacion") {
		r.error(ruta(r.pila), CodigoTextoInesperado, "El título solo lleva atributos, no texto: «%s».", recorta(string(texto)))
	}
	return nil
}

// repetido returns the name of an attribute that stands twice, which
// encoding/xml lets pass and XML does not.
func repetido(atributos []xml.Attr) (string, bool) {
	vistos := make(map[xml.Name]bool, len(atributos))
	for _, a := range atributos {
		if vistos[a.Name] {
			return a.Name.Local, true
		}
		vistos[a.Name] = true
	}
	return "", false
}
