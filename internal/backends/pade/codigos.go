package pade

import (
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/transport"
)

// Codigo is one row of a service's code table with what we make of it. The
// numbers mean different things in each service (pade.md §0).
type Codigo struct {
	Codigo string
	// Texto says what it means, in our words.
	Texto        string
	Kind         gateway.Kind
	Reintentable bool
	RetryAfter   time.Duration
	// Credenciales says that the account was refused: another try may block it.
	Credenciales bool
	// Detalle says what the caller must do.
	Detalle string
}

const (
	codHecho     = "0"
	codYaFirmado = "2"
	codInterno   = "99"
)

// CodigosAddendas is the table of the addenda service (pade.md §3.2).
// docs/errores.md shows the same rows; a test holds the two together.
func CodigosAddendas() []Codigo {
	return []Codigo{
		{Codigo: "1", Texto: "Usuario inexistente o contraseña incorrecta", Kind: gateway.KindProhibido, Credenciales: true,
			Detalle: "Prodigia no aceptó la cuenta. La pasarela no hará más llamadas con ella: la tercera equivocación la bloquea. Corrija usuario, contraseña y contrato, y desbloquee."},
		{Codigo: "2", Texto: "Usuario, contraseña o contrato incorrectos", Kind: gateway.KindProhibido, Credenciales: true,
			Detalle: "Prodigia no aceptó la cuenta o su contrato. La pasarela no hará más llamadas con ella: la tercera equivocación la bloquea. Corrija usuario, contraseña y contrato, y desbloquee."},
		{Codigo: "3", Texto: "Parámetro inválido o ausente", Kind: gateway.KindInvalida,
			Detalle: "Prodigia dice que falta un parámetro o no es válido. Revise datos y xmlCfdi; si son correctos, revise GATEWAY_PADE_ADDENDAS_NAMESPACE: con otro espacio de nombres los parámetros se pierden."},
		{Codigo: "5", Texto: "Fuera de línea por mantenimiento", Kind: gateway.KindNoDisponible, Reintentable: true, RetryAfter: 5 * time.Minute,
			Detalle: "El servicio de Prodigia está en mantenimiento. Repita más tarde."},
		{Codigo: "6", Texto: "Error al procesar el archivo", Kind: gateway.KindInvalida,
			Detalle: "Prodigia no pudo procesar los datos de la addenda; la razón está en mensaje. Corríjalos."},
	}
}

// CodigosFirmado is the table of the signing service (pade.md §3.3).
// docs/errores.md shows the same rows; a test holds the two together.
func CodigosFirmado() []Codigo {
	rechazo := func(codigo, texto, detalle string) Codigo {
		return Codigo{Codigo: codigo, Texto: texto, Kind: gateway.KindInvalida, Detalle: detalle}
	}
	return []Codigo{
		{Codigo: "1", Texto: "Usuario, contraseña o código de contrato incorrectos", Kind: gateway.KindProhibido, Credenciales: true,
			Detalle: "Prodigia no aceptó la cuenta. La pasarela no hará más llamadas con ella: la tercera equivocación la bloquea. Corrija usuario, contraseña y contrato, y desbloquee."},
		{Codigo: codYaFirmado, Texto: "El contrato ya fue firmado", Kind: gateway.KindConflicto,
			Detalle: "El contrato ya estaba firmado y Prodigia no entrega otra vez el documento. No lo firmó esta pasarela: pídalo a quien lo firmó o al soporte de Prodigia."},
		rechazo("301", "XML mal formado", "El XML del contrato está mal formado."),
		rechazo("302", "Contrato mal formado", "El contrato no tiene la estructura que Prodigia espera."),
		rechazo("303", "Sello del emisor inválido", "El sello del cliente no corresponde al texto o está mal formado. Pruebe con el otro digest."),
		rechazo("304", "Sello del integrador inválido", "El sello del integrador no corresponde al texto o está mal formado. Pruebe con el otro digest."),
		rechazo("305", "Certificado del emisor inválido", "El certificado del cliente está mal formado."),
		rechazo("306", "Certificado del integrador inválido", "El certificado del integrador está mal formado."),
		rechazo("307", "Certificado del emisor no vigente", "El certificado del cliente no está vigente. Use una e.firma vigente."),
		rechazo("308", "Certificado del integrador no vigente", "El certificado del integrador no está vigente. Use una e.firma vigente."),
		rechazo("309", "Contrato no válido", "Prodigia no reconoce el contrato: revise que el texto sea el que entregó y que el hash le corresponda."),
		rechazo("310", "Certificado del integrador no emitido por el SAT", "El certificado del integrador no es del SAT."),
		rechazo("311", "Certificado del emisor no emitido por el SAT", "El certificado del cliente no es del SAT."),
		{Codigo: "400", Texto: "Petición inválida: faltan parámetros", Kind: gateway.KindMensajeRechazado,
			Detalle: "Prodigia dice que faltan parámetros. Revise GATEWAY_PADE_FIRMADO_NAMESPACE: con otro espacio de nombres los parámetros se pierden."},
		{Codigo: codInterno, Texto: "Error interno", Kind: gateway.KindResultadoDesconocido, Reintentable: true,
			Detalle: "Prodigia tuvo un error interno y no se sabe si firmó. Repita la misma petición una vez: Prodigia no firma dos veces el mismo contrato."},
	}
}

// refusal returns the error of a code other than 0.
func refusal(table []Codigo, codigo, mensaje string) (*gateway.Error, bool) {
	mensaje = transport.PublicText(mensaje, "")
	for _, c := range table {
		if c.Codigo == codigo {
			if mensaje == "" {
				mensaje = c.Texto
			}
			return &gateway.Error{Kind: c.Kind, Backend: backend, Codigo: codigo, Mensaje: mensaje, Detail: c.Detalle,
				Reintentable: c.Reintentable, RetryAfter: c.RetryAfter}, c.Credenciales
		}
	}
	return &gateway.Error{Kind: gateway.KindRespuestaInvalida, Backend: backend, Codigo: codigo, Mensaje: mensaje,
		Detail: "Prodigia respondió con un código que no está en sus documentos. Consulte mensaje y no repita la petición sin saber qué significa."}, false
}
