package cfdi

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// row is a row as it should be read, with what the cases do not change.
func row(change func(*Metadato)) Metadato {
	m := Metadato{
		UUID: strings.ToLower(uuid1), RFCEmisor: "AAA010101AAA", NombreEmisor: "EMISORA SA DE CV", RFCReceptor: "XAXX010101000", NombreReceptor: "PÚBLICO EN GENERAL",
		RFCPac: "PAC010101AB1", FechaEmision: "2024-05-06 07:08:09", FechaCertificacionSAT: "2024-05-06 07:09:10", Monto: "116.00",
		EfectoComprobante: "I", Estatus: "1",
	}
	change(&m)
	return m
}

const start = uuid1 + "~AAA010101AAA~EMISORA SA DE CV~XAXX010101000~PÚBLICO EN GENERAL"

func TestMetadatos_WhenARowHasATrapReadsIt(t *testing.T) {
	t.Parallel()
	whole := start + queue
	for name, tc := range map[string]struct {
		text string
		want []Metadato
	}{
		"plain":                {titulos + "\r\n" + whole + "\r\n", []Metadato{row(func(*Metadato) {})}},
		"no final CRLF":        {titulos + "\r\n" + whole, []Metadato{row(func(*Metadato) {})}},
		"mark":                 {"\uFEFF" + titulos + "\r\n" + whole + "\r\n", []Metadato{row(func(*Metadato) {})}},
		"PacCertifico":         {strings.Replace(titulos, "RfcPac", "PacCertifico", 1) + "\r\n" + whole + "\r\n", []Metadato{row(func(*Metadato) {})}},
		"empty rows":           {titulos + "\r\n\r\n" + whole + "\r\n\r\n", []Metadato{row(func(*Metadato) {})}},
		"only the header":      {titulos + "\r\n", nil},
		"header without CRLF":  {titulos, nil},
		"cancelled, cut after": {titulos + "\r\n" + start + "~PAC010101AB1~2024-05-06 07:08:09~2024-05-06 07:09:10~116.00~I~0~2024-06-01 00:00:00", []Metadato{row(func(m *Metadato) { m.Estatus, m.FechaCancelacion = "0", "2024-06-01 00:00:00" })}},
		"LF, quotes and CR in names": {titulos + "\r\n" + uuid1 + "~AAA010101AAA~\"LA \nCASA\"\r S.A.~XAXX010101000~'O' \"B~R\"" + queue + "\r\n",
			[]Metadato{row(func(m *Metadato) { m.NombreEmisor, m.NombreReceptor = "\"LA \nCASA\"\r S.A.", "'O' \"B~R\"" })}},
		"~ in the issuer": {titulos + "\r\n" + uuid1 + "~AAA010101AAA~A~B~~C~XAXX010101000~PÚBLICO EN GENERAL" + queue + "\r\n",
			[]Metadato{row(func(m *Metadato) { m.NombreEmisor = "A~B~~C" })}},
		"~ at the ends of both names": {titulos + "\r\n" + uuid1 + "~AAA010101AAA~~A~~XAXX010101000~~B~" + queue + "\r\n",
			[]Metadato{row(func(m *Metadato) { m.NombreEmisor, m.NombreReceptor = "~A~", "~B~" })}},
		"empty names": {titulos + "\r\n" + uuid1 + "~AAA010101AAA~~XAXX010101000~" + queue + "\r\n",
			[]Metadato{row(func(m *Metadato) { m.NombreEmisor, m.NombreReceptor = "", "" })}},
		"more fields": {titulos + "\r\n" + whole + "~uno~dos\r\n",
			[]Metadato{row(func(m *Metadato) { m.Extras = []Field{{"#extra-01", "uno"}, {"#extra-02", "dos"}} })}},
		"more fields and ~ in a name": {titulos + "\r\n" + uuid1 + "~AAA010101AAA~A~B~XAXX010101000~PÚBLICO EN GENERAL" + queue + "~uno\r\n",
			[]Metadato{row(func(m *Metadato) { m.NombreEmisor, m.Extras = "A~B", []Field{{"#extra-01", "uno"}} })}},
		"fewer fields": {titulos + "\r\n" + strings.TrimSuffix(whole, "~") + "\r\n",
			[]Metadato{row(func(m *Metadato) { m.Aviso = "La fila tiene menos campos que el encabezado." })}},
		"fewer fields and ~ in a name": {titulos + "\r\n" + strings.Replace(strings.TrimSuffix(whole, "~"), "EMISORA", "EMI~SORA", 1) + "\r\n",
			[]Metadato{row(func(m *Metadato) {
				m.NombreEmisor, m.Aviso = "EMI~SORA SA DE CV", "La fila tiene menos campos que el encabezado."
			})}},
		"a name missing with its ~": {titulos + "\r\n" + uuid1 + "~AAA010101AAA~XAXX010101000~PÚBLICO EN GENERAL" + queue + "\r\n",
			[]Metadato{row(func(m *Metadato) {
				m.NombreEmisor, m.Aviso = "", "La fila tiene menos campos que el encabezado."
			})}},
		"an RFC between ~ in a name": {titulos + "\r\n" + uuid1 + "~AAA010101AAA~A~BBB010101BBB~C~XAXX010101000~D" + queue + "\r\n",
			[]Metadato{row(func(m *Metadato) {
				m.NombreEmisor, m.RFCReceptor, m.NombreReceptor = "A", "BBB010101BBB", "C~XAXX010101000~D"
				m.Aviso = "Un nombre lleva «~» y la fila admite más de una lectura."
			})}},
		"fields that fit nowhere": {titulos + "\r\n" + uuid1 + "~quién~sabe\r\n",
			[]Metadato{{UUID: strings.ToLower(uuid1), RFCEmisor: "quién", NombreEmisor: "sabe", Aviso: "Los campos de la fila no corresponden a las columnas: se leyeron en orden."}}},
		"columns in another order, and a new one": {"Uuid~Folio~RfcEmisor~Monto~NombreEmisor\r\n" + uuid1 + "~77~AAA010101AAA~-1,116.5~A~B\r\n",
			[]Metadato{{UUID: strings.ToLower(uuid1), RFCEmisor: "AAA010101AAA", Monto: "-1,116.5", NombreEmisor: "A~B", Extras: []Field{{"Folio", "77"}}}}},
		"bytes that are no UTF-8": {titulos + "\r\n" + strings.Replace(whole, "PÚBLICO", "P\xdaBLICO", 1) + "\r\n",
			[]Metadato{row(func(m *Metadato) {
				m.NombreReceptor, m.Aviso = "PÚBLICO EN GENERAL", avisoWindows
			})}},
		"Ñ and & in RFC, amounts and lower case": {titulos + "\r\n" + strings.ToLower(uuid1) + "~Ñ&A010101AAA~Ñ~XEXX010101000~B~PAC010101AB1~2024-05-06T07:08:09~2024-05-06 07:09:10~0.000001~N~1~\r\n",
			[]Metadato{row(func(m *Metadato) {
				m.UUID, m.RFCEmisor, m.NombreEmisor, m.RFCReceptor, m.NombreReceptor = strings.ToLower(uuid1), "Ñ&A010101AAA", "Ñ", "XEXX010101000", "B"
				m.FechaEmision, m.Monto, m.EfectoComprobante = "2024-05-06T07:08:09", "0.000001", "N"
			})}},
	} {
		got, fallas := readAll(t, readMetadatos, pack(t, file{"ID_01.txt", tc.text}), 0)
		if d := cmp.Diff(tc.want, got); d != "" || len(fallas) > 0 {
			t.Errorf("%s: %v\n%s", name, fallas, d)
		}
	}
}

