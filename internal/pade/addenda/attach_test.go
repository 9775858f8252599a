package addenda

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
)

const sealed = `<?xml version="1.0" encoding="UTF-8"?>
<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.sat.gob.mx/cfd/4 cfdv40.xsd" Version="4.0" Sello="AAAA==" Total="1.00">
  <cfdi:Emisor Rfc="PRU010101AB1" Nombre="PEÑA &amp; CO"/>
  <cfdi:Conceptos><cfdi:Concepto Descripcion="a&#xA;b  c"/></cfdi:Conceptos>
  <cfdi:Complemento><x:nota xmlns:x="urn:x">dos  <b/>espacios</x:nota></cfdi:Complemento>
</cfdi:Comprobante>`

const fresh = `<cfdi:Addenda><remision xmlns="">7</remision></cfdi:Addenda>`

func with(addenda string) string {
	return strings.Replace(sealed, "</cfdi:Comprobante>", addenda+"</cfdi:Comprobante>", 1)
}

func change(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(with(fresh)) }

func TestAttach_WhenOnlyTheAddendaIsNew(t *testing.T) {
	dom := `<c:Comprobante Total="1.00" Version='4.0' Sello="AAAA==" xmlns:c="http://www.sat.gob.mx/cfd/4" xmlns:s="http://www.w3.org/2001/XMLSchema-instance"` + "\n" +
		` s:schemaLocation="http://www.sat.gob.mx/cfd/4   cfdv40.xsd urn:retail retail.xsd"><c:Emisor Nombre="PEÑA &#38; CO" Rfc="PRU010101AB1"></c:Emisor>` +
		`<Conceptos xmlns="http://www.sat.gob.mx/cfd/4"><Concepto Descripcion="a&#10;b  c"/></Conceptos><!-- -->` +
		`<c:Complemento><nota xmlns="urn:x"><![CDATA[do]]>s  <b xmlns="urn:x"/>espacios</nota></c:Complemento><c:Addenda>7</c:Addenda></c:Comprobante>`
	// In sealed <b/> has no namespace.
	dom = strings.Replace(dom, `<b xmlns="urn:x"/>`, `<b xmlns=""/>`, 1)
	for name, tt := range map[string]struct{ before, after string }{
		"inserted":               {sealed, with(fresh)},
		"indented":               {sealed, with("\n\t" + fresh + "\n")},
		"written anew":           {sealed, dom},
		"marked":                 {sealed, "\ufeff" + with(fresh)},
		"in UTF-16":              {sealed, string(in16(with(fresh), binary.LittleEndian, true))},
		"line ends":              {strings.ReplaceAll(sealed, "\n", "\r\n"), with(fresh)},
		"of text alone":          {sealed, with("<cfdi:Addenda>7</cfdi:Addenda>")},
		"replaced":               {with("<cfdi:Addenda>6</cfdi:Addenda>"), with(fresh)},
		"added to":               {with("<cfdi:Addenda><a/></cfdi:Addenda>"), with("<cfdi:Addenda><a/><b/></cfdi:Addenda>")},
		"an empty one is filled": {with("<cfdi:Addenda/>"), with(fresh)},
		"a second one":           {with("<cfdi:Addenda><a/></cfdi:Addenda>"), with("<cfdi:Addenda><a/></cfdi:Addenda>" + fresh)},
		"nothing but it":         {within("\n"), within("<c:Addenda>7</c:Addenda>")},
		"literal white space":    {within("<a b='1\t2'/>"), within("<a b='1 2'/><c:Addenda>7</c:Addenda>")},
	} {
		if _, err := Attach([]byte(tt.before), []byte(tt.after)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAttach_WhenSomethingElseChanged(t *testing.T) {
	for name, tt := range map[string]struct{ after, where string }{
		"the seal":                {change("AAAA==", "BBBB=="), "/Comprobante/@Sello"},
		"the seal is gone":        {change(` Sello="AAAA=="`, ""), "/Comprobante/@Sello"},
		"an attribute more":       {change(` Total=`, ` Folio="1" Total=`), "/Comprobante/@"},
		"a value":                 {change("PRU010101AB1", "PRU010101AB2"), "/Comprobante/Emisor/@Rfc"},
		"charset":                 {change("PEÑA", "PEÃ‘A"), "/Comprobante/Emisor/@Nombre"},
		"escaped twice":           {change("&amp;", "&amp;amp;"), "/Comprobante/Emisor/@Nombre"},
		"a line break in a value": {change("&#xA;", " "), "/Comprobante/Conceptos/Concepto/@Descripcion"},
		"spaces in a value":       {change("b  c", "b c"), "/Comprobante/Conceptos/Concepto/@Descripcion"},
		"a text":                  {change("espacios", "espacio"), "/Comprobante/Complemento/nota/text()"},
		"spaces in a text":        {change("dos  ", "dos "), "/Comprobante/Complemento/nota/text()"},
		"a namespace":             {change("cfd/4", "cfd/3"), "/Comprobante"},
		"a complemento's":         {change(`"urn:x"`, `"urn:y"`), "/Comprobante/Complemento/nota"},
		"an element gone":         {change("<b/>", ""), "/Comprobante/Complemento/nota"},
		"an element more":         {change("</cfdi:Conceptos>", "<cfdi:Concepto/></cfdi:Conceptos>"), "/Comprobante/Conceptos"},
		"an element moved":        {change("<cfdi:Complemento>", "<cfdi:Complemento><a/></cfdi:Complemento><cfdi:Complemento>"), "/Comprobante/Complemento"},
		"an instruction":          {change("<b/>", "<b/><?x y?>"), "/Comprobante/Complemento/nota"},
		"an instruction behind":   {with(fresh) + "<?x y?>", "detrás del elemento raíz"},
		"the schema's place":      {change("cfdv40.xsd", "otro.xsd"), "/Comprobante/@schemaLocation"},
		"an Addenda of no CFDI":   {with("<Addenda>7</Addenda>"), "/Comprobante"},
		"an Addenda elsewhere":    {change("<b/>", "<b/>"+fresh), "/Comprobante/Complemento/nota"},
		"only the Addenda":        {`<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4">` + fresh + `</cfdi:Comprobante>`, "/Comprobante/@"},
	} {
		_, err := Attach([]byte(sealed), []byte(tt.after))
		if !errors.Is(err, ErrAltered) || !strings.Contains(err.Error()+"$", tt.where) {
			t.Errorf("%s: %v, want one at %s", name, err, tt.where)
		}
		if err != nil && (strings.Contains(err.Error(), "PRU") || strings.Contains(err.Error(), "BBBB")) {
			t.Errorf("%s: the error tells values: %v", name, err)
		}
	}
}

func TestAttach_WhenThereIsNoAddenda(t *testing.T) {
	for name, tt := range map[string]struct{ before, after string }{
		"none":             {sealed, sealed},
		"empty":            {sealed, with("<cfdi:Addenda/>")},
		"blank":            {sealed, with("<cfdi:Addenda>\n <!-- --></cfdi:Addenda>")},
		"that of before":   {with(fresh), with(fresh)},
		"that, reindented": {with("<cfdi:Addenda><a>1</a><b/></cfdi:Addenda>"), with("<cfdi:Addenda>\n<a>1</a>\n<b/></cfdi:Addenda>")},
	} {
		if _, err := Attach([]byte(tt.before), []byte(tt.after)); !errors.Is(err, ErrWithoutAddenda) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAttach_WhenUnreadable(t *testing.T) {
	for name, after := range map[string]string{
		"nothing": "", "HTML": "<html><body>Mantenimiento</body></html>", "cut": with(fresh)[:200], "only the node": fresh, "DTD": "<!DOCTYPE a>" + with(fresh),
	} {
		if _, err := Attach([]byte(sealed), []byte(after)); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := Attach([]byte("<a/>"), []byte(with(fresh)))
	if err == nil || errors.Is(err, ErrUnreadable) || errors.Is(err, ErrAltered) || errors.Is(err, ErrWithoutAddenda) {
		t.Errorf("what was sent is no CFDI: %v", err)
	}
}

func FuzzAttach(f *testing.F) {
	f.Add([]byte(sealed), []byte(with(fresh)))
	f.Add([]byte(sealed), []byte(sealed))
	f.Add([]byte(with(fresh)), []byte(with("<cfdi:Addenda>\n7</cfdi:Addenda>")))
	f.Add([]byte(within("a<b c='\n'/>")), []byte(within("a<b c=' '/><c:Addenda>7</c:Addenda>")))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		_, err := Attach(before, after)
		if err == nil {
			if _, other := Attach(after, after); !errors.Is(other, ErrWithoutAddenda) {
				t.Errorf("an addenda was attached by doing nothing: %v", other)
			}
		}
		s, fields := CFDI(before)
		if fields != nil {
			return
		}
		if _, err := Attach([]byte(s), []byte(s)); !errors.Is(err, ErrWithoutAddenda) {
			t.Errorf("a document and itself: %v", err)
		}
		// At the end of the root, whatever its prefix, it changes nothing else.
		end, space := rootOf(t, s)
		if strings.HasSuffix(s[:end], "/>") {
			return
		}
		i := strings.LastIndex(s[:end], "</")
		with := s[:i] + `<Addenda xmlns="` + space + `">fuzz 7</Addenda>` + s[i:]
		if len(with) > maxDocument {
			return
		}
		if _, err := Attach([]byte(s), []byte(with)); err != nil {
			t.Errorf("attached, and %v", err)
		}
	})
}

// rootOf tells where the root of a document ends, and its namespace.
func rootOf(t *testing.T, s string) (end int, space string) {
	t.Helper()
	l := newReader(s, false)
	for {
		e, err := l.next()
		if err != nil {
			t.Fatal(err)
		}
		if e.class == shut && l.r.Depth() == 1 {
			return int(l.r.Offset()), e.name.Space
		}
	}
}

// Where the Addenda is, and how many there are, the seal does not cover.
func TestAttach_WhenTheAddendaIsWhereTheSchemaDoesNotWantIt(t *testing.T) {
	for name, tt := range map[string]struct {
		after string
		want  []string
	}{
		"last":                    {with(fresh), nil},
		"last, a comment behind":  {with(fresh + "<!-- -->\n"), nil},
		"before the Emisor":       {change(fresh, "", "<cfdi:Emisor", fresh+"<cfdi:Emisor"), []string{CodigoAddendaNotAtEnd}},
		"before the Complemento":  {change(fresh, "", "<cfdi:Complemento", fresh+"<cfdi:Complemento"), []string{CodigoAddendaNotAtEnd}},
		"two":                     {with(fresh + fresh), []string{CodigoVariasAddendas}},
		"two, one of them before": {change("<cfdi:Emisor", fresh+"<cfdi:Emisor"), []string{CodigoVariasAddendas, CodigoAddendaNotAtEnd}},
	} {
		avisos, err := Attach([]byte(sealed), []byte(tt.after))
		var got []string
		for _, a := range avisos {
			got = append(got, a.Codigo)
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, tt.want)
		}
	}
}
