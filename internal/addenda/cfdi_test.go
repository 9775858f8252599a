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
	cuerpo = `<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" Sello="AAAA==" Nombre="Peña"></cfdi:Comprobante>`
	utf8De = `<?xml version="1.0" encoding="UTF-8"?>`
)

func en16(s string, orden binary.AppendByteOrder, marca bool) []byte {
	if marca {
		s = "\ufeff" + s
	}
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = orden.AppendUint16(b, u)
	}
	return b
}

// enBytes writes s in Latin-1, with the few of windows-1252 that tests need.
func enBytes(s string) []byte {
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
	declara := func(enc string) string { return `<?xml version="1.0" encoding="` + enc + `"?>` }
	for name, tt := range map[string]struct {
		in   []byte
		want string
	}{
		"UTF-8, undeclared":             {[]byte(cuerpo), cuerpo},
		"UTF-8":                         {[]byte(utf8De + cuerpo), utf8De + cuerpo},
		"utf-8 in lower case":           {[]byte(declara("utf-8") + cuerpo), declara("utf-8") + cuerpo},
		"UTF-8 with a mark":             {[]byte("\ufeff" + utf8De + cuerpo), utf8De + cuerpo},
		"a mark against a declaration":  {[]byte("\ufeff" + declara("ISO-8859-1") + cuerpo), utf8De + cuerpo},
		"Latin-1":                       {enBytes(declara("ISO-8859-1") + cuerpo), utf8De + cuerpo},
		"Latin-1, C1 characters":        {enBytes(declara("iso-8859-1") + strings.Replace(cuerpo, "Peña", "€", 1)), utf8De + strings.Replace(cuerpo, "Peña", "\u0080", 1)},
		"windows-1252":                  {enBytes(declara("Windows-1252") + strings.Replace(cuerpo, "Peña", "Peña — €Ÿ", 1)), utf8De + strings.Replace(cuerpo, "Peña", "Peña — €Ÿ", 1)},
		"UTF-16LE with a mark":          {en16(declara("UTF-16")+cuerpo, binary.LittleEndian, true), utf8De + cuerpo},
		"UTF-16BE with a mark":          {en16(declara("utf-16")+cuerpo+"<!--𝒳-->", binary.BigEndian, true), utf8De + cuerpo + "<!--𝒳-->"},
		"UTF-16LE without a mark":       {en16(declara("UTF-16LE")+cuerpo, binary.LittleEndian, false), utf8De + cuerpo},
		"UTF-16BE without a mark":       {en16(cuerpo, binary.BigEndian, false), cuerpo},
		".NET's false UTF-16":           {[]byte(declara("utf-16") + cuerpo), utf8De + cuerpo},
		"the declaration's other parts": {enBytes("<?xml  version = '1.0'\n encoding='ISO-8859-1' standalone=\"yes\" ?>\r\n" + cuerpo), "<?xml  version = '1.0'\n encoding='UTF-8' standalone=\"yes\" ?>\r\n" + cuerpo},
	} {
		got, campos := CFDI(tt.in)
		if diff := cmp.Diff(tt.want, got); diff != "" || campos != nil {
			t.Errorf("%s: %v %s", name, campos, diff)
		}
	}
}

func TestCFDITexto_WhenItsDeclarationNoLongerHolds(t *testing.T) {
	for _, in := range []string{`<?xml version="1.0" encoding="ISO-8859-1"?>`, `<?xml version="1.0" encoding="utf-16"?>`, `<?xml version="1.0" encoding="Shift_JIS"?>`, utf8De, "\ufeff" + utf8De} {
		if got, campos := CFDITexto(in + cuerpo); got != utf8De+cuerpo || campos != nil {
			t.Errorf("%s: %q %v", in, got, campos)
		}
	}
	if got, campos := CFDITexto("\x00"); got != "" || campos == nil {
		t.Errorf("%q %v", got, campos)
	}
}

func TestCFDI_WhenBytesMustStay(t *testing.T) {
	raro := "<?xml version='1.0'?>\r\n<!-- a -->\r\n<Comprobante   xmlns='http://www.sat.gob.mx/cfd/3'\r\n\tsello='a&#xA;b' >\r\n<a b=\"1\" /><![CDATA[ ]] >&amp; ]]>]]&gt;\r<?pi x?>&quot;\t</Comprobante >\r\n"
	for _, in := range []string{raro, strings.Replace(cuerpo, "cfdi", "x", 3), strings.Replace(cuerpo, "cfd/4", "cfd/2", 1)} {
		if got, campos := CFDI([]byte(in)); got != in || campos != nil {
			t.Errorf("%q became %q %v", in, got, campos)
		}
	}
	grande := strings.Replace(cuerpo, "></", ">"+strings.Repeat("<!-- ñ --><c a=\"]]&gt;\">\r\n</c>", 150_000)+"</", 1)
	if len(grande) < 4_500_000 {
		t.Fatalf("only %d bytes", len(grande))
	}
	if got, campos := CFDI([]byte(grande)); got != grande || campos != nil {
		t.Errorf("5 MB changed: %v", campos)
	}
}

