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

// otras are rows with a trap each, as they are to be read; the first part of a UUID
// numbers them.
func otras() []Metadato {
	nombres := []string{"LLANA SA DE CV", "LA \nCASA", "EL\rTALLER", "DOS\r\nRENGLONES", "\nAL PRINCIPIO", "AL FINAL\n", "CON\n\nUNO EN BLANCO", "PEÑA~HIJOS\nY~OTROS", "\"CITA\"\n'S", ""}
	filas := make([]Metadato, 0, len(nombres))
	for i, nombre := range nombres {
		filas = append(filas, fila(func(m *Metadato) {
			m.UUID = fmt.Sprintf("%08d-4e5f-4071-8293-a4b5c6d7e8f9", i)
			m.RFCEmisor, m.NombreEmisor, m.NombreReceptor = "Ñ&A010101AAA", nombre, nombres[len(nombres)-1-i]
			if i%2 == 1 {
				m.Estatus, m.FechaCancelacion = "0", "2024-06-01 00:00:00"
			}
		}))
	}
	return filas
}

// escrita is a row as the SAT writes it, without its end.
func escrita(m Metadato) string {
	return strings.Join([]string{strings.ToUpper(m.UUID), m.RFCEmisor, m.NombreEmisor, m.RFCReceptor, m.NombreReceptor, m.RFCPac, m.FechaEmision,
		m.FechaCertificacionSAT, m.Monto, m.EfectoComprobante, m.Estatus, m.FechaCancelacion}, "~")
}

func TestMetadatos_WhenLinesEndInAnyWayReadsTheSameRows(t *testing.T) {
	t.Parallel()
	want := otras()
	for nombre, tc := range map[string]struct{ antes, encabezado, entre, ultima string }{
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
		"a great many blank lines":   {strings.Repeat("\n", bloque+7), strings.Repeat("\n", bloque), strings.Repeat("\n", 3*maxBlancos), strings.Repeat("\n", bloque)},
		"a mark":                     {marcaUTF8, "\n", "\n", "\n"},
		"marks and blank lines":      {marcaUTF8 + "\r\n" + marcaUTF8 + " \r\n", "\r\n" + marcaUTF8, "\r\n" + marcaUTF8, "\r\n"},
		"the end of DOS":             {"", "\r\n", "\r\n", "\r\n\x1A"},
	} {
		var b strings.Builder
		b.WriteString(tc.antes + titulos + tc.encabezado)
		for i, m := range want {
			b.WriteString(escrita(m))
			if i < len(want)-1 {
				b.WriteString(tc.entre)
			}
		}
		b.WriteString(tc.ultima)
		for _, pagina := range []int{0, 1, 3} {
			got, fallas := leeTodo(t, leeMetadatos, empaca(t, archivo{"ID_01.txt", b.String()}), pagina)
			if d := cmp.Diff(want, got); d != "" || len(fallas) > 0 {
				t.Errorf("%s, pages of %d: %v\n%s", nombre, pagina, fallas, d)
			}
		}
	}
}

func TestMetadatos_WhenInAnotherEncodingReadsTheSameRows(t *testing.T) {
	t.Parallel()
	want := otras()
	texto := titulos + "\r\n"
	for _, m := range want {
		texto += escrita(m) + "\r\n"
	}
	for nombre, tc := range map[string]struct {
		como  encoding.Encoding
		aviso string
	}{
		"UTF-16, little, with mark":    {unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), ""},
		"UTF-16, big, with mark":       {unicode.UTF16(unicode.BigEndian, unicode.UseBOM), ""},
		"UTF-16, little, without mark": {unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), ""},
		"UTF-16, big, without mark":    {unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), ""},
		"windows-1252":                 {charmap.Windows1252, avisoWindows},
		"ISO-8859-1":                   {charmap.ISO8859_1, avisoWindows},
	} {
		codificado, err := tc.como.NewEncoder().String(texto)
		if err != nil {
			t.Fatal(err)
		}
		conAviso := slices.Clone(want)
		for i := range conAviso {
			conAviso[i].Aviso = tc.aviso
		}
		for _, pagina := range []int{0, 2} {
			got, fallas := leeTodo(t, leeMetadatos, empaca(t, archivo{"ID_01.txt", codificado}), pagina)
			if d := cmp.Diff(conAviso, got); d != "" || len(fallas) > 0 {
				t.Errorf("%s, pages of %d: %v\n%s", nombre, pagina, fallas, d)
			}
		}
	}
}

