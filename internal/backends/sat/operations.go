package sat

import (
	"time"

	"github.com/pasarela-mx/pasarela/internal/transport"
)

// The namespaces of the bodies; Autentica's has no ".sat." (sat.md §2).
const (
	nsAutentica = "http://DescargaMasivaTerceros.gob.mx"
	nsDescarga  = "http://DescargaMasivaTerceros.sat.gob.mx"
)

// The time that the protocol document advises: a minute or more, minutes for a
// package's first byte (sat.md §9).
const (
	timeoutAutentica = 30 * time.Second
	timeoutSolicita  = 90 * time.Second
	timeoutVerifica  = 60 * time.Second
	timeoutDescarga  = 2 * time.Minute
)

// A package that comes more slowly than a kilobyte a second, five minutes on end, does not
// come: the SAT is slow, but the slowest line is several times that.
const (
	periodoDescarga = 5 * time.Minute
	minimoDescarga  = 300 << 10
)

// The bounds of the answers. Verifica's holds some fifty bytes per package; the
// envelope around a package is a few hundred.
const (
	maxAnswer         = 64 << 10
	maxAnswerVerifica = 4 << 20
)

func operation(name string) transport.Operation {
	return transport.Operation{Backend: backend, Name: name, Namespace: nsDescarga,
		Firma: transport.FirmaPeticion, Timeout: timeoutSolicita, MaxAnswer: maxAnswer}
}

// operations is what the protocol says of each SOAP operation. Solicita* and
// Descargar spend a quota, so neither is repeated once it may have arrived.
type operations struct {
	autentica, emitidos, recibidos, folio, solicita, verifica, descargar transport.Operation
}

func newOperations() *operations {
	ops := &operations{
		autentica: transport.Operation{Backend: backend, Name: "Autentica", Namespace: nsAutentica,
			Firma: transport.FirmaAutentica, Timeout: timeoutAutentica, Repeatable: true, MaxAnswer: maxAnswer},
		emitidos:  operation("SolicitaDescargaEmitidos"),
		recibidos: operation("SolicitaDescargaRecibidos"),
		folio:     operation("SolicitaDescargaFolio"),
		solicita:  operation("SolicitaDescarga"),
		verifica:  operation("VerificaSolicitudDescarga"),
		descargar: operation("Descargar"),
	}
	ops.verifica.Repeatable = true
	ops.verifica.Timeout = timeoutVerifica
	ops.verifica.MaxAnswer = maxAnswerVerifica
	ops.descargar.Timeout = timeoutDescarga
	ops.descargar.Stream = []string{"Paquete"}
	ops.descargar.Period, ops.descargar.Least = periodoDescarga, minimoDescarga
	return ops
}
