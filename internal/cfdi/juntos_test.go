package cfdi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMetadatos_WhenTextsWerePutTogetherEachHeaderGoesForItsRows: in each spelling, whatever
// ends a line, and read from a page's beginning too.
func TestMetadatos_WhenTextsWerePutTogetherEachHeaderGoesForItsRows(t *testing.T) {
	t.Parallel()
	todas := otras()
	columnas := strings.Split(titulos, "~")
	alReves := func(fila string) string {
		c := strings.Split(fila, "~")
		c[1], c[3] = c[3], c[1]
		c[2], c[4] = c[4], c[2]
		return strings.Join(c, "~")
	}
	// Without the separator in their names, so that they can be swapped here.
	want := []Metadato{todas[0], todas[3], todas[4], todas[9]}
	for nombre, tc := range map[string]struct {
		encabezado string
		escribe    func(string) string
	}{
		"the same":            {titulos, nil},
		"in lower case":       {strings.ToLower(titulos), nil},
		"of another year":     {strings.Replace(titulos, "RfcPac", "PacCertifico", 1), nil},
		"in quotes":           {`"` + strings.Join(columnas, `"~"`) + `"`, nil},
		"with a mark":         {marcaUTF8 + titulos, nil},
		"with blanks":         {strings.Join(columnas, " ~ "), nil},
		"in another order":    {alReves(titulos), alReves},
		"twice, one by other": {titulos + "\n" + alReves(titulos), alReves},
	} {
		for _, salto := range []string{"\r\n", "\n", "\r"} {
			texto := titulos + salto + escrita(want[0]) + salto + strings.ReplaceAll(tc.encabezado, "\n", salto)
			for _, m := range want[1:] {
				fila := escrita(m)
				if tc.escribe != nil {
					fila = tc.escribe(fila)
				}
				texto += salto + fila
			}
			for _, pagina := range []int{0, 1, 2} {
				got, fallas := leeTodo(t, leeMetadatos, empaca(t, archivo{"ID_01.txt", texto + salto}), pagina)
				if d := cmp.Diff(want, got); d != "" || len(fallas) > 0 {
					t.Errorf("%s, %q, pages of %d: %v\n%s", nombre, salto, pagina, fallas, d)
				}
			}
		}
	}
}

// TestTerceros_WhenTextsWerePutTogetherAHeaderIsNoName: the last column of theirs is a name.
func TestTerceros_WhenTextsWerePutTogetherAHeaderIsNoName(t *testing.T) {
	t.Parallel()
	const titulosTerceros = "Uuid~RfcACuentaTerceros~NombreACuentaTerceros"
	for _, salto := range []string{"\r\n", "\n", "\r"} {
		for _, otro := range []string{titulosTerceros, strings.ToLower(titulosTerceros), marcaUTF8 + titulosTerceros, marcaUTF8 + titulosTerceros + salto + marcaUTF8} {
			texto := titulosTerceros + salto + uuid1 + "~TER010101AB1~UNO" + salto + otro + salto + uuid2 + "~TER010101AB1~DOS" + salto
			got, fallas := leeTodo(t, leeMetadatos, empaca(t, archivo{"ID_01.txt", titulos + "\r\n" + uuid1 + "~AAA010101AAA~E~XAXX010101000~R" + cola + "\r\n" + uuid2 + "~AAA010101AAA~E~XAXX010101000~R" + cola + "\r\n"},
				archivo{"ID_01_tercero.txt", texto}), 0)
			if len(got) != 2 || got[0].NombreACuentaTerceros != "UNO" || got[1].NombreACuentaTerceros != "DOS" || len(fallas) > 0 {
				t.Errorf("%q %q: %v %+v", salto, otro, fallas, got)
			}
		}
	}
}

// TestLecturas_WhenAUUIDHasSomethingAroundItItIsThatUUID: in rows, which are none of the row
// before, and in a timbre, by which a CFDI is fetched.
func TestLecturas_WhenAUUIDHasSomethingAroundItItIsThatUUID(t *testing.T) {
	t.Parallel()
	for _, escrito := range []string{uuid2, " " + uuid2, uuid2 + " ", "\t" + uuid2 + "\t", "{" + uuid2 + "}", `"` + uuid2 + `"`} {
		for _, salto := range []string{"\r\n", "\n", "\r"} {
			texto := titulos + salto + uuid1 + "~AAA010101AAA~E~XAXX010101000~R" + cola + salto + escrito + "~AAA010101AAA~E~XAXX010101000~R" + cola + salto
			got, fallas := leeTodo(t, leeMetadatos, empaca(t, archivo{"ID_01.txt", texto}), 0)
			if len(got) != 2 || got[1].UUID != uuid2 || got[1].Monto != "116.00" || got[0].Monto != "116.00" || len(fallas) > 0 {
				t.Errorf("%q, %q: %v %+v", escrito, salto, fallas, got)
			}
		}
		xml := cfdiDe(strings.ReplaceAll(escrito, `"`, "&quot;"))
		paquete := empaca(t, archivo{"x.xml", xml})
		got, fallas := leeTodo(t, leeResumenes, paquete, 0)
		if len(got) != 1 || got[0].UUID != uuid2 || len(fallas) > 0 {
			t.Errorf("%q: %v %+v", escrito, fallas, got)
		}
	}
	for _, escrito := range []string{"no", strings.ReplaceAll(uuid2, "-", ""), uuid2 + "0", "(" + uuid2 + ")"} {
		got, fallas := leeTodo(t, leeResumenes, empaca(t, archivo{uuid2 + ".xml", cfdiDe(escrito)}), 0)
		if len(got) != 0 || len(fallas) != 1 || fallas[0].Detalle != string(errFolio) {
			t.Errorf("%q: %v %+v", escrito, fallas, got)
		}
	}
}

func cfdiDe(uuid string) string {
	return `<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" Total="1"><cfdi:Complemento><tfd:TimbreFiscalDigital xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" UUID="` + uuid + `"/></cfdi:Complemento></cfdi:Comprobante>`
}