func TestMetadatos_WhenARowIsNotUTF8NeverGuessesAwayWhatIs(t *testing.T) {
	t.Parallel()
	for nombre, tc := range map[string]struct{ emisor, receptor, wantEmisor, wantReceptor, aviso string }{
		"one field in windows-1252, one in UTF-8": {"PE\xd1A", "PEÑA", "PEÑA", "PEÑA", avisoWindows},
		"UTF-8 with a broken byte":                {"PEÑA \xff", "B", "PEÑA �", "B", avisoBytes},
		"UTF-8 cut in a letter":                   {"ESPA\xc3", "B", "ESPA�", "B", avisoBytes},
		"the sign of the euro":                    {"\x80 Y \x93CITA\x94", "B", "€ Y “CITA”", "B", avisoWindows},
		"a byte that windows-1252 lacks":          {"A\x81\xd1", "B", "A�Ñ", "B", avisoWindows + " " + avisoBytes},
		"both kinds":                              {"\xd1", "PEÑA\xff", "Ñ", "PEÑA�", avisoWindows + " " + avisoBytes},
	} {
		texto := titulos + "\r\n" + uuid1 + "~AAA010101AAA~" + tc.emisor + "~XAXX010101000~" + tc.receptor + cola + "\r\n"
		want := []Metadato{fila(func(m *Metadato) {
			m.NombreEmisor, m.NombreReceptor, m.Aviso = tc.wantEmisor, tc.wantReceptor, tc.aviso
		})}
		got, fallas := leeTodo(t, leeMetadatos, empaca(t, archivo{"ID_01.txt", texto}), 0)
		if d := cmp.Diff(want, got); d != "" || len(fallas) > 0 {
			t.Errorf("%s: %v\n%s", nombre, fallas, d)
		}
	}
}

func TestMetadatos_WhenColumnsAreInAnyOrderReadsThemByName(t *testing.T) {
	t.Parallel()
	minusculas := strings.ToLower(uuid1)
	const otro = "11111111-2222-4333-8444-555555555556"
	for nombre, tc := range map[string]struct {
		texto string
		want  []Metadato
	}{
		"the UUID second": {"RfcEmisor~Uuid~NombreEmisor~Estatus\nAAA010101AAA~" + uuid1 + "~A\nB~1\nAAA010101AAB~" + otro + "~C~0\n", []Metadato{
			{UUID: minusculas, RFCEmisor: "AAA010101AAA", NombreEmisor: "A\nB", Estatus: "1"}, {UUID: otro, RFCEmisor: "AAA010101AAB", NombreEmisor: "C", Estatus: "0"}}},
		"the UUID last": {"RfcEmisor~NombreEmisor~UUID\r\nAAA010101AAA~A~" + uuid1 + "\r\nAAA010101AAB~C~" + otro, []Metadato{
			{UUID: minusculas, RFCEmisor: "AAA010101AAA", NombreEmisor: "A"}, {UUID: otro, RFCEmisor: "AAA010101AAB", NombreEmisor: "C"}}},
		"the UUID behind a name with ~": {"NombreEmisor~Uuid~RfcEmisor\r\nA~B~" + uuid1 + "~AAA010101AAA\r\nC~" + otro + "~AAA010101AAB\r\n", []Metadato{
			{UUID: minusculas, RFCEmisor: "AAA010101AAA", NombreEmisor: "A~B"}, {UUID: otro, RFCEmisor: "AAA010101AAB", NombreEmisor: "C"}}},
		"the header again in the middle": {"Uuid~RfcEmisor\r\n" + uuid1 + "~AAA010101AAA\r\n" + marcaUTF8 + "Uuid~RfcEmisor\r\n" + otro + "~AAA010101AAB\r\n", []Metadato{
			{UUID: minusculas, RFCEmisor: "AAA010101AAA"}, {UUID: otro, RFCEmisor: "AAA010101AAB"}}},
		"spaces before the UUID": {"Uuid~RfcEmisor\n  " + uuid1 + "~AAA010101AAA\n\t" + otro + "~AAA010101AAB\n", []Metadato{
			{UUID: minusculas, RFCEmisor: "AAA010101AAA"}, {UUID: otro, RFCEmisor: "AAA010101AAB"}}},
	} {
		for _, pagina := range []int{0, 1} {
			got, fallas := leeTodo(t, leeMetadatos, empaca(t, archivo{"ID_01.txt", tc.texto}), pagina)
			if d := cmp.Diff(tc.want, got); d != "" || len(fallas) > 0 {
				t.Errorf("%s, pages of %d: %v\n%s", nombre, pagina, fallas, d)
			}
		}
	}
}

