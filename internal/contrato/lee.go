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
	maxDocumento   = 2 << 20
	maxProfundidad = 16
	maxFirmas      = 20
	maxAtributos   = 100
)

// Lee reads a Contrato in UTF-8, which is how it goes on. Elements are found by
// their local names; unknown ones are passed over, unknown attributes of a Firma
// are kept. It does not judge what is in it: Valida does.
//
// The error is a *gateway.Error of KindInvalida: over 2 MiB, not XML, not in
// UTF-8, a DTD, nested too deeply, another root than Contrato, or something that
// could be read in two ways (an element or attribute twice, elements in Texto).
func Lee(documento []byte) (Contrato, error) {
	return lee(documento, xmldoc.Options{OnlyUTF8: true})
}

// LeeRecibido is Lee for a Contrato that the PAC delivered: in any encoding that
// xmldoc reads.
func LeeRecibido(documento []byte) (Contrato, error) { return lee(documento, xmldoc.Options{}) }

func lee(documento []byte, o xmldoc.Options) (Contrato, error) {
	if len(documento) > maxDocumento {
		return Contrato{}, ilegible("El Contrato pasa de 2 MiB.", nil)
	}
	o.MaxDepth, o.MaxAttributes = maxProfundidad, maxAtributos
	d := xmldoc.NewReader(bytes.NewReader(documento), o)
	l := lector{textos: map[string]*strings.Builder{}}
	for {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			return l.contrato(), nil
		case err != nil:
			return Contrato{}, defectuoso(documento, err)
		}
		if detalle := l.token(token); detalle != "" {
			return Contrato{}, ilegible(detalle, nil)
		}
	}
}

// defectuoso tells the caller what the reader of XML found wrong, and where.
func defectuoso(documento []byte, err error) error {
	var falla *xmldoc.Error
	if !errors.As(err, &falla) {
		return ilegible("El Contrato no es XML bien formado.", err)
	}
	texto, _ := xmldoc.Text(documento, "") // the place is in what there is of it
	return ilegible("El Contrato no se puede leer. "+falla.In(texto), err)
}

func ilegible(detalle string, err error) error {
	return &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnContratoIlegible, Detail: detalle, Err: err}
}

// lector follows the document and remembers where it is.
type lector struct {
	pila   []string
	textos map[string]*strings.Builder // of the parts so far, by path
	firmas []Firma
}

func (l *lector) contrato() Contrato {
	texto := func(ruta string) string {
		if b := l.textos[ruta]; b != nil {
			return b.String()
		}
		return ""
	}
	return Contrato{Fecha: texto("Contrato/Fecha"), Hash: texto("Contrato/Hash"), Texto: texto("Contrato/Texto"), Firmas: l.firmas}
}

// token returns what is wrong, or nothing.
func (l *lector) token(token xml.Token) string {
	switch token := token.(type) {
	case xml.StartElement:
		return l.abre(token)
	case xml.EndElement:
		l.pila = l.pila[:len(l.pila)-1]
	case xml.CharData:
		if b := l.textos[strings.Join(l.pila, "/")]; b != nil {
			b.Write(token)
		}
	}
	return ""
}

func (l *lector) abre(e xml.StartElement) string {
	switch {
	case len(l.pila) == 0 && e.Name.Local != "Contrato":
		return "El elemento raíz del documento debe ser Contrato."
	case len(l.pila) == 2 && slices.Contains([]string{"Fecha", "Hash", "Texto"}, l.pila[1]):
		return l.pila[1] + " solo lleva texto."
	}
	l.pila = append(l.pila, e.Name.Local)
	switch ruta := strings.Join(l.pila, "/"); ruta {
	case "Contrato/Fecha", "Contrato/Hash", "Contrato/Texto", "Contrato/Firmas":
		if l.textos[ruta] != nil {
			return e.Name.Local + " está repetido."
		}
		l.textos[ruta] = &strings.Builder{}
	case "Contrato/Firmas/Firma":
		if len(l.firmas) == maxFirmas {
			return "El Contrato tiene demasiadas firmas."
		}
		l.firmas = append(l.firmas, firma(e.Attr))
	}
	return ""
}

func firma(atributos []xml.Attr) Firma {
	var f Firma
	for _, a := range atributos {
		if a.Name.Space != "" {
			continue
		}
		if conocido, ok := f.atributo(a.Name.Local); ok {
			*conocido.valor = a.Value
			continue
		}
		f.Otros = append(f.Otros, Atributo{a.Name.Local, a.Value})
	}
	return f
}

// recorta keeps what is quoted to the caller short.
func recorta(s string) string {
	const largo = 60
	if r := []rune(s); len(r) > largo {
		return string(r[:largo]) + "…"
	}
	return s
}
