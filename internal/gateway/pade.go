package gateway

import "context"

// CuentaPADE is an account of the PAC Prodigia. Secret.
type CuentaPADE struct {
	Contrato, User, Password string
	// De tells whose it is: the caller that brought it, or nobody's, for the
	// configured one.
	De string
}

// String keeps the account out of logs that print values.
func (CuentaPADE) String() string { return "gateway.CuentaPADE{}" }

// GoString keeps the account out of %#v as well.
func (c CuentaPADE) GoString() string { return c.String() }

// AddendaProcesada is the PAC's answer to a packet of addenda data.
type AddendaProcesada struct {
	ID, Contrato, Codigo, Mensaje string
	// XML is the addenda, or the whole CFDI with it.
	XML []byte
}

// Addendas is the PAC's addenda service. Its calls keep nothing and may be
// repeated.
type Addendas interface {
	// Process turns datos into an addenda.
	Process(ctx context.Context, cuenta CuentaPADE, data string) (AddendaProcesada, error)
	// Attach does the same and attaches it to cfdi.
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

// WithCuenta tells whether the operation carries an account.
func (o FirmaOperation) WithCuenta() bool { return o == FirmaContrato }

// ContratoFirmado is the PAC's answer to a contract.
type ContratoFirmado struct {
	Codigo  string `json:"codigo"`
	Mensaje string `json:"mensaje"`
	// FechaFirma is the PAC's own, local time without zone; empty unless signed.
	FechaFirma string `json:"fechaFirma,omitempty"`
	// XML is what the PAC delivered: the Contrato with its Firma, unless Motivo
	// says something else.
	XML []byte `json:"xml"`
	// Motivo says why XML is not the Contrato that was presented with the PAC's
	// Firma, in Spanish; empty when it is.
	Motivo string `json:"motivo,omitempty"`
}

// Signed is the PAC's signing service.
type Signed interface {
	// Firma presents a Contrato once. A real signature (modoPrueba false) cannot be
	// taken back. An unknown outcome is an *Error of KindResultadoDesconocido.
	Firma(ctx context.Context, op FirmaOperation, cuenta CuentaPADE, contrato []byte, modoPrueba bool) (ContratoFirmado, error)
}
