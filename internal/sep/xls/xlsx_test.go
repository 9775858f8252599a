package xls_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/sep/xls"
)

// openpyxl.xlsx was made by openpyxl 3.1: a cover, the result, a sheet that is
// a chart, a hidden one and one without anything. The formula has no value, as
// openpyxl calculates none.
func TestSheets_OfAnXLSXThatOpenpyxlWrote(t *testing.T) {
	b := fixture(t, "openpyxl.xlsx")
	want := map[string][][]string{
		"Portada": {{"RESULTADO DE LA CARGA"}},
		"Resultado": {
			{"ARCHIVO", "ESTATUS", "DESCRIPCION", "FOLIO CONTROL"},
			{"a.xml", "1", "Título electrónico registrado exitosamente", "0001"},
			{"b.xml", "2", "Validación RENAPO", "0002"},
			{"", "", "", ""},
			{"ñ & <c>.xml", "2.5", "dos\nrenglones", "日本 𝄞"},
			{"", "", "", ""},
			{"d.xml", "", "", ""},
		},
		"Oculta": {{"", "", ""}, {"", "", ""}, {"", "", "-0.25"}},
	}
	for name, b := range map[string][]byte{"alone": b, "in a ZIP": zipped(t, map[string][]byte{"ResultadoCargaTitulos7.xlsx": b})} {
		books, err := xls.Books(bytes.NewReader(b), int64(len(b)))
		if err != nil || len(books) != 1 || books[0].Kind != xls.XLSX {
			t.Fatalf("%s: %v, %v", name, books, err)
		}
		sheets, err := books[0].Sheets()
		got := map[string][][]string{}
		for _, s := range sheets {
			got[s.Name] = slices.Collect(s.Rows)
		}
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", name, err, d)
		}
	}
}

const (
	relsNS = "http://schemas.openxmlformats.org/package/2006/relationships"
	docNS  = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	mainNS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
)

// xlsx is the smallest book with these rows and shared strings.
func xlsx(t testing.TB, rows, shared string) []byte {
	t.Helper()
	return zipped(t, xlsxParts(rows, shared))
}

func xlsxParts(rows, shared string) map[string][]byte {
	return map[string][]byte{
		"[Content_Types].xml": []byte(`<Types/>`),
		"_rels/.rels":         fmt.Appendf(nil, `<Relationships xmlns="%s"><Relationship Id="a" Type="%s/officeDocument" Target="/libro/w.xml"/></Relationships>`, relsNS, docNS),
		"libro/w.xml":         fmt.Appendf(nil, `<x:workbook xmlns:x="%s" xmlns:r="%s"><x:sheets><x:sheet name="H" sheetId="1" r:id="h"/></x:sheets></x:workbook>`, mainNS, docNS),
		"libro/_rels/w.xml.rels": fmt.Appendf(nil, `<Relationships xmlns="%[1]s"><Relationship Id="h" Type="%[2]s/worksheet" Target="hojas/1.xml"/>`+
			`<Relationship Id="s" Type="%[2]s/sharedStrings" Target="../textos.xml"/></Relationships>`, relsNS, docNS),
		"libro/hojas/1.xml": fmt.Appendf(nil, `<x:worksheet xmlns:x="%s" xmlns="%[1]s"><sheetData>%s</sheetData></x:worksheet>`, mainNS, rows),
		"textos.xml":        fmt.Appendf(nil, `<sst xmlns="%s">%s</sst>`, mainNS, shared),
	}
}

