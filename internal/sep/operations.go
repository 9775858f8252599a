package sep

import (
	"time"

	"github.com/pasarela-mx/pasarela/internal/soap/transport"
)

// namespace is that of every element (sep.md §2).
const namespace = "http://ws.web.mec.sep.mx/schemas"

// Existing clients wait from ten seconds to three minutes (sep.md §7).
const (
	timeoutUpload = 3 * time.Minute
	timeout       = 60 * time.Second
	notYet        = 30 * time.Second
	maxAnswer     = 256 << 10
	// A result is small, and its caller waits: it must come at a kilobyte a second.
	periodoResult = time.Minute
	minResult     = 60 << 10
)

func codigo(a transport.Answer) string { return a.Codigo }

// operations describes each SOAP operation. An upload and a cancellation change something
// and are sent once.
type operations struct {
	upload, query, descarga, cancel, cancelInstitucion transport.Operation
}

func newOperations() *operations {
	op := func(name string) transport.Operation {
		return transport.Operation{Backend: backend, Name: name, Namespace: namespace, Timeout: timeout, MaxAnswer: maxAnswer}
	}
	ops := &operations{
		upload: op("cargaTituloElectronico"), query: op("consultaProcesoTituloElectronico"), descarga: op("descargaTituloElectronico"),
		cancel: op("cancelaTituloElectronico"), cancelInstitucion: op("cancelarTituloInstitucion"),
	}
	ops.upload.Timeout = timeoutUpload
	ops.query.Repeatable = true
	ops.descarga.Repeatable = true
	// The second name is that of a sister service, which samples of this one have.
	ops.descarga.Stream = []string{"titulosBase64", "certificadosBase64"}
	ops.descarga.Period, ops.descarga.Least = periodoResult, minResult
	ops.cancelInstitucion.OneWay = true
	// The other operations refuse by a text alone (sep.md §5).
	ops.cancel.Code = codigo
	ops.cancelInstitucion.Code = codigo
	return ops
}
