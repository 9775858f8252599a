package cfdi

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// fila is a row as it should be read, with what the cases do not change.
func fila(cambia func(*Metadato)) Metadato {
	m := Metadato{
		UUID: strings.ToLower(uuid1), RFCEmisor: "AAA010101AAA", NombreEmisor: "EMISORA SA DE CV", RFCReceptor: "XAXX010101000", NombreReceptor: "PÚBLICO EN GENERAL",
		RFCPac: "PAC010101AB1", FechaEmision: "2024-05-06 07:08:09", FechaCertificacionSAT: "2024-05-06 07:09:10", Monto: "116.00",
		EfectoComprobante: "I", Estatus: "1",
	}
	cambia(&m)
	return m
}

const inicio = uuid1 + "~AAA010101AAA~EMISORA SA DE CV~XAXX010101000~PÚBLICO EN GENERAL"

func TestMetadatos_WhenARowHasATrapReadsIt(t *testing.T) {
	t.Parallel()
	entera := inicio + cola
	for nombre, tc := range map[string]struct {
		texto string
		want  []Metadato
	}{
		"plain":                {titulos + "\r\n" + entera + "\r\n", []Metadato{fila(func(*Metadato) {})}},
		"no final CRLF":        {titulos + "\r\n" + entera, []Metadato{fila(func(*Metadato) {})}},
		"mark":                 {"\uFEFF" + titulos + "\r\n" + entera + "\r\n", []Metadato{fila(func(*Metadato) {})}},
		"PacCertifico":         {strings.Replace(titulos, "RfcPac", "PacCertifico", 1) + "\r\n" + entera + "\r\n", []Metadato{fila(func(*Metadato) {})}},
		"empty rows":           {titulos + "\r\n\r\n" + entera + "\r\n\r\n", []Metadato{fila(func(*Metadato) {})}},
		"only the header":      {titulos + "\r\n", nil},
		"header without CRLF":  {titulos, nil},
		"cancelled, cut after": {titulos + "\r\n" + inicio + "~PAC010101AB1~2024-05-06 07:08:09~2024-05-06 07:09:10~116.00~I~0~2024-06-01 00:00:00", []Metadato{fila(func(m *Metadato) { m.Estatus, m.FechaCancelacion = "0", "2024-06-01 00:00:00" })}},
		"LF, quotes and CR in names": {titulos + "\r\n" + uuid1 + "~AAA010101AAA~\"LA \nCASA\"\r S.A.~XAXX010101000~'O' \"B~R\"" + cola + "\r\n",
			[]Metadato{fila(func(m *Metadato) { m.NombreEmisor, m.NombreReceptor = "\"LA \nCASA\"\r S.A.", "'O' \"B~R\"" })}},
		"~ in the issuer": {titulos + "\r\n" + uuid1 + "~AAA010101AAA~A~B~~C~XAXX010101000~PÚBLICO EN GENERAL" + cola + "\r\n",
			[]Metadato{fila(func(m *Metadato) { m.NombreEmisor = "A~B~~C" })}},
		"~ at the ends of both names": {titulos + "\r\n" + uuid1 + "~AAA010101AAA~~A~~XAXX010101000~~B~" + cola + "\r\n",
			[]Metadato{fila(func(m *Metadato) { m.NombreEmisor, m.NombreReceptor = "~A~", "~B~" })}},
		"empty names": {titulos + "\r\n" + uuid1 + "~AAA010101AAA~~XAXX010101000~" + cola + "\r\n",
			[]Metadato{fila(func(m *Metadato) { m.NombreEmisor, m.NombreReceptor = "", "" })}},
		"more fields": {titulos + "\r\n" + entera + "~uno~dos\r\n",
			[]Metadato{fila(func(m *Metadato) { m.Extras = []Campo{{"#extra-01", "uno"}, {"#extra-02", "dos"}} })}},
		"more fields and ~ in a name": {titulos + "\r\n" + uuid1 + "~AAA010101AAA~A~B~XAXX010101000~PÚBLICO EN GENERAL" + cola + "~uno\r\n",
			[]Metadato{fila(func(m *Metadato) { m.NombreEmisor, m.Extras = "A~B", []Campo{{"#extra-01", "uno"}} })}},
		"fewer fields": {titulos + "\r\n" + strings.TrimSuffix(entera, "~") + "\r\n",
			[]Metadato{fila(func(m *Metadato) { m.Aviso = "La fila tiene menos campos que el encabezado." })}},
		"fewer fields and ~ in a name": {titulos + "\r\n" + strings.Replace(strings.TrimSuffix(entera, "~"), "EMISORA", "EMI~SORA", 1) + "\r\n",
			[]Metadato{fila(func(m *Metadato) {
				m.NombreEmisor, m.Aviso = "EMI~SORA SA DE CV", "La fila tiene menos campos que el encabezado."
			})}},
		"a name missing with its ~": {titulos + "\r\n" + uuid1 + "~AAA010101AAA~XAXX010101000~PÚBLICO EN GENERAL" + cola + "\r\n",
			[]Metadato{fila(func(m *Metadato) {
				m.NombreEmisor, m.Aviso = "", "La fila tiene menos campos que el encabezado."
			})}},
		"an RFC between ~ in a name": {titulos + "\r\n" + uuid1 + "~AAA010101AAA~A~BBB010101BBB~C~XAXX010101000~D" + cola + "\r\n",
			[]Metadato{fila(func(m *Metadato) {
				m.NombreEmisor, m.RFCReceptor, m.NombreReceptor = "A", "BBB010101BBB", "C~XAXX010101000~D"
				m.Aviso = "Un nombre lleva «~» y la fila admite más de una lectura."
			})}},
		"fields that fit nowhere": {titulos + "\r\n" + uuid1 + "~quién~sabe\r\n",
			[]Metadato{{UUID: strings.ToLower(uuid1), RFCEmisor: "quién", NombreEmisor: "sabe", Aviso: "Los campos de la fila no corresponden a las columnas: se leyeron en orden."}}},
		"columns in another order, and a new one": {"Uuid~Folio~RfcEmisor~Monto~NombreEmisor\r\n" + uuid1 + "~77~AAA010101AAA~-1,116.5~A~B\r\n",
			[]Metadato{{UUID: strings.ToLower(uuid1), RFCEmisor: "AAA010101AAA", Monto: "-1,116.5", NombreEmisor: "A~B", Extras: []Campo{{"Folio", "77"}}}}},
		"bytes that are no UTF-8": {titulos + "\r\n" + strings.Replace(entera, "PÚBLICO", "P\xdaBLICO", 1) + "\r\n",
			[]Metadato{fila(func(m *Metadato) {
				m.NombreReceptor, m.Aviso = "PÚBLICO EN GENERAL", avisoWindows
			})}},
		"Ñ and & in RFC, amounts and lower case": {titulos + "\r\n" + strings.ToLower(uuid1) + "~Ñ&A010101AAA~Ñ~XEXX010101000~B~PAC010101AB1~2024-05-06T07:08:09~2024-05-06 07:09:10~0.000001~N~1~\r\n",
			[]Metadato{fila(func(m *Metadato) {
				m.UUID, m.RFCEmisor, m.NombreEmisor, m.RFCReceptor, m.NombreReceptor = strings.ToLower(uuid1), "Ñ&A010101AAA", "Ñ", "XEXX010101000", "B"
				m.FechaEmision, m.Monto, m.EfectoComprobante = "2024-05-06T07:08:09", "0.000001", "N"
			})}},
	} {
		got, fallas := leeTodo(t, leeMetadatos, empaca(t, archivo{"ID_01.txt", tc.texto}), 0)
		if d := cmp.Diff(tc.want, got); d != "" || len(fallas) > 0 {
			t.Errorf("%s: %v\n%s", nombre, fallas, d)
		}
	}
}

