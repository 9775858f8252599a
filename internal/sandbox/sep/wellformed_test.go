package sep

import (
	"strings"
	"testing"
)

// What is no XML is refused as such, before its structure is looked at.
func TestReadDocument_WhenItIsNoXMLSaysSo(t *testing.T) {
	t.Parallel()
	const titulo = `<TituloElectronico xmlns="https://www.siged.sep.gob.mx/titulos/" version="1.0" folioControl="A&#10;B"/>`
	for name, document := range map[string]string{
		"a line before":      "\n" + `<?xml version="1.0"?>` + titulo,
		"two declarations":   `<?xml version="1.0"?><?xml version="1.0"?>` + titulo,
		"one behind":         titulo + `<?xml version="1.0"?>`,
		"no version":         `<?xml encoding="UTF-8"?>` + titulo,
		"utf - 8":            `<?xml version="1.0" encoding="utf - 8"?>` + titulo,
		"another, spaced":    `<?xml version="1.0" encoding = 'ISO-8859-1'?>` + titulo,
		"values touch":       strings.Replace(titulo, `" folio`, `"folio`, 1),
		"prefix undeclared":  strings.Replace(titulo, " folio", ` p:a="" folio`, 1),
		"an attribute twice": strings.Replace(titulo, " folio", ` version="1.0" folio`, 1),
		"Latin-1 bytes":      strings.Replace(titulo, "A", "\xD1", 1),
		"two roots":          titulo + titulo,
		"text behind":        titulo + "x",
	} {
		if _, err := readDocument([]byte(document)); err == nil || !strings.Contains(err.Error(), "bien formado") {
			t.Errorf("%s: %v", name, err)
		}
	}
	root, err := readDocument([]byte(titulo))
	if err == nil || strings.Contains(err.Error(), "bien formado") || root.attributes["folioControl"] != "A\nB" {
		t.Errorf("a title that lacks its children: %+v, %v", root, err)
	}
}

func TestReadEnvelope_WhenItIsNoXMLRefusesIt(t *testing.T) {
	t.Parallel()
	const envelope = `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body a="1" b="2"><x/></e:Body></e:Envelope>`
	if _, err := readEnvelope([]byte(envelope)); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{strings.Replace(envelope, `" b`, `"b`, 1), "\n<?xml version='1.0'?>" + envelope, envelope + "x", "<!DOCTYPE a>" + envelope, strings.Replace(envelope, "<x/>", "<p:x/>", 1), strings.Replace(envelope, "b=", "a=", 1)} {
		if _, err := readEnvelope([]byte(bad)); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}
