package addenda

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// maxDocument bounds a document, before and after it is made UTF-8: 10 MiB.
const maxDocument = 10 << 20

// cfdiSpaces are the namespaces of a Comprobante, the present one first.
func cfdiSpaces() []string {
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
func CFDI(b []byte) (string, []gateway.Field) {
	s, err := read(b)
	if err != nil {
		return "", refused(err)
	}
	return checkCFDI(s)
}

// CFDIText is CFDI for a document that came as text already, such as a string
// of JSON: whatever its declaration says of an encoding no longer holds, and is
// made to say UTF-8 without decoding anything.
func CFDIText(s string) (string, []gateway.Field) {
	if s = xmldoc.Decoded(s); len(s) > maxDocument {
		return "", refused(big())
	}
	return checkCFDI(s)
}

func refused(err error) []gateway.Field {
	c := field("xmlCfdi", err.Error())
	var r refusal
	if errors.As(err, &r) {
		c[0].ValoresValidos = r.valid
	}
	return c
}

func checkCFDI(s string) (string, []gateway.Field) {
	root, err := check(newReader(s, false))
	if err != nil {
		return "", refused(err)
	}
	if !isCFDI(root) {
		c := field("xmlCfdi", "El documento no es un CFDI: su raíz debe ser Comprobante, en el espacio de nombres del SAT.")
		c[0].ValoresValidos = cfdiSpaces()
		return "", c
	}
	return s, nil
}

func isCFDI(root xml.Name) bool {
	return root.Local == "Comprobante" && slices.Contains(cfdiSpaces(), root.Space)
}

// read returns the text of a document that is in its bounds.
func read(b []byte) (string, error) {
	if len(b) > maxDocument {
		return "", big()
	}
	s, err := xmldoc.Text(b, "")
	switch {
	case err != nil:
		return "", refusalOf(s, err)
	case len(s) > maxDocument:
		return "", big()
	}
	return s, nil
}

func big() error { return refusal{detail: "El documento pasa de 10 MiB."} }

// check reads a document to its end and returns the name of its root.
func check(l *reader) (root xml.Name, err error) {
	for {
		e, err := l.next()
		if errors.Is(err, io.EOF) {
			return root, nil
		}
		if err != nil {
			return root, err
		}
		if e.class == open && root.Local == "" {
			root = e.name
		}
	}
}
