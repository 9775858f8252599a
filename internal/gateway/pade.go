package gateway

import "context"

// CuentaPADE is an account of the PAC Prodigia. Secret.
type CuentaPADE struct {
	Contrato, User, Password string
	// De is the caller that brought the account; empty for the configured account.
	De string
}

// String keeps the account out of logs that print values.
func (CuentaPADE) String() string { return "gateway.CuentaPADE{}" }

// GoString keeps the account out of %#v as well.
func (c CuentaPADE) GoString() string { return c.String() }

// AddendaProcesada is the PAC's answer to a packet of addenda data.
type AddendaProcesada struct {
	ID, Contrato, Codigo, Mensaje string
	// XML is the addenda, or the whole CFDI with the addenda attached.
	XML []byte
}

// Addendas is the PAC's addenda service. Its calls store nothing and are safe to repeat.
type Addendas interface {
	// Process turns datos into an addenda.
	Process(ctx context.Context, cuenta CuentaPADE, data string) (AddendaProcesada, error)
	// Attach does the same and attaches the addenda to cfdi.
	Attach(ctx context.Context, cuenta CuentaPADE, data, cfdi string) (AddendaProcesada, error)
}

// FirmaOperation names one of the operations by which the PAC countersigns.
type FirmaOperation string

// The operations of the PAC's editions (pade.md §3.1).
const (
	FirmaContrato   FirmaOperation = "firmar"
	FirmaManifiesto FirmaOperation = "firmarManifiesto"
	FirmaAdhesion   FirmaOperation = "firmarContratoAdhesion"
)

// WithCuenta reports whether the operation carries an account.
func (o FirmaOperation) WithCuenta() bool { return o == FirmaContrato }

// ContratoFirmado is the PAC's answer to a contract.
type ContratoFirmado struct {
	Codigo  string `json:"codigo"`
	Mensaje string `json:"mensaje"`
	// FechaFirma is the PAC's local time, without a zone; empty unless signed.
	FechaFirma string `json:"fechaFirma,omitempty"`
	// XML is what the PAC delivered: the Contrato with its Firma, unless Motivo says
	// otherwise.
	XML []byte `json:"xml"`
	// Motivo says in Spanish why XML is not the presented Contrato with the PAC's Firma;
	// empty if it is.
	Motivo string `json:"motivo,omitempty"`
}

// Signed is the PAC's signing service.
type Signed interface {
	// Firma presents a Contrato once. A real signature (modoPrueba false) cannot be
	// undone. An unknown outcome is an *Error of KindResultadoDesconocido.
	Firma(ctx context.Context, op FirmaOperation, cuenta CuentaPADE, contrato []byte, modoPrueba bool) (ContratoFirmado, error)
}
