package sep

// catalogos are the SEP's, id to text.
type catalogos struct {
	cargo, authorization, modalidad, fundamento, estudio, entidad map[string]string
}

func newCatalogos() catalogos {
	return catalogos{
		cargo: map[string]string{
			"0": "SECRETARIO DE EDUCACIÓN PÚBLICA", "11": "TITULAR DE LA AUTORIDAD EDUCATIVA FEDERAL EN LA CIUDAD DE MÉXICO",
			"1": "DIRECTOR", "2": "SUBDIRECTOR", "3": "RECTOR", "4": "VICERRECTOR", "5": "RESPONSABLE DE EXPEDICIÓN",
			"6": "SECRETARIO GENERAL", "7": "AUTORIDAD LOCAL", "8": "AUTORIDAD FEDERAL", "9": "DIRECTOR GENERAL", "10": "RECTOR GENERAL",
		},
		authorization: map[string]string{
			"1": "RVOE FEDERAL", "2": "RVOE ESTATAL", "3": "AUTORIZACIÓN FEDERAL", "4": "AUTORIZACIÓN ESTATAL", "5": "ACTA DE SESIÓN",
			"6": "ACUERDO DE INCORPORACIÓN", "7": "ACUERDO SECRETARIAL SEP", "8": "DECRETO DE CREACIÓN", "9": "OTRO",
		},
		modalidad: map[string]string{
			"1": "POR TESIS", "2": "POR PROMEDIO", "3": "POR ESTUDIOS DE POSGRADOS", "4": "POR EXPERIENCIA LABORAL", "5": "POR CENEVAL", "6": "OTRO",
		},
		fundamento: map[string]string{
			// «LRART» in one word is how the standard spells it.
			"1": "ART. 52 LRART. 5 CONST", "2": "ART. 55 LRART. 5 CONST", "3": "ART. 91 RLRART. 5 CONST",
			"4": "ART. 10 REGLAMENTO PARA LA PRESTACIÓN DEL SERVICIO SOCIAL DE LOS ESTUDIANTES DE LAS INSTITUCIONES DE EDUCACIÓN SUPERIOR EN LA REPÚBLICA MEXICANA",
			"5": "NO APLICA",
		},
		estudio: map[string]string{
			"1": "MAESTRÍA", "2": "LICENCIATURA", "3": "TÉCNICO SUPERIOR UNIVERSITARIO", "4": "BACHILLERATO", "5": "EQUIVALENTE A BACHILLERATO", "6": "SECUNDARIA",
		},
		entidad: map[string]string{
			"01": "AGUASCALIENTES", "02": "BAJA CALIFORNIA", "03": "BAJA CALIFORNIA SUR", "04": "CAMPECHE", "05": "COAHUILA DE ZARAGOZA",
			"06": "COLIMA", "07": "CHIAPAS", "08": "CHIHUAHUA", "09": "CIUDAD DE MÉXICO", "10": "DURANGO", "11": "GUANAJUATO", "12": "GUERRERO",
			"13": "HIDALGO", "14": "JALISCO", "15": "MÉXICO", "16": "MICHOACÁN DE OCAMPO", "17": "MORELOS", "18": "NAYARIT", "19": "NUEVO LEÓN",
			"20": "OAXACA", "21": "PUEBLA", "22": "QUERÉTARO", "23": "QUINTANA ROO", "24": "SAN LUIS POTOSÍ", "25": "SINALOA", "26": "SONORA",
			"27": "TABASCO", "28": "TAMAULIPAS", "29": "TLAXCALA", "30": "VERACRUZ DE IGNACIO DE LA LLAVE", "31": "YUCATÁN", "32": "ZACATECAS",
			"33": "EXTRANJERO",
		},
	}
}

func motivosCancelacion() []string { return []string{"R1", "R2", "R3", "R4", "R5", "C1"} }
