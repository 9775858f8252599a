package pade

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The codes of Addendas; 5, maintenance, comes of a fault alone.
const (
	codDone        = "0"
	codCredentials = "1"
	codContrato    = "2"
	codParams      = "3"
	codProcessing  = "6"
)

// mensajeDoesNotFit is the text for every wrong login. The service does not say that a user is blocked.
const mensajeDoesNotFit = "El usuario no existe o la contraseña es incorrecta."

// processAddenda is both operations: with a CFDI the addenda is put into it.
func (s *Server) processAddenda(ll *call) result {
	if missing := ll.missing(); missing != nil {
		return result{codigo: codParams, mensaje: "Parámetro inválido o faltante: " + strings.Join(missing, ", ")}
	}
	if !s.enter(ll) {
		return result{codigo: codCredentials, mensaje: mensajeDoesNotFit}
	}
	if !s.isItsContrato(ll) {
		return result{codigo: codContrato, mensaje: mensajeDoesNotFit}
	}
	content, err := readData(ll.datum(parDatos))
	document := `<cfdi:Addenda xmlns:cfdi="http://www.sat.gob.mx/cfd/4">` + content + `</cfdi:Addenda>`
	if err == nil && ll.op.name == opAttach {
		document, err = attach(ll.datum(parXMLCFDI), content)
	}
	if err != nil {
		return result{codigo: codProcessing, mensaje: "Ocurrió un error al procesar el archivo: " + err.Error()}
	}
	return result{codigo: codDone, document: []byte(document)}
}

// readData reads the layout of the sandbox, since the service's is not public: lines of field|value that
// end in LF, blank ones passed over. A CR is a character of the value like any other.
func readData(data string) (string, error) {
	var b strings.Builder
	n := 0
	for line := range strings.SplitSeq(data, "\n") {
		n++
		if line == "" {
			continue
		}
		field, value, ok := strings.Cut(line, "|")
		if !ok || field == "" {
			return "", fmt.Errorf("línea %d: se esperaba campo|valor", n)
		}
		b.WriteString(`<Dato campo="` + escapeAttribute(field) + `">` + escapeText(value) + `</Dato>`)
	}
	if b.Len() == 0 {
		return "", errors.New("no hay datos")
	}
	return b.String(), nil
}

// comprobante is what must be known of a CFDI to put something at its end.
type comprobante struct {
	name        string // of the root as written, with its prefix
	nsRoot      string
	withDefault bool // the root declares a default namespace
	open        int  // where the root's start tag ends
	end         int  // where its end tag begins, if it has one
}

// attach puts an addenda at the end of a CFDI and leaves every other byte as it is.
func attach(cfdi, content string) (string, error) {
	c, err := readComprobante(cfdi)
	if err != nil {
		return "", err
	}
	prefix, _, withPrefix := strings.Cut(c.name, ":")
	opening := ""
	if !withPrefix {
		prefix, opening = "cfdi", ` xmlns:cfdi="`+c.nsRoot+`"`
	}
	name := prefix + ":Addenda"
	if c.withDefault {
		opening += ` xmlns=""`
	}
	addenda := "<" + name + opening + ">" + content + "</" + name + ">"
	if strings.HasSuffix(cfdi[:c.open], "/>") {
		return cfdi[:c.open-len("/>")] + ">" + addenda + "</" + c.name + ">" + cfdi[c.open:], nil
	}
	return cfdi[:c.end] + addenda + cfdi[c.end:], nil
}

// readComprobante reads the CFDI to its end. It is a text already: a declaration of another encoding than
// UTF-8 contradicts it, and a byte order mark is no XML.
func readComprobante(cfdi string) (*comprobante, error) {
	if m := reDeclared.FindStringSubmatch(cfdi); m != nil && !strings.EqualFold(m[1], "UTF-8") {
		return nil, fmt.Errorf("el CFDI declara la codificación %s", m[1])
	}
	l := newReader([]byte(cfdi))
	var c *comprobante
	for {
		t, err := l.token()
		switch {
		case errors.Is(err, io.EOF):
			return c, nil
		case err != nil:
			return nil, fmt.Errorf("el CFDI no está bien formado: %w", err)
		}
		switch x := t.(type) {
		case xml.StartElement:
			if c == nil {
				if c, err = ofRoot(x, cfdi, l); err != nil {
					return nil, err
				}
			} else if len(l.open) == 2 && x.Name == (xml.Name{Space: c.nsRoot, Local: "Addenda"}) {
				return nil, errors.New("el CFDI ya tiene una Addenda")
			}
		case xml.EndElement:
			if len(l.open) == 0 {
				c.end, _ = l.place()
			}
		}
	}
}

func ofRoot(e xml.StartElement, cfdi string, l *reader) (*comprobante, error) {
	spaces := []string{"http://www.sat.gob.mx/cfd/4", "http://www.sat.gob.mx/cfd/3", "http://www.sat.gob.mx/cfd/2"}
	if e.Name.Local != "Comprobante" || !slices.Contains(spaces, e.Name.Space) {
		return nil, errors.New("el documento no es un CFDI")
	}
	since, until := l.place()
	name := strings.TrimPrefix(cfdi[since:until], "<")
	return &comprobante{
		name: name[:strings.IndexAny(name, " \t\r\n/>")], nsRoot: e.Name.Space, open: until, withDefault: l.doc.Default != "",
	}, nil
}
