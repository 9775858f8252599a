package titulo

// Codigo names a kind of problem. Codes are stable: programs compare them.
type Codigo string

// Codes about a title's fields (Validate).
const (
	CodigoRequerido           Codigo = "requerido"
	CodigoVersion             Codigo = "version"
	CodigoCatalogoID          Codigo = "catalogo_id"
	CodigoCatalogoTexto       Codigo = "catalogo_texto"
	CodigoEntidadDosDigitos   Codigo = "entidad_dos_digitos"
	CodigoValor               Codigo = "valor"
	CodigoFecha               Codigo = "fecha"
	CodigoFechaRequired       Codigo = "fecha_requerida_por_modalidad"
	CodigoFechaExcluded       Codigo = "fecha_excluida_por_modalidad"
	CodigoOrderFechas         Codigo = "orden_de_fechas"
	CodigoCURP                Codigo = "curp"
	CodigoCURPDigito          Codigo = "curp_digito"
	CodigoCorreo              Codigo = "correo"
	CodigoCaracterInvalido    Codigo = "caracter_invalido"
	CodigoCaracterReservado   Codigo = "caracter_reservado"
	CodigoEspacios            Codigo = "espacios"
	CodigoUnicode             Codigo = "unicode_descompuesto"
	CodigoMinusculas          Codigo = "minusculas"
	CodigoAcentos             Codigo = "acentos"
	CodigoLongitud            Codigo = "longitud"
	CodigoRvoeSinNumero       Codigo = "rvoe_sin_numero"
	CodigoFirmanteRepetido    Codigo = "firmante_repetido"
	CodigoDemasiadosFirmantes Codigo = "demasiados_firmantes"

	CodigoCatalogoSinConfirmar Codigo = "catalogo_sin_confirmar"
	CodigoFechaFutura          Codigo = "fecha_futura"
	CodigoServicioSocial       Codigo = "servicio_social"
	CodigoWithoutCedula        Codigo = "antecedente_sin_cedula"
	CodigoTextoDanado          Codigo = "texto_danado"
	CodigoNombreCaracteres     Codigo = "nombre_caracteres"
	CodigoPadding              Codigo = "valor_de_relleno"
)

// Codes about a title's XML (Parse, Verify).
const (
	CodigoXMLIlegible         Codigo = "xml_ilegible"
	CodigoCodificacion        Codigo = "codificacion"
	CodigoDTD                 Codigo = "dtd"
	CodigoProfundidad         Codigo = "profundidad"
	CodigoDemasiadoGrande     Codigo = "demasiado_grande"
	CodigoNoEsTitulo          Codigo = "no_es_titulo"
	CodigoEspacioDeNombres    Codigo = "espacio_de_nombres"
	CodigoSchemaLocation      Codigo = "schema_location"
	CodigoElementoDesconocido Codigo = "elemento_desconocido"
	CodigoElementoRepetido    Codigo = "elemento_repetido"
	CodigoElementoFaltante    Codigo = "elemento_faltante"
	CodigoOrderElements       Codigo = "orden_de_elementos"
	CodigoAtributoDesconocido Codigo = "atributo_desconocido"
	CodigoFechaVacia          Codigo = "fecha_vacia"
	CodigoTextoInesperado     Codigo = "texto_inesperado"
	CodigoAutenticacion       Codigo = "autenticacion"
	CodigoAutenticacionVacia  Codigo = "autenticacion_vacia"
)

// Codes about a sello and its certificate (Seal, Verify).
const (
	CodigoBase64              Codigo = "base64"
	CodigoBase64Lines         Codigo = "base64_en_varias_lineas"
	CodigoSello               Codigo = "sello"
	CodigoSelloPlano          Codigo = "sello_plano"
	CodigoSelloEntidades      Codigo = "sello_entidades"
	CodigoCertificadoIlegible Codigo = "certificado_ilegible"
	CodigoCertificadoNumero   Codigo = "certificado_numero"
	CodigoCertificadoCURP     Codigo = "certificado_curp"
	CodigoCertificadoSinCURP  Codigo = "certificado_sin_curp"
	CodigoCertificadoVigencia Codigo = "certificado_fuera_de_vigencia"
	CodigoCertificadoNoEFirma Codigo = "certificado_no_es_efirma"
)