func TestMetadatos_WhenSomethingIsBrokenSaysSoAndGoesOn(t *testing.T) {
	t.Parallel()
	buena := inicio + cola + "\r\n"
	larga := strings.Repeat("x", maxFila+bloque)
	for nombre, tc := range map[string]struct {
		texto  string
		filas  int
		fallas []string // begins of "row: detail"
	}{
		"no UUID":               {titulos + "\r\nbasura\r\n" + buena, 1, []string{"1: La fila no empieza con un UUID: «basura»"}},
		"a UUID that is none":   {titulos + "\r\n" + strings.Replace(buena, "0A1B", "0G1B", 1) + buena, 1, []string{"1: La fila no empieza con un UUID"}},
		"a row too long":        {titulos + "\r\n" + buena + uuid1 + "~" + larga + "\r\n" + buena, 2, []string{"2: La fila tiene más de 65536 bytes"}},
		"just too long":         {titulos + "\r\n" + larga[:maxFila+1] + "\r\n" + buena, 1, []string{"1: La fila tiene más de"}},
		"too long, without end": {titulos + "\r\n" + buena + larga, 1, []string{"2: La fila tiene más de"}},
		"last row cut in the date": {titulos + "\r\n" + buena + inicio + "~PAC010101AB1~2024-05-06 07:08:09~2024-05-06 07:09:10~116.00~I~0~2024-06-0", 1,
			[]string{"2: La última fila está cortada"}},
		"last row cut before the date": {titulos + "\r\n" + buena + inicio + "~PAC010101AB1~2024-05-06 07:08:09~2024-05-06 07:09:10~116.00~I~0~", 1,
			[]string{"2: La última fila está cortada"}},
		"last row cut in a name":               {titulos + "\r\n" + buena + inicio[:50], 1, []string{"2: La última fila está cortada"}},
		"a text of third parties only by name": {"Uuid~Otra\r\n" + buena, 0, []string{"0: No es un texto de metadatos ni de terceros"}},
		"empty":                                {"", 0, []string{"0: El texto está vacío"}},
		"another text":                         {"hola\r\n" + buena, 0, []string{"0: No es un texto de metadatos: el encabezado"}},
		"no header":                            {buena, 0, []string{"0: No es un texto de metadatos: el encabezado"}},
		"no column of UUID":                    {strings.Replace(titulos, "Uuid", "Folio", 1) + "\r\n" + buena, 0, []string{"0: No es un texto de metadatos: el encabezado no tiene una columna Uuid entre otras, sino «Folio~RfcEmisor~"}},
		"only a column of UUID":                {"Uuid\r\n" + uuid1 + "\r\n", 0, []string{"0: No es un texto de metadatos: el encabezado no tiene una columna Uuid entre otras, sino «Uuid»"}},
		"UTF-16 that is no metadata":           {"\xFF\xFEU\x00u\x00i\x00d\x00\r\x00\n\x00", 0, []string{"0: No es un texto de metadatos: el encabezado no tiene una columna Uuid entre otras, sino «Uuid»"}},
		"a damaged row behind a short one":     {titulos + "\r\n" + strings.TrimSuffix(buena, "~\r\n") + "\r\n" + strings.Replace(buena, "0A1B", "0G1B", 1) + buena, 2, []string{"2: La fila no empieza con un UUID"}},
		"a damaged row behind one cut":         {titulos + "\r\n" + inicio[:50] + "\r\n" + strings.Replace(buena, "0A1B", "0G1B", 1) + buena, 2, []string{"2: La fila no empieza con un UUID"}},
		"a damaged row behind a long one":      {titulos + "\r\n" + strings.TrimSpace(buena) + "~uno~dos\r\n" + "x" + buena + buena, 2, []string{"2: La fila no empieza con un UUID"}},
		"rubbish between rows of LF":           {strings.ReplaceAll(titulos+"\r\n"+buena+"basura\r\n"+buena+"otra\r\n", "\r\n", "\n"), 2, []string{"2: La fila no empieza con un UUID: «basura»", "4: La fila no empieza con un UUID: «otra»"}},
		"rubbish, header of CRLF, rows of LF":  {titulos + "\r\n" + strings.ReplaceAll(buena+"basura\r\n"+buena, "\r\n", "\n"), 2, []string{"2: La fila no empieza con un UUID: «basura»"}},
		"a name without end":                   {titulos + "\r\n" + uuid1 + "~AAA010101AAA~" + strings.Repeat("x\r\n", maxFila/2) + buena, 1, []string{"1: La fila tiene más de 65536 bytes"}},
		"a row without UUID, by another order": {"RfcEmisor~Uuid~Estatus\r\nAAA010101AAA~" + uuid1 + "~1\r\nAAA010101AAA~x~1\r\n", 1, []string{"2: La fila no tiene un UUID en su columna Uuid: «AAA010101AAA~x~1»"}},
		"a name of too many lines":             {titulos + "\r\n" + uuid1 + "~AAA010101AAA~" + strings.Repeat("x\n", 300) + "~XAXX010101000~B" + cola + "\r\n" + buena, 1, []string{"1: La fila tiene más de 65536 bytes o de 64 renglones."}},
		"columns without end":                  {"Uuid~RfcEmisor" + strings.Repeat("~x", 100) + "\r\n" + buena, 0, []string{"0: El encabezado tiene demasiadas columnas"}},
		"a header without end":                 {larga, 0, []string{"0: No es un texto de metadatos: no tiene encabezado"}},
	} {
		// The entry after the broken one is read all the same.
		paquete := empaca(t, archivo{"ID_01.txt", tc.texto}, archivo{"ID_02.txt", titulos + "\r\n" + strings.Replace(buena, uuid1, uuid2, 1)})
		for _, pagina := range []int{0, 1, 2} {
			got, fallas := leeTodo(t, leeMetadatos, paquete, pagina)
			if len(got) != tc.filas+1 || got[tc.filas].UUID != uuid2 || len(fallas) != len(tc.fallas) {
				t.Errorf("%s, pages of %d: %d rows of %d and %v", nombre, pagina, len(got), tc.filas+1, fallas)
				continue
			}
			for i, f := range fallas {
				if texto := fmt.Sprintf("%d: %s", f.Fila, f.Detalle); !strings.HasPrefix(texto, tc.fallas[i]) || f.Entrada != "ID_01.txt" || len(texto) > 600 {
					t.Errorf("%s: %+v, want %s", nombre, f, tc.fallas[i])
				}
			}
		}
	}
}

