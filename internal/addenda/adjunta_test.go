package addenda

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
)

const sellado = `<?xml version="1.0" encoding="UTF-8"?>
<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.sat.gob.mx/cfd/4 cfdv40.xsd" Version="4.0" Sello="AAAA==" Total="1.00">
  <cfdi:Emisor Rfc="PRU010101AB1" Nombre="PEÑA &amp; CO"/>
  <cfdi:Conceptos><cfdi:Concepto Descripcion="a&#xA;b  c"/></cfdi:Conceptos>
  <cfdi:Complemento><x:nota xmlns:x="urn:x">dos  <b/>espacios</x:nota></cfdi:Complemento>
</cfdi:Comprobante>`

const nueva = `<cfdi:Addenda><remision xmlns="">7</remision></cfdi:Addenda>`

func con(addenda string) string {
	return strings.Replace(sellado, "</cfdi:Comprobante>", addenda+"</cfdi:Comprobante>", 1)
}

func cambia(pares ...string) string { return strings.NewReplacer(pares...).Replace(con(nueva)) }

func TestAdjunta_WhenOnlyTheAddendaIsNew(t *testing.T) {
	dom := `<c:Comprobante Total="1.00" Version='4.0' Sello="AAAA==" xmlns:c="http://www.sat.gob.mx/cfd/4" xmlns:s="http://www.w3.org/2001/XMLSchema-instance"` + "\n" +
		` s:schemaLocation="http://www.sat.gob.mx/cfd/4   cfdv40.xsd urn:retail retail.xsd"><c:Emisor Nombre="PEÑA &#38; CO" Rfc="PRU010101AB1"></c:Emisor>` +
		`<Conceptos xmlns="http://www.sat.gob.mx/cfd/4"><Concepto Descripcion="a&#10;b  c"/></Conceptos><!-- -->` +
		`<c:Complemento><nota xmlns="urn:x"><![CDATA[do]]>s  <b xmlns="urn:x"/>espacios</nota></c:Complemento><c:Addenda>7</c:Addenda></c:Comprobante>`
	// In sellado <b/> has no namespace.
	dom = strings.Replace(dom, `<b xmlns="urn:x"/>`, `<b xmlns=""/>`, 1)
	for name, tt := range map[string]struct{ antes, despues string }{
		"inserted":               {sellado, con(nueva)},
		"indented":               {sellado, con("\n\t" + nueva + "\n")},
		"written anew":           {sellado, dom},
		"marked":                 {sellado, "\ufeff" + con(nueva)},
		"in UTF-16":              {sellado, string(en16(con(nueva), binary.LittleEndian, true))},
		"line ends":              {strings.ReplaceAll(sellado, "\n", "\r\n"), con(nueva)},
		"of text alone":          {sellado, con("<cfdi:Addenda>7</cfdi:Addenda>")},
		"replaced":               {con("<cfdi:Addenda>6</cfdi:Addenda>"), con(nueva)},
		"added to":               {con("<cfdi:Addenda><a/></cfdi:Addenda>"), con("<cfdi:Addenda><a/><b/></cfdi:Addenda>")},
		"an empty one is filled": {con("<cfdi:Addenda/>"), con(nueva)},
		"a second one":           {con("<cfdi:Addenda><a/></cfdi:Addenda>"), con("<cfdi:Addenda><a/></cfdi:Addenda>" + nueva)},
		"nothing but it":         {dentro("\n"), dentro("<c:Addenda>7</c:Addenda>")},
		"literal white space":    {dentro("<a b='1\t2'/>"), dentro("<a b='1 2'/><c:Addenda>7</c:Addenda>")},
	} {
		if _, err := Adjunta([]byte(tt.antes), []byte(tt.despues)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAdjunta_WhenSomethingElseChanged(t *testing.T) {
	for name, tt := range map[string]struct{ despues, donde string }{
		"the seal":                {cambia("AAAA==", "BBBB=="), "/Comprobante/@Sello"},
		"the seal is gone":        {cambia(` Sello="AAAA=="`, ""), "/Comprobante/@Sello"},
		"an attribute more":       {cambia(` Total=`, ` Folio="1" Total=`), "/Comprobante/@"},
		"a value":                 {cambia("PRU010101AB1", "PRU010101AB2"), "/Comprobante/Emisor/@Rfc"},
		"charset":                 {cambia("PEÑA", "PEÃ‘A"), "/Comprobante/Emisor/@Nombre"},
		"escaped twice":           {cambia("&amp;", "&amp;amp;"), "/Comprobante/Emisor/@Nombre"},
		"a line break in a value": {cambia("&#xA;", " "), "/Comprobante/Conceptos/Concepto/@Descripcion"},
		"spaces in a value":       {cambia("b  c", "b c"), "/Comprobante/Conceptos/Concepto/@Descripcion"},
		"a text":                  {cambia("espacios", "espacio"), "/Comprobante/Complemento/nota/text()"},
		"spaces in a text":        {cambia("dos  ", "dos "), "/Comprobante/Complemento/nota/text()"},
		"a namespace":             {cambia("cfd/4", "cfd/3"), "/Comprobante"},
		"a complemento's":         {cambia(`"urn:x"`, `"urn:y"`), "/Comprobante/Complemento/nota"},
		"an element gone":         {cambia("<b/>", ""), "/Comprobante/Complemento/nota"},
		"an element more":         {cambia("</cfdi:Conceptos>", "<cfdi:Concepto/></cfdi:Conceptos>"), "/Comprobante/Conceptos"},
		"an element moved":        {cambia("<cfdi:Complemento>", "<cfdi:Complemento><a/></cfdi:Complemento><cfdi:Complemento>"), "/Comprobante/Complemento"},
		"an instruction":          {cambia("<b/>", "<b/><?x y?>"), "/Comprobante/Complemento/nota"},
		"an instruction behind":   {con(nueva) + "<?x y?>", "detrás del elemento raíz"},
		"the schema's place":      {cambia("cfdv40.xsd", "otro.xsd"), "/Comprobante/@schemaLocation"},
		"an Addenda of no CFDI":   {con("<Addenda>7</Addenda>"), "/Comprobante"},
		"an Addenda elsewhere":    {cambia("<b/>", "<b/>"+nueva), "/Comprobante/Complemento/nota"},
		"only the Addenda":        {`<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4">` + nueva + `</cfdi:Comprobante>`, "/Comprobante/@"},
	} {
		_, err := Adjunta([]byte(sellado), []byte(tt.despues))
		if !errors.Is(err, ErrAlterado) || !strings.Contains(err.Error()+"$", tt.donde) {
			t.Errorf("%s: %v, want one at %s", name, err, tt.donde)
		}
		if err != nil && (strings.Contains(err.Error(), "PRU") || strings.Contains(err.Error(), "BBBB")) {
			t.Errorf("%s: the error tells values: %v", name, err)
		}
	}
}

func TestAdjunta_WhenThereIsNoAddenda(t *testing.T) {
	for name, tt := range map[string]struct{ antes, despues string }{
		"none":             {sellado, sellado},
		"empty":            {sellado, con("<cfdi:Addenda/>")},
		"blank":            {sellado, con("<cfdi:Addenda>\n <!-- --></cfdi:Addenda>")},
		"that of before":   {con(nueva), con(nueva)},
		"that, reindented": {con("<cfdi:Addenda><a>1</a><b/></cfdi:Addenda>"), con("<cfdi:Addenda>\n<a>1</a>\n<b/></cfdi:Addenda>")},
	} {
		if _, err := Adjunta([]byte(tt.antes), []byte(tt.despues)); !errors.Is(err, ErrSinAddenda) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAdjunta_WhenUnreadable(t *testing.T) {
	for name, despues := range map[string]string{
		"nothing": "", "HTML": "<html><body>Mantenimiento</body></html>", "cut": con(nueva)[:200], "only the node": nueva, "DTD": "<!DOCTYPE a>" + con(nueva),
	} {
		if _, err := Adjunta([]byte(sellado), []byte(despues)); !errors.Is(err, ErrIlegible) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := Adjunta([]byte("<a/>"), []byte(con(nueva)))
	if err == nil || errors.Is(err, ErrIlegible) || errors.Is(err, ErrAlterado) || errors.Is(err, ErrSinAddenda) {
		t.Errorf("what was sent is no CFDI: %v", err)
	}
}

func FuzzAdjunta(f *testing.F) {
	f.Add([]byte(sellado), []byte(con(nueva)))
	f.Add([]byte(sellado), []byte(sellado))
	f.Add([]byte(con(nueva)), []byte(con("<cfdi:Addenda>\n7</cfdi:Addenda>")))
	f.Add([]byte(dentro("a<b c='\n'/>")), []byte(dentro("a<b c=' '/><c:Addenda>7</c:Addenda>")))
	f.Fuzz(func(t *testing.T, antes, despues []byte) {
		_, err := Adjunta(antes, despues)
		if err == nil {
			if _, otra := Adjunta(despues, despues); !errors.Is(otra, ErrSinAddenda) {
				t.Errorf("an addenda was attached by doing nothing: %v", otra)
			}
		}
		s, campos := CFDI(antes)
		if campos != nil {
			return
		}
		if _, err := Adjunta([]byte(s), []byte(s)); !errors.Is(err, ErrSinAddenda) {
			t.Errorf("a document and itself: %v", err)
		}
		// At the end of the root, whatever its prefix, it changes nothing else.
		fin, espacio := raizDe(t, s)
		if strings.HasSuffix(s[:fin], "/>") {
			return
		}
		i := strings.LastIndex(s[:fin], "</")
		con := s[:i] + `<Addenda xmlns="` + espacio + `">fuzz 7</Addenda>` + s[i:]
		if len(con) > maxDocumento {
			return
		}
		if _, err := Adjunta([]byte(s), []byte(con)); err != nil {
			t.Errorf("attached, and %v", err)
		}
	})
}

// raizDe tells where the root of a document ends, and its namespace.
func raizDe(t *testing.T, s string) (fin int, espacio string) {
	t.Helper()
	l := nuevoLector(s, false)
	for {
		e, err := l.siguiente()
		if err != nil {
			t.Fatal(err)
		}
		if e.clase == cierra && l.r.Depth() == 1 {
			return int(l.r.Offset()), e.nombre.Space
		}
	}
}

// Where the Addenda is, and how many there are, the seal does not cover.
func TestAdjunta_WhenTheAddendaIsWhereTheSchemaDoesNotWantIt(t *testing.T) {
	for name, tt := range map[string]struct {
		despues string
		want    []string
	}{
		"last":                    {con(nueva), nil},
		"last, a comment behind":  {con(nueva + "<!-- -->\n"), nil},
		"before the Emisor":       {cambia(nueva, "", "<cfdi:Emisor", nueva+"<cfdi:Emisor"), []string{CodigoAddendaNoAlFin}},
		"before the Complemento":  {cambia(nueva, "", "<cfdi:Complemento", nueva+"<cfdi:Complemento"), []string{CodigoAddendaNoAlFin}},
		"two":                     {con(nueva + nueva), []string{CodigoVariasAddendas}},
		"two, one of them before": {cambia("<cfdi:Emisor", nueva+"<cfdi:Emisor"), []string{CodigoVariasAddendas, CodigoAddendaNoAlFin}},
	} {
		avisos, err := Adjunta([]byte(sellado), []byte(tt.despues))
		var got []string
		for _, a := range avisos {
			got = append(got, a.Codigo)
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, tt.want)
		}
	}
}
