package contrato

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// The bounds of a document: a contract of many pages has less than 100 KiB.
const (
	maxDocumento   = 2 << 20
	maxProfundidad = 16
	maxFirmas      = 20
	maxAtributos   = 100
)

// Lee reads a Contrato in UTF-8. Elements are found by their local names;
// unknown ones are passed over, unknown attributes of a Firma are kept. It does
// not judge what is in it: Valida does.
//
// The error is a *gateway.Error of KindInvalida: over 2 MiB, not XML, not in
// UTF-8, a DTD, nested too deeply, another root than Contrato, or something that
// could be read in two ways (an element or attribute twice, elements in Texto).
func Lee(documento []byte) (Contrato, error) {
	documento = bytes.TrimPrefix(documento, []byte("\xEF\xBB\xBF"))
	if len(documento) > maxDocumento {
		return Contrato{}, ilegible("El Contrato pasa de 2 MiB.", nil)
	}
	l := lector{d: xml.NewDecoder(bytes.NewReader(documento)), textos: map[string]*strings.Builder{}}
	l.d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errCodificacion }
	for {
		token, err := l.d.Token()
		switch {
		case errors.Is(err, io.EOF) && l.raiz:
			return l.contrato(), nil
		case errors.Is(err, errCodificacion):
			return Contrato{}, ilegible("El Contrato dice estar en otra codificación; escríbalo en UTF-8.", nil)
		case err != nil:
			return Contrato{}, ilegible("El Contrato no es XML bien formado.", err)
		}
		if detalle := l.token(token); detalle != "" {
			return Contrato{}, ilegible(detalle, nil)
		}
	}
}

var errCodificacion = errors.New("contrato: not in UTF-8")

func ilegible(detalle string, err error) error {
	return &gateway.Error{Kind: gateway.KindInvalida, Detail: detalle, Err: err}
}

// lector follows the document and remembers where it is.
type lector struct {
	d      *xml.Decoder
	raiz   bool
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
	case xml.Directive:
		return "El Contrato lleva un DTD; quítelo."
	case xml.StartElement:
		return l.abre(token)
	case xml.EndElement:
		l.pila = l.pila[:len(l.pila)-1]
	case xml.CharData:
		return l.texto(string(token))
	}
	return ""
}

func (l *lector) abre(e xml.StartElement) string {
	switch {
	case len(l.pila) == 0 && (l.raiz || e.Name.Local != "Contrato"):
		return "El documento debe tener un solo elemento raíz, Contrato."
	case len(l.pila) == maxProfundidad:
		return "El Contrato tiene demasiados niveles."
	case len(e.Attr) > maxAtributos:
		return "Un elemento del Contrato tiene demasiados atributos."
	case len(l.pila) == 2 && slices.Contains([]string{"Fecha", "Hash", "Texto"}, l.pila[1]):
		return l.pila[1] + " solo lleva texto."
	}
	for i, a := range e.Attr {
		if slices.ContainsFunc(e.Attr[:i], func(b xml.Attr) bool { return a.Name == b.Name }) {
			return "Hay un atributo repetido en " + recorta(e.Name.Local) + "."
		}
	}
	l.raiz, l.pila = true, append(l.pila, e.Name.Local)
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
		if a.Name.Space != "" || a.Name.Local == "xmlns" {
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

func (l *lector) texto(s string) string {
	if len(l.pila) == 0 {
		if strings.TrimSpace(s) != "" {
			return "Hay texto fuera del Contrato."
		}
		return ""
	}
	if b := l.textos[strings.Join(l.pila, "/")]; b != nil {
		b.WriteString(s)
	}
	return ""
}

// recorta keeps what is quoted to the caller short.
func recorta(s string) string {
	const largo = 60
	if r := []rune(s); len(r) > largo {
		return string(r[:largo]) + "…"
	}
	return s
}
