package cfdi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What public reports of other programs show, and was read well here when they were
// gathered: it stays so.

func TestMetadatos_WhenOfTheFieldReadsThem(t *testing.T) {
	t.Parallel()
	two := strings.Replace(start, uuid1, uuid2, 1)
	for name, tc := range map[string]struct {
		entry, text string
		want        []Metadato
	}{
		"no issuer's name": {"ID_01.txt", titulos + "\r\n" + uuid1 + "~AAA010101AAA~~XAXX010101000~B" + queue + "\r\n",
			[]Metadato{row(func(m *Metadato) { m.NombreEmisor, m.NombreReceptor = "", "B" })}},
		"no receiver's name": {"ID_01.txt", titulos + "\r\n" + uuid1 + "~AAA010101AAA~A~XAXX010101000~" + queue + "\r\n",
			[]Metadato{row(func(m *Metadato) { m.NombreEmisor, m.NombreReceptor = "A", "" })}},
		"another form of the text's name": {"05e4038d-6f1b-4c0e-9a57-1d2f83b6c9e4-0001.txt", titulos + "\r\n" + start + queue + "\r\n", []Metadato{row(func(*Metadato) {})}},
		"an extension in capitals":        {"ID_01.TXT", titulos + "\r\n" + start + queue + "\r\n", []Metadato{row(func(*Metadato) {})}},
		"a header in capitals":            {"ID_01.txt", strings.ToUpper(titulos) + "\r\n" + start + queue + "\r\n", []Metadato{row(func(*Metadato) {})}},
		"spaces in the header":            {"ID_01.txt", strings.ReplaceAll(titulos, "~", " ~ ") + "\r\n" + start + queue + "\r\n", []Metadato{row(func(*Metadato) {})}},
		"a new column": {"ID_01.txt", titulos + "~MotivoCancelacion\r\n" + start + queue + "~02\r\n" + two + queue + "~\r\n", []Metadato{
			row(func(m *Metadato) { m.Extras = []Field{{"MotivoCancelacion", "02"}} }),
			row(func(m *Metadato) { m.UUID, m.Extras = uuid2, []Field{{"MotivoCancelacion", ""}} })}},
		"quotes that open and do not close": {"ID_01.txt", titulos + "\r\n" + strings.ReplaceAll(start, "EMISORA", `"EMISORA`) + queue + "\r\n" + two + queue + "\r\n", []Metadato{
			row(func(m *Metadato) { m.NombreEmisor = `"EMISORA SA DE CV` }), row(func(m *Metadato) { m.UUID = uuid2 })}},
	} {
		got, fallas := readAll(t, readMetadatos, pack(t, file{tc.entry, tc.text}), 0)
		if d := cmp.Diff(tc.want, got); d != "" || len(fallas) > 0 {
			t.Errorf("%s: %v\n%s", name, fallas, d)
		}
	}
}

// comprobante is a CFDI whose parts the cases change.
const comprobante = `<?xml version="1.0" encoding="UTF-8"?><cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" TipoDeComprobante="I" Total="1">` +
	`<cfdi:CfdiRelacionados TipoRelacion="04"><cfdi:CfdiRelacionado UUID="` + uuid2 + `"/></cfdi:CfdiRelacionados><cfdi:Emisor Rfc="AAA010101AAA"/>` +
	`<cfdi:Complemento><tfd:TimbreFiscalDigital xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" UUID="` + uuid1 + `"/></cfdi:Complemento></cfdi:Comprobante>`

func TestSummaries_WhenOfTheFieldReadsThem(t *testing.T) {
	t.Parallel()
	change := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(comprobante) }
	const complemento = `<cfdi:Complemento>`
	for name, tc := range map[string]struct {
		entry, xml   string
		complementos []string
	}{
		"an UUID of a related one before the timbre": {"a.xml", comprobante, nil},
		"a name that is no UTF-8":                    {"Factura \xa4 1.xml", comprobante, nil},
		"twice its extension, in capitals":           {uuid1 + ".xml.XML", comprobante, nil},
		"the timbre's namespace at the root":         {"a.xml", change(` Version="4.0"`, ` xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" Version="4.0"`, ` xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" UUID`, ` UUID`), nil},
		"two timbres":                                {"a.xml", change(`</cfdi:Complemento>`, `<tfd:TimbreFiscalDigital xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" UUID="`+uuid3+`"/></cfdi:Complemento>`), nil},
		"xmlns:schemaLocation":                       {"a.xml", change(` Version="4.0"`, ` xmlns:schemaLocation="http://www.sat.gob.mx/cfd/4 http://www.sat.gob.mx/cfd/4/cfdv40.xsd" Version="4.0"`), nil},
		"a mark":                                     {"a.xml", utf8Mark + comprobante, nil},
		"no declaration":                             {"a.xml", change(`<?xml version="1.0" encoding="UTF-8"?>`, ``), nil},
		"no prefix":                                  {"a.xml", change(`cfdi:`, ``, `xmlns:cfdi`, `xmlns`), nil},
		"an odd prefix":                              {"a.xml", change(`cfdi:`, `ns0:`, `xmlns:cfdi`, `xmlns:ns0`), nil},
		"several Complemento, odd prefixes": {"a.xml", change(complemento, complemento+`<ns3:Pagos xmlns:ns3="http://www.sat.gob.mx/Pagos20"/></cfdi:Complemento><cfdi:Complemento><ns2:CartaPorte xmlns:ns2="x"/></cfdi:Complemento>`+complemento),
			[]string{"CartaPorte", "Pagos"}},
		"an Addenda with CDATA and a prefix that nobody declared": {"a.xml", change(`</cfdi:Comprobante>`, `<cfdi:Addenda><x:y a="1"><![CDATA[<&]]></x:y></cfdi:Addenda></cfdi:Comprobante>`), nil},
		"an attribute of 2 MB that is not kept":                   {"a.xml", change(`</cfdi:Comprobante>`, `<cfdi:Addenda><y a="`+strings.Repeat("x", 2<<20)+`"/></cfdi:Addenda></cfdi:Comprobante>`), nil},
	} {
		paquete := packAs(t, 0, file{tc.entry, tc.xml})
		got, fallas := readAll(t, readSummaries, paquete, 0)
		if len(got) != 1 || len(fallas) > 0 {
			t.Errorf("%s: %+v, %v", name, got, fallas)
			continue
		}
		if got[0].UUID != strings.ToLower(uuid1) || got[0].RFCEmisor != "AAA010101AAA" || !cmp.Equal(got[0].Complementos, tc.complementos) {
			t.Errorf("%s: %+v", name, got[0])
		}
		if text, err := locate(t, paquete, uuid1); err != nil || text != tc.xml {
			t.Errorf("%s: fetched %d bytes of %d, %v", name, len(text), len(tc.xml), err)
		}
	}
}
