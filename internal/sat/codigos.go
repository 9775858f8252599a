package sat

import (
	"strconv"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
)

// The codes that the translation itself looks at.
const (
	codAccepted      = "5000"
	codNotControlled = "404"
	codWithoutInfo   = "5004"
)

// CodigoSAT is one row of the SAT's code table with what we make of it.
type CodigoSAT struct {
	Codigo string
	// Text is the SAT's own text for it.
	Text string
	Kind gateway.Kind
	// Retryable says that the same request may succeed later, unchanged.
	Retryable  bool
	RetryAfter time.Duration
	// Detail says what it means and what the caller must do.
	Detail string
}

// Codigos is the table of refusals (sat.md §9), by code. docs/errores.md shows
// the same rows; a test holds the two together.
func Codigos() []CodigoSAT {
	return []CodigoSAT{
		{Codigo: "300", Text: "Usuario No Válido", Kind: gateway.KindMensajeRechazado, Retryable: true,
			Detail: "El SAT no aceptó el token de acceso, tampoco después de renovarlo una vez. Repita más tarde; si persiste, revise con el SAT la e.firma del RFC."},
		{Codigo: "301", Text: "XML Mal Formado", Kind: gateway.KindMensajeRechazado,
			Detail: "El SAT rechazó un dato de la petición; la razón está en mensaje. No la repita igual: corrija el dato que el SAT señala."},
		{Codigo: "302", Text: "Sello Mal Formado", Kind: gateway.KindMensajeRechazado,
			Detail: "El SAT no aceptó la forma de la firma. Es un defecto de la pasarela o un cambio del SAT: pruebe GATEWAY_SAT_FIRMA con el otro valor y repórtelo."},
		{Codigo: "303", Text: "Sello no corresponde con el RFC", Kind: gateway.KindEFirma,
			Detail: "El RFC de la petición no es el del certificado con que se firmó. Revise rfcSolicitante y la e.firma cargada para ese RFC."},
		{Codigo: "304", Text: "Certificado Revocado o Caduco", Kind: gateway.KindEFirma,
			Detail: "El SAT tiene la e.firma por revocada o vencida. Renuévela ante el SAT y sustituya los archivos; no repita la petición antes."},
		{Codigo: "305", Text: "Certificado Inválido", Kind: gateway.KindEFirma, Retryable: true,
			Detail: "El SAT no admite el certificado: es un CSD, es de prueba, o es una falla pasajera del SAT. Compruebe que sea la e.firma; si lo es, repita en unas horas."},
		{Codigo: "404", Text: "Error no controlado", Kind: gateway.KindNoDisponible, Retryable: true, RetryAfter: 5 * time.Minute,
			Detail: "El SAT tuvo un error interno. Repita con pausas crecientes; a veces dura horas."},
		{Codigo: "5001", Text: "Tercero no autorizado", Kind: gateway.KindProhibido,
			Detail: "El SAT no autoriza a este RFC a pedir esos comprobantes. Solo puede pedir los propios."},
		{Codigo: "5002", Text: "Se han agotado las solicitudes de por vida", Kind: gateway.KindConflicto,
			Detail: "Estos mismos criterios ya se pidieron las veces que el SAT permite, y el tiempo no lo cura. Cambie el rango un segundo o divídalo."},
		{Codigo: "5003", Text: "Tope máximo de elementos de la consulta", Kind: gateway.KindConflicto,
			Detail: "El rango contiene más comprobantes de los que el SAT entrega por solicitud (200,000 XML o 1,000,000 de metadatos). Divida el rango."},
		{Codigo: "5004", Text: "No se encontró la información", Kind: gateway.KindNoEncontrado,
			Detail: "El SAT no conoce esa solicitud o ese paquete para este RFC y servicio. Revise el identificador y que el servicio (cfdi o retenciones) sea el mismo con que se pidió."},
		{Codigo: "5005", Text: "Ya se tiene una solicitud registrada", Kind: gateway.KindConflicto,
			Detail: "Hay una solicitud viva con los mismos criterios y el SAT no dice cuál es. Siga la que ya tiene; si perdió su identificador, cambie el rango un segundo."},
		{Codigo: "5006", Text: "Error interno en el proceso", Kind: gateway.KindNoDisponible, Retryable: true, RetryAfter: 5 * time.Minute,
			Detail: "El SAT tuvo un error interno. Repita con pausas crecientes."},
		{Codigo: "5007", Text: "No existe el paquete solicitado", Kind: gateway.KindYaNoDisponible,
			Detail: "El paquete venció: el SAT los guarda 72 horas. Presente una solicitud nueva con el rango cambiado en un segundo."},
		{Codigo: "5008", Text: "Máximo de descargas permitidas", Kind: gateway.KindYaNoDisponible,
			Detail: "El paquete ya se descargó las dos veces que el SAT permite y la pasarela no tiene copia completa. Presente una solicitud nueva con el rango cambiado en un segundo."},
		{Codigo: "5011", Text: "Límite de descargas por folio por día", Kind: gateway.KindLimite, Retryable: true, RetryAfter: 24 * time.Hour,
			Detail: "Se alcanzó el límite diario del SAT para este folio. Repita mañana."},
		{Codigo: "5012", Text: "No se permite la descarga de xml que se encuentren cancelados", Kind: gateway.KindConflicto,
			Detail: "El comprobante está cancelado y el SAT no entrega su XML. Pida los metadatos del periodo."},
	}
}

// refusal returns the error of a CodEstatus other than 5000.
func refusal(codigo, mensaje string) *gateway.Error {
	mensaje = transport.PublicText(mensaje, nsDescarga)
	for _, c := range Codigos() {
		if c.Codigo == codigo {
			if mensaje == "" {
				mensaje = c.Text
			}
			return &gateway.Error{Kind: c.Kind, Backend: backend, Codigo: codigo, Mensaje: mensaje,
				Detail: c.Detail, Retryable: c.Retryable, RetryAfter: c.RetryAfter}
		}
	}
	return &gateway.Error{Kind: gateway.KindRespuestaInvalida, Backend: backend, Codigo: codigo, Mensaje: mensaje,
		Detail: "El SAT respondió con un código que no está en sus documentos. Consulte mensaje y no repita la petición sin saber qué significa."}
}

// Describe gives the text of a code that is shown beside a state.
func Describe(codigo string) string {
	if codigo == codAccepted {
		return "Solicitud recibida con éxito"
	}
	for _, c := range Codigos() {
		if c.Codigo == codigo {
			return c.Text
		}
	}
	return "Código no documentado por el SAT"
}

// DescribeEstado gives the meaning of an EstadoSolicitud as it came (sat.md §7).
func DescribeEstado(estado string) string {
	n, err := strconv.ParseInt(estado, 10, 32)
	if err != nil {
		n = -1
	}
	return describeEstado(int32(n))
}

// describeEstado gives the meaning of an EstadoSolicitud (sat.md §7).
func describeEstado(estado int32) string {
	switch estado {
	case 0:
		return "Sin estado: el SAT no encontró la solicitud o no la procesó"
	case 1:
		return "Aceptada: en espera; de minutos a días es normal"
	case 2:
		return "En proceso"
	case 3:
		return "Terminada: descargue los paquetes antes de 72 horas"
	case 4:
		return "Error del SAT: presente una solicitud nueva después de una pausa"
	case 5:
		return "Rechazada: la razón está en codigoEstadoSolicitud; con 5004 no hay comprobantes en el rango"
	case 6:
		return "Vencida: los paquetes ya no existen; presente una solicitud nueva con el rango cambiado en un segundo"
	}
	return "Estado no documentado por el SAT"
}