func dentro(contenido string) string {
	return `<c:Comprobante xmlns:c="http://www.sat.gob.mx/cfd/4">` + contenido + `</c:Comprobante>`
}

func TestCFDI_WhenRefused(t *testing.T) {
	const mal = "bien formado"
	var muchos strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&muchos, ` b%d=""`, i)
	}
	for name, tt := range map[string]struct{ in, detalle string }{
		"empty":                        {"", "raíz"},
		"not XML":                      {"hola", "fuera"},
		"JSON":                         {`{"a":1}`, "fuera"},
		"cut":                          {cuerpo[:len(cuerpo)-19], "incompleto"},
		"cut in a tag":                 {cuerpo[:60], mal},
		"cut in a comment":             {cuerpo + "<!--", mal},
		"other root":                   {"<a/>", "no es un CFDI"},
		"no namespace":                 {"<Comprobante/>", "no es un CFDI"},
		"other namespace":              {`<Comprobante xmlns="urn:x"/>`, "no es un CFDI"},
		"two roots":                    {cuerpo + "\n" + cuerpo, "después del elemento raíz (línea 2, columna 1)"},
		"text behind":                  {cuerpo + "x", "fuera"},
		"CDATA behind":                 {cuerpo + "<![CDATA[ ]]>", "fuera"},
		"reference behind":             {cuerpo + "&#32;", "fuera"},
		"DTD":                          {"<!DOCTYPE a>" + cuerpo, "DTD"},
		"entities":                     {`<!DOCTYPE a [<!ENTITY b "c">]>` + dentro("&b;"), "DTD"},
		"unknown entity":               {dentro("&ntilde;"), mal},
		"bare ampersand":               {dentro("a & b"), mal},
		"bare less-than in a value":    {dentro(`<a b="<"/>`), mal},
		"bare end of CDATA":            {dentro("]]>"), mal},
		"comment with hyphens":         {dentro("<!-- -- -->"), mal},
		"value without quotes":         {dentro("<a b=1/>"), mal},
		"crossed":                      {dentro("<a><b></a></b>"), "se cierra a"},
		"crossed prefixes":             {dentro(`<a xmlns:d="http://www.sat.gob.mx/cfd/4"><c:b></d:b></a>`), "se cierra d:b"},
		"closed too often":             {dentro("</c:Comprobante>"), "se cierra"},
		"undeclared prefix":            {dentro("<x:a/>"), "prefijo de x:a"},
		"undeclared prefix of a value": {dentro(`<a x:b=""/>`), "prefijo de x:b"},
		"prefix out of scope":          {dentro(`<a xmlns:x="u"/><x:b/>`), "prefijo de x:b"},
		"stray colons":                 {dentro("<:a/>"), mal},
		"declared twice":               {dentro(`<a xmlns:x="u" xmlns:x="v"/>`), "repetido"},
		"undone prefix":                {dentro(`<a xmlns:x=""/>`), "espacio de nombres"},
		"xmlns declared":               {dentro(`<a xmlns:xmlns="u"/>`), "espacio de nombres"},
		"xml declared otherwise":       {dentro(`<a xmlns:xml="u"/>`), "espacio de nombres"},
		"attribute twice":              {dentro(`<a b="1" b="1"/>`), "repetido"},
		"attribute twice by namespace": {dentro(`<a xmlns:x="u" xmlns:y="u" x:b="1" y:b="2"/>`), "repetido"},
		"attributes together":          {dentro(`<a b="1"d="2"/>`), "falta un espacio"},
		"control character":            {dentro("\x01"), "U+0001"},
		"control in a comment":         {dentro("<!--\x0c-->"), "U+000C"},
		"control by reference":         {dentro("&#1;"), mal},
		"half a character":             {dentro("ab&#xD800;"), "&#xD800; no es un carácter de XML (línea 1, columna 56)"},
		"half a character in a value":  {dentro(`<a b="&#56320;"/>`), "&#56320;"},
		"a character out of all":       {dentro("&#99999999999;"), mal},
		"space before the declaration": {"\n" + utf8De + cuerpo, "declaración"},
		"two declarations":             {utf8De + utf8De + cuerpo, "declaración"},
		"declaration in capitals":      {`<?XML version="1.0"?>` + cuerpo, "declaración"},
		"declaration without version":  {`<?xml encoding="UTF-8"?>` + cuerpo, "declaración"},
		"XML 1.1":                      {`<?xml version="1.1"?>` + cuerpo, mal},
		"two marks":                    {"\ufeff\ufeff" + cuerpo, "fuera"},
		"undeclared Latin-1":           {string(enBytes(cuerpo)), "no está en UTF-8"},
		"false UTF-8":                  {string(enBytes(utf8De + cuerpo)), "no está en UTF-8"},
		"unassigned of windows-1252":   {`<?xml version="1.0" encoding="windows-1252"?>` + dentro("\x81"), "byte 81"},
		"unknown encoding":             {`<?xml version="1.0" encoding="EBCDIC-CP-US"?>` + cuerpo, "codificación"},
		"UTF-32":                       {"\xff\xfe\x00\x00<\x00\x00\x00", "UTF-32"},
		"half of UTF-16":               {"<\x00a", "falta un byte"},
		"half a pair of UTF-16":        {string(en16("<", binary.LittleEndian, true)) + "\x00\xd8", "media pareja"},
		"deep":                         {dentro(strings.Repeat("<a>", 64) + strings.Repeat("</a>", 64)), "64 niveles"},
		"too many attributes":          {dentro("<a" + muchos.String() + "/>"), "256 atributos"},
		"large":                        {dentro(strings.Repeat(" ", maxDocumento)), "10 MiB"},
		"large once decoded":           {`<?xml version="1.0" encoding="ISO-8859-1"?>` + dentro(strings.Repeat("\xf1", maxDocumento/2)), "10 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			got, campos := CFDI([]byte(tt.in))
			if got != "" || len(campos) != 1 || campos[0].Campo != "xmlCfdi" || !strings.Contains(campos[0].Detalle, tt.detalle) {
				t.Errorf("%.40q %v, want a refusal with %q", got, campos, tt.detalle)
			}
		})
	}
}