func TestMetadatos_WhenSomethingIsBrokenSaysSoAndGoesOn(t *testing.T) {
	t.Parallel()
	good := start + queue + "\r\n"
	long := strings.Repeat("x", maxRow+block)
	for name, tc := range map[string]struct {
		text   string
		rows   int
		fallas []string // begins of "row: detail"
	}{
		"no UUID":               {titulos + "\r\nbasura\r\n" + good, 1, []string{"1: La fila no empieza con un UUID: «basura»"}},
		"a UUID that is none":   {titulos + "\r\n" + strings.Replace(good, "0A1B", "0G1B", 1) + good, 1, []string{"1: La fila no empieza con un UUID"}},
		"a row too long":        {titulos + "\r\n" + good + uuid1 + "~" + long + "\r\n" + good, 2, []string{"2: La fila tiene más de 65536 bytes"}},
		"just too long":         {titulos + "\r\n" + long[:maxRow+1] + "\r\n" + good, 1, []string{"1: La fila tiene más de"}},
		"too long, without end": {titulos + "\r\n" + good + long, 1, []string{"2: La fila tiene más de"}},
		"last row cut in the date": {titulos + "\r\n" + good + start + "~PAC010101AB1~2024-05-06 07:08:09~2024-05-06 07:09:10~116.00~I~0~2024-06-0", 1,
			[]string{"2: La última fila está cortada"}},
		"last row cut before the date": {titulos + "\r\n" + good + start + "~PAC010101AB1~2024-05-06 07:08:09~2024-05-06 07:09:10~116.00~I~0~", 1,
			[]string{"2: La última fila está cortada"}},
		"last row cut in a name":               {titulos + "\r\n" + good + start[:50], 1, []string{"2: La última fila está cortada"}},
		"a text of third parties only by name": {"Uuid~Otra\r\n" + good, 0, []string{"0: No es un texto de metadatos ni de terceros"}},
		"empty":                                {"", 0, []string{"0: El texto está vacío"}},
		"another text":                         {"hola\r\n" + good, 0, []string{"0: No es un texto de metadatos: el encabezado"}},
		"no header":                            {good, 0, []string{"0: No es un texto de metadatos: el encabezado"}},
		"no column of UUID":                    {strings.Replace(titulos, "Uuid", "Folio", 1) + "\r\n" + good, 0, []string{"0: No es un texto de metadatos: el encabezado no tiene una columna Uuid entre otras, sino «Folio~RfcEmisor~"}},
		"only a column of UUID":                {"Uuid\r\n" + uuid1 + "\r\n", 0, []string{"0: No es un texto de metadatos: el encabezado no tiene una columna Uuid entre otras, sino «Uuid»"}},
		"UTF-16 that is no metadata":           {"\xFF\xFEU\x00u\x00i\x00d\x00\r\x00\n\x00", 0, []string{"0: No es un texto de metadatos: el encabezado no tiene una columna Uuid entre otras, sino «Uuid»"}},
		"a damaged row behind a short one":     {titulos + "\r\n" + strings.TrimSuffix(good, "~\r\n") + "\r\n" + strings.Replace(good, "0A1B", "0G1B", 1) + good, 2, []string{"2: La fila no empieza con un UUID"}},
		"a damaged row behind one cut":         {titulos + "\r\n" + start[:50] + "\r\n" + strings.Replace(good, "0A1B", "0G1B", 1) + good, 2, []string{"2: La fila no empieza con un UUID"}},
		"a damaged row behind a long one":      {titulos + "\r\n" + strings.TrimSpace(good) + "~uno~dos\r\n" + "x" + good + good, 2, []string{"2: La fila no empieza con un UUID"}},
		"rubbish between rows of LF":           {strings.ReplaceAll(titulos+"\r\n"+good+"basura\r\n"+good+"otra\r\n", "\r\n", "\n"), 2, []string{"2: La fila no empieza con un UUID: «basura»", "4: La fila no empieza con un UUID: «otra»"}},
		"rubbish, header of CRLF, rows of LF":  {titulos + "\r\n" + strings.ReplaceAll(good+"basura\r\n"+good, "\r\n", "\n"), 2, []string{"2: La fila no empieza con un UUID: «basura»"}},
		"a name without end":                   {titulos + "\r\n" + uuid1 + "~AAA010101AAA~" + strings.Repeat("x\r\n", maxRow/2) + good, 1, []string{"1: La fila tiene más de 65536 bytes"}},
		"a row without UUID, by another order": {"RfcEmisor~Uuid~Estatus\r\nAAA010101AAA~" + uuid1 + "~1\r\nAAA010101AAA~x~1\r\n", 1, []string{"2: La fila no tiene un UUID en su columna Uuid: «AAA010101AAA~x~1»"}},
		"a name of too many lines":             {titulos + "\r\n" + uuid1 + "~AAA010101AAA~" + strings.Repeat("x\n", 300) + "~XAXX010101000~B" + queue + "\r\n" + good, 1, []string{"1: La fila tiene más de 65536 bytes o de 64 renglones."}},
		"columns without end":                  {"Uuid~RfcEmisor" + strings.Repeat("~x", 100) + "\r\n" + good, 0, []string{"0: El encabezado tiene demasiadas columnas"}},
		"a header without end":                 {long, 0, []string{"0: No es un texto de metadatos: no tiene encabezado"}},
	} {
		// The entry after the broken one is read all the same.
		paquete := pack(t, file{"ID_01.txt", tc.text}, file{"ID_02.txt", titulos + "\r\n" + strings.Replace(good, uuid1, uuid2, 1)})
		for _, page := range []int{0, 1, 2} {
			got, fallas := readAll(t, readMetadatos, paquete, page)
			if len(got) != tc.rows+1 || got[tc.rows].UUID != uuid2 || len(fallas) != len(tc.fallas) {
				t.Errorf("%s, pages of %d: %d rows of %d and %v", name, page, len(got), tc.rows+1, fallas)
				continue
			}
			for i, f := range fallas {
				if text := fmt.Sprintf("%d: %s", f.Row, f.Detail); !strings.HasPrefix(text, tc.fallas[i]) || f.Entry != "ID_01.txt" || len(text) > 600 {
					t.Errorf("%s: %+v, want %s", name, f, tc.fallas[i])
				}
			}
		}
	}
}