func TestSheets_OfAnXLSXByCell(t *testing.T) {
	for name, tc := range map[string]struct {
		rows, shared string
		want         [][]string
	}{
		"places left out":           {`<row><c t="s"><v>0</v></c><c><v>1</v></c></row><row><c><v>2</v></c></row>`, `<si><t>a</t></si>`, [][]string{{"a", "1"}, {"2", ""}}},
		"places in any order":       {`<row r="2"><c r="B2"><v>1</v></c><c r="A2"><v>2</v></c></row><row r="1"><c r="A1"><v>3</v></c></row>`, "", [][]string{{"3", ""}, {"2", "1"}}},
		"inline text, in runs":      {`<row><c t="inlineStr"><is><r><t>a</t></r><r><t xml:space="preserve"> b</t></r></is></c></row>`, "", [][]string{{"a b"}}},
		"how it is pronounced":      {`<row><c t="s"><v>0</v></c></row>`, `<si><t>課</t><rPh sb="0" eb="1"><t>カ</t></rPh></si>`, [][]string{{"課"}}},
		"a formula's value":         {`<row><c t="str"><f>A1&amp;"x"</f><v>ok</v></c><c><f>1+1</f><v>2</v></c></row>`, "", [][]string{{"ok", "2"}}},
		"a line end by its number":  {`<row><c t="str"><v>a_x000A_b_x5F_</v></c></row>`, "", [][]string{{"a\nb_x5F_"}}},
		"numbers":                   {`<row><c><v>2.0</v></c><c t="n"><v>1E3</v></c><c><v>-0</v></c><c><v>0.1</v></c></row>`, "", [][]string{{"2", "1000", "0", "0.1"}}},
		"blank ones":                {`<row><c/><c><v></v></c><c t="s"><v>0</v></c></row>`, `<si/>`, nil},
		"a date":                    {`<row><c t="d"><v>2026-11-30</v></c></row>`, "", [][]string{{"2026-11-30"}}},
		"CDATA, comments":           {`<row><c t="str"><v><![CDATA[<a>]]><!-- x -->b</v></c></row>`, "", [][]string{{"<a>b"}}},
		"truth and errors":          {`<row><c t="b"><v>1</v></c><c t="b"><v>0</v></c><c t="e"><v>#N/A</v></c><c t="b"/><c t="b"><v>false</v></c></row>`, "", [][]string{{"TRUE", "FALSE", "#N/A", "", "FALSE"}}},
		"empty strings are counted": {`<row><c t="s"><v>1</v></c></row>`, `<si/><si><t>b</t></si>`, [][]string{{"b"}}},
	} {
		got, err := rowsOf(xlsx(t, tc.rows, tc.shared))
		if d := cmp.Diff(tc.want, got); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", name, err, d)
		}
	}
}

func TestSheets_RefusesAnXLSX(t *testing.T) {
	without := func(part string) []byte {
		parts := xlsxParts(`<row><c><v>1</v></c></row>`, "")
		delete(parts, part)
		return zipped(t, parts)
	}
	many := xlsxParts("", "")
	for i := range 1000 {
		many[fmt.Sprint(i)] = nil
	}
	for name, tc := range map[string]struct {
		b    []byte
		want error
	}{
		"no relations":             {without("_rels/.rels"), xls.ErrFormat},
		"no workbook":              {without("libro/w.xml"), xls.ErrFormat},
		"no worksheet":             {without("libro/hojas/1.xml"), xls.ErrFormat},
		"no shared strings":        {without("textos.xml"), xls.ErrFormat},
		"a string that is not":     {xlsx(t, `<row><c t="s"><v>1</v></c></row>`, `<si><t>a</t></si>`), xls.ErrFormat},
		"no number":                {xlsx(t, `<row><c><v>dos</v></c></row>`, ""), xls.ErrFormat},
		"a truth that is none":     {xlsx(t, `<row><c t="b"><v>x</v></c></row>`, ""), xls.ErrFormat},
		"a type that is none":      {xlsx(t, `<row><c t="x"><v>1</v></c></row>`, ""), xls.ErrFormat},
		"a place of nothing":       {xlsx(t, `<row><c r="ñ1"><v>1</v></c></row>`, ""), xls.ErrFormat},
		"row 0":                    {xlsx(t, `<row r="0"><c><v>1</v></c></row>`, ""), xls.ErrFormat},
		"a cell outside a row":     {xlsx(t, `<c><v>1</v></c>`, ""), xls.ErrFormat},
		"not well formed":          {xlsx(t, `<row><c><v>1</c></row>`, ""), xls.ErrFormat},
		"a DTD":                    {bytesOf(t, "textos.xml", `<!DOCTYPE a [<!ENTITY b "c">]><sst/>`), xls.ErrFormat},
		"a far row":                {xlsx(t, `<row r="1048576"><c><v>1</v></c></row>`, ""), xls.ErrLimit},
		"a far column":             {xlsx(t, `<row><c r="XFD1"><v>1</v></c></row>`, ""), xls.ErrLimit},
		"many parts":               {zipped(t, many), xls.ErrLimit},
		"a bomb":                   {bytesOf(t, "textos.xml", strings.Repeat(" ", xls.MaxBytes)), xls.ErrLimit},
		"many worksheets":          {bytesOf(t, "libro/w.xml", `<workbook xmlns:r="x">`+strings.Repeat(`<sheet r:id="h"/>`, xls.MaxSheets+1)+`</workbook>`), xls.ErrLimit},
		"no worksheet in the list": {bytesOf(t, "libro/w.xml", `<workbook/>`), xls.ErrFormat},
	} {
		rows, err := rowsOf(tc.b)
		if len(rows) > 0 || !errors.Is(err, tc.want) {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
		}
	}
}

// bytesOf is a book with one part changed.
func bytesOf(t *testing.T, part, content string) []byte {
	t.Helper()
	parts := xlsxParts(`<row><c><v>1</v></c></row>`, "")
	parts[part] = []byte(content)
	return zipped(t, parts)
}
