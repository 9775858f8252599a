package titulo

import "testing"

// What other programs leave in a name, once or twice over, and what people write
// where there is none.
func TestValidate_WhenANameIsDamagedTwiceOrIsNone(t *testing.T) {
	for value, want := range map[string]Codigo{
		"MUÃƒâ€˜OZ":              CodigoTextoDanado, // UTF-8 read as 1252, twice
		"MUÃ‘OZ":                 CodigoTextoDanado,
		"MU&amp;Ntilde;OZ":       CodigoTextoDanado,
		"MU&AMP;NTILDE;OZ":       CodigoTextoDanado,
		"XXXXXX":                 CodigoPadding,
		"xx":                     CodigoPadding,
		"SIN SEGUNDO APELLIDO":   CodigoPadding,
		"(SIN SEGUNDO APELLIDO)": CodigoPadding,
		"MUÑOZ":                  "",
		"MÜLLER":                 "",
		"X":                      "",
		"XX REYES":               "",
		"SINSEL":                 "",
	} {
		x := example()
		x.Profesionista.SegundoApellido = value
		var got Codigo
		for _, p := range Validate(x) {
			if p.Ruta == "profesionista/segundoApellido" && (p.Codigo == CodigoTextoDanado || p.Codigo == CodigoPadding || p.Codigo == CodigoNombreCaracteres) {
				got = p.Codigo
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
}