func TestMetadatos_WhenThirdPartiesAreThereJoinsThem(t *testing.T) {
	t.Parallel()
	dos := strings.Replace(inicio, uuid1, uuid2, 1)
	metadatos := archivo{"ID_01.txt", titulos + "\r\n" + inicio + cola + "\r\n" + dos + cola + "\r\n"}
	const cabezaTerceros = "Uuid~RfcACuentaTerceros~NombreACuentaTerceros\r\n"
	terceros := archivo{"ID_tercero.txt", cabezaTerceros + "basura\r\n" + strings.ToLower(uuid1) + "~TER010101AB1~TERCERO~S.A.\nDE C.V.\r\n" +
		uuid1 + "~TER010101AB1~TERCERO~S.A.\nDE C.V.\r\n" + uuid1 + "~OTR010101AB1~OTRO\r\n" + "22222222-2222-4333-8444-555555555555~NAD010101AB1~NADIE\r\n"}
	want := []Metadato{
		fila(func(m *Metadato) {
			m.RFCACuentaTerceros, m.NombreACuentaTerceros = "TER010101AB1", "TERCERO~S.A.\nDE C.V."
			m.Extras = []Campo{{"RfcACuentaTerceros-02", "OTR010101AB1"}, {"NombreACuentaTerceros-02", "OTRO"}}
		}),
		fila(func(m *Metadato) { m.UUID = uuid2 }),
	}
	for nombre, paquete := range map[string][]byte{"after": empaca(t, metadatos, terceros), "before": empaca(t, terceros, metadatos)} {
		for _, pagina := range []int{0, 1, 2} {
			got, fallas := leeTodo(t, leeMetadatos, paquete, pagina)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s, pages of %d:\n%s", nombre, pagina, d)
			}
			if len(fallas) != 1 || fallas[0].Fila != 1 || fallas[0].Entrada != "ID_tercero.txt" {
				t.Errorf("%s, pages of %d: %+v", nombre, pagina, fallas)
			}
		}
	}
}

