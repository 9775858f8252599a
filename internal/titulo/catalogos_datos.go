package titulo

// The catalogues as the SEP's clients agree on them (sep.md §6).

// Cargos are the offices of the signers. 10 is the youngest, and of 5 some
// clients hold a copy that ends in a space: the SEP has rejected that entry.
func Cargos() Catalogo {
	return Catalogo{"cargos", "Cargo de quien firma el título (idCargo, cargo).", []Entrada{
		{"1", "DIRECTOR", ""},
		{"2", "SUBDIRECTOR", ""},
		{"3", "RECTOR", ""},
		{"4", "VICERRECTOR", ""},
		{"5", "RESPONSABLE DE EXPEDICIÓN", ""},
		{"6", "SECRETARIO GENERAL", ""},
		{"7", "AUTORIDAD LOCAL", ""},
		{"8", "AUTORIDAD FEDERAL", ""},
		{"9", "DIRECTOR GENERAL", ""},
		{"10", "RECTOR GENERAL", ""},
	}}
}

// Autorizaciones are the grounds on which an institution teaches a career.
func Autorizaciones() Catalogo {
	return Catalogo{"autorizaciones", "Autorización o reconocimiento de la carrera (idAutorizacionReconocimiento, autorizacionReconocimiento).", []Entrada{
		{"1", "RVOE FEDERAL", ""},
		{"2", "RVOE ESTATAL", ""},
		{"3", "AUTORIZACIÓN FEDERAL", ""},
		{"4", "AUTORIZACIÓN ESTATAL", ""},
		{"5", "ACTA DE SESIÓN", ""},
		{"6", "ACUERDO DE INCORPORACIÓN", ""},
		{"7", "ACUERDO SECRETARIAL SEP", ""},
		{"8", "DECRETO DE CREACIÓN", ""},
		{"9", "OTRO", ""},
	}}
}

// Modalidades are the ways to a title. The note is the paper that proves it,
// and so which of the two dates the title carries.
func Modalidades() Catalogo {
	const acta, constancia = "Acta de examen: requiere fechaExamenProfesional.", "Constancia de exención: requiere fechaExencionExamenProfesional."
	return Catalogo{"modalidades", "Modalidad de titulación (idModalidadTitulacion, modalidadTitulacion).", []Entrada{
		{modalidadTesis, "POR TESIS", acta},
		{"2", "POR PROMEDIO", constancia},
		{"3", "POR ESTUDIOS DE POSGRADOS", constancia},
		{"4", "POR EXPERIENCIA LABORAL", constancia},
		{"5", "POR CENEVAL", constancia},
		{"6", "OTRO", constancia},
	}}
}

const modalidadTesis = "1"

// Fundamentos are the legal grounds of the social service. The glued "LRART."
// is how the standard prints them, its worked example included.
func Fundamentos() Catalogo {
	return Catalogo{"fundamentos", "Fundamento legal del servicio social (idFundamentoLegalServicioSocial, fundamentoLegalServicioSocial).", []Entrada{
		{"1", "ART. 52 LRART. 5 CONST", ""},
		{"2", "ART. 55 LRART. 5 CONST", ""},
		{"3", "ART. 91 RLRART. 5 CONST", ""},
		{"4", "ART. 10 REGLAMENTO PARA LA PRESTACIÓN DEL SERVICIO SOCIAL DE LOS ESTUDIANTES DE LAS INSTITUCIONES DE EDUCACIÓN SUPERIOR EN LA REPÚBLICA MEXICANA", ""},
		{"5", "NO APLICA", ""},
	}}
}

// EstudiosAntecedente are the studies that lead to another.
func EstudiosAntecedente() Catalogo {
	const superior, media, basica = "Educación superior", "Educación media superior", "Educación básica"
	return Catalogo{"estudiosAntecedente", "Tipo de estudio antecedente (idTipoEstudioAntecedente, tipoEstudioAntecedente).", []Entrada{
		{"1", "MAESTRÍA", superior},
		{"2", "LICENCIATURA", superior},
		{"3", "TÉCNICO SUPERIOR UNIVERSITARIO", superior},
		{"4", "BACHILLERATO", media},
		{"5", "EQUIVALENTE A BACHILLERATO", media},
		{"6", "SECUNDARIA", basica},
	}}
}

// Entidades are the states in INEGI's order, and abroad.
func Entidades() Catalogo {
	return Catalogo{"entidades", "Entidad federativa, con dos dígitos (idEntidadFederativa, entidadFederativa).", []Entrada{
		{"01", "AGUASCALIENTES", ""},
		{"02", "BAJA CALIFORNIA", ""},
		{"03", "BAJA CALIFORNIA SUR", ""},
		{"04", "CAMPECHE", ""},
		{"05", "COAHUILA DE ZARAGOZA", ""},
		{"06", "COLIMA", ""},
		{"07", "CHIAPAS", ""},
		{"08", "CHIHUAHUA", ""},
		{"09", "CIUDAD DE MÉXICO", ""},
		{"10", "DURANGO", ""},
		{"11", "GUANAJUATO", ""},
		{"12", "GUERRERO", ""},
		{"13", "HIDALGO", ""},
		{"14", "JALISCO", ""},
		{"15", "MÉXICO", ""},
		{"16", "MICHOACÁN DE OCAMPO", ""},
		{"17", "MORELOS", ""},
		{"18", "NAYARIT", ""},
		{"19", "NUEVO LEÓN", ""},
		{"20", "OAXACA", ""},
		{"21", "PUEBLA", ""},
		{"22", "QUERÉTARO", ""},
		{"23", "QUINTANA ROO", ""},
		{"24", "SAN LUIS POTOSÍ", ""},
		{"25", "SINALOA", ""},
		{"26", "SONORA", ""},
		{"27", "TABASCO", ""},
		{"28", "TAMAULIPAS", ""},
		{"29", "TLAXCALA", ""},
		{"30", "VERACRUZ DE IGNACIO DE LA LLAVE", ""},
		{"31", "YUCATÁN", ""},
		{"32", "ZACATECAS", ""},
		{"33", "EXTRANJERO", ""},
	}}
}

// MotivosCancelacion are the reasons to cancel a title. The id, not the text,
// goes into the request (motCancelacion).
func MotivosCancelacion() Catalogo {
	return Catalogo{"motivosCancelacion", "Motivo de cancelación (motCancelacion lleva la clave).", []Entrada{
		{"R1", "REASIGNACIÓN PARA LA CONCORDANCIA SEXO-GENÉRICA", ""},
		{"R2", "RECONOCIMIENTO DE PATERNIDAD", ""},
		{"R3", "CAMBIO Y MODIFICACIÓN AL NOMBRE", ""},
		{"R4", "CASO FORTUITO O FUERZA MAYOR", ""},
		{"R5", "OTRO", ""},
		{"C1", "CAUSA IMPUTABLE AL PROFESIONISTA", ""},
	}}
}
