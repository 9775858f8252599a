package sep

import (
	"strings"
	"testing"
)

// What is no XML is refused as such, before its structure is looked at.
func TestLeeDocumento_WhenItIsNoXMLSaysSo(t *testing.T) {
	t.Parallel()
	const titulo = `<TituloElectronico xmlns="https://www.siged.sep.gob.mx/titulos/" version="1.0" folioControl="A&#10;B"/>`
	for nombre, documento := range map[string]string{
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
		if _, err := leeDocumento([]byte(documento)); err == nil || !strings.Contains(err.Error(), "bien formado") {
			t.Errorf("%s: %v", nombre, err)
		}
	}
	raiz, err := leeDocumento([]byte(titulo))
	if err == nil || strings.Contains(err.Error(), "bien formado") || raiz.atributos["folioControl"] != "A\nB" {
		t.Errorf("a title that lacks its children: %+v, %v", raiz, err)
	}
}

func TestLeeSobre_WhenItIsNoXMLRefusesIt(t *testing.T) {
	t.Parallel()
	const sobre = `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body a="1" b="2"><x/></e:Body></e:Envelope>`
	if _, err := leeSobre([]byte(sobre)); err != nil {
		t.Error(err)
	}
	for _, malo := range []string{strings.Replace(sobre, `" b`, `"b`, 1), "\n<?xml version='1.0'?>" + sobre, sobre + "x", "<!DOCTYPE a>" + sobre, strings.Replace(sobre, "<x/>", "<p:x/>", 1), strings.Replace(sobre, "b=", "a=", 1)} {
		if _, err := leeSobre([]byte(malo)); err == nil {
			t.Errorf("%s is accepted", malo)
		}
	}
}
