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
	formaFecha = "2006-01-02T15:04:05"

	quienCliente = "Cliente"
	quienPAC     = "PCCFDI"
)

// contrato is a document whose structure is right.
type contrato struct {
	documento   []byte
	texto, hash string
	firmas      []firmante // the client's first
	fin         int64      // where the end tag of Firmas begins
}

// firmante is the signature of a party: its attributes by name.
type firmante map[string]string

// leeContrato reads a document that is well formed: UTF-8 and no other encoding, elements without a
// namespace in the order of the documentation's examples, the signers that the operation wants.
func leeContrato(documento []byte, operacion string) (*contrato, error) {
	c := &contrato{documento: documento}
	sinMarca := bytes.TrimPrefix(documento, []byte("\xef\xbb\xbf"))
	l := nuevoLector(sinMarca)
	raiz, _, err := l.hijo()
	if err != nil {
		return nil, err
	}
	if raiz.Name != (xml.Name{Local: "Contrato"}) {
		return nil, fmt.Errorf("la raíz es %s y no Contrato", raiz.Name.Local)
	}
	var fecha string
	for _, parte := range []struct {
		nombre string
		valor  *string
	}{{"Fecha", &fecha}, {"Hash", &c.hash}, {"Texto", &c.texto}} {
		if *parte.valor, err = l.parte(parte.nombre); err != nil {
			return nil, err
		}
	}
	if _, err := time.Parse(formaFecha, fecha); err != nil || len(fecha) != len(formaFecha) {
		return nil, fmt.Errorf("la Fecha %q no tiene la forma aaaa-mm-ddThh:mm:ss", fecha)
	}
	if err := c.leeFirmas(l); err != nil {
		return nil, err
	}
	c.fin += int64(len(documento) - len(sinMarca))
	if e, limpio, err := l.hijo(); err != nil || e != nil || !limpio {
		return nil, errors.New("hay algo después de Firmas")
	}
	return c, c.ordena(operacion)
}

// parte opens the next element, which must be the one named, and reads its text.
func (l *lector) parte(nombre string) (string, error) {
	if err := l.entra(nombre); err != nil {
		return "", err
	}
	texto, conHijos, err := l.texto()
	if err == nil && (conHijos || texto == "") {
		err = fmt.Errorf("%s debe contener texto y nada más", nombre)
	}
	return texto, err
}

func (l *lector) entra(nombre string) error {
	e, limpio, err := l.hijo()
	if err == nil && (e == nil || !limpio || e.Name != xml.Name{Local: nombre}) {
		err = fmt.Errorf("se esperaba %s", nombre)
	}
	return err
}

func (c *contrato) leeFirmas(l *lector) error {
	if err := l.entra("Firmas"); err != nil {
		return err
	}
	for {
		e, limpio, err := l.hijo()
		switch {
		case err != nil:
			return err
		case !limpio:
			return errors.New("hay texto en Firmas")
		case e == nil:
			c.fin = l.antes
			return nil
		case e.Name != xml.Name{Local: "Firma"}:
			return fmt.Errorf("hay %s en Firmas", e.Name.Local)
		}
		f := firmante{}
		for _, a := range e.Attr {
			if esDeclaracion(a) {
				continue
			}
			if a.Name.Space != "" {
				return fmt.Errorf("el atributo %s de Firma tiene un espacio de nombres", a.Name.Local)
			}
			f[a.Name.Local] = a.Value
		}
		if hijo, limpio, err := l.hijo(); err != nil || hijo != nil || !limpio {
			return errors.New("una Firma no debe tener contenido")
		}
		c.firmas = append(c.firmas, f)
	}
}

// ordena holds the signers against what the operation wants and puts the client first.
func (c *contrato) ordena(operacion string) error {
	deCliente := forma{[]string{"Quien", "RFC", "Nombre", "CertificadoSerie", "Certificado", "Sello"}, []string{"RepLegalRFC", "RepLegal"}}
	domicilio := []string{"CalleNumero", "Colonia", "Ciudad", "Estado", "CodigoPostal"}
	i := slices.IndexFunc(c.firmas, func(f firmante) bool { return f["Quien"] == quienCliente })
	if i < 0 {
		return errors.New("no hay Firma del Cliente")
	}
	if operacion == opAdhesion {
		if len(c.firmas) != 1 {
			return fmt.Errorf("hay %d firmas y no una", len(c.firmas))
		}
		return c.firmas[0].revisa(forma{slices.Concat([]string{"Quien", "Nombre", "CertificadoSerie", "Certificado", "Sello"}, domicilio), []string{"RepLegal", "Facultad"}})
	}
	if len(c.firmas) != 2 {
		return fmt.Errorf("hay %d firmas y no dos", len(c.firmas))
	}
	c.firmas[0], c.firmas[i] = c.firmas[i], c.firmas[0]
	if q := c.firmas[1]["Quien"]; q == quienCliente || q == quienPAC {
		return errors.New("no hay Firma del integrador")
	}
	deIntegrador := forma{slices.Concat(deCliente.requeridos, []string{"Siglas"}, domicilio, []string{"NombreSoftware", "URLInformacion"}), deCliente.opcionales}
	return errors.Join(c.firmas[0].revisa(deCliente), c.firmas[1].revisa(deIntegrador))
}

// forma is the attributes of a kind of signer. The representative's are optional: a person signs in its
// own name.
type forma struct{ requeridos, opcionales []string }

func (f firmante) revisa(de forma) error {
	for _, a := range de.requeridos {
		if strings.TrimSpace(f[a]) == "" {
			return fmt.Errorf("falta el atributo %s en la Firma de %s", a, f["Quien"])
		}
	}
	for a := range f {
		if !slices.Contains(de.requeridos, a) && !slices.Contains(de.opcionales, a) {
			return fmt.Errorf("la Firma de %s no lleva el atributo %s", f["Quien"], a)
		}
	}
	return nil
}
