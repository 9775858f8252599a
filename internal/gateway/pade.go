package gateway

import "context"

// CuentaPADE is an account of the PAC Prodigia. Secret.
type CuentaPADE struct {
	Contrato, Usuario, Password string
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
	// Procesa turns datos into an addenda.
	Procesa(ctx context.Context, cuenta CuentaPADE, datos string) (AddendaProcesada, error)
	// Adjunta does the same and attaches it to cfdi.
	Adjunta(ctx context.Context, cuenta CuentaPADE, datos, cfdi string) (AddendaProcesada, error)
}

// OperacionFirma names one of the operations by which the PAC countersigns.
type OperacionFirma string

// The operations of the PAC's editions (pade.md §3.1).
const (
	FirmaContrato   OperacionFirma = "firmar"
	FirmaManifiesto OperacionFirma = "firmarManifiesto"
	FirmaAdhesion   OperacionFirma = "firmarContratoAdhesion"
)

// ConCuenta tells whether the operation carries an account.
func (o OperacionFirma) ConCuenta() bool { return o == FirmaContrato }

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

// Firmado is the PAC's signing service.
type Firmado interface {
	// Firma presents a Contrato once. A real signature (modoPrueba false) cannot be
	// taken back. An unknown outcome is an *Error of KindResultadoDesconocido.
	Firma(ctx context.Context, op OperacionFirma, cuenta CuentaPADE, contrato []byte, modoPrueba bool) (ContratoFirmado, error)
}
