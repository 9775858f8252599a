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
	codHecho         = "0"
	codCredenciales  = "1"
	codContrato      = "2"
	codParametros    = "3"
	codProcesamiento = "6"
)

// mensajeNoEntra is one for all that is wrong with a login: who is blocked is not told so.
const mensajeNoEntra = "El usuario no existe o la contraseña es incorrecta."

// procesaAddenda is both operations: with a CFDI the addenda is put into it.
func (s *Servidor) procesaAddenda(ll *llamada) resultado {
	if faltan := ll.faltan(); faltan != nil {
		return resultado{codigo: codParametros, mensaje: "Parámetro inválido o faltante: " + strings.Join(faltan, ", ")}
	}
	if !s.entra(ll) {
		return resultado{codigo: codCredenciales, mensaje: mensajeNoEntra}
	}
	if !s.esSuContrato(ll) {
		return resultado{codigo: codContrato, mensaje: mensajeNoEntra}
	}
	contenido, err := leeDatos(ll.dato(parDatos))
	documento := `<cfdi:Addenda xmlns:cfdi="http://www.sat.gob.mx/cfd/4">` + contenido + `</cfdi:Addenda>`
	if err == nil && ll.op.nombre == opAdjuntar {
		documento, err = adjunta(ll.dato(parXMLCFDI), contenido)
	}
	if err != nil {
		return resultado{codigo: codProcesamiento, mensaje: "Ocurrió un error al procesar el archivo: " + err.Error()}
	}
	return resultado{codigo: codHecho, documento: []byte(documento)}
}

// leeDatos reads the layout of the sandbox, since the service's is not public: lines of campo|valor that
// end in LF, blank ones passed over. A CR is a character of the value like any other.
func leeDatos(datos string) (string, error) {
	var b strings.Builder
	n := 0
	for linea := range strings.SplitSeq(datos, "\n") {
		n++
		if linea == "" {
			continue
		}
		campo, valor, ok := strings.Cut(linea, "|")
		if !ok || campo == "" {
			return "", fmt.Errorf("línea %d: se esperaba campo|valor", n)
		}
		b.WriteString(`<Dato campo="` + escapaAtributo(campo) + `">` + escapaTexto(valor) + `</Dato>`)
	}
	if b.Len() == 0 {
		return "", errors.New("no hay datos")
	}
	return b.String(), nil
}

// comprobante is what must be known of a CFDI to put something at its end.
type comprobante struct {
	nombre     string // of the root as written, with its prefix
	nsRaiz     string
	conDefecto bool // the root declares a default namespace
	abierto    int  // where the root's start tag ends
	fin        int  // where its end tag begins, if it has one
}

// adjunta puts an addenda at the end of a CFDI and leaves every other byte as it is.
func adjunta(cfdi, contenido string) (string, error) {
	c, err := leeComprobante(cfdi)
	if err != nil {
		return "", err
	}
	prefijo, _, conPrefijo := strings.Cut(c.nombre, ":")
	apertura := ""
	if !conPrefijo {
		prefijo, apertura = "cfdi", ` xmlns:cfdi="`+c.nsRaiz+`"`
	}
	nombre := prefijo + ":Addenda"
	if c.conDefecto {
		apertura += ` xmlns=""`
	}
	addenda := "<" + nombre + apertura + ">" + contenido + "</" + nombre + ">"
	if strings.HasSuffix(cfdi[:c.abierto], "/>") {
		return cfdi[:c.abierto-len("/>")] + ">" + addenda + "</" + c.nombre + ">" + cfdi[c.abierto:], nil
	}
	return cfdi[:c.fin] + addenda + cfdi[c.fin:], nil
}

// leeComprobante reads the CFDI to its end. It is a text already: a declaration of another encoding than
// UTF-8 contradicts it, and a byte order mark is no XML.
func leeComprobante(cfdi string) (*comprobante, error) {
	if m := reDeclarado.FindStringSubmatch(cfdi); m != nil && !strings.EqualFold(m[1], "UTF-8") {
		return nil, fmt.Errorf("el CFDI declara la codificación %s", m[1])
	}
	l := nuevoLector([]byte(cfdi))
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
				if c, err = deRaiz(x, cfdi, int(l.antes), int(l.d.InputOffset())); err != nil {
					return nil, err
				}
			} else if len(l.abiertos) == 2 && x.Name == (xml.Name{Space: c.nsRaiz, Local: "Addenda"}) {
				return nil, errors.New("el CFDI ya tiene una Addenda")
			}
		case xml.EndElement:
			if len(l.abiertos) == 0 {
				c.fin = int(l.antes)
			}
		}
	}
}

func deRaiz(e xml.StartElement, cfdi string, desde, hasta int) (*comprobante, error) {
	if e.Name.Local != "Comprobante" || !slices.Contains([]string{"http://www.sat.gob.mx/cfd/4", "http://www.sat.gob.mx/cfd/3", "http://www.sat.gob.mx/cfd/2"}, e.Name.Space) {
		return nil, errors.New("el documento no es un CFDI")
	}
	nombre := strings.TrimPrefix(cfdi[desde:hasta], "<")
	if i := strings.IndexAny(nombre, " \t\r\n/>"); i >= 0 {
		nombre = nombre[:i]
	}
	return &comprobante{
		nombre: nombre, nsRaiz: e.Name.Space, abierto: hasta,
		conDefecto: slices.ContainsFunc(e.Attr, func(a xml.Attr) bool { return a.Name.Space == "" && a.Name.Local == "xmlns" && a.Value != "" }),
	}, nil
}