// Codes about a file before it is sent (WriteZip, CheckFile).
const (
	CodigoNombreLongitud      Codigo = "nombre_longitud"
	CodigoNombreInvalido      Codigo = "nombre_invalido"
	CodigoExtension           Codigo = "extension"
	CodigoExtensionDifferent  Codigo = "extension_no_corresponde"
	CodigoContent             Codigo = "contenido_desconocido"
	CodigoArchivoVacio        Codigo = "archivo_vacio"
	CodigoEnBase64            Codigo = "en_base64"
	CodigoEnBase64Doble       Codigo = "en_base64_doble"
	CodigoZipDanado           Codigo = "zip_danado"
	CodigoZipVacio            Codigo = "zip_vacio"
	CodigoZipBomba            Codigo = "zip_bomba"
	CodigoZipEntries          Codigo = "zip_demasiadas_entradas"
	CodigoZipCifrado          Codigo = "zip_cifrado"
	CodigoZipMetodo           Codigo = "zip_metodo"
	CodigoZipCarpetas         Codigo = "zip_carpetas"
	CodigoEntradaNoXML        Codigo = "entrada_no_xml"
	CodigoEntradaRepetida     Codigo = "entrada_repetida"
	CodigoFolioDuplicado      Codigo = "folio_duplicado"
	CodigoDemasiadosProblemas Codigo = "demasiados_problemas"
)

// Codigos lists every code. The pages must show all of them.
func Codigos() []Codigo {
	return []Codigo{
		CodigoRequerido, CodigoVersion, CodigoCatalogoID, CodigoCatalogoTexto, CodigoEntidadDosDigitos, CodigoValor, CodigoFecha,
		CodigoFechaRequired, CodigoFechaExcluded, CodigoOrderFechas, CodigoCURP, CodigoCURPDigito, CodigoCorreo, CodigoCaracterInvalido,
		CodigoCaracterReservado, CodigoEspacios, CodigoUnicode, CodigoMinusculas, CodigoAcentos, CodigoLongitud, CodigoRvoeSinNumero,
		CodigoFirmanteRepetido, CodigoDemasiadosFirmantes, CodigoCatalogoSinConfirmar, CodigoFechaFutura, CodigoServicioSocial,
		CodigoWithoutCedula, CodigoTextoDanado, CodigoNombreCaracteres, CodigoPadding, CodigoXMLIlegible, CodigoCodificacion, CodigoDTD, CodigoProfundidad,
		CodigoDemasiadoGrande, CodigoNoEsTitulo, CodigoEspacioDeNombres, CodigoSchemaLocation, CodigoElementoDesconocido,
		CodigoElementoRepetido, CodigoElementoFaltante, CodigoOrderElements, CodigoAtributoDesconocido, CodigoFechaVacia,
		CodigoTextoInesperado, CodigoAutenticacion, CodigoAutenticacionVacia, CodigoBase64, CodigoBase64Lines, CodigoSello,
		CodigoSelloPlano, CodigoSelloEntidades, CodigoCertificadoIlegible, CodigoCertificadoNumero, CodigoCertificadoCURP,
		CodigoCertificadoSinCURP, CodigoCertificadoVigencia, CodigoCertificadoNoEFirma, CodigoNombreLongitud, CodigoNombreInvalido,
		CodigoExtension, CodigoExtensionDifferent, CodigoContent, CodigoArchivoVacio, CodigoEnBase64, CodigoEnBase64Doble,
		CodigoZipDanado, CodigoZipVacio, CodigoZipBomba, CodigoZipEntries, CodigoZipCifrado, CodigoZipMetodo, CodigoZipCarpetas,
		CodigoEntradaNoXML, CodigoEntradaRepetida, CodigoFolioDuplicado, CodigoDemasiadosProblemas,
	}
}
