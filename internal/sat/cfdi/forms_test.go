package cfdi

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// other are rows with a trap each, as they are to be read; the first part of a UUID
// numbers them.
func other() []Metadato {
	names := []string{"LLANA SA DE CV", "LA \nCASA", "EL\rTALLER", "DOS\r\nRENGLONES", "\nAL PRINCIPIO", "AL FINAL\n", "CON\n\nUNO EN BLANCO", "PEÑA~HIJOS\nY~OTROS", "\"CITA\"\n'S", ""}
	rows := make([]Metadato, 0, len(names))
	for i, name := range names {
		rows = append(rows, row(func(m *Metadato) {
			m.UUID = fmt.Sprintf("%08d-4e5f-4071-8293-a4b5c6d7e8f9", i)
			m.RFCEmisor, m.NombreEmisor, m.NombreReceptor = "Ñ&A010101AAA", name, names[len(names)-1-i]
			if i%2 == 1 {
				m.Estatus, m.FechaCancelacion = "0", "2024-06-01 00:00:00"
			}
		}))
	}
	return rows
}

// written is a row as the SAT writes it, without its end.
func written(m Metadato) string {
	return strings.Join([]string{strings.ToUpper(m.UUID), m.RFCEmisor, m.NombreEmisor, m.RFCReceptor, m.NombreReceptor, m.RFCPac, m.FechaEmision,
		m.FechaCertificacionSAT, m.Monto, m.EfectoComprobante, m.Estatus, m.FechaCancelacion}, "~")
}

func TestMetadatos_WhenLinesEndInAnyWayReadsTheSameRows(t *testing.T) {
	t.Parallel()
	want := other()
	for name, tc := range map[string]struct{ before, header, between, last string }{
		"CRLF":                       {"", "\r\n", "\r\n", "\r\n"},
		"LF":                         {"", "\n", "\n", "\n"},
		"CR":                         {"", "\r", "\r", "\r"},
		"CR CR LF":                   {"", "\r\r\n", "\r\r\n", "\r\r\n"},
		"header of CRLF, rows of LF": {"", "\r\n", "\n", "\n"},
		"header of LF, rows of CRLF": {"", "\n", "\r\n", "\r\n"},
		"header of CR, rows of LF":   {"", "\r", "\n", "\n"},
		"without the last end":       {"", "\n", "\n", ""},
		"blank lines everywhere":     {"\r\n\r\n", "\r\n\r\n", "\r\n\r\n\r\n", "\r\n\r\n"},
		"blank lines of LF":          {"\n\n", "\n\n", "\n\n\n", "\n\n"},
		"blank lines of CR":          {"\r\r", "\r\r", "\r\r\r", "\r\r"},
		"lines of spaces":            {" \t\r\n", "\r\n \r\n", "\r\n\t \r\n", "\r\n  "},
		"a great many blank lines":   {strings.Repeat("\n", block+7), strings.Repeat("\n", block), strings.Repeat("\n", 3*maxBlank), strings.Repeat("\n", block)},
		"a mark":                     {utf8Mark, "\n", "\n", "\n"},
		"marks and blank lines":      {utf8Mark + "\r\n" + utf8Mark + " \r\n", "\r\n" + utf8Mark, "\r\n" + utf8Mark, "\r\n"},
		"the end of DOS":             {"", "\r\n", "\r\n", "\r\n\x1A"},
	} {
		var b strings.Builder
		b.WriteString(tc.before + titulos + tc.header)
		for i, m := range want {
			b.WriteString(written(m))
			if i < len(want)-1 {
				b.WriteString(tc.between)
			}
		}
		b.WriteString(tc.last)
		for _, page := range []int{0, 1, 3} {
			got, fallas := readAll(t, readMetadatos, pack(t, file{"ID_01.txt", b.String()}), page)
			if d := cmp.Diff(want, got); d != "" || len(fallas) > 0 {
				t.Errorf("%s, pages of %d: %v\n%s", name, page, fallas, d)
			}
		}
	}
}

