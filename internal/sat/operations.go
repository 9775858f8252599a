package sat

import (
	"time"

	"github.com/pasarela-mx/pasarela/internal/soap/transport"
)

// The namespaces of the bodies; Authenticate's has no ".sat." (sat.md §2).
const (
	nsAuthenticate = "http://DescargaMasivaTerceros.gob.mx"
	nsDescarga     = "http://DescargaMasivaTerceros.sat.gob.mx"
)

// The time that the protocol document advises: a minute or more, minutes for a
// package's first byte (sat.md §9).
const (
	timeoutAuthenticate = 30 * time.Second
	timeoutRequest      = 90 * time.Second
	timeoutVerify       = 60 * time.Second
	timeoutDescarga     = 2 * time.Minute
)

// A package that comes more slowly than a kilobyte a second, five minutes on end, does not
// come: the SAT is slow, but the slowest line is several times that.
const (
	periodoDescarga = 5 * time.Minute
	minDescarga     = 300 << 10
)

// The bounds of the answers. Verify's holds some fifty bytes per package; the
// envelope around a package is a few hundred.
const (
	maxAnswer       = 64 << 10
	maxAnswerVerify = 4 << 20
)

func operation(name string) transport.Operation {
	return transport.Operation{Backend: backend, Name: name, Namespace: nsDescarga,
		Firma: transport.FirmaRequest, Timeout: timeoutRequest, MaxAnswer: maxAnswer}
}

// operations is what the protocol says of each SOAP operation. Request* and
// Descargar spend a quota, so neither is repeated once it may have arrived.
type operations struct {
	authenticate, emitidos, recibidos, folio, request, verify, download transport.Operation
}

func newOperations() *operations {
	ops := &operations{
		authenticate: transport.Operation{Backend: backend, Name: "Autentica", Namespace: nsAuthenticate,
			Firma: transport.FirmaAuthenticate, Timeout: timeoutAuthenticate, Repeatable: true, MaxAnswer: maxAnswer},
		emitidos:  operation("SolicitaDescargaEmitidos"),
		recibidos: operation("SolicitaDescargaRecibidos"),
		folio:     operation("SolicitaDescargaFolio"),
		request:   operation("SolicitaDescarga"),
		verify:    operation("VerificaSolicitudDescarga"),
		download:  operation("Descargar"),
	}
	ops.verify.Repeatable = true
	ops.verify.Timeout = timeoutVerify
	ops.verify.MaxAnswer = maxAnswerVerify
	ops.download.Timeout = timeoutDescarga
	ops.download.Stream = []string{"Paquete"}
	ops.download.Period, ops.download.Least = periodoDescarga, minDescarga
	return ops
}