func TestCFDI_WhenNamesAreLong(t *testing.T) {
	_, campos := CFDI([]byte(dentro("<" + strings.Repeat("ñ", 5000) + ":a/>")))
	if len(campos) != 1 || len(campos[0].Detalle) > 300 {
		t.Errorf("%v", campos)
	}
}

func TestNodo_WhenAPiece(t *testing.T) {
	for in, want := range map[string]string{
		"<cfdi:Addenda/>": "<cfdi:Addenda/>",
		"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><Addenda n='\xd1'/>": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Addenda n='Ñ'/>",
		"\ufeff<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>":              "<?xml version=\"1.0\" encoding=\"UTF-8\"?><a/>",
	} {
		if got, avisos := Nodo([]byte(in)); got != want || avisos != nil {
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
		got, avisos := Nodo([]byte(in))
		if len(avisos) != 1 || avisos[0].Codigo != want || got != in && want != CodigoNoEsXML || got == "" && !strings.Contains(in, "\xd1") {
			t.Errorf("%.20q: %.20q %v, want %s", in, got, avisos, want)
		}
	}
}

// What is accepted here, encoding/xml reads too; and nothing is lost.
func FuzzCFDI(f *testing.F) {
	for _, s := range []string{cuerpo, utf8De + cuerpo, "\ufeff" + cuerpo, dentro("<![CDATA[]]>&#13;<?a b?><!-- -->\r\n<a b='\t'/>"),
		`<?xml version="1.0" encoding="ISO-8859-1"?>` + dentro("\xf1"), `<?xml version="1.0" encoding="windows-1252"?>` + dentro("\x80"),
		dentro(`<a xmlns="" xmlns:x="u" x:y="1"><x:b/></a>`), "<!DOCTYPE a>" + cuerpo} {
		f.Add([]byte(s))
	}
	f.Add(en16(cuerpo, binary.LittleEndian, true))
	f.Add(en16(cuerpo, binary.BigEndian, false))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, campos := CFDI(b)
		if (s == "") == (campos == nil) {
			t.Fatalf("%q beside %v", s, campos)
		}
		if _, avisos := Nodo(b); avisos != nil && campos == nil && utf8.Valid(b) {
			t.Errorf("a CFDI is no piece: %v", avisos)
		}
		if campos != nil {
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
		if otra, campos := CFDI([]byte(s)); otra != s || campos != nil {
			t.Errorf("a second time it is %q %v", otra, campos)
		}
		if otra, campos := CFDITexto(s); otra != s || campos != nil {
			t.Errorf("as text it is %q %v", otra, campos)
		}
	})
}