func TestMetadatos_WhenInAnotherEncodingReadsTheSameRows(t *testing.T) {
	t.Parallel()
	want := other()
	text := titulos + "\r\n"
	for _, m := range want {
		text += written(m) + "\r\n"
	}
	for name, tc := range map[string]struct {
		how   encoding.Encoding
		aviso string
	}{
		"UTF-16, little, with mark":    {unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), ""},
		"UTF-16, big, with mark":       {unicode.UTF16(unicode.BigEndian, unicode.UseBOM), ""},
		"UTF-16, little, without mark": {unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), ""},
		"UTF-16, big, without mark":    {unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), ""},
		"windows-1252":                 {charmap.Windows1252, avisoWindows},
		"ISO-8859-1":                   {charmap.ISO8859_1, avisoWindows},
	} {
		encoded, err := tc.how.NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		withAviso := slices.Clone(want)
		for i := range withAviso {
			withAviso[i].Aviso = tc.aviso
		}
		for _, page := range []int{0, 2} {
			got, fallas := readAll(t, readMetadatos, pack(t, file{"ID_01.txt", encoded}), page)
			if d := cmp.Diff(withAviso, got); d != "" || len(fallas) > 0 {
				t.Errorf("%s, pages of %d: %v\n%s", name, page, fallas, d)
			}
		}
	}
}

func TestMetadatos_WhenARowIsNotUTF8NeverGuessesAwayWhatIs(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ emisor, receptor, wantEmisor, wantReceptor, aviso string }{
		"one field in windows-1252, one in UTF-8": {"PE\xd1A", "PEÑA", "PEÑA", "PEÑA", avisoWindows},
		"UTF-8 with a broken byte":                {"PEÑA \xff", "B", "PEÑA �", "B", avisoBytes},
		"UTF-8 cut in a letter":                   {"ESPA\xc3", "B", "ESPA�", "B", avisoBytes},
		"the sign of the euro":                    {"\x80 Y \x93CITA\x94", "B", "€ Y “CITA”", "B", avisoWindows},
		"a byte that windows-1252 lacks":          {"A\x81\xd1", "B", "A�Ñ", "B", avisoWindows + " " + avisoBytes},
		"both kinds":                              {"\xd1", "PEÑA\xff", "Ñ", "PEÑA�", avisoWindows + " " + avisoBytes},
	} {
		text := titulos + "\r\n" + uuid1 + "~AAA010101AAA~" + tc.emisor + "~XAXX010101000~" + tc.receptor + queue + "\r\n"
		want := []Metadato{row(func(m *Metadato) {
			m.NombreEmisor, m.NombreReceptor, m.Aviso = tc.wantEmisor, tc.wantReceptor, tc.aviso
		})}
		got, fallas := readAll(t, readMetadatos, pack(t, file{"ID_01.txt", text}), 0)
		if d := cmp.Diff(want, got); d != "" || len(fallas) > 0 {
			t.Errorf("%s: %v\n%s", name, fallas, d)
		}
	}
}

func TestMetadatos_WhenColumnsAreInAnyOrderReadsThemByName(t *testing.T) {
	t.Parallel()
	lowers := strings.ToLower(uuid1)
	const other = "11111111-2222-4333-8444-555555555556"
	for name, tc := range map[string]struct {
		text string
		want []Metadato
	}{
		"the UUID second": {"RfcEmisor~Uuid~NombreEmisor~Estatus\nAAA010101AAA~" + uuid1 + "~A\nB~1\nAAA010101AAB~" + other + "~C~0\n", []Metadato{
			{UUID: lowers, RFCEmisor: "AAA010101AAA", NombreEmisor: "A\nB", Estatus: "1"}, {UUID: other, RFCEmisor: "AAA010101AAB", NombreEmisor: "C", Estatus: "0"}}},
		"the UUID last": {"RfcEmisor~NombreEmisor~UUID\r\nAAA010101AAA~A~" + uuid1 + "\r\nAAA010101AAB~C~" + other, []Metadato{
			{UUID: lowers, RFCEmisor: "AAA010101AAA", NombreEmisor: "A"}, {UUID: other, RFCEmisor: "AAA010101AAB", NombreEmisor: "C"}}},
		"the UUID behind a name with ~": {"NombreEmisor~Uuid~RfcEmisor\r\nA~B~" + uuid1 + "~AAA010101AAA\r\nC~" + other + "~AAA010101AAB\r\n", []Metadato{
			{UUID: lowers, RFCEmisor: "AAA010101AAA", NombreEmisor: "A~B"}, {UUID: other, RFCEmisor: "AAA010101AAB", NombreEmisor: "C"}}},
		"the header again in the middle": {"Uuid~RfcEmisor\r\n" + uuid1 + "~AAA010101AAA\r\n" + utf8Mark + "Uuid~RfcEmisor\r\n" + other + "~AAA010101AAB\r\n", []Metadato{
			{UUID: lowers, RFCEmisor: "AAA010101AAA"}, {UUID: other, RFCEmisor: "AAA010101AAB"}}},
		"spaces before the UUID": {"Uuid~RfcEmisor\n  " + uuid1 + "~AAA010101AAA\n\t" + other + "~AAA010101AAB\n", []Metadato{
			{UUID: lowers, RFCEmisor: "AAA010101AAA"}, {UUID: other, RFCEmisor: "AAA010101AAB"}}},
	} {
		for _, page := range []int{0, 1} {
			got, fallas := readAll(t, readMetadatos, pack(t, file{"ID_01.txt", tc.text}), page)
			if d := cmp.Diff(tc.want, got); d != "" || len(fallas) > 0 {
				t.Errorf("%s, pages of %d: %v\n%s", name, page, fallas, d)
			}
		}
	}
}

