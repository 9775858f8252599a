package devstack

import "fmt"

// CURPRepresentante is the CURP in every e.firma of the sandbox: that of the
// person who signs titles.
const CURPRepresentante = "PEPJ800101MDFRRN03"

// Titulo is a made-up title, as the API takes it, with the folio given and
// signed by the e.firma of rfc. Ids of catalogues come without their texts: the
// gateway knows them.
func Titulo(folio, rfc string) map[string]any {
	return map[string]any{
		"folioControl": folio,
		"firmaResponsables": []any{map[string]any{"rfc": rfc, "nombre": "JUANA", "primerApellido": "PÉREZ", "segundoApellido": "DE PRUEBA",
			"curp": CURPRepresentante, "idCargo": "3", "abrTitulo": "DRA."}},
		"institucion": map[string]any{"cveInstitucion": "170074", "nombreInstitucion": "INSTITUTO DE PRUEBA"},
		"carrera": map[string]any{"cveCarrera": "315312", "nombreCarrera": "INGENIERÍA DE PRUEBA", "fechaInicio": "2019-08-12",
			"fechaTerminacion": "2023-12-15", "idAutorizacionReconocimiento": "8"},
		"profesionista": map[string]any{"curp": "MEXL010203HDFXXS05", "nombre": "LUIS", "primerApellido": "MÉNDEZ", "segundoApellido": "XOLO",
			"correoElectronico": "luis@example.com"},
		"expedicion": map[string]any{"fechaExpedicion": "2024-05-20", "idModalidadTitulacion": "1", "fechaExamenProfesional": "2024-03-01",
			"cumplioServicioSocial": "1", "idFundamentoLegalServicioSocial": "2", "idEntidadFederativa": "09"},
		"antecedente": map[string]any{"institucionProcedencia": "PREPARATORIA DE PRUEBA", "idTipoEstudioAntecedente": "4",
			"idEntidadFederativa": "09", "fechaInicio": "2016-08-15", "fechaTerminacion": "2019-06-20"},
	}
}

// Titulos are n titles whose folios begin with prefix.
func Titulos(n int, prefix, rfc string) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = Titulo(fmt.Sprintf("%s%05d", prefix, i+1), rfc)
	}
	return out
}