// A name that holds what looks like a row is told, and gives nobody else's UUID a row
// where lines end by CRLF.
func TestMetadatos_WhenANameHoldsARowKeepsItAName(t *testing.T) {
	t.Parallel()
	trampa := "ACME\n" + uuid2 + "~XAXX010101000"
	texto := titulos + "\r\n" + uuid1 + "~AAA010101AAA~" + trampa + "~XAXX010101000~PÚBLICO EN GENERAL" + cola + "\r\n"
	got, fallas := leeTodo(t, leeMetadatos, empaca(t, archivo{"ID_01.txt", texto}), 0)
	if len(got) != 1 || len(fallas) > 0 || got[0].UUID != strings.ToLower(uuid1) || got[0].Aviso == "" {
		t.Errorf("%+v, %v", got, fallas)
	}
}

func TestMetadatos_WhenTextsOfThirdPartiesHaveOtherFormsJoinsThem(t *testing.T) {
	t.Parallel()
	metadatos := archivo{"ID_01.txt", titulos + "\r\n" + inicio + cola + "\r\n" + strings.Replace(inicio, uuid1, uuid2, 1) + cola + "\r\n"}
	cabeza, una, otra := "Uuid~RfcACuentaTerceros~NombreACuentaTerceros", uuid1+"~TER010101AB1~", uuid2+"~OTR010101AB1~OTRO"
	const dudoso = "De su tercero: Un nombre lleva saltos de línea y la fila admite más de una lectura."
	for nombre, tc := range map[string]struct{ texto, tercero, aviso string }{
		"LF":                           {"\n" + cabeza + "\n" + una + "PEÑA\n" + otra + "\n", "PEÑA", ""},
		"CR":                           {cabeza + "\r" + una + "PEÑA\r" + otra + "\r", "PEÑA", ""},
		"LF in the name":               {cabeza + "\r\n" + una + "PEÑA\nE HIJOS\r\n" + otra + "\r\n", "PEÑA\nE HIJOS", ""},
		"CRLF in the name":             {cabeza + "\r\n" + una + "PEÑA\r\nE HIJOS\r\n" + otra + "\r\n", "PEÑA\r\nE HIJOS", dudoso},
		"LF in the name, rows of LF":   {cabeza + "\n" + una + "PEÑA\nE HIJOS\n" + otra + "\n", "PEÑA\nE HIJOS", dudoso},
		"the UUID last":                {"RfcACuentaTerceros~NombreACuentaTerceros~Uuid\nTER010101AB1~PEÑA~" + uuid1 + "\nOTR010101AB1~OTRO~" + uuid2, "PEÑA", ""},
		"in windows-1252":              {cabeza + "\n" + una + "PE\xd1A\n" + otra + "\n", "PEÑA", "De su tercero: " + avisoWindows},
		"header of CRLF, rows of LF":   {cabeza + "\r\n" + una + "PEÑA\n" + otra + "\n", "PEÑA", dudoso},
		"blank lines, between as well": {"\r\n \r\n" + cabeza + "\r\n\r\n" + una + "PEÑA\r\n\r\n" + otra + "\r\n", "PEÑA", ""},
	} {
		want := []Metadato{
			fila(func(m *Metadato) {
				m.RFCACuentaTerceros, m.NombreACuentaTerceros, m.Aviso = "TER010101AB1", tc.tercero, tc.aviso
			}),
			fila(func(m *Metadato) {
				m.UUID, m.RFCACuentaTerceros, m.NombreACuentaTerceros = uuid2, "OTR010101AB1", "OTRO"
			}),
		}
		got, fallas := leeTodo(t, leeMetadatos, empaca(t, metadatos, archivo{"ID_tercero.txt", tc.texto}), 0)
		if d := cmp.Diff(want, got); d != "" || len(fallas) > 0 {
			t.Errorf("%s: %v\n%s", nombre, fallas, d)
		}
	}
}