// A name that holds what looks like a row is told, and gives nobody else's UUID a row
// where lines end by CRLF.
func TestMetadatos_WhenANameHoldsARowKeepsItAName(t *testing.T) {
	t.Parallel()
	trap := "ACME\n" + uuid2 + "~XAXX010101000"
	text := titulos + "\r\n" + uuid1 + "~AAA010101AAA~" + trap + "~XAXX010101000~PÚBLICO EN GENERAL" + queue + "\r\n"
	got, fallas := readAll(t, readMetadatos, pack(t, file{"ID_01.txt", text}), 0)
	if len(got) != 1 || len(fallas) > 0 || got[0].UUID != strings.ToLower(uuid1) || got[0].Aviso == "" {
		t.Errorf("%+v, %v", got, fallas)
	}
}

func TestMetadatos_WhenTextsOfThirdPartiesHaveOtherFormsJoinsThem(t *testing.T) {
	t.Parallel()
	metadatos := file{"ID_01.txt", titulos + "\r\n" + start + queue + "\r\n" + strings.Replace(start, uuid1, uuid2, 1) + queue + "\r\n"}
	head, one, other := "Uuid~RfcACuentaTerceros~NombreACuentaTerceros", uuid1+"~TER010101AB1~", uuid2+"~OTR010101AB1~OTRO"
	const dubious = "De su tercero: Un nombre lleva saltos de línea y la fila admite más de una lectura."
	for name, tc := range map[string]struct{ text, tercero, aviso string }{
		"LF":                           {"\n" + head + "\n" + one + "PEÑA\n" + other + "\n", "PEÑA", ""},
		"CR":                           {head + "\r" + one + "PEÑA\r" + other + "\r", "PEÑA", ""},
		"LF in the name":               {head + "\r\n" + one + "PEÑA\nE HIJOS\r\n" + other + "\r\n", "PEÑA\nE HIJOS", ""},
		"CRLF in the name":             {head + "\r\n" + one + "PEÑA\r\nE HIJOS\r\n" + other + "\r\n", "PEÑA\r\nE HIJOS", dubious},
		"LF in the name, rows of LF":   {head + "\n" + one + "PEÑA\nE HIJOS\n" + other + "\n", "PEÑA\nE HIJOS", dubious},
		"the UUID last":                {"RfcACuentaTerceros~NombreACuentaTerceros~Uuid\nTER010101AB1~PEÑA~" + uuid1 + "\nOTR010101AB1~OTRO~" + uuid2, "PEÑA", ""},
		"in windows-1252":              {head + "\n" + one + "PE\xd1A\n" + other + "\n", "PEÑA", "De su tercero: " + avisoWindows},
		"header of CRLF, rows of LF":   {head + "\r\n" + one + "PEÑA\n" + other + "\n", "PEÑA", dubious},
		"blank lines, between as well": {"\r\n \r\n" + head + "\r\n\r\n" + one + "PEÑA\r\n\r\n" + other + "\r\n", "PEÑA", ""},
	} {
		want := []Metadato{
			row(func(m *Metadato) {
				m.RFCACuentaTerceros, m.NombreACuentaTerceros, m.Aviso = "TER010101AB1", tc.tercero, tc.aviso
			}),
			row(func(m *Metadato) {
				m.UUID, m.RFCACuentaTerceros, m.NombreACuentaTerceros = uuid2, "OTR010101AB1", "OTRO"
			}),
		}
		got, fallas := readAll(t, readMetadatos, pack(t, metadatos, file{"ID_tercero.txt", tc.text}), 0)
		if d := cmp.Diff(want, got); d != "" || len(fallas) > 0 {
			t.Errorf("%s: %v\n%s", name, fallas, d)
		}
	}
}

