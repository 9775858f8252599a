package pade

import (
	"encoding/xml"
	"strings"
)

const (
	nsSOAP = "http://schemas.xmlsoap.org/soap/envelope/"
	nsXSI  = "http://www.w3.org/2001/XMLSchema-instance"
)

// sobre is a message understood: what it calls, and its parameters. What is not in parametros arrived as
// null.
type sobre struct {
	operacion  string
	parametros map[string]string
}

// leeSobre reads an envelope in the order in which the service takes offence: the version, the headers,
// the wrapper, its parameters. conoce tells whether there is an operation of that name.
func leeSobre(b []byte, conoce func(xml.Name) bool) (*sobre, *faltaSOAP) {
	l := nuevoLector(b)
	raiz, _, err := l.hijo()
	if err != nil {
		return nil, l.ilegible(err)
	}
	if raiz.Name != (xml.Name{Space: nsSOAP, Local: "Envelope"}) {
		return nil, &faltaSOAP{"S:VersionMismatch", "Couldn't create SOAP message. Expecting Envelope in namespace " + nsSOAP + ", but got " + raiz.Name.Space + " "}
	}
	carga, falta := l.carga()
	switch {
	case falta != nil:
		return nil, falta
	case !conoce(carga):
		return nil, &faltaSOAP{"S:Client", "Cannot find dispatch method for {" + carga.Space + "}" + carga.Local}
	}
	parametros, err := l.parametros()
	if err != nil {
		return nil, &faltaSOAP{"S:Server", "javax.xml.bind.UnmarshalException\n - with linked exception:\n[" + l.queja(err) + "]"}
	}
	if err := l.resto(); err != nil {
		return nil, l.ilegible(err)
	}
	return &sobre{operacion: carga.Local, parametros: parametros}, nil
}

func (l *lector) ilegible(err error) *faltaSOAP {
	return &faltaSOAP{"S:Server", "XML reader error: " + l.queja(err)}
}

// carga passes the headers and opens the first element of the body; an empty body has none and no name.
func (l *lector) carga() (xml.Name, *faltaSOAP) {
	for {
		parte, _, err := l.hijo()
		if err != nil {
			return xml.Name{}, l.ilegible(err)
		}
		if parte == nil {
			return xml.Name{}, &faltaSOAP{"S:Client", "Missing Body element"}
		}
		switch parte.Name {
		case xml.Name{Space: nsSOAP, Local: "Header"}:
			if falta := l.cabeceras(); falta != nil {
				return xml.Name{}, falta
			}
		case xml.Name{Space: nsSOAP, Local: "Body"}:
			e, _, err := l.hijo()
			switch {
			case err != nil:
				return xml.Name{}, l.ilegible(err)
			case e == nil:
				return xml.Name{}, nil
			}
			return e.Name, nil
		default:
			if _, _, err := l.texto(); err != nil {
				return xml.Name{}, l.ilegible(err)
			}
		}
	}
}

// cabeceras refuses those that must be understood: none is.
func (l *lector) cabeceras() *faltaSOAP {
	var ajenas []string
	for {
		e, _, err := l.hijo()
		if err != nil {
			return l.ilegible(err)
		}
		if e == nil {
			break
		}
		for _, a := range e.Attr {
			if a.Name.Space == nsSOAP && a.Name.Local == "mustUnderstand" && verdad(a.Value) {
				ajenas = append(ajenas, "{"+e.Name.Space+"}"+e.Name.Local)
			}
		}
		if _, _, err := l.texto(); err != nil {
			return l.ilegible(err)
		}
	}
	if ajenas != nil {
		return &faltaSOAP{"S:MustUnderstand", "MustUnderstand headers:[" + strings.Join(ajenas, ", ") + "] are not understood"}
	}
	return nil
}

// parametros reads the children of the wrapper: in any order, the last of a name, and none that has a
// namespace, whether it was given one or inherited it.
func (l *lector) parametros() (map[string]string, error) {
	p := make(map[string]string)
	for {
		e, _, err := l.hijo()
		if err != nil || e == nil {
			return p, err
		}
		texto, _, err := l.texto()
		if err != nil {
			return nil, err
		}
		if e.Name.Space != "" {
			continue
		}
		p[e.Name.Local] = texto
		for _, a := range e.Attr {
			if a.Name.Space == nsXSI && a.Name.Local == "nil" && verdad(a.Value) {
				p[e.Name.Local] = ""
			}
		}
	}
}

// verdad is what the service takes for true in an xs:boolean. All else is false, without a complaint.
func verdad(texto string) bool {
	texto = strings.Trim(texto, " \t\r\n")
	return texto == "true" || texto == "1"
}