func TestMetadatos_WhenTheChecksumIsAnotherYieldsTheRowsAndSaysSo(t *testing.T) {
	t.Parallel()
	texto := titulos + "\r\n" + inicio + cola + "\r\n" + strings.Replace(inicio, uuid1, uuid2, 1) + cola
	paquete := empaca(t, archivo{"ID_01.txt", texto})
	directorio := int(binary.LittleEndian.Uint32(paquete[len(paquete)-6:]))
	paquete[directorio+16] ^= 1
	got, fallas := leeTodo(t, leeMetadatos, paquete, 0)
	if len(got) != 2 || got[1].UUID != uuid2 || got[1].Aviso != "" {
		t.Errorf("%+v", got)
	}
	if d := cmp.Diff([]Falla{{Entrada: "ID_01.txt", Detalle: "El archivo está dañado dentro del ZIP: su contenido no da el CRC-32 que el ZIP dice.", Danada: true}}, fallas); d != "" {
		t.Error(d)
	}
}

func TestLecturas_WhenTheMethodIsNotReadNameIt(t *testing.T) {
	t.Parallel()
	for nombre, tc := range map[string]struct {
		cambia func(cabeza []byte)
		want   string
	}{
		"Deflate64": {func(c []byte) { c[10] = 9 }, "El archivo está comprimido con un método que no se lee (Deflate64)."},
		"Zstandard": {func(c []byte) { c[10] = 93 }, "El archivo está comprimido con un método que no se lee (Zstandard)."},
		"encrypted": {func(c []byte) { c[8] |= 1 }, "El archivo está cifrado dentro del ZIP (Deflate): no se lee."},
		"AES":       {func(c []byte) { c[8], c[10] = c[8]|1, 99 }, "El archivo está cifrado dentro del ZIP (AES): no se lee."},
	} {
		for _, entrada := range []string{"ID_01.txt", uuid1 + ".xml"} {
			paquete := empaca(t, archivo{entrada, "x"})
			tc.cambia(paquete[binary.LittleEndian.Uint32(paquete[len(paquete)-6:]):])
			want := []Falla{{Entrada: entrada, Detalle: tc.want, Danada: true}}
			_, fallas := leeTodo(t, leeMetadatos, paquete, 0)
			if strings.HasSuffix(entrada, ".xml") {
				_, fallas = leeTodo(t, leeResumenes, paquete, 0)
				if _, _, err := Busca(bytes.NewReader(paquete), int64(len(paquete)), uuid1); err == nil || err.Error() != entrada+": "+tc.want {
					t.Errorf("%s: %v", nombre, err)
				}
			}
			if d := cmp.Diff(want, fallas); d != "" {
				t.Errorf("%s: %s", nombre, d)
			}
		}
	}
}

// FuzzFormas: however lines end, the rows that were written are read, and no text of
// that form loses one without a word.
func FuzzFormas(f *testing.F) {
	f.Add("PEÑA\nE HIJOS", "~", uint8(1))
	f.Add("\r\nx", "B\r", uint8(0))
	f.Add(uuid2+"~", "\n\n ", uint8(2))
	f.Fuzz(func(t *testing.T, emisor, receptor string, como uint8) {
		if len(emisor)+len(receptor) > maxFila/2 {
			return
		}
		fin := []string{"\r\n", "\n", "\r"}[como%3]
		m := fila(func(m *Metadato) { m.NombreEmisor, m.NombreReceptor = emisor, receptor })
		texto := titulos + fin
		for i := range 3 {
			m.UUID = fmt.Sprintf("%08d-4e5f-4071-8293-a4b5c6d7e8f9", i)
			texto += escrita(m) + fin
		}
		got, fallas := leeTodo(t, leeMetadatos, empacaComo(t, zip.Store, archivo{"a.txt", texto}), 0)
		vistos := map[string]bool{}
		for _, m := range got {
			vistos[m.UUID] = true
		}
		if len(vistos) < 3 && len(fallas) == 0 && !slices.ContainsFunc(got, func(m Metadato) bool { return m.Aviso != "" }) {
			t.Fatalf("%q by %q: %+v", texto, fin, got)
		}
	})
}
