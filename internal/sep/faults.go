package sep

import (
	"strings"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/soap/outcome"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
	"github.com/pasarela-mx/pasarela/internal/textfold"
)

// System returns the SEP's name and texts for failures.
func System() outcome.System {
	return outcome.System{Backend: backend, Name: "la SEP", Settings: "GATEWAY_SEP_URL", Unknown: whatNow}
}

// whatNow says how to find the outcome of a call that may have arrived.
func whatNow(op *transport.Operation) string {
	if op.Name == "cargaTituloElectronico" {
		return "La SEP puede haber abierto el lote, y no hay modo de preguntarle su número. Cargue el archivo otra vez, con otra Idempotency-Key: los títulos que ya estén registrados volverán como ya_registrado."
	}
	return "La SEP puede haber cancelado el título. Cancélelo otra vez, con otra Idempotency-Key: si ya lo estaba, responderá que no lo encuentra."
}

func failure(op *transport.Operation, err error) error { return System().Failure(op, err) }

// Message is a text by which the SEP refuses, and its meaning. The spelling varies, so a
// folded part of the text is compared (sep.md §3).
type Message struct {
	Part   string
	Kind   gateway.Kind
	Own    gateway.OwnCode
	Detail string
}

// Messages is the table of refusals by text. A test compares it with docs/errores.md.
func Messages() []Message {
	return []Message{
		{"usuario inval", gateway.KindProhibido, gateway.OwnCuentaSEPInvalida, "La SEP no aceptó el usuario o la contraseña. Revise GATEWAY_SEP_USUARIO y GATEWAY_SEP_PASSWORD_FILE; son distintos en pruebas y en producción."},
		{"no pertenece a la institucion", gateway.KindProhibido, gateway.OwnInstitucionAjena, "La cuenta de la SEP es de otra institución educativa."},
		{"no se encontraron registros para el numero de lote", gateway.KindNoEncontrado, gateway.OwnLoteInexistente, "La SEP no conoce ese número de lote."},
		{"no se encontro titulo para el folio", gateway.KindNoEncontrado, gateway.OwnTituloInexistente, "La SEP no tiene un título con ese folio de control, o ya está cancelado."},
	}
}

// known returns the error for a message in the table, or nil.
func known(mensaje string) *gateway.Error {
	folded := textfold.Fold(mensaje)
	for _, m := range Messages() {
		if strings.Contains(folded, m.Part) {
			return &gateway.Error{Kind: m.Kind, Own: m.Own, Backend: backend, Mensaje: public(mensaje), Detail: m.Detail}
		}
	}
	return nil
}

// refusal returns the error for a known message, or otherwise one with the message.
func refusal(mensaje string, otherwise *gateway.Error) *gateway.Error {
	if e := known(mensaje); e != nil {
		return e
	}
	otherwise.Backend, otherwise.Mensaje = backend, public(mensaje)
	return otherwise
}

func public(mensaje string) string { return transport.PublicText(mensaje, "") }
