package addenda

import (
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

const (
	body   = `<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" Sello="AAAA==" Nombre="Peña"></cfdi:Comprobante>`
	utf8Of = `<?xml version="1.0" encoding="UTF-8"?>`
)

func in16(s string, order binary.AppendByteOrder, mark bool) []byte {
	if mark {
		s = "\ufeff" + s
	}
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return b
}

// inBytes writes s in Latin-1, with the few of windows-1252 that tests need.
func inBytes(s string) []byte {
	var b []byte
	for _, r := range s {
		switch r {
		case '€':
			r = 0x80
		case '—':
			r = 0x97
		case 'Ÿ':
			r = 0x9F
		}
		b = append(b, byte(r))
	}
	return b
}

func TestCFDI_WhenEncodedOtherwise(t *testing.T) {
	declare := func(enc string) string { return `<?xml version="1.0" encoding="` + enc + `"?>` }
	for name, tt := range map[string]struct {
		in   []byte
		want string
	}{
		"UTF-8, undeclared":             {[]byte(body), body},
		"UTF-8":                         {[]byte(utf8Of + body), utf8Of + body},
		"utf-8 in lower case":           {[]byte(declare("utf-8") + body), declare("utf-8") + body},
		"UTF-8 with a mark":             {[]byte("\ufeff" + utf8Of + body), utf8Of + body},
		"a mark against a declaration":  {[]byte("\ufeff" + declare("ISO-8859-1") + body), utf8Of + body},
		"Latin-1":                       {inBytes(declare("ISO-8859-1") + body), utf8Of + body},
		"Latin-1, C1 characters":        {inBytes(declare("iso-8859-1") + strings.Replace(body, "Peña", "€", 1)), utf8Of + strings.Replace(body, "Peña", "\u0080", 1)},
		"windows-1252":                  {inBytes(declare("Windows-1252") + strings.Replace(body, "Peña", "Peña — €Ÿ", 1)), utf8Of + strings.Replace(body, "Peña", "Peña — €Ÿ", 1)},
		"UTF-16LE with a mark":          {in16(declare("UTF-16")+body, binary.LittleEndian, true), utf8Of + body},
		"UTF-16BE with a mark":          {in16(declare("utf-16")+body+"<!--𝒳-->", binary.BigEndian, true), utf8Of + body + "<!--𝒳-->"},
		"UTF-16LE without a mark":       {in16(declare("UTF-16LE")+body, binary.LittleEndian, false), utf8Of + body},
		"UTF-16BE without a mark":       {in16(body, binary.BigEndian, false), body},
		".NET's false UTF-16":           {[]byte(declare("utf-16") + body), utf8Of + body},
		"the declaration's other parts": {inBytes("<?xml  version = '1.0'\n encoding='ISO-8859-1' standalone=\"yes\" ?>\r\n" + body), "<?xml  version = '1.0'\n encoding='UTF-8' standalone=\"yes\" ?>\r\n" + body},
	} {
		got, fields := CFDI(tt.in)
		if diff := cmp.Diff(tt.want, got); diff != "" || fields != nil {
			t.Errorf("%s: %v %s", name, fields, diff)
		}
	}
}

func TestCFDIText_WhenItsDeclarationNoLongerHolds(t *testing.T) {
	for _, in := range []string{`<?xml version="1.0" encoding="ISO-8859-1"?>`, `<?xml version="1.0" encoding="utf-16"?>`, `<?xml version="1.0" encoding="Shift_JIS"?>`, utf8Of, "\ufeff" + utf8Of} {
		if got, fields := CFDIText(in + body); got != utf8Of+body || fields != nil {
			t.Errorf("%s: %q %v", in, got, fields)
		}
	}
	if got, fields := CFDIText("\x00"); got != "" || fields == nil {
		t.Errorf("%q %v", got, fields)
	}
}

func TestCFDI_WhenBytesMustStay(t *testing.T) {
	odd := "<?xml version='1.0'?>\r\n<!-- a -->\r\n<Comprobante   xmlns='http://www.sat.gob.mx/cfd/3'\r\n\tsello='a&#xA;b' >\r\n<a b=\"1\" /><![CDATA[ ]] >&amp; ]]>]]&gt;\r<?pi x?>&quot;\t</Comprobante >\r\n"
	for _, in := range []string{odd, strings.Replace(body, "cfdi", "x", 3), strings.Replace(body, "cfd/4", "cfd/2", 1)} {
		if got, fields := CFDI([]byte(in)); got != in || fields != nil {
			t.Errorf("%q became %q %v", in, got, fields)
		}
	}
	big := strings.Replace(body, "></", ">"+strings.Repeat("<!-- ñ --><c a=\"]]&gt;\">\r\n</c>", 150_000)+"</", 1)
	if len(big) < 4_500_000 {
		t.Fatalf("only %d bytes", len(big))
	}
	if got, fields := CFDI([]byte(big)); got != big || fields != nil {
		t.Errorf("5 MB changed: %v", fields)
	}
}

func within(content string) string {
	return `<c:Comprobante xmlns:c="http://www.sat.gob.mx/cfd/4">` + content + `</c:Comprobante>`
}

func TestCFDI_WhenRefused(t *testing.T) {
	const bad = "bien formado"
	var many strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&many, ` b%d=""`, i)
	}
	for name, tt := range map[string]struct{ in, detail string }{
		"empty":                        {"", "raíz"},
		"not XML":                      {"hola", "fuera"},
		"JSON":                         {`{"a":1}`, "fuera"},
		"cut":                          {body[:len(body)-19], "incompleto"},
		"cut in a tag":                 {body[:60], bad},
		"cut in a comment":             {body + "<!--", bad},
		"other root":                   {"<a/>", "no es un CFDI"},
		"no namespace":                 {"<Comprobante/>", "no es un CFDI"},
		"other namespace":              {`<Comprobante xmlns="urn:x"/>`, "no es un CFDI"},
		"two roots":                    {body + "\n" + body, "después del elemento raíz (línea 2, columna 1)"},
		"text behind":                  {body + "x", "fuera"},
		"CDATA behind":                 {body + "<![CDATA[ ]]>", "fuera"},
		"reference behind":             {body + "&#32;", "fuera"},
		"DTD":                          {"<!DOCTYPE a>" + body, "DTD"},
		"entities":                     {`<!DOCTYPE a [<!ENTITY b "c">]>` + within("&b;"), "DTD"},
		"unknown entity":               {within("&ntilde;"), bad},
		"bare ampersand":               {within("a & b"), bad},
		"bare less-than in a value":    {within(`<a b="<"/>`), bad},
		"bare end of CDATA":            {within("]]>"), bad},
		"comment with hyphens":         {within("<!-- -- -->"), bad},
		"value without quotes":         {within("<a b=1/>"), bad},
		"crossed":                      {within("<a><b></a></b>"), "se cierra a"},
		"crossed prefixes":             {within(`<a xmlns:d="http://www.sat.gob.mx/cfd/4"><c:b></d:b></a>`), "se cierra d:b"},
		"closed too often":             {within("</c:Comprobante>"), "se cierra"},
		"undeclared prefix":            {within("<x:a/>"), "prefijo de x:a"},
		"undeclared prefix of a value": {within(`<a x:b=""/>`), "prefijo de x:b"},
		"prefix out of scope":          {within(`<a xmlns:x="u"/><x:b/>`), "prefijo de x:b"},
		"stray colons":                 {within("<:a/>"), bad},
		"declared twice":               {within(`<a xmlns:x="u" xmlns:x="v"/>`), "repetido"},
		"undone prefix":                {within(`<a xmlns:x=""/>`), "espacio de nombres"},
		"xmlns declared":               {within(`<a xmlns:xmlns="u"/>`), "espacio de nombres"},
		"xml declared otherwise":       {within(`<a xmlns:xml="u"/>`), "espacio de nombres"},
		"attribute twice":              {within(`<a b="1" b="1"/>`), "repetido"},
		"attribute twice by namespace": {within(`<a xmlns:x="u" xmlns:y="u" x:b="1" y:b="2"/>`), "repetido"},
		"attributes together":          {within(`<a b="1"d="2"/>`), "falta un espacio"},
		"control character":            {within("\x01"), "U+0001"},
		"control in a comment":         {within("<!--\x0c-->"), "U+000C"},
		"control by reference":         {within("&#1;"), bad},
		"half a character":             {within("ab&#xD800;"), "&#xD800; no es un carácter de XML (línea 1, columna 56)"},
		"half a character in a value":  {within(`<a b="&#56320;"/>`), "&#56320;"},
		"a character out of all":       {within("&#99999999999;"), bad},
		"space before the declaration": {"\n" + utf8Of + body, "declaración"},
		"two declarations":             {utf8Of + utf8Of + body, "declaración"},
		"declaration in capitals":      {`<?XML version="1.0"?>` + body, "declaración"},
		"declaration without version":  {`<?xml encoding="UTF-8"?>` + body, "declaración"},
		"XML 1.1":                      {`<?xml version="1.1"?>` + body, bad},
		"two marks":                    {"\ufeff\ufeff" + body, "fuera"},
		"undeclared Latin-1":           {string(inBytes(body)), "no está en UTF-8"},
		"false UTF-8":                  {string(inBytes(utf8Of + body)), "no está en UTF-8"},
		"unassigned of windows-1252":   {`<?xml version="1.0" encoding="windows-1252"?>` + within("\x81"), "byte 81"},
		"unknown encoding":             {`<?xml version="1.0" encoding="EBCDIC-CP-US"?>` + body, "codificación"},
		"UTF-32":                       {"\xff\xfe\x00\x00<\x00\x00\x00", "UTF-32"},
		"half of UTF-16":               {"<\x00a", "falta un byte"},
		"half a pair of UTF-16":        {string(in16("<", binary.LittleEndian, true)) + "\x00\xd8", "media pareja"},
		"deep":                         {within(strings.Repeat("<a>", 64) + strings.Repeat("</a>", 64)), "64 niveles"},
		"too many attributes":          {within("<a" + many.String() + "/>"), "256 atributos"},
		"large":                        {within(strings.Repeat(" ", maxDocument)), "10 MiB"},
		"large once decoded":           {`<?xml version="1.0" encoding="ISO-8859-1"?>` + within(strings.Repeat("\xf1", maxDocument/2)), "10 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			got, fields := CFDI([]byte(tt.in))
			if got != "" || len(fields) != 1 || fields[0].Campo != "xmlCfdi" || !strings.Contains(fields[0].Detalle, tt.detail) {
				t.Errorf("%.40q %v, want a refusal with %q", got, fields, tt.detail)
			}
		})
	}
}

