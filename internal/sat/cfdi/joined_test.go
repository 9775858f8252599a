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
	all := other()
	columns := strings.Split(titulos, "~")
	reversed := func(row string) string {
		c := strings.Split(row, "~")
		c[1], c[3] = c[3], c[1]
		c[2], c[4] = c[4], c[2]
		return strings.Join(c, "~")
	}
	// Without the separator in their names, so that they can be swapped here.
	want := []Metadato{all[0], all[3], all[4], all[9]}
	for name, tc := range map[string]struct {
		header string
		write  func(string) string
	}{
		"the same":            {titulos, nil},
		"in lower case":       {strings.ToLower(titulos), nil},
		"of another year":     {strings.Replace(titulos, "RfcPac", "PacCertifico", 1), nil},
		"in quotes":           {`"` + strings.Join(columns, `"~"`) + `"`, nil},
		"with a mark":         {utf8Mark + titulos, nil},
		"with blanks":         {strings.Join(columns, " ~ "), nil},
		"in another order":    {reversed(titulos), reversed},
		"twice, one by other": {titulos + "\n" + reversed(titulos), reversed},
	} {
		for _, jump := range []string{"\r\n", "\n", "\r"} {
			text := titulos + jump + written(want[0]) + jump + strings.ReplaceAll(tc.header, "\n", jump)
			for _, m := range want[1:] {
				row := written(m)
				if tc.write != nil {
					row = tc.write(row)
				}
				text += jump + row
			}
			for _, page := range []int{0, 1, 2} {
				got, fallas := readAll(t, readMetadatos, pack(t, file{"ID_01.txt", text + jump}), page)
				if d := cmp.Diff(want, got); d != "" || len(fallas) > 0 {
					t.Errorf("%s, %q, pages of %d: %v\n%s", name, jump, page, fallas, d)
				}
			}
		}
	}
}

// TestTerceros_WhenTextsWerePutTogetherAHeaderIsNoName: the last column of theirs is a name.
func TestTerceros_WhenTextsWerePutTogetherAHeaderIsNoName(t *testing.T) {
	t.Parallel()
	const titulosTerceros = "Uuid~RfcACuentaTerceros~NombreACuentaTerceros"
	for _, jump := range []string{"\r\n", "\n", "\r"} {
		for _, other := range []string{titulosTerceros, strings.ToLower(titulosTerceros), utf8Mark + titulosTerceros, utf8Mark + titulosTerceros + jump + utf8Mark} {
			text := titulosTerceros + jump + uuid1 + "~TER010101AB1~UNO" + jump + other + jump + uuid2 + "~TER010101AB1~DOS" + jump
			got, fallas := readAll(t, readMetadatos, pack(t, file{"ID_01.txt", titulos + "\r\n" + uuid1 + "~AAA010101AAA~E~XAXX010101000~R" + queue + "\r\n" + uuid2 + "~AAA010101AAA~E~XAXX010101000~R" + queue + "\r\n"},
				file{"ID_01_tercero.txt", text}), 0)
			if len(got) != 2 || got[0].NombreACuentaTerceros != "UNO" || got[1].NombreACuentaTerceros != "DOS" || len(fallas) > 0 {
				t.Errorf("%q %q: %v %+v", jump, other, fallas, got)
			}
		}
	}
}

// TestReadings_WhenAUUIDHasSomethingAroundItItIsThatUUID: in rows, which are none of the row
// before, and in a timbre, by which a CFDI is fetched.
func TestReadings_WhenAUUIDHasSomethingAroundItItIsThatUUID(t *testing.T) {
	t.Parallel()
	for _, written := range []string{uuid2, " " + uuid2, uuid2 + " ", "\t" + uuid2 + "\t", "{" + uuid2 + "}", `"` + uuid2 + `"`} {
		for _, jump := range []string{"\r\n", "\n", "\r"} {
			text := titulos + jump + uuid1 + "~AAA010101AAA~E~XAXX010101000~R" + queue + jump + written + "~AAA010101AAA~E~XAXX010101000~R" + queue + jump
			got, fallas := readAll(t, readMetadatos, pack(t, file{"ID_01.txt", text}), 0)
			if len(got) != 2 || got[1].UUID != uuid2 || got[1].Monto != "116.00" || got[0].Monto != "116.00" || len(fallas) > 0 {
				t.Errorf("%q, %q: %v %+v", written, jump, fallas, got)
			}
		}
		xml := cfdiOf(strings.ReplaceAll(written, `"`, "&quot;"))
		paquete := pack(t, file{"x.xml", xml})
		got, fallas := readAll(t, readSummaries, paquete, 0)
		if len(got) != 1 || got[0].UUID != uuid2 || len(fallas) > 0 {
			t.Errorf("%q: %v %+v", written, fallas, got)
		}
	}
	for _, written := range []string{"no", strings.ReplaceAll(uuid2, "-", ""), uuid2 + "0", "(" + uuid2 + ")"} {
		got, fallas := readAll(t, readSummaries, pack(t, file{uuid2 + ".xml", cfdiOf(written)}), 0)
		if len(got) != 0 || len(fallas) != 1 || fallas[0].Detail != string(errFolio) {
			t.Errorf("%q: %v %+v", written, fallas, got)
		}
	}
}

func cfdiOf(uuid string) string {
	return `<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" Total="1"><cfdi:Complemento><tfd:TimbreFiscalDigital xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" UUID="` + uuid + `"/></cfdi:Complemento></cfdi:Comprobante>`
}
