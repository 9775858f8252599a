package pade

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	formFecha = "2006-01-02T15:04:05"

	quienCliente = "Cliente"
	whoPAC       = "PCCFDI"
)

// contrato is a document whose structure is right.
type contrato struct {
	document   []byte
	text, hash string
	firmas     []firmante // the client's first
	end        int        // where the end tag of Firmas begins
}

// firmante is the signature of a party: its attributes by name.
type firmante map[string]string

// readContrato reads a document that is well formed: UTF-8 and no other encoding, elements without a
// namespace in the order of the documentation's examples, the signers that the operation wants.
func readContrato(document []byte, operation string) (*contrato, error) {
	c := &contrato{document: document}
	withoutMark := bytes.TrimPrefix(document, []byte("\xef\xbb\xbf"))
	l := newReader(withoutMark)
	root, _, err := l.child()
	if err != nil {
		return nil, err
	}
	if root.Name != (xml.Name{Local: "Contrato"}) {
		return nil, fmt.Errorf("la raíz es %s y no Contrato", root.Name.Local)
	}
	var fecha string
	for _, part := range []struct {
		name  string
		value *string
	}{{"Fecha", &fecha}, {"Hash", &c.hash}, {"Texto", &c.text}} {
		if *part.value, err = l.part(part.name); err != nil {
			return nil, err
		}
	}
	if _, err := time.Parse(formFecha, fecha); err != nil || len(fecha) != len(formFecha) {
		return nil, fmt.Errorf("la Fecha %q no tiene la forma aaaa-mm-ddThh:mm:ss", fecha)
	}
	if err := c.readFirmas(l); err != nil {
		return nil, err
	}
	c.end += len(document) - len(withoutMark)
	if e, clean, err := l.child(); err != nil || e != nil || !clean {
		return nil, errors.New("hay algo después de Firmas")
	}
	return c, c.sort(operation)
}

// part opens the next element, which must be the one named, and reads its text.
func (l *reader) part(name string) (string, error) {
	if err := l.enter(name); err != nil {
		return "", err
	}
	text, withChildren, err := l.text()
	if err == nil && (withChildren || text == "") {
		err = fmt.Errorf("%s debe contener texto y nada más", name)
	}
	return text, err
}

func (l *reader) enter(name string) error {
	e, clean, err := l.child()
	if err == nil && (e == nil || !clean || e.Name != xml.Name{Local: name}) {
		err = fmt.Errorf("se esperaba %s", name)
	}
	return err
}

func (c *contrato) readFirmas(l *reader) error {
	if err := l.enter("Firmas"); err != nil {
		return err
	}
	for {
		e, clean, err := l.child()
		switch {
		case err != nil:
			return err
		case !clean:
			return errors.New("hay texto en Firmas")
		case e == nil:
			c.end, _ = l.place()
			return nil
		case e.Name != xml.Name{Local: "Firma"}:
			return fmt.Errorf("hay %s en Firmas", e.Name.Local)
		}
		f := firmante{}
		for _, a := range e.Attr {
			if a.Name.Space != "" {
				return fmt.Errorf("el atributo %s de Firma tiene un espacio de nombres", a.Name.Local)
			}
			f[a.Name.Local] = a.Value
		}
		if child, clean, err := l.child(); err != nil || child != nil || !clean {
			return errors.New("una Firma no debe tener contenido")
		}
		c.firmas = append(c.firmas, f)
	}
}

// sort holds the signers against what the operation wants and puts the client first.
func (c *contrato) sort(operation string) error {
	ofClient := form{[]string{"Quien", "RFC", "Nombre", "CertificadoSerie", "Certificado", "Sello"}, []string{"RepLegalRFC", "RepLegal"}}
	domicilio := []string{"CalleNumero", "Colonia", "Ciudad", "Estado", "CodigoPostal"}
	i := slices.IndexFunc(c.firmas, func(f firmante) bool { return f["Quien"] == quienCliente })
	if i < 0 {
		return errors.New("no hay Firma del Cliente")
	}
	if operation == opAdhesion {
		if len(c.firmas) != 1 {
			return fmt.Errorf("hay %d firmas y no una", len(c.firmas))
		}
		return c.firmas[0].check(form{slices.Concat([]string{"Quien", "Nombre", "CertificadoSerie", "Certificado", "Sello"}, domicilio), []string{"RepLegal", "Facultad"}})
	}
	if len(c.firmas) != 2 {
		return fmt.Errorf("hay %d firmas y no dos", len(c.firmas))
	}
	c.firmas[0], c.firmas[i] = c.firmas[i], c.firmas[0]
	if q := c.firmas[1]["Quien"]; q == quienCliente || q == whoPAC {
		return errors.New("no hay Firma del integrador")
	}
	ofIntegrador := form{slices.Concat(ofClient.required, []string{"Siglas"}, domicilio, []string{"NombreSoftware", "URLInformacion"}), ofClient.optional}
	return errors.Join(c.firmas[0].check(ofClient), c.firmas[1].check(ofIntegrador))
}

// form is the attributes of a kind of signer. The representative's are optional: a person signs in its
// own name.
type form struct{ required, optional []string }

func (f firmante) check(de form) error {
	for _, a := range de.required {
		if strings.TrimSpace(f[a]) == "" {
			return fmt.Errorf("falta el atributo %s en la Firma de %s", a, f["Quien"])
		}
	}
	for a := range f {
		if !slices.Contains(de.required, a) && !slices.Contains(de.optional, a) {
			return fmt.Errorf("la Firma de %s no lleva el atributo %s", f["Quien"], a)
		}
	}
	return nil
}
