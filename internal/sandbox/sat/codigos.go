package sat

// The codes of the service; their texts are those of its documents.
const (
	codTokenInvalid   = "300"
	codBadFormed      = "301"
	codSello          = "302"
	codSelloOtherRFC  = "303"
	codExpired        = "304"
	codCertificado    = "305"
	codNotControlled  = "404"
	codSuccess        = "5000"
	codTercero        = "5001"
	codForLife        = "5002"
	codCeiling        = "5003"
	codNotFound       = "5004"
	codDuplicate      = "5005"
	codErrorInternal  = "5006"
	codPaqueteExpired = "5007"
	codMaxDescargas   = "5008"
	codLimitDaily     = "5011"
	codXMLCancelled   = "5012"
	mensajeAccepted   = "Solicitud Aceptada"
	mensajeToken      = "Token invalido."
	mensajeUser       = "Usuario No Válido"
	mensajeBadFormed  = "XML Mal Formado"
)

// texts is what accompanies each code unless a rule says more.
var texts = map[string]string{
	codTokenInvalid:   mensajeUser,
	codBadFormed:      mensajeBadFormed,
	codSello:          "Sello Mal Formado",
	codSelloOtherRFC:  "Sello no corresponde con RfcSolicitante",
	codExpired:        "Certificado Revocado o Caduco",
	codCertificado:    "Certificado Inválido",
	codNotControlled:  "Error no controlado",
	codSuccess:        mensajeAccepted,
	codTercero:        "Tercero no autorizado",
	codForLife:        "Se han agotado las solicitudes de por vida",
	codCeiling:        "Tope máximo de elementos de la consulta",
	codNotFound:       "No se encontró la información",
	codDuplicate:      "Ya se tiene una solicitud registrada",
	codErrorInternal:  "Error interno en el proceso",
	codPaqueteExpired: "No existe el paquete solicitado",
	codMaxDescargas:   "Máximo de descargas permitidas",
	codLimitDaily:     "Límite de descargas por folio por día",
	codXMLCancelled:   "No se permite la descarga de xml que se encuentren cancelados",
}

// refusal is a business refusal: HTTP 200 with a code in the operation's own shape.
type refusal struct{ codigo, mensaje string }

func (r *refusal) Error() string { return r.codigo + " " + r.mensaje }

// badFormed is 301 with what is wrong.
func badFormed(motivo string) *refusal {
	return reject(codBadFormed, mensajeBadFormed+": "+motivo)
}

// reject refuses with code and, when given, a text instead of the code's own.
func reject(codigo string, mensaje ...string) *refusal {
	if len(mensaje) > 0 {
		return &refusal{codigo, mensaje[0]}
	}
	return &refusal{codigo, texts[codigo]}
}
