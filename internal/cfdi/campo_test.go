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
	dos := strings.Replace(inicio, uuid1, uuid2, 1)
	for nombre, tc := range map[string]struct {
		entrada, texto string
		want           []Metadato
	}{
		"no issuer's name": {"ID_01.txt", titulos + "\r\n" + uuid1 + "~AAA010101AAA~~XAXX010101000~B" + cola + "\r\n",
			[]Metadato{fila(func(m *Metadato) { m.NombreEmisor, m.NombreReceptor = "", "B" })}},
		"no receiver's name": {"ID_01.txt", titulos + "\r\n" + uuid1 + "~AAA010101AAA~A~XAXX010101000~" + cola + "\r\n",
			[]Metadato{fila(func(m *Metadato) { m.NombreEmisor, m.NombreReceptor = "A", "" })}},
		"another form of the text's name": {"05e4038d-6f1b-4c0e-9a57-1d2f83b6c9e4-0001.txt", titulos + "\r\n" + inicio + cola + "\r\n", []Metadato{fila(func(*Metadato) {})}},
		"an extension in capitals":        {"ID_01.TXT", titulos + "\r\n" + inicio + cola + "\r\n", []Metadato{fila(func(*Metadato) {})}},
		"a header in capitals":            {"ID_01.txt", strings.ToUpper(titulos) + "\r\n" + inicio + cola + "\r\n", []Metadato{fila(func(*Metadato) {})}},
		"spaces in the header":            {"ID_01.txt", strings.ReplaceAll(titulos, "~", " ~ ") + "\r\n" + inicio + cola + "\r\n", []Metadato{fila(func(*Metadato) {})}},
		"a new column": {"ID_01.txt", titulos + "~MotivoCancelacion\r\n" + inicio + cola + "~02\r\n" + dos + cola + "~\r\n", []Metadato{
			fila(func(m *Metadato) { m.Extras = []Campo{{"MotivoCancelacion", "02"}} }),
			fila(func(m *Metadato) { m.UUID, m.Extras = uuid2, []Campo{{"MotivoCancelacion", ""}} })}},
		"quotes that open and do not close": {"ID_01.txt", titulos + "\r\n" + strings.ReplaceAll(inicio, "EMISORA", `"EMISORA`) + cola + "\r\n" + dos + cola + "\r\n", []Metadato{
			fila(func(m *Metadato) { m.NombreEmisor = `"EMISORA SA DE CV` }), fila(func(m *Metadato) { m.UUID = uuid2 })}},
	} {
		got, fallas := leeTodo(t, leeMetadatos, empaca(t, archivo{tc.entrada, tc.texto}), 0)
		if d := cmp.Diff(tc.want, got); d != "" || len(fallas) > 0 {
			t.Errorf("%s: %v\n%s", nombre, fallas, d)
		}
	}
}

// comprobante is a CFDI whose parts the cases change.
const comprobante = `<?xml version="1.0" encoding="UTF-8"?><cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" TipoDeComprobante="I" Total="1">` +
	`<cfdi:CfdiRelacionados TipoRelacion="04"><cfdi:CfdiRelacionado UUID="` + uuid2 + `"/></cfdi:CfdiRelacionados><cfdi:Emisor Rfc="AAA010101AAA"/>` +
	`<cfdi:Complemento><tfd:TimbreFiscalDigital xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" UUID="` + uuid1 + `"/></cfdi:Complemento></cfdi:Comprobante>`

func TestResumenes_WhenOfTheFieldReadsThem(t *testing.T) {
	t.Parallel()
	cambia := func(pares ...string) string { return strings.NewReplacer(pares...).Replace(comprobante) }
	const complemento = `<cfdi:Complemento>`
	for nombre, tc := range map[string]struct {
		entrada, xml string
		complementos []string
	}{
		"an UUID of a related one before the timbre": {"a.xml", comprobante, nil},
		"a name that is no UTF-8":                    {"Factura \xa4 1.xml", comprobante, nil},
		"twice its extension, in capitals":           {uuid1 + ".xml.XML", comprobante, nil},
		"the timbre's namespace at the root":         {"a.xml", cambia(` Version="4.0"`, ` xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" Version="4.0"`, ` xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" UUID`, ` UUID`), nil},
		"two timbres":                                {"a.xml", cambia(`</cfdi:Complemento>`, `<tfd:TimbreFiscalDigital xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" UUID="`+uuid3+`"/></cfdi:Complemento>`), nil},
		"xmlns:schemaLocation":                       {"a.xml", cambia(` Version="4.0"`, ` xmlns:schemaLocation="http://www.sat.gob.mx/cfd/4 http://www.sat.gob.mx/cfd/4/cfdv40.xsd" Version="4.0"`), nil},
		"a mark":                                     {"a.xml", marcaUTF8 + comprobante, nil},
		"no declaration":                             {"a.xml", cambia(`<?xml version="1.0" encoding="UTF-8"?>`, ``), nil},
		"no prefix":                                  {"a.xml", cambia(`cfdi:`, ``, `xmlns:cfdi`, `xmlns`), nil},
		"an odd prefix":                              {"a.xml", cambia(`cfdi:`, `ns0:`, `xmlns:cfdi`, `xmlns:ns0`), nil},
		"several Complemento, odd prefixes": {"a.xml", cambia(complemento, complemento+`<ns3:Pagos xmlns:ns3="http://www.sat.gob.mx/Pagos20"/></cfdi:Complemento><cfdi:Complemento><ns2:CartaPorte xmlns:ns2="x"/></cfdi:Complemento>`+complemento),
			[]string{"CartaPorte", "Pagos"}},
		"an Addenda with CDATA and a prefix that nobody declared": {"a.xml", cambia(`</cfdi:Comprobante>`, `<cfdi:Addenda><x:y a="1"><![CDATA[<&]]></x:y></cfdi:Addenda></cfdi:Comprobante>`), nil},
		"an attribute of 2 MB that is not kept":                   {"a.xml", cambia(`</cfdi:Comprobante>`, `<cfdi:Addenda><y a="`+strings.Repeat("x", 2<<20)+`"/></cfdi:Addenda></cfdi:Comprobante>`), nil},
	} {
		paquete := empacaComo(t, 0, archivo{tc.entrada, tc.xml})
		got, fallas := leeTodo(t, leeResumenes, paquete, 0)
		if len(got) != 1 || len(fallas) > 0 {
			t.Errorf("%s: %+v, %v", nombre, got, fallas)
			continue
		}
		if got[0].UUID != strings.ToLower(uuid1) || got[0].RFCEmisor != "AAA010101AAA" || !cmp.Equal(got[0].Complementos, tc.complementos) {
			t.Errorf("%s: %+v", nombre, got[0])
		}
		if texto, err := halla(t, paquete, uuid1); err != nil || texto != tc.xml {
			t.Errorf("%s: fetched %d bytes of %d, %v", nombre, len(texto), len(tc.xml), err)
		}
	}
}