func TestCFDI_WhenNamesAreLong(t *testing.T) {
	_, fields := CFDI([]byte(within("<" + strings.Repeat("ñ", 5000) + ":a/>")))
	if len(fields) != 1 || len(fields[0].Detalle) > 300 {
		t.Errorf("%v", fields)
	}
}

func TestNode_WhenAPiece(t *testing.T) {
	for in, want := range map[string]string{
		"<cfdi:Addenda/>": "<cfdi:Addenda/>",
		"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><Addenda n='\xd1'/>": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Addenda n='Ñ'/>",
		"\ufeff<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>":              "<?xml version=\"1.0\" encoding=\"UTF-8\"?><a/>",
	} {
		if got, avisos := Node([]byte(in)); got != want || avisos != nil {
			t.Errorf("%q: %q %v", in, got, avisos)
		}
	}
	for in, want := range map[string]string{
		"hola":                          CodigoSinElementos,
		"a &amp; b":                     CodigoSinElementos,
		" \n ":                          CodigoSinElementos,
		"<a/><b/>":                      CodigoVariosElementos,
		"<?xml version='1.0'?><a/><b/>": CodigoVariosElementos,
		"texto <a/>":                    CodigoVariosElementos,
		"<c:a/>\n<!-- --><c:b/>":        CodigoVariosElementos,
		"<a>":                           CodigoNoEsXML,
		"<a></b>":                       CodigoNoEsXML,
		"</x><x>":                       CodigoNoEsXML,
		"<a/></x><x>":                   CodigoNoEsXML,
		"a & b":                         CodigoNoEsXML,
		"<a b='1' b='1'/>":              CodigoNoEsXML,
		"<!DOCTYPE a><a/>":              CodigoNoEsXML,
		"\x01":                          CodigoNoEsXML,
		"\xd1":                          CodigoNoEsXML,
	} {
		got, avisos := Node([]byte(in))
		if len(avisos) != 1 || avisos[0].Codigo != want || got != in && want != CodigoNoEsXML || got == "" && !strings.Contains(in, "\xd1") {
			t.Errorf("%.20q: %.20q %v, want %s", in, got, avisos, want)
		}
	}
}

