package pade

import (
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
)

// Codigo is one row of a service's code table. The numbers mean different things in each
// service (pade.md §0).
type Codigo struct {
	Codigo string
	// Text is its meaning in our words.
	Text       string
	Kind       gateway.Kind
	Retryable  bool
	RetryAfter time.Duration
	// Credentials reports that the account was refused: another try may block it.
	Credentials bool
	// Detail says what the caller must do.
	Detail string
}

const (
	codDone          = "0"
	codAlreadySigned = "2"
	codInternal      = "99"
)

// CodigosAddendas returns the addenda service's table (pade.md §3.2). A test compares it
// with docs/errores.md.
func CodigosAddendas() []Codigo {
	return []Codigo{
		{Codigo: "1", Text: "Usuario inexistente o contraseña incorrecta", Kind: gateway.KindProhibido, Credentials: true,
			Detail: "Prodigia no aceptó la cuenta. La pasarela no hará más llamadas con ella: la tercera equivocación la bloquea. Corrija usuario, contraseña y contrato, y desbloquee."},
		{Codigo: "2", Text: "Usuario, contraseña o contrato incorrectos", Kind: gateway.KindProhibido, Credentials: true,
			Detail: "Prodigia no aceptó la cuenta o su contrato. La pasarela no hará más llamadas con ella: la tercera equivocación la bloquea. Corrija usuario, contraseña y contrato, y desbloquee."},
		{Codigo: "3", Text: "Parámetro inválido o ausente", Kind: gateway.KindInvalida,
			Detail: "Prodigia dice que falta un parámetro o no es válido. Revise datos y xmlCfdi; si son correctos, revise GATEWAY_PADE_ADDENDAS_NAMESPACE: con otro espacio de nombres los parámetros se pierden."},
		{Codigo: "5", Text: "Fuera de línea por mantenimiento", Kind: gateway.KindNoDisponible, Retryable: true, RetryAfter: 5 * time.Minute,
			Detail: "El servicio de Prodigia está en mantenimiento. Repita más tarde."},
		{Codigo: "6", Text: "Error al procesar el archivo", Kind: gateway.KindInvalida,
			Detail: "Prodigia no pudo procesar los datos de la addenda; la razón está en mensaje. Corríjalos."},
	}
}

// SignedCodigos returns the signing service's table (pade.md §3.3). A test compares it
// with docs/errores.md.
func SignedCodigos() []Codigo {
	refusal := func(codigo, text, detail string) Codigo {
		return Codigo{Codigo: codigo, Text: text, Kind: gateway.KindInvalida, Detail: detail}
	}
	return []Codigo{
		{Codigo: "1", Text: "Usuario, contraseña o código de contrato incorrectos", Kind: gateway.KindProhibido, Credentials: true,
			Detail: "Prodigia no aceptó la cuenta. La pasarela no hará más llamadas con ella: la tercera equivocación la bloquea. Corrija usuario, contraseña y contrato, y desbloquee."},
		{Codigo: codAlreadySigned, Text: "El contrato ya fue firmado", Kind: gateway.KindConflicto,
			Detail: "El contrato ya estaba firmado y Prodigia no entrega otra vez el documento. No lo firmó esta pasarela: pídalo a quien lo firmó o al soporte de Prodigia."},
		refusal("301", "XML mal formado", "El XML del contrato está mal formado."),
		refusal("302", "Contrato mal formado", "El contrato no tiene la estructura que Prodigia espera."),
		refusal("303", "Sello del emisor inválido", "El sello del cliente no corresponde al texto o está mal formado. Pruebe con el otro digest."),
		refusal("304", "Sello del integrador inválido", "El sello del integrador no corresponde al texto o está mal formado. Pruebe con el otro digest."),
		refusal("305", "Certificado del emisor inválido", "El certificado del cliente está mal formado."),
		refusal("306", "Certificado del integrador inválido", "El certificado del integrador está mal formado."),
		refusal("307", "Certificado del emisor no vigente", "El certificado del cliente no está vigente. Use una e.firma vigente."),
		refusal("308", "Certificado del integrador no vigente", "El certificado del integrador no está vigente. Use una e.firma vigente."),
		refusal("309", "Contrato no válido", "Prodigia no reconoce el contrato: revise que el texto sea el que entregó y que el hash le corresponda."),
		refusal("310", "Certificado del integrador no emitido por el SAT", "El certificado del integrador no es del SAT."),
		refusal("311", "Certificado del emisor no emitido por el SAT", "El certificado del cliente no es del SAT."),
		{Codigo: "400", Text: "Petición inválida: faltan parámetros", Kind: gateway.KindMensajeRechazado,
			Detail: "Prodigia dice que faltan parámetros. Revise GATEWAY_PADE_FIRMADO_NAMESPACE: con otro espacio de nombres los parámetros se pierden."},
		{Codigo: codInternal, Text: "Error interno", Kind: gateway.KindResultadoDesconocido, Retryable: true,
			Detail: "Prodigia tuvo un error interno y no se sabe si firmó. Repita la misma petición una vez: Prodigia no firma dos veces el mismo contrato."},
	}
}

// refusal returns the error of a code other than 0.
func refusal(table []Codigo, codigo, mensaje string) (*gateway.Error, bool) {
	mensaje = transport.PublicText(mensaje, "")
	for _, c := range table {
		if c.Codigo == codigo {
			if mensaje == "" {
				mensaje = c.Text
			}
			return &gateway.Error{Kind: c.Kind, Backend: backend, Codigo: codigo, Mensaje: mensaje, Detail: c.Detail,
				Retryable: c.Retryable, RetryAfter: c.RetryAfter}, c.Credentials
		}
	}
	return &gateway.Error{Kind: gateway.KindRespuestaInvalida, Backend: backend, Codigo: codigo, Mensaje: mensaje,
		Detail: "Prodigia respondió con un código que no está en sus documentos. Consulte mensaje y no repita la petición sin saber qué significa."}, false
}