func TestMetadatos_WhenThirdPartiesAreThereJoinsThem(t *testing.T) {
	t.Parallel()
	two := strings.Replace(start, uuid1, uuid2, 1)
	metadatos := file{"ID_01.txt", titulos + "\r\n" + start + queue + "\r\n" + two + queue + "\r\n"}
	const headTerceros = "Uuid~RfcACuentaTerceros~NombreACuentaTerceros\r\n"
	terceros := file{"ID_tercero.txt", headTerceros + "basura\r\n" + strings.ToLower(uuid1) + "~TER010101AB1~TERCERO~S.A.\nDE C.V.\r\n" +
		uuid1 + "~TER010101AB1~TERCERO~S.A.\nDE C.V.\r\n" + uuid1 + "~OTR010101AB1~OTRO\r\n" + "22222222-2222-4333-8444-555555555555~NAD010101AB1~NADIE\r\n"}
	want := []Metadato{
		row(func(m *Metadato) {
			m.RFCACuentaTerceros, m.NombreACuentaTerceros = "TER010101AB1", "TERCERO~S.A.\nDE C.V."
			m.Extras = []Field{{"RfcACuentaTerceros-02", "OTR010101AB1"}, {"NombreACuentaTerceros-02", "OTRO"}}
		}),
		row(func(m *Metadato) { m.UUID = uuid2 }),
	}
	for name, paquete := range map[string][]byte{"after": pack(t, metadatos, terceros), "before": pack(t, terceros, metadatos)} {
		for _, page := range []int{0, 1, 2} {
			got, fallas := readAll(t, readMetadatos, paquete, page)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s, pages of %d:\n%s", name, page, d)
			}
			if len(fallas) != 1 || fallas[0].Row != 1 || fallas[0].Entry != "ID_tercero.txt" {
				t.Errorf("%s, pages of %d: %+v", name, page, fallas)
			}
		}
	}
}

