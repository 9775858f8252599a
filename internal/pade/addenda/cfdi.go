package addenda

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// maxDocument bounds a document, before and after conversion to UTF-8: 10 MiB.
const maxDocument = 10 << 20

// cfdiSpaces returns the namespaces of a Comprobante, the present one first.
func cfdiSpaces() []string {
	return []string{"http://www.sat.gob.mx/cfd/4", "http://www.sat.gob.mx/cfd/3", "http://www.sat.gob.mx/cfd/2"}
}

// CFDI checks a CFDI in bytes and returns its text in UTF-8. It drops a byte order mark.
// It decodes ISO-8859-1, windows-1252 or UTF-16 and then declares UTF-8. Nothing else
// changes, not even line ends, so that the seal and its owner's comparison hold (pade.md
// §2.3).
//
// It refuses the field "xmlCfdi" if it is over 10 MiB, not well formed, nested over 64
// levels, has a DTD, or is not a cfdi:Comprobante (with any prefix) of a known version.
// It checks neither the seal nor the validity.
func CFDI(b []byte) (string, []gateway.Field) {
	s, err := read(b)
	if err != nil {
		return "", refused(err)
	}
	return checkCFDI(s)
}

// CFDIText is CFDI for a document that is text already, such as a JSON string. Its
// declared encoding no longer applies: it becomes UTF-8 and nothing is decoded.
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

// read returns the text of a document within the bounds.
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
