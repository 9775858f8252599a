package firmado

import (
	"errors"
	"fmt"
	"time"

	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/pade/contrato"
)

// Keyring returns the e.firma of an RFC, or an *efirma.Error.
type Keyring interface {
	Get(rfc string) (*efirma.Credential, error)
}

// ToSign is a contract given as fields.
type ToSign struct {
	Fecha, Text string
	Firmas      []contrato.Firma
	// FirmarCon are the RFCs whose e.firmas seal each Firma. It is empty for a Firma that
	// already has its Sello.
	FirmarCon []string
	Digest    contrato.Digest // empty for SHA-256
}

// Build returns the document of a contract: the text with normalized line ends, its Hash,
// and the requested seals. now is the date of a contract without one, on the clock of
// central Mexico.
func Build(p ToSign, op gateway.FirmaOperation, keys Keyring, now time.Time) (Document, error) {
	if p.Fecha == "" {
		p.Fecha = gateway.InMexico(now).Format(gateway.FechaFormat)
	}
	if p.Digest == "" {
		p.Digest = contrato.SHA256
	}
	c := contrato.New(p.Fecha, p.Text, p.Firmas)
	for i, rfc := range p.FirmarCon {
		if rfc == "" {
			continue
		}
		cred, err := keys.Get(rfc)
		if err != nil {
			return Document{}, efirma.Refusal(rfc, fmt.Sprintf("contrato/firmas/%d/firmarCon", i), err)
		}
		if err := contrato.Seal(&c.Firmas[i], c.Text, cred, p.Digest); err != nil {
			return Document{}, invalid(fmt.Sprintf("contrato/firmas/%d", i), err)
		}
	}
	if fields := contrato.Validate(c, op); len(fields) > 0 {
		return Document{}, refused("contrato", fields, "")
	}
	xml, err := contrato.Build(c, op)
	if err != nil {
		return Document{}, invalid("contrato", err)
	}
	return Document{XML: xml, read: &c}, nil
}

// refused returns the refusal of a contract for fields within it.
func refused(path string, fields []gateway.Field, hint string) error {
	for i := range fields {
		fields[i].Campo = path + "/" + fields[i].Campo
	}
	return &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnContratoRechazable, Unsent: true, Fields: fields,
		Detail: "El contrato no se envió a Prodigia porque lo rechazaría. Corrija lo indicado en errores." + hint}
}

func invalid(field string, err error) error {
	var known *gateway.Error
	if errors.As(err, &known) {
		return named(field, known)
	}
	return &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnContratoImposible, Unsent: true, Err: err, Detail: "El contrato no se puede construir; vea errores.",
		Fields: []gateway.Field{{Campo: field, Detalle: err.Error()}}}
}

// named sets the request's field that an error is about, unless the error names one.
func named(field string, err *gateway.Error) error {
	if len(err.Fields) > 0 {
		return err
	}
	named := *err
	named.Unsent = true
	named.Fields = []gateway.Field{{Campo: field, Detalle: err.Detail}}
	return &named
}
