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

func muestraXML(tb testing.TB, nombre string) string {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", nombre))
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// resumenes are the summaries of testdata, written by hand.
func resumenes() map[string]Resumen {
	return map[string]Resumen{
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

func TestLeeResumen_WhenOfEachVersionReadsIt(t *testing.T) {
	t.Parallel()
	for nombre, want := range resumenes() {
		texto := muestraXML(t, nombre)
		for como, r := range map[string]io.Reader{
			"at once": strings.NewReader(texto), "byte by byte": iotest.OneByteReader(strings.NewReader(texto)),
			"with a mark": strings.NewReader("\uFEFF" + texto), "with its end": iotest.DataErrReader(strings.NewReader(texto)),
		} {
			got, err := LeeResumen(r)
			if d := cmp.Diff(want, got); d != "" || err != nil {
				t.Errorf("%s, %s: %v\n%s", nombre, como, err, d)
			}
		}
	}
}

func TestLeeResumen_WhenInAnotherEncodingReadsIt(t *testing.T) {
	t.Parallel()
	texto := muestraXML(t, "cfdi40.xml")
	want := resumenes()["cfdi40.xml"]
	latin, err := charmap.Windows1252.NewEncoder().String(texto)
	if err != nil {
		t.Fatal(err)
	}
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(texto)
	if err != nil {
		t.Fatal(err)
	}
	for nombre, tc := range map[string]struct {
		texto string
		err   error
	}{
		"ISO-8859-1":                {strings.Replace(latin, "utf-8", "ISO-8859-1", 1), nil},
		"windows-1252":              {strings.Replace(latin, `"utf-8"`, `'Windows-1252'`, 1), nil},
		"UTF-16 only by saying":     {strings.Replace(texto, "utf-8", "utf-16", 1), nil},
		"UTF-16":                    {utf16, nil},
		"UTF-16 without mark":       {strings.Replace(utf16[2:], "u\x00t\x00f\x00-\x008", "u\x00t\x00f\x00-\x001\x006", 1), nil},
		"unknown":                   {strings.Replace(texto, "utf-8", "EBCDIC-MX", 1), xmldoc.Encoding},
		"Latin-1 without saying so": {latin, xmldoc.Bytes},
	} {
		got, err := LeeResumen(strings.NewReader(tc.texto))
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: %v, want %v", nombre, err, tc.err)
		}
		if d := cmp.Diff(want, got); tc.err == nil && d != "" {
			t.Errorf("%s:\n%s", nombre, d)
		}
	}
}

func TestLeeResumen_WhenBrokenSaysHow(t *testing.T) {
	t.Parallel()
	texto := muestraXML(t, "retenciones20.xml")
	cambia := func(de, a string) string {
		if !strings.Contains(texto, de) {
			t.Fatalf("no %q", de)
		}
		return strings.Replace(texto, de, a, 1)
	}
	hondo := strings.Repeat("<x>", maxProfundidad)
	for nombre, tc := range map[string]struct {
		texto string
		err   error
	}{
		"nothing":                   {"", xmldoc.Incomplete},
		"blanks":                    {" \n ", xmldoc.Incomplete},
		"no XML":                    {"hola", xmldoc.Malformed},
		"cut":                       {texto[:len(texto)/2], xmldoc.Incomplete},
		"cut at its end":            {strings.TrimRight(texto, "\n")[:len(texto)-3], xmldoc.Incomplete},
		"a tag not closed":          {cambia("</r:Receptor>", ""), xmldoc.Malformed},
		"tags crossed":              {cambia("</r:Receptor>", "</r:Emisor>"), xmldoc.Malformed},
		"two roots":                 {texto + texto[strings.Index(texto, "<r:"):], xmldoc.Malformed},
		"a second declaration":      {cambia("?><r:", `?><?xml version="1.0"?><r:`), xmldoc.Malformed},
		"version 1.1":               {cambia(`"1.0" enc`, `"1.1" enc`), xmldoc.Malformed},
		"no quotes":                 {cambia(`CveRetenc="16"`, `CveRetenc=16`), xmldoc.Malformed},
		"no value":                  {cambia(`CveRetenc="16"`, `CveRetenc`), xmldoc.Malformed},
		"no space":                  {cambia(`" CveRetenc`, `"CveRetenc`), xmldoc.Malformed},
		"< in an attribute":         {cambia("EMISORA", "A<B"), xmldoc.Malformed},
		"& alone":                   {cambia("EMISORA", "A & B"), xmldoc.Malformed},
		"& alone where not wanted":  {cambia(`CveRetenc="16"`, `CveRetenc="&"`), xmldoc.Malformed},
		"an entity of a DTD":        {cambia("EMISORA", "&nbsp;"), xmldoc.Malformed},
		"a half character":          {cambia("EMISORA", "&#xD800;"), xmldoc.Malformed},
		"a null":                    {cambia("EMISORA", "&#0;"), xmldoc.Malformed},
		"no digits":                 {cambia("EMISORA", "&#x;"), xmldoc.Malformed},
		"a control character":       {cambia("EMISORA", "A\x01B"), xmldoc.Malformed},
		"a broken character":        {cambia("EMISORA", "A\xc3"), xmldoc.Bytes},
		"a DTD":                     {cambia("?><r:", `?><!DOCTYPE r [<!ENTITY a "b">]><r:`), xmldoc.DTD},
		"]]> in a text":             {cambia("<r:Periodo", "]]><r:Periodo"), xmldoc.Malformed},
		"a comment with --":         {cambia("<r:Periodo", "<!-- a -- b --><r:Periodo"), xmldoc.Malformed},
		"another thing":             {cambia("<r:Periodo", "<!ELEMENT a><r:Periodo"), xmldoc.Malformed},
		"too deep":                  {cambia("<r:Periodo", hondo+"<r:Periodo"), xmldoc.Depth},
		"a name without end":        {cambia("<r:Periodo", "<"+strings.Repeat("x", 1001)+"/><r:Periodo"), xmldoc.Bound},
		"a value without end":       {cambia("EMISORA", strings.Repeat("x", maxValor+1)), xmldoc.Bound},
		"an attribute twice":        {cambia(`RfcE="AAA010101AAA"`, `RfcE="AAA010101AAA" RfcE="BBB010101BBB"`), xmldoc.Malformed},
		"in two cases":              {cambia(`RfcE="AAA010101AAA"`, `RfcE="AAA010101AAA" rfce="BBB010101BBB"`), errRepetido},
		"another root":              {cambia(`<r:Retenciones xmlns:r="http://www.sat.gob.mx/esquemas/retencionpago/2"`, `<r:Retenciones xmlns:r="urn:otro"`), errNoCFDI},
		"a version that is not its": {cambia(`Version="2.0"`, `Version="1.0"`), errNoCFDI},
		"a page":                    {"<html><body/></html>", errNoCFDI},
		"no timbre":                 {cambia("tfd:TimbreFiscalDigital", "tfd:Otro"), errSinTimbre},
	} {
		if got, err := LeeResumen(strings.NewReader(tc.texto)); !errors.Is(err, tc.err) {
			t.Errorf("%s: %v, want %v: %+v", nombre, err, tc.err, got)
		}
	}
	roto := errors.New("the disk")
	if _, err := LeeResumen(io.MultiReader(strings.NewReader(texto[:700]), iotest.ErrReader(roto))); !errors.Is(err, roto) {
		t.Errorf("a reader that fails: %v", err)
	}
}

// What stands around a document, and an Addenda that is no XML, cost a notice and
// nothing of the summary.
func TestLeeResumen_WhenOnlyWhatNoOneReadsIsBrokenKeepsTheSummary(t *testing.T) {
	t.Parallel()
	texto := strings.TrimRight(muestraXML(t, "cfdi40.xml"), "\n")
	addenda := func(dentro string) string {
		fin := strings.LastIndex(texto, "</")
		return texto[:fin] + "<Addenda>" + dentro + "</Addenda>" + texto[fin:]
	}
	alPrincipio := func(dentro string) string {
		const antes = "<Emisor"
		return strings.Replace(texto, antes, "<Addenda>"+dentro+"</Addenda>"+antes, 1)
	}
	const alrededor, enAddenda = "Trae algo", "Addenda"
	casos := map[string][2]string{
		"a line before":           {"\n" + texto, alrededor + " antes"},
		"a mark and a line":       {"\uFEFF\r\n" + texto, alrededor + " antes"},
		"text before":             {"Content-Type: text/xml\r\n\r\n" + texto, alrededor + " antes"},
		"text behind":             {texto + "\nfin", alrededor + " después"},
		"NULs behind":             {texto + "\x00\x00\x00", alrededor + " después"},
		"a long tail behind":      {texto + strings.Repeat("\x00", 100_000), alrededor + " después"},
		"a broken byte behind":    {texto + "\xc3", alrededor + " después"},
		"CDATA behind":            {texto + "<![CDATA[x]]>", alrededor + " después"},
		"half a comment behind":   {texto + "<!-- x", alrededor + " después"},
		"without its end":         {strings.TrimSuffix(addenda(""), "</Comprobante>"), enAddenda},
		"cut in the addenda":      {addenda("<x>")[:len(texto)+5], enAddenda},
		"CDATA open":              {addenda("<![CDATA["), enAddenda},
		"a comment open":          {addenda("<!--"), enAddenda},
		"a second declaration in": {addenda(`<?xml version="1.0"?><x/>`), enAddenda},
	}
	for nombre, dentro := range map[string]string{
		"a bare &": "<x>A & B</x>", "an entity": "<x>&nbsp;</x>", "Latin-1": "<x>ni\xf1o</x>", "Latin-1 in a value": "<x y='\xf1'/>", "a control": "<x>\x0b</x>",
		"crossed": "<x><y></x></y>", "not closed": "<x><y>", "closed too often": "</x>", "deep": strings.Repeat("<x>", 70) + strings.Repeat("</x>", 70),
		"values touch": `<x a="1"b="2"/>`, "a bare <": "<x>1 < 2</x>", "an attribute twice": `<x a="1" a="2"/>`, "a DTD": "<!DOCTYPE x>", "a wrong name": "<1x/>",
		"a quote open": `<x a="1></x>`, "a broken bang": "<x><!</x>", "a bang alone": "<!", "Latin-1 alone": "ni\xf1o", "a bare < alone": "a<",
		"a long value": "<x y='" + strings.Repeat("z", 100_000) + "' y='2'/>", "a wide break": strings.Repeat("<x/>", 20_000) + "<x>&</x>" + strings.Repeat("<x/>", 20_000),
	} {
		casos[nombre] = [2]string{addenda(dentro), enAddenda}
		casos[nombre+", first"] = [2]string{alPrincipio(dentro), enAddenda}
	}
	for nombre, caso := range casos {
		for como, r := range map[string]io.Reader{"at once": strings.NewReader(caso[0]), "byte by byte": iotest.OneByteReader(strings.NewReader(caso[0]))} {
			got, err := LeeResumen(r)
			if !strings.Contains(got.Aviso, caso[1]) {
				t.Errorf("%s, %s: the notice is %q, error %v", nombre, como, got.Aviso, err)
			}
			got.Aviso = ""
			if d := cmp.Diff(resumenes()["cfdi40.xml"], got); d != "" || err != nil {
				t.Errorf("%s, %s: %v\n%s", nombre, como, err, d)
			}
			if resto, err := io.ReadAll(r); err != nil || len(resto) > 0 {
				t.Errorf("%s, %s: %d bytes were left, whose checksum nobody looked at", nombre, como, len(resto))
			}
		}
	}
	for nombre, texto := range map[string]string{
		"an Addenda that is XML":        addenda("<x>&amp;</x>"),
		"prefixes that nobody declared": addenda(`<if:factura if:a="1"/>`),
		"first, and XML":                alPrincipio("<x/>"),
	} {
		if got, err := LeeResumen(strings.NewReader(texto)); err != nil || got.Aviso != "" {
			t.Errorf("%s: %q, %v", nombre, got.Aviso, err)
		}
	}
}

// An addenda of any length is passed over in the same memory.
func TestLeeResumen_WhenTheAddendaIsLongStaysSmall(t *testing.T) {
	var antes, despues runtime.MemStats
	texto := muestraXML(t, "cfdi32.xml")
	i := strings.Index(texto, "<x total")
	relleno := strings.Repeat("0123456789abcdef", 1<<20)
	r := io.MultiReader(strings.NewReader(texto[:i]+`<y z="`), strings.NewReader(relleno), strings.NewReader(`">`), strings.NewReader(relleno), strings.NewReader("</y>"+texto[i:]))
	runtime.ReadMemStats(&antes)
	got, err := LeeResumen(r)
	runtime.ReadMemStats(&despues)
	if d := cmp.Diff(resumenes()["cfdi32.xml"], got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
	if mas := despues.TotalAlloc - antes.TotalAlloc; mas > 1<<20 {
		t.Errorf("32 MiB of addenda allocated %d KiB", mas>>10)
	}
}

func TestResumenes_WhenSomeAreBrokenReadsTheRest(t *testing.T) {
	t.Parallel()
	buena := muestraXML(t, "cfdi33.xml")
	paquete := empaca(t, archivo{uuid1 + ".xml", muestraXML(t, "cfdi40.xml")}, archivo{"rota.xml", buena[:500]}, archivo{uuid2 + ".xml.xml", buena},
		archivo{"carpeta/x.xml", buena}, archivo{"carpeta/", ""}, archivo{"lista.txt", "x"}, archivo{`windows\y.xml`, buena}, archivo{"otro.ZIP", "PK"}, archivo{`vacía\`, ""}, archivo{"OTRA.XML", muestraXML(t, "cfdi32.xml")})
	i := bytes.Index(paquete, []byte("OTRA.XML"))
	paquete[i+len("OTRA.XML")+40] ^= 0xff // its data
	for _, pagina := range []int{0, 1, 2, 3} {
		got, fallas := leeTodo(t, leeResumenes, paquete, pagina)
		if d := cmp.Diff([]Resumen{resumenes()["cfdi40.xml"], resumenes()["cfdi33.xml"]}, got); d != "" {
			t.Errorf("pages of %d:\n%s", pagina, d)
		}
		want := []Falla{{Entrada: "rota.xml", Detalle: "No es XML bien formado: el documento está incompleto: falta cerrar cfdi:Concepto."}, {Entrada: "carpeta/x.xml", Detalle: noEnRaiz, Ajena: true},
			{Entrada: "lista.txt", Detalle: "El nombre del archivo no termina en .xml: no se lee.", Ajena: true},
			{Entrada: `windows\y.xml`, Detalle: noEnRaiz, Ajena: true}, {Entrada: "otro.ZIP", Detalle: "Es otro ZIP dentro del paquete: no se lee.", Ajena: true},
			{Entrada: "OTRA.XML", Detalle: "El archivo está dañado dentro del ZIP.", Danada: true}}
		if d := cmp.Diff(want, fallas); d != "" {
			t.Errorf("pages of %d:\n%s", pagina, d)
		}
	}
}

// deBiblioteca reads the values that a summary keeps with encoding/xml.
func deBiblioteca(texto []byte) (valores []string, err error) {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(texto, []byte(marcaUTF8))))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return valores, nil
		} else if err != nil {
			return nil, err
		}
		if e, ok := token.(xml.StartElement); ok {
			valores = append(valores, e.Name.Local)
			for _, a := range e.Attr {
				valores = append(valores, strings.Map(func(r rune) rune {
					if r == '\n' || r == '\t' || r == '\r' {
						return ' '
					}
					return r
				}, a.Value))
			}
		}
	}
}

// FuzzResumen: no bytes make it panic, and what it takes for well formed is so
// for encoding/xml too, with the same values.
func FuzzResumen(f *testing.F) {
	for nombre := range resumenes() {
		f.Add([]byte(muestraXML(f, nombre)))
	}
	f.Add([]byte(`<?xml version="1.0"?><a b='&#x41;'><![CDATA[]]]]><c/>]]&gt;</a>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := LeeResumen(bytes.NewReader(b))
		de1en1, otra := LeeResumen(iotest.OneByteReader(bytes.NewReader(b)))
		if (err == nil) != (otra == nil) || err == nil && !cmp.Equal(s, de1en1) {
			t.Fatalf("at once: %v %+v\nbyte by byte: %v %+v", err, s, otra, de1en1)
		}
		if err != nil && !errors.Is(err, errNoCFDI) && !errors.Is(err, errSinTimbre) {
			return
		}
		if texto, _ := xmldoc.Text(b, ""); err != nil && errors.Is(err, errNoCFDI) || s.Aviso != "" || texto != strings.TrimPrefix(string(b), marcaUTF8) {
			return // not read to its end, or decoded
		}
		valores, errBiblioteca := deBiblioteca(b)
		if errBiblioteca != nil {
			if texto := errBiblioteca.Error(); strings.Contains(texto, "invalid XML name") || strings.Contains(texto, "expected") {
				return // it has the names of another edition of XML
			}
			t.Fatalf("%v, encoding/xml: %v", err, errBiblioteca)
		}
		for _, v := range append([]string{s.UUID, s.RFCEmisor, s.NombreEmisor, s.RFCReceptor, s.NombreReceptor, s.Fecha, s.SubTotal, s.Total, s.Serie, s.Folio}, s.Complementos...) {
			if v != "" && !slices.ContainsFunc(valores, func(otro string) bool { return otro == v || v == s.UUID && strings.ToLower(otro) == v }) {
				t.Fatalf("%q is not among %q", v, valores)
			}
		}
	})
}
