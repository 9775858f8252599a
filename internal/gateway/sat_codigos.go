package gateway

import (
	"strconv"
	"time"
)

// RechazoSAT is one row of the SAT's code table with what we make of it.
type RechazoSAT struct {
	Codigo string
	// Text is the SAT's own text for it.
	Text string
	Kind Kind
	// Retryable says that the same request may succeed later, unchanged.
	Retryable  bool
	RetryAfter time.Duration
	// Detail says what it means and what the caller must do.
	Detail string
}

// RechazosSAT is the table of refusals (sat.md §9), by code. docs/errores.md shows
// the same rows; a test holds the two together.
func RechazosSAT() []RechazoSAT {
	return []RechazoSAT{
		{Codigo: "300", Text: "Usuario No Válido", Kind: KindMensajeRechazado, Retryable: true,
			Detail: "El SAT no aceptó el token de acceso, tampoco después de renovarlo una vez. Repita más tarde; si persiste, revise con el SAT la e.firma del RFC."},
		{Codigo: "301", Text: "XML Mal Formado", Kind: KindMensajeRechazado,
			Detail: "El SAT rechazó un dato de la petición; la razón está en mensaje. No la repita igual: corrija el dato que el SAT señala."},
		{Codigo: "302", Text: "Sello Mal Formado", Kind: KindMensajeRechazado,
			Detail: "El SAT no aceptó la forma de la firma. Es un defecto de la pasarela o un cambio del SAT: pruebe GATEWAY_SAT_FIRMA con el otro valor y repórtelo."},
		{Codigo: "303", Text: "Sello no corresponde con el RFC", Kind: KindEFirma,
			Detail: "El RFC de la petición no es el del certificado con que se firmó. Revise rfcSolicitante y la e.firma cargada para ese RFC."},
		{Codigo: "304", Text: "Certificado Revocado o Caduco", Kind: KindEFirma,
			Detail: "El SAT tiene la e.firma por revocada o vencida. Renuévela ante el SAT y sustituya los archivos; no repita la petición antes."},
		{Codigo: "305", Text: "Certificado Inválido", Kind: KindEFirma, Retryable: true,
			Detail: "El SAT no admite el certificado: es un CSD, es de prueba, o es una falla pasajera del SAT. Compruebe que sea la e.firma; si lo es, repita en unas horas."},
		{Codigo: "404", Text: "Error no controlado", Kind: KindNoDisponible, Retryable: true, RetryAfter: 5 * time.Minute,
			Detail: "El SAT tuvo un error interno. Repita con pausas crecientes; a veces dura horas."},
		{Codigo: "5001", Text: "Tercero no autorizado", Kind: KindProhibido,
			Detail: "El SAT no autoriza a este RFC a pedir esos comprobantes. Solo puede pedir los propios."},
		{Codigo: "5002", Text: "Se han agotado las solicitudes de por vida", Kind: KindConflicto,
			Detail: "Estos mismos criterios ya se pidieron las veces que el SAT permite, y el tiempo no lo cura. Cambie el rango un segundo o divídalo."},
		{Codigo: "5003", Text: "Tope máximo de elementos de la consulta", Kind: KindConflicto,
			Detail: "El rango contiene más comprobantes de los que el SAT entrega por solicitud (200,000 XML o 1,000,000 de metadatos). Divida el rango."},
		{Codigo: "5004", Text: "No se encontró la información", Kind: KindNoEncontrado,
			Detail: "El SAT no conoce esa solicitud o ese paquete para este RFC y servicio. Revise el identificador y que el servicio (cfdi o retenciones) sea el mismo con que se pidió."},
		{Codigo: "5005", Text: "Ya se tiene una solicitud registrada", Kind: KindConflicto,
			Detail: "Hay una solicitud viva con los mismos criterios y el SAT no dice cuál es. Siga la que ya tiene; si perdió su identificador, cambie el rango un segundo."},
		{Codigo: "5006", Text: "Error interno en el proceso", Kind: KindNoDisponible, Retryable: true, RetryAfter: 5 * time.Minute,
			Detail: "El SAT tuvo un error interno. Repita con pausas crecientes."},
		{Codigo: "5007", Text: "No existe el paquete solicitado", Kind: KindYaNoDisponible,
			Detail: "El paquete venció: el SAT los guarda 72 horas. Presente una solicitud nueva con el rango cambiado en un segundo."},
		{Codigo: "5008", Text: "Máximo de descargas permitidas", Kind: KindYaNoDisponible,
			Detail: "El paquete ya se descargó las dos veces que el SAT permite y la pasarela no tiene copia completa. Presente una solicitud nueva con el rango cambiado en un segundo."},
		{Codigo: "5011", Text: "Límite de descargas por folio por día", Kind: KindLimite, Retryable: true, RetryAfter: 24 * time.Hour,
			Detail: "Se alcanzó el límite diario del SAT para este folio. Repita mañana."},
		{Codigo: "5012", Text: "No se permite la descarga de xml que se encuentren cancelados", Kind: KindConflicto,
			Detail: "El comprobante está cancelado y el SAT no entrega su XML. Pida los metadatos del periodo."},
	}
}

// CodigoSAT is a code of the SAT with its text; empty for none.
func CodigoSAT(codigo string) Codigo {
	if codigo == "" {
		return Codigo{}
	}
	for _, c := range append(RechazosSAT(), RechazoSAT{Codigo: "5000", Text: "Solicitud recibida con éxito"}) {
		if c.Codigo == codigo {
			return Codigo{Codigo: codigo, Descripcion: c.Text}
		}
	}
	return Codigo{Codigo: codigo, Descripcion: "Código no documentado por el SAT"}
}

// EstadoSAT is an EstadoSolicitud as it came, with its meaning (sat.md §7); empty for none.
func EstadoSAT(estado string) Codigo {
	if estado == "" {
		return Codigo{}
	}
	texts := [...]string{
		"Sin estado: el SAT no encontró la solicitud o no la procesó",
		"Aceptada: en espera; de minutos a días es normal",
		"En proceso",
		"Terminada: descargue los paquetes antes de 72 horas",
		"Error del SAT: presente una solicitud nueva después de una pausa",
		"Rechazada: la razón está en codigoEstadoSolicitud; con 5004 no hay comprobantes en el rango",
		"Vencida: los paquetes ya no existen; presente una solicitud nueva con el rango cambiado en un segundo",
	}
	if n, err := strconv.Atoi(estado); err == nil && n >= 0 && n < len(texts) {
		return Codigo{Codigo: estado, Descripcion: texts[n]}
	}
	return Codigo{Codigo: estado, Descripcion: "Estado no documentado por el SAT"}
}