// What is accepted here, encoding/xml reads too; and nothing is lost.
func FuzzCFDI(f *testing.F) {
	for _, s := range []string{body, utf8Of + body, "\ufeff" + body, within("<![CDATA[]]>&#13;<?a b?><!-- -->\r\n<a b='\t'/>"),
		`<?xml version="1.0" encoding="ISO-8859-1"?>` + within("\xf1"), `<?xml version="1.0" encoding="windows-1252"?>` + within("\x80"),
		within(`<a xmlns="" xmlns:x="u" x:y="1"><x:b/></a>`), "<!DOCTYPE a>" + body} {
		f.Add([]byte(s))
	}
	f.Add(in16(body, binary.LittleEndian, true))
	f.Add(in16(body, binary.BigEndian, false))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, fields := CFDI(b)
		if (s == "") == (fields == nil) {
			t.Fatalf("%q beside %v", s, fields)
		}
		if _, avisos := Node(b); avisos != nil && fields == nil && utf8.Valid(b) {
			t.Errorf("a CFDI is no piece: %v", avisos)
		}
		if fields != nil {
			return
		}
		d := xml.NewDecoder(strings.NewReader(s))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("accepted, and encoding/xml says %v", err)
			}
		}
		if other, fields := CFDI([]byte(s)); other != s || fields != nil {
			t.Errorf("a second time it is %q %v", other, fields)
		}
		if other, fields := CFDIText(s); other != s || fields != nil {
			t.Errorf("as text it is %q %v", other, fields)
		}
	})
}
