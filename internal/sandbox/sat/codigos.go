package sat

// The codes of the service; their texts are those of its documents.
const (
	codTokenInvalido  = "300"
	codMalFormado     = "301"
	codSello          = "302"
	codSelloOtroRFC   = "303"
	codCaduco         = "304"
	codCertificado    = "305"
	codNoControlado   = "404"
	codExito          = "5000"
	codTercero        = "5001"
	codDePorVida      = "5002"
	codTope           = "5003"
	codNoEncontrada   = "5004"
	codDuplicada      = "5005"
	codErrorInterno   = "5006"
	codPaqueteCaduco  = "5007"
	codMaxDescargas   = "5008"
	codLimiteDiario   = "5011"
	codXMLCancelado   = "5012"
	mensajeAceptada   = "Solicitud Aceptada"
	mensajeToken      = "Token invalido."
	mensajeUsuario    = "Usuario No Válido"
	mensajeMalFormado = "XML Mal Formado"
)

// textos is what accompanies each code unless a rule says more.
var textos = map[string]string{
	codTokenInvalido: mensajeUsuario,
	codMalFormado:    mensajeMalFormado,
	codSello:         "Sello Mal Formado",
	codSelloOtroRFC:  "Sello no corresponde con RfcSolicitante",
	codCaduco:        "Certificado Revocado o Caduco",
	codCertificado:   "Certificado Inválido",
	codNoControlado:  "Error no controlado",
	codExito:         mensajeAceptada,
	codTercero:       "Tercero no autorizado",
	codDePorVida:     "Se han agotado las solicitudes de por vida",
	codTope:          "Tope máximo de elementos de la consulta",
	codNoEncontrada:  "No se encontró la información",
	codDuplicada:     "Ya se tiene una solicitud registrada",
	codErrorInterno:  "Error interno en el proceso",
	codPaqueteCaduco: "No existe el paquete solicitado",
	codMaxDescargas:  "Máximo de descargas permitidas",
	codLimiteDiario:  "Límite de descargas por folio por día",
	codXMLCancelado:  "No se permite la descarga de xml que se encuentren cancelados",
}

// rechazo is a business refusal: HTTP 200 with a code in the operation's own shape.
type rechazo struct{ codigo, mensaje string }

func (r *rechazo) Error() string { return r.codigo + " " + r.mensaje }

// malFormado is 301 with what is wrong.
func malFormado(motivo string) *rechazo {
	return rechaza(codMalFormado, mensajeMalFormado+": "+motivo)
}

// rechaza refuses with code and, when given, a text instead of the code's own.
func rechaza(codigo string, mensaje ...string) *rechazo {
	if len(mensaje) > 0 {
		return &rechazo{codigo, mensaje[0]}
	}
	return &rechazo{codigo, textos[codigo]}
}
