package gateway

import "testing"

func TestCancelacion_WhenATextCannotBeWhatTheSEPKnows(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		folio, institucion string
		fields             []string
	}{
		"plain":               {"PRU/2026 1", "", nil},
		"of one institution":  {"ÑANDÚ-1", "090001", nil},
		"a NUL":               {"PRU\x001", "090001", []string{"folioControl"}},
		"a line end":          {"PRU1", "0900\r\n01", []string{"cveInstitucion"}},
		"blank":               {" ", " ", []string{"folioControl", "cveInstitucion"}},
		"no character of XML": {"PRU\ufffe", "", []string{"folioControl"}},
		"a zero width space":  {"PRU\u200b1", "", []string{"folioControl"}},
		"was not in UTF-8":    {"PRU\xd1", "\ufffd", []string{"folioControl", "cveInstitucion"}},
	} {
		err := Cancelacion{FolioControl: tc.folio, Motivo: "C1", CveInstitucion: tc.institucion}.Validate()
		if len(tc.fields) == 0 {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !IsKind(err, KindInvalida) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var fields []string
		for _, c := range AsError(err).Fields {
			fields = append(fields, c.Campo)
			if c.Detalle != "Está en blanco, o tiene caracteres que no se ven." {
				t.Errorf("%s: %q shows what was sent", name, c.Detalle)
			}
		}
		if len(fields) != len(tc.fields) || fields[0] != tc.fields[0] {
			t.Errorf("%s: %v, want %v", name, fields, tc.fields)
		}
	}
}