func TestTerceros_WhenOverTheBoundSaysSo(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("Uuid~RfcACuentaTerceros~NombreACuentaTerceros\r\n")
	ruido := make([]byte, 30_000)
	rand.NewChaCha8([32]byte{}).Read(ruido) //nolint:errcheck // never fails
	nombre := hex.EncodeToString(ruido)
	for i := range 300 {
		fmt.Fprintf(&b, "%08X-2222-4333-8444-555555555555~TER010101AB1~%d %s\r\n", i, i, nombre)
	}
	paquete := empaca(t, archivo{"ID_01.txt", titulos + "\r\n" +
		strings.Replace(inicio, uuid1, "00000001-2222-4333-8444-555555555555", 1) + cola + "\r\n" +
		strings.Replace(inicio, uuid1, "0000012B-2222-4333-8444-555555555555", 1) + cola + "\r\n"}, archivo{"ID_tercero.txt", b.String()})
	got, fallas := leeTodo(t, leeMetadatos, paquete, 0)
	if len(got) != 2 || got[0].RFCACuentaTerceros == "" || got[1].RFCACuentaTerceros != "" {
		t.Errorf("%d rows", len(got))
	}
	if len(fallas) != 1 || !strings.Contains(fallas[0].Detalle, "primeras 279 filas") || fallas[0].Fila != 280 {
		t.Errorf("%+v", fallas)
	}
}