func TestTerceros_WhenOverTheBoundSaysSo(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("Uuid~RfcACuentaTerceros~NombreACuentaTerceros\r\n")
	noise := make([]byte, 30_000)
	rand.NewChaCha8([32]byte{}).Read(noise) //nolint:errcheck // never fails
	name := hex.EncodeToString(noise)
	for i := range 300 {
		fmt.Fprintf(&b, "%08X-2222-4333-8444-555555555555~TER010101AB1~%d %s\r\n", i, i, name)
	}
	paquete := pack(t, file{"ID_01.txt", titulos + "\r\n" +
		strings.Replace(start, uuid1, "00000001-2222-4333-8444-555555555555", 1) + queue + "\r\n" +
		strings.Replace(start, uuid1, "0000012B-2222-4333-8444-555555555555", 1) + queue + "\r\n"}, file{"ID_tercero.txt", b.String()})
	got, fallas := readAll(t, readMetadatos, paquete, 0)
	if len(got) != 2 || got[0].RFCACuentaTerceros == "" || got[1].RFCACuentaTerceros != "" {
		t.Errorf("%d rows", len(got))
	}
	if len(fallas) != 1 || !strings.Contains(fallas[0].Detail, "primeras 279 filas") || fallas[0].Row != 280 {
		t.Errorf("%+v", fallas)
	}
}

