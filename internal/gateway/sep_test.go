package gateway

import "testing"

func TestCancelacion_WhenATextCannotBeWhatTheSEPKnows(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		folio, institucion string
		campos             []string
	}{
		"plain":               {"PRU/2026 1", "", nil},
		"of one institution":  {"ÑANDÚ-1", "090001", nil},
		"a NUL":               {"PRU\x001", "090001", []string{"folioControl"}},
		"a line end":          {"PRU1", "0900\r\n01", []string{"cveInstitucion"}},
		"blank":               {" ", " ", []string{"folioControl", "cveInstitucion"}},
		"no character of XML": {"PRU\ufffe", "", []string{"folioControl"}},
		"was not in UTF-8":    {"PRU\xd1", "\ufffd", []string{"folioControl", "cveInstitucion"}},
	} {
		err := Cancelacion{FolioControl: tc.folio, Motivo: "C1", CveInstitucion: tc.institucion}.Validate()
		if len(tc.campos) == 0 {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !IsKind(err, KindInvalida) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var campos []string
		for _, c := range AsError(err).Campos {
			campos = append(campos, c.Campo)
			if c.Detalle != "Está en blanco, o tiene caracteres que no se ven." {
				t.Errorf("%s: %q shows what was sent", name, c.Detalle)
			}
		}
		if len(campos) != len(tc.campos) || campos[0] != tc.campos[0] {
			t.Errorf("%s: %v, want %v", name, campos, tc.campos)
		}
	}
}
