package cfdi

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

func showXML(tb testing.TB, name string) string {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// summaries are the summaries of testdata, written by hand.
func summaries() map[string]Summary {
	return map[string]Summary{
		"cfdi32.xml": {UUID: strings.ToLower(uuid1), Version: "3.2", Tipo: "I", RFCEmisor: "AAA010101AAA", NombreEmisor: `LA "CASA" & Cía`, RFCReceptor: "XAXX010101000",
			Fecha: "2015-03-04T05:06:07", FechaTimbrado: "2015-03-04T05:07:00", Serie: "B", Folio: "77", Moneda: "Pesos", SubTotal: "100.000000", Total: "116.00",
			MetodoPago: "PAGO EN UNA SOLA EXHIBICION", FormaPago: "03", Complementos: []string{"ImpuestosLocales"}},
		"cfdi33.xml": {UUID: uuid2, Version: "3.3", Tipo: "P", RFCEmisor: "AAA010101AAA", NombreEmisor: "DOS LINEAS", RFCReceptor: "BBB010101BBB", NombreReceptor: "L'ÉCOLE",
			Fecha: "2019-02-03T04:05:06", FechaTimbrado: "2019-02-03T04:06:00", Moneda: "XXX", SubTotal: "0", Total: "0", FormaPago: "99", Complementos: []string{"Pagos"}},
		"cfdi40.xml": {UUID: strings.ToLower(uuid1), Version: "4.0", Tipo: "N", RFCEmisor: "Ñ&A010101AAA", NombreEmisor: "PEÑA", RFCReceptor: "BBBB010101BBB", NombreReceptor: "LUIS",
			Fecha: "2024-05-06T07:08:09", FechaTimbrado: "2024-05-06T07:09:10", Serie: "NOM", Folio: "1", Moneda: "MXN", SubTotal: "1000.00", Total: "900.00",
			MetodoPago: "PUE", Complementos: []string{"Alfa", "Nomina", "Zeta"}},
		"retenciones10.xml": {UUID: strings.ToLower(uuid1), Version: "1.0", Tipo: "R", RFCEmisor: "AAA010101AAA", NombreEmisor: "EMISORA", NombreReceptor: "WORLD INC",
			Fecha: "2019-01-23T08:00:00-06:00", FechaTimbrado: "2019-01-23T08:01:00", Folio: "R-9", Total: "5555.5", Complementos: []string{"Dividendos"}},
		"retenciones20.xml": {UUID: strings.ToLower(uuid1), Version: "2.0", Tipo: "R", RFCEmisor: "AAA010101AAA", NombreEmisor: "EMISORA", RFCReceptor: "BBB010101BBB", NombreReceptor: "RECEPTORA",
			Fecha: "2024-01-23T08:00:00", FechaTimbrado: "2024-01-23T08:01:00", Folio: "10", Total: "100.00"},
	}
}

func TestReadSummary_WhenOfEachVersionReadsIt(t *testing.T) {
	t.Parallel()
	for name, want := range summaries() {
		text := showXML(t, name)
		for how, r := range map[string]io.Reader{
			"at once": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text)),
			"with a mark": strings.NewReader("\uFEFF" + text), "with its end": iotest.DataErrReader(strings.NewReader(text)),
		} {
			got, err := ReadSummary(r)
			if d := cmp.Diff(want, got); d != "" || err != nil {
				t.Errorf("%s, %s: %v\n%s", name, how, err, d)
			}
		}
	}
}

func TestReadSummary_WhenInAnotherEncodingReadsIt(t *testing.T) {
	t.Parallel()
	text := showXML(t, "cfdi40.xml")
	want := summaries()["cfdi40.xml"]
	latin, err := charmap.Windows1252.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		text string
		err  error
	}{
		"ISO-8859-1":                {strings.Replace(latin, "utf-8", "ISO-8859-1", 1), nil},
		"windows-1252":              {strings.Replace(latin, `"utf-8"`, `'Windows-1252'`, 1), nil},
		"UTF-16 only by saying":     {strings.Replace(text, "utf-8", "utf-16", 1), nil},
		"UTF-16":                    {utf16, nil},
		"UTF-16 without mark":       {strings.Replace(utf16[2:], "u\x00t\x00f\x00-\x008", "u\x00t\x00f\x00-\x001\x006", 1), nil},
		"unknown":                   {strings.Replace(text, "utf-8", "EBCDIC-MX", 1), xmldoc.Encoding},
		"Latin-1 without saying so": {latin, xmldoc.Bytes},
	} {
		got, err := ReadSummary(strings.NewReader(tc.text))
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: %v, want %v", name, err, tc.err)
		}
		if d := cmp.Diff(want, got); tc.err == nil && d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}