func TestMetadatos_WhenEntriesAreNotOfThePackageSaysSoAndSkipsThem(t *testing.T) {
	t.Parallel()
	texto := titulos + "\r\n" + inicio + cola + "\r\n"
	got, fallas := leeTodo(t, leeMetadatos, empaca(t, archivo{"carpeta/ID_01.txt", texto}, archivo{`carpeta\ID_01.txt`, texto},
		archivo{"carpeta/", ""}, archivo{"ID.xml", texto}, archivo{"ID_01.TXT", texto}, archivo{`C:\datos\ID_01.txt`, texto}, archivo{"dentro.zip", texto}), 0)
	want := []Falla{{Entrada: "carpeta/ID_01.txt", Detalle: noEnRaiz, Ajena: true}, {Entrada: `carpeta\ID_01.txt`, Detalle: noEnRaiz, Ajena: true},
		{Entrada: "ID.xml", Detalle: "El nombre del archivo no termina en .txt: no se lee.", Ajena: true}, {Entrada: `C:\datos\ID_01.txt`, Detalle: noEnRaiz, Ajena: true},
		{Entrada: "dentro.zip", Detalle: "Es otro ZIP dentro del paquete: no se lee.", Ajena: true}}
	if d := cmp.Diff(want, fallas); d != "" || len(got) != 1 {
		t.Errorf("%d rows\n%s", len(got), d)
	}
}

func TestLeeFecha_WhenOfTheSATIsThatTime(t *testing.T) {
	t.Parallel()
	zona := time.FixedZone("Mexico", -6*3600)
	for texto, want := range map[string]string{
		"2024-05-06 07:08:09": "2024-05-06T13:08:09Z", "2024-05-06T07:08:09": "2024-05-06T13:08:09Z",
		"2024-05-06T07:08:09.123": "2024-05-06T13:08:09.123Z", "2019-01-23T08:00:00-05:00": "2019-01-23T13:00:00Z",
	} {
		got, err := LeeFecha(texto, zona)
		if err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %v, %v", texto, got, err)
		}
	}
	for _, texto := range []string{"", "2024-05-06", "2024-13-06 07:08:09", "ayer a las ocho.....", "2024-05-06T07:08:09.x"} {
		if got, err := LeeFecha(texto, zona); err == nil {
			t.Errorf("%q is %v", texto, got)
		}
	}
}

func TestPosicion_WhenATextIsReadBack(t *testing.T) {
	t.Parallel()
	p := Posicion{Entrada: 3, Directorio: 200, Fila: 17}
	if got, err := LeePosicion(p.String()); err != nil || got != p {
		t.Errorf("%v, %v", got, err)
	}
	for _, texto := range []string{"", "1", "1.2", "1.2.-3", "1.2.3.4", "-1.2.3", "a.b.c", "1.2.3 ", "01.2.3"} {
		if got, err := LeePosicion(texto); err == nil {
			t.Errorf("%q is %v", texto, got)
		}
	}
}

func TestClave_WhenAnyByteIsNoneOfAUUIDRefuses(t *testing.T) {
	t.Parallel()
	clave, ok := Clave(uuid1)
	if want := "0a1b2c3d4e5f40718293a4b5c6d7e8f9"; !ok || hex.EncodeToString(clave[:]) != want {
		t.Errorf("%x, %v", clave, ok)
	}
	for i := range uuid1 {
		for c := range 256 {
			b := []byte(uuid1)
			b[i] = byte(c)
			_, err := uuid.Parse(string(b))
			if _, ok := Clave(string(b)); ok != (err == nil) {
				t.Errorf("%q: %v, the library %v", b, ok, err)
			}
		}
	}
}
