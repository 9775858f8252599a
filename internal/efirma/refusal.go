package efirma

import (
	"errors"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Refusal is what Get has failed with, as a caller is told: the e.firma cannot be used,
// or this machine could not read it. field is where the request names the e.firma; it is
// empty where it is the request's own RFC.
func Refusal(rfc, field string, err error) error {
	var bad *Error
	if !errors.As(err, &bad) {
		return gateway.OwnFailure(err, "No se pudo leer la e.firma; no se envió nada. Revise GATEWAY_EFIRMA_DIR y el límite de archivos abiertos.")
	}
	e := &gateway.Error{Kind: gateway.KindEFirma, Codigo: string(bad.Problem), Err: err, Unsent: true,
		Detail: "La e.firma de " + rfc + " no se puede usar. " + bad.Detail}
	if field != "" {
		e.Fields = []gateway.Field{{Campo: field, Detalle: bad.Detail}}
	}
	return e
}