func TestMetadatos_WhenEntriesAreNotOfThePackageSaysSoAndSkipsThem(t *testing.T) {
	t.Parallel()
	text := titulos + "\r\n" + start + queue + "\r\n"
	got, fallas := readAll(t, readMetadatos, pack(t, file{"carpeta/ID_01.txt", text}, file{`carpeta\ID_01.txt`, text},
		file{"carpeta/", ""}, file{"ID.xml", text}, file{"ID_01.TXT", text}, file{`C:\datos\ID_01.txt`, text}, file{"dentro.zip", text}), 0)
	want := []Falla{{Entry: "carpeta/ID_01.txt", Detail: notInRoot, Foreign: true}, {Entry: `carpeta\ID_01.txt`, Detail: notInRoot, Foreign: true},
		{Entry: "ID.xml", Detail: "El nombre del archivo no termina en .txt: no se lee.", Foreign: true}, {Entry: `C:\datos\ID_01.txt`, Detail: notInRoot, Foreign: true},
		{Entry: "dentro.zip", Detail: "Es otro ZIP dentro del paquete: no se lee.", Foreign: true}}
	if d := cmp.Diff(want, fallas); d != "" || len(got) != 1 {
		t.Errorf("%d rows\n%s", len(got), d)
	}
}

func TestPosition_WhenATextIsReadBack(t *testing.T) {
	t.Parallel()
	p := Position{Entry: 3, Directory: 200, Row: 17}
	if got, err := ReadPosition(p.String()); err != nil || got != p {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "1", "1.2", "1.2.-3", "1.2.3.4", "-1.2.3", "a.b.c", "1.2.3 ", "01.2.3"} {
		if got, err := ReadPosition(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestKey_WhenAnyByteIsNoneOfAUUIDRefuses(t *testing.T) {
	t.Parallel()
	key, ok := Key(uuid1)
	if want := "0a1b2c3d4e5f40718293a4b5c6d7e8f9"; !ok || hex.EncodeToString(key[:]) != want {
		t.Errorf("%x, %v", key, ok)
	}
	for i := range uuid1 {
		for c := range 256 {
			b := []byte(uuid1)
			b[i] = byte(c)
			_, err := uuid.Parse(string(b))
			if _, ok := Key(string(b)); ok != (err == nil) {
				t.Errorf("%q: %v, the library %v", b, ok, err)
			}
		}
	}
}
