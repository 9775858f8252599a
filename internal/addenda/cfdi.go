package addenda

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// maxDocumento bounds a document, before and after it is made UTF-8: 10 MiB.
const maxDocumento = 10 << 20

// espaciosCFDI are the namespaces of a Comprobante, the present one first.
func espaciosCFDI() []string {
	return []string{"http://www.sat.gob.mx/cfd/4", "http://www.sat.gob.mx/cfd/3", "http://www.sat.gob.mx/cfd/2"}
}

// CFDI checks a CFDI given as bytes and returns its text in UTF-8. A byte order
// mark is dropped; a document in ISO-8859-1, windows-1252 or UTF-16 is decoded,
// and then its declaration says UTF-8; nothing else changes, line ends included,
// so that its seal and its owner's comparison hold (pade.md §2.3).
//
// It is refused, as the field "xmlCfdi", when it is over 10 MiB, not well
// formed, nested over 64 levels, has a DTD, or is not a cfdi:Comprobante (any
// prefix) of one of the versions there have been. Whether it is sealed, or
// valid, is not looked at.
func CFDI(b []byte) (string, []gateway.Campo) {
	s, err := lee(b)
	if err != nil {
		return "", rechazado(err)
	}
	return revisaCFDI(s)
}

// CFDITexto is CFDI for a document that came as text already, such as a string
// of JSON: whatever its declaration says of an encoding no longer holds, and is
// made to say UTF-8 without decoding anything.
func CFDITexto(s string) (string, []gateway.Campo) {
	if s = xmldoc.Decoded(s); len(s) > maxDocumento {
		return "", rechazado(grande())
	}
	return revisaCFDI(s)
}

func rechazado(err error) []gateway.Campo {
	c := campo("xmlCfdi", err.Error())
	var r rechazo
	if errors.As(err, &r) {
		c[0].ValoresValidos = r.validos
	}
	return c
}

func revisaCFDI(s string) (string, []gateway.Campo) {
	raiz, err := revisa(nuevoLector(s, false))
	if err != nil {
		return "", rechazado(err)
	}
	if !esCFDI(raiz) {
		c := campo("xmlCfdi", "El documento no es un CFDI: su raíz debe ser Comprobante, en el espacio de nombres del SAT.")
		c[0].ValoresValidos = espaciosCFDI()
		return "", c
	}
	return s, nil
}

func esCFDI(raiz xml.Name) bool {
	return raiz.Local == "Comprobante" && slices.Contains(espaciosCFDI(), raiz.Space)
}

// lee returns the text of a document that is in its bounds.
func lee(b []byte) (string, error) {
	if len(b) > maxDocumento {
		return "", grande()
	}
	s, err := xmldoc.Text(b, "")
	switch {
	case err != nil:
		return "", rechazoDe(s, err)
	case len(s) > maxDocumento:
		return "", grande()
	}
	return s, nil
}

func grande() error { return rechazo{detalle: "El documento pasa de 10 MiB."} }

// revisa reads a document to its end and returns the name of its root.
func revisa(l *lector) (raiz xml.Name, err error) {
	for {
		e, err := l.siguiente()
		if errors.Is(err, io.EOF) {
			return raiz, nil
		}
		if err != nil {
			return raiz, err
		}
		if e.clase == abre && raiz.Local == "" {
			raiz = e.nombre
		}
	}
}