func TestMetadatos_WhenTheChecksumIsAnotherYieldsTheRowsAndSaysSo(t *testing.T) {
	t.Parallel()
	text := titulos + "\r\n" + start + queue + "\r\n" + strings.Replace(start, uuid1, uuid2, 1) + queue
	paquete := pack(t, file{"ID_01.txt", text})
	directory := int(binary.LittleEndian.Uint32(paquete[len(paquete)-6:]))
	paquete[directory+16] ^= 1
	got, fallas := readAll(t, readMetadatos, paquete, 0)
	if len(got) != 2 || got[1].UUID != uuid2 || got[1].Aviso != "" {
		t.Errorf("%+v", got)
	}
	if d := cmp.Diff([]Falla{{Entry: "ID_01.txt", Detail: "El archivo está dañado dentro del ZIP: su contenido no da el CRC-32 que el ZIP dice.", Damaged: true}}, fallas); d != "" {
		t.Error(d)
	}
}

func TestReadings_WhenTheMethodIsNotReadNameIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(head []byte)
		want   string
	}{
		"Deflate64": {func(c []byte) { c[10] = 9 }, "El archivo está comprimido con un método que no se lee (Deflate64)."},
		"Zstandard": {func(c []byte) { c[10] = 93 }, "El archivo está comprimido con un método que no se lee (Zstandard)."},
		"encrypted": {func(c []byte) { c[8] |= 1 }, "El archivo está cifrado dentro del ZIP (Deflate): no se lee."},
		"AES":       {func(c []byte) { c[8], c[10] = c[8]|1, 99 }, "El archivo está cifrado dentro del ZIP (AES): no se lee."},
	} {
		for _, entry := range []string{"ID_01.txt", uuid1 + ".xml"} {
			paquete := pack(t, file{entry, "x"})
			tc.change(paquete[binary.LittleEndian.Uint32(paquete[len(paquete)-6:]):])
			want := []Falla{{Entry: entry, Detail: tc.want, Damaged: true}}
			_, fallas := readAll(t, readMetadatos, paquete, 0)
			if strings.HasSuffix(entry, ".xml") {
				_, fallas = readAll(t, readSummaries, paquete, 0)
				if _, _, err := Find(bytes.NewReader(paquete), int64(len(paquete)), uuid1); err == nil || err.Error() != entry+": "+tc.want {
					t.Errorf("%s: %v", name, err)
				}
			}
			if d := cmp.Diff(want, fallas); d != "" {
				t.Errorf("%s: %s", name, d)
			}
		}
	}
}

// FuzzForms: however lines end, the rows that were written are read, and no text of
// that form loses one without a word.
func FuzzForms(f *testing.F) {
	f.Add("PEÑA\nE HIJOS", "~", uint8(1))
	f.Add("\r\nx", "B\r", uint8(0))
	f.Add(uuid2+"~", "\n\n ", uint8(2))
	f.Fuzz(func(t *testing.T, emisor, receptor string, how uint8) {
		if len(emisor)+len(receptor) > maxRow/2 {
			return
		}
		end := []string{"\r\n", "\n", "\r"}[how%3]
		m := row(func(m *Metadato) { m.NombreEmisor, m.NombreReceptor = emisor, receptor })
		text := titulos + end
		for i := range 3 {
			m.UUID = fmt.Sprintf("%08d-4e5f-4071-8293-a4b5c6d7e8f9", i)
			text += written(m) + end
		}
		got, fallas := readAll(t, readMetadatos, packAs(t, zip.Store, file{"a.txt", text}), 0)
		seen := map[string]bool{}
		for _, m := range got {
			seen[m.UUID] = true
		}
		if len(seen) < 3 && len(fallas) == 0 && !slices.ContainsFunc(got, func(m Metadato) bool { return m.Aviso != "" }) {
			t.Fatalf("%q by %q: %+v", text, end, got)
		}
	})
}