func TestReadSummary_WhenBrokenSaysHow(t *testing.T) {
	t.Parallel()
	text := showXML(t, "retenciones20.xml")
	change := func(de, a string) string {
		if !strings.Contains(text, de) {
			t.Fatalf("no %q", de)
		}
		return strings.Replace(text, de, a, 1)
	}
	deep := strings.Repeat("<x>", maxDepth)
	for name, tc := range map[string]struct {
		text string
		err  error
	}{
		"nothing":                   {"", xmldoc.Incomplete},
		"blanks":                    {" \n ", xmldoc.Incomplete},
		"no XML":                    {"hola", xmldoc.Malformed},
		"cut":                       {text[:len(text)/2], xmldoc.Incomplete},
		"cut at its end":            {strings.TrimRight(text, "\n")[:len(text)-3], xmldoc.Incomplete},
		"a tag not closed":          {change("</r:Receptor>", ""), xmldoc.Malformed},
		"tags crossed":              {change("</r:Receptor>", "</r:Emisor>"), xmldoc.Malformed},
		"two roots":                 {text + text[strings.Index(text, "<r:"):], xmldoc.Malformed},
		"a second declaration":      {change("?><r:", `?><?xml version="1.0"?><r:`), xmldoc.Malformed},
		"version 1.1":               {change(`"1.0" enc`, `"1.1" enc`), xmldoc.Malformed},
		"no quotes":                 {change(`CveRetenc="16"`, `CveRetenc=16`), xmldoc.Malformed},
		"no value":                  {change(`CveRetenc="16"`, `CveRetenc`), xmldoc.Malformed},
		"no space":                  {change(`" CveRetenc`, `"CveRetenc`), xmldoc.Malformed},
		"< in an attribute":         {change("EMISORA", "A<B"), xmldoc.Malformed},
		"& alone":                   {change("EMISORA", "A & B"), xmldoc.Malformed},
		"& alone where not wanted":  {change(`CveRetenc="16"`, `CveRetenc="&"`), xmldoc.Malformed},
		"an entity of a DTD":        {change("EMISORA", "&nbsp;"), xmldoc.Malformed},
		"a half character":          {change("EMISORA", "&#xD800;"), xmldoc.Malformed},
		"a null":                    {change("EMISORA", "&#0;"), xmldoc.Malformed},
		"no digits":                 {change("EMISORA", "&#x;"), xmldoc.Malformed},
		"a control character":       {change("EMISORA", "A\x01B"), xmldoc.Malformed},
		"a broken character":        {change("EMISORA", "A\xc3"), xmldoc.Bytes},
		"a DTD":                     {change("?><r:", `?><!DOCTYPE r [<!ENTITY a "b">]><r:`), xmldoc.DTD},
		"]]> in a text":             {change("<r:Periodo", "]]><r:Periodo"), xmldoc.Malformed},
		"a comment with --":         {change("<r:Periodo", "<!-- a -- b --><r:Periodo"), xmldoc.Malformed},
		"another thing":             {change("<r:Periodo", "<!ELEMENT a><r:Periodo"), xmldoc.Malformed},
		"too deep":                  {change("<r:Periodo", deep+"<r:Periodo"), xmldoc.Depth},
		"a name without end":        {change("<r:Periodo", "<"+strings.Repeat("x", 1001)+"/><r:Periodo"), xmldoc.Bound},
		"a value without end":       {change("EMISORA", strings.Repeat("x", maxValue+1)), xmldoc.Bound},
		"an attribute twice":        {change(`RfcE="AAA010101AAA"`, `RfcE="AAA010101AAA" RfcE="BBB010101BBB"`), xmldoc.Malformed},
		"in two cases":              {change(`RfcE="AAA010101AAA"`, `RfcE="AAA010101AAA" rfce="BBB010101BBB"`), errRepeated},
		"another root":              {change(`<r:Retenciones xmlns:r="http://www.sat.gob.mx/esquemas/retencionpago/2"`, `<r:Retenciones xmlns:r="urn:otro"`), errNoCFDI},
		"a version that is not its": {change(`Version="2.0"`, `Version="1.0"`), errNoCFDI},
		"a page":                    {"<html><body/></html>", errNoCFDI},
		"no timbre":                 {change("tfd:TimbreFiscalDigital", "tfd:Otro"), errWithoutTimbre},
	} {
		if got, err := ReadSummary(strings.NewReader(tc.text)); !errors.Is(err, tc.err) {
			t.Errorf("%s: %v, want %v: %+v", name, err, tc.err, got)
		}
	}
	broken := errors.New("the disk")
	if _, err := ReadSummary(io.MultiReader(strings.NewReader(text[:700]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
}

// What stands around a document, and an Addenda that is no XML, cost a notice and
// nothing of the summary.
func TestReadSummary_WhenOnlyWhatNoOneReadsIsBrokenKeepsTheSummary(t *testing.T) {
	t.Parallel()
	text := strings.TrimRight(showXML(t, "cfdi40.xml"), "\n")
	addenda := func(within string) string {
		end := strings.LastIndex(text, "</")
		return text[:end] + "<Addenda>" + within + "</Addenda>" + text[end:]
	}
	atBeginning := func(within string) string {
		const before = "<Emisor"
		return strings.Replace(text, before, "<Addenda>"+within+"</Addenda>"+before, 1)
	}
	const around, enAddenda = "Trae algo", "Addenda"
	cases := map[string][2]string{
		"a line before":           {"\n" + text, around + " antes"},
		"a mark and a line":       {"\uFEFF\r\n" + text, around + " antes"},
		"text before":             {"Content-Type: text/xml\r\n\r\n" + text, around + " antes"},
		"text behind":             {text + "\nfin", around + " después"},
		"NULs behind":             {text + "\x00\x00\x00", around + " después"},
		"a long tail behind":      {text + strings.Repeat("\x00", 100_000), around + " después"},
		"a broken byte behind":    {text + "\xc3", around + " después"},
		"CDATA behind":            {text + "<![CDATA[x]]>", around + " después"},
		"half a comment behind":   {text + "<!-- x", around + " después"},
		"without its end":         {strings.TrimSuffix(addenda(""), "</Comprobante>"), enAddenda},
		"cut in the addenda":      {addenda("<x>")[:len(text)+5], enAddenda},
		"CDATA open":              {addenda("<![CDATA["), enAddenda},
		"a comment open":          {addenda("<!--"), enAddenda},
		"a second declaration in": {addenda(`<?xml version="1.0"?><x/>`), enAddenda},
	}
	for name, within := range map[string]string{
		"a bare &": "<x>A & B</x>", "an entity": "<x>&nbsp;</x>", "Latin-1": "<x>ni\xf1o</x>", "Latin-1 in a value": "<x y='\xf1'/>", "a control": "<x>\x0b</x>",
		"crossed": "<x><y></x></y>", "not closed": "<x><y>", "closed too often": "</x>", "deep": strings.Repeat("<x>", 70) + strings.Repeat("</x>", 70),
		"values touch": `<x a="1"b="2"/>`, "a bare <": "<x>1 < 2</x>", "an attribute twice": `<x a="1" a="2"/>`, "a DTD": "<!DOCTYPE x>", "a wrong name": "<1x/>",
		"a quote open": `<x a="1></x>`, "a broken bang": "<x><!</x>", "a bang alone": "<!", "Latin-1 alone": "ni\xf1o", "a bare < alone": "a<",
		"a long value": "<x y='" + strings.Repeat("z", 100_000) + "' y='2'/>", "a wide break": strings.Repeat("<x/>", 20_000) + "<x>&</x>" + strings.Repeat("<x/>", 20_000),
	} {
		cases[name] = [2]string{addenda(within), enAddenda}
		cases[name+", first"] = [2]string{atBeginning(within), enAddenda}
	}
	for name, tc := range cases {
		for how, r := range map[string]io.Reader{"at once": strings.NewReader(tc[0]), "byte by byte": iotest.OneByteReader(strings.NewReader(tc[0]))} {
			got, err := ReadSummary(r)
			if !strings.Contains(got.Aviso, tc[1]) {
				t.Errorf("%s, %s: the notice is %q, error %v", name, how, got.Aviso, err)
			}
			got.Aviso = ""
			if d := cmp.Diff(summaries()["cfdi40.xml"], got); d != "" || err != nil {
				t.Errorf("%s, %s: %v\n%s", name, how, err, d)
			}
			if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
				t.Errorf("%s, %s: %d bytes were left, whose checksum nobody looked at", name, how, len(rest))
			}
		}
	}
	for name, text := range map[string]string{
		"an Addenda that is XML":        addenda("<x>&amp;</x>"),
		"prefixes that nobody declared": addenda(`<if:factura if:a="1"/>`),
		"first, and XML":                atBeginning("<x/>"),
	} {
		if got, err := ReadSummary(strings.NewReader(text)); err != nil || got.Aviso != "" {
			t.Errorf("%s: %q, %v", name, got.Aviso, err)
		}
	}
}

// An addenda of any length is passed over in the same memory.
func TestReadSummary_WhenTheAddendaIsLongStaysSmall(t *testing.T) {
	var before, after runtime.MemStats
	text := showXML(t, "cfdi32.xml")
	i := strings.Index(text, "<x total")
	padding := strings.Repeat("0123456789abcdef", 1<<20)
	r := io.MultiReader(strings.NewReader(text[:i]+`<y z="`), strings.NewReader(padding), strings.NewReader(`">`), strings.NewReader(padding), strings.NewReader("</y>"+text[i:]))
	runtime.ReadMemStats(&before)
	got, err := ReadSummary(r)
	runtime.ReadMemStats(&after)
	if d := cmp.Diff(summaries()["cfdi32.xml"], got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
	if more := after.TotalAlloc - before.TotalAlloc; more > 1<<20 {
		t.Errorf("32 MiB of addenda allocated %d KiB", more>>10)
	}
}

func TestSummaries_WhenSomeAreBrokenReadsTheRest(t *testing.T) {
	t.Parallel()
	good := showXML(t, "cfdi33.xml")
	paquete := pack(t, file{uuid1 + ".xml", showXML(t, "cfdi40.xml")}, file{"rota.xml", good[:500]}, file{uuid2 + ".xml.xml", good},
		file{"carpeta/x.xml", good}, file{"carpeta/", ""}, file{"lista.txt", "x"}, file{`windows\y.xml`, good}, file{"otro.ZIP", "PK"}, file{`vacía\`, ""}, file{"OTRA.XML", showXML(t, "cfdi32.xml")})
	i := bytes.Index(paquete, []byte("OTRA.XML"))
	paquete[i+len("OTRA.XML")+40] ^= 0xff // its data
	for _, page := range []int{0, 1, 2, 3} {
		got, fallas := readAll(t, readSummaries, paquete, page)
		if d := cmp.Diff([]Summary{summaries()["cfdi40.xml"], summaries()["cfdi33.xml"]}, got); d != "" {
			t.Errorf("pages of %d:\n%s", page, d)
		}
		want := []Falla{{Entry: "rota.xml", Detail: "No es XML bien formado: el documento está incompleto: falta cerrar cfdi:Concepto."}, {Entry: "carpeta/x.xml", Detail: notInRoot, Foreign: true},
			{Entry: "lista.txt", Detail: "El nombre del archivo no termina en .xml: no se lee.", Foreign: true},
			{Entry: `windows\y.xml`, Detail: notInRoot, Foreign: true}, {Entry: "otro.ZIP", Detail: "Es otro ZIP dentro del paquete: no se lee.", Foreign: true},
			{Entry: "OTRA.XML", Detail: "El archivo está dañado dentro del ZIP.", Damaged: true}}
		if d := cmp.Diff(want, fallas); d != "" {
			t.Errorf("pages of %d:\n%s", page, d)
		}
	}
}

// ofLibrary reads the values that a summary keeps with encoding/xml.
func ofLibrary(text []byte) (values []string, err error) {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte(utf8Mark))))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return values, nil
		} else if err != nil {
			return nil, err
		}
		if e, ok := token.(xml.StartElement); ok {
			values = append(values, e.Name.Local)
			for _, a := range e.Attr {
				values = append(values, strings.Map(func(r rune) rune {
					if r == '\n' || r == '\t' || r == '\r' {
						return ' '
					}
					return r
				}, a.Value))
			}
		}
	}
}

// FuzzSummary: no bytes make it panic, and what it takes for well formed is so
// for encoding/xml too, with the same values.
func FuzzSummary(f *testing.F) {
	for name := range summaries() {
		f.Add([]byte(showXML(f, name)))
	}
	f.Add([]byte(`<?xml version="1.0"?><a b='&#x41;'><![CDATA[]]]]><c/>]]&gt;</a>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ReadSummary(bytes.NewReader(b))
		oneByOne, other := ReadSummary(iotest.OneByteReader(bytes.NewReader(b)))
		if (err == nil) != (other == nil) || err == nil && !cmp.Equal(s, oneByOne) {
			t.Fatalf("at once: %v %+v\nbyte by byte: %v %+v", err, s, other, oneByOne)
		}
		if err != nil && !errors.Is(err, errNoCFDI) && !errors.Is(err, errWithoutTimbre) {
			return
		}
		if text, _ := xmldoc.Text(b, ""); err != nil && errors.Is(err, errNoCFDI) || s.Aviso != "" || text != strings.TrimPrefix(string(b), utf8Mark) {
			return // not read to its end, or decoded
		}
		values, errLibrary := ofLibrary(b)
		if errLibrary != nil {
			if text := errLibrary.Error(); strings.Contains(text, "invalid XML name") || strings.Contains(text, "expected") {
				return // it has the names of another edition of XML
			}
			t.Fatalf("%v, encoding/xml: %v", err, errLibrary)
		}
		for _, v := range append([]string{s.UUID, s.RFCEmisor, s.NombreEmisor, s.RFCReceptor, s.NombreReceptor, s.Fecha, s.SubTotal, s.Total, s.Serie, s.Folio}, s.Complementos...) {
			if v != "" && !slices.ContainsFunc(values, func(other string) bool { return other == v || v == s.UUID && strings.ToLower(other) == v }) {
				t.Fatalf("%q is not among %q", v, values)
			}
		}
	})
}
