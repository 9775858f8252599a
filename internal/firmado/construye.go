package firmado

import (
	"errors"
	"fmt"
	"time"

	"github.com/pasarela-mx/pasarela/internal/contrato"
	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Keyring gives the e.firma of an RFC, or an *efirma.Error.
type Keyring interface {
	Get(rfc string) (*efirma.Credential, error)
}

// PorFirmar is a contract given by its fields.
type PorFirmar struct {
	Fecha, Texto string
	Firmas       []contrato.Firma
	// FirmarCon are the RFCs whose e.firma seals each Firma; an empty one is for a
	// Firma that bears its Sello.
	FirmarCon []string
	Digest    contrato.Digest // empty for SHA-256
}

// Construye makes the XML of a contract: the text with its line ends settled,
// its Hash, and the seals of the e.firmas asked for. now dates a contract that
// says no date, on the clock of central Mexico.
func Construye(p PorFirmar, op gateway.OperacionFirma, keys Keyring, now time.Time) ([]byte, error) {
	if p.Fecha == "" {
		p.Fecha = gateway.EnMexico(now).Format(gateway.FormatoFecha)
	}
	if p.Digest == "" {
		p.Digest = contrato.SHA256
	}
	c := contrato.Nuevo(p.Fecha, p.Texto, p.Firmas)
	for i, rfc := range p.FirmarCon {
		if rfc == "" {
			continue
		}
		cred, err := keys.Get(rfc)
		if err != nil {
			return nil, badCredential(i, rfc, err)
		}
		if err := contrato.Sella(&c.Firmas[i], c.Texto, cred, p.Digest); err != nil {
			return nil, invalido(fmt.Sprintf("contrato/firmas/%d", i), err)
		}
	}
	if campos := contrato.Valida(c, op); len(campos) > 0 {
		return nil, rechazado("contrato", campos, "")
	}
	xml, err := contrato.Construye(c, op)
	if err != nil {
		return nil, invalido("contrato", err)
	}
	return xml, nil
}

// rechazado is the refusal of a contract for fields that are named within it.
func rechazado(ruta string, campos []gateway.Campo, consejo string) error {
	for i := range campos {
		campos[i].Campo = ruta + "/" + campos[i].Campo
	}
	return &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnContratoRechazable, NoEnviada: true, Campos: campos,
		Detail: "El contrato no se envió a Prodigia porque lo rechazaría. Corrija lo indicado en errores." + consejo}
}

func invalido(campo string, err error) error {
	var known *gateway.Error
	if errors.As(err, &known) {
		return nombrado(campo, known)
	}
	return &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnContratoImposible, NoEnviada: true, Err: err, Detail: "El contrato no se puede construir; vea errores.",
		Campos: []gateway.Campo{{Campo: campo, Detalle: err.Error()}}}
}

// nombrado says of which field of the request an error is, unless it says so itself.
func nombrado(campo string, err *gateway.Error) error {
	if len(err.Campos) > 0 {
		return err
	}
	named := *err
	named.NoEnviada = true
	named.Campos = []gateway.Campo{{Campo: campo, Detalle: err.Detail}}
	return &named
}

func badCredential(i int, rfc string, err error) error {
	var bad *efirma.Error
	if !errors.As(err, &bad) {
		return gateway.OwnFailure(err, "No se pudo leer la e.firma; no se envió nada. Revise GATEWAY_EFIRMA_DIR y el límite de archivos abiertos.")
	}
	return &gateway.Error{Kind: gateway.KindEFirma, Codigo: string(bad.Problem), Err: err, NoEnviada: true,
		Campos: []gateway.Campo{{Campo: fmt.Sprintf("contrato/firmas/%d/firmarCon", i), Detalle: bad.Detail}},
		Detail: "La e.firma de " + rfc + " no se puede usar. " + bad.Detail}
}
