package fuente

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"time"
)

const (
	sepStart = `<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Header/><env:Body>`
	sepEnd   = `</env:Body></env:Envelope>`
	sepNS    = ` xmlns:ns2="http://ws.web.mec.sep.mx/schemas">`
	// sepHead is where the name of the operation is found.
	sepHead = 512
)

// Query is the SEP's answer about a lote: processed. Upload is that to an upload.
const (
	Query = sepStart + `<ns2:consultaProcesoTituloElectronicoResponse` + sepNS + `<ns2:numeroLote>100001</ns2:numeroLote><ns2:estatusLote>1</ns2:estatusLote>` +
		`<ns2:mensaje>El número de lote 100001 se encuentra PROCESADO.</ns2:mensaje></ns2:consultaProcesoTituloElectronicoResponse>` + sepEnd
	Upload = sepStart + `<ns2:cargaTituloElectronicoResponse` + sepNS + `<ns2:numeroLote>100001</ns2:numeroLote><ns2:mensaje/>` +
		`</ns2:cargaTituloElectronicoResponse>` + sepEnd
)

// sep answers an upload or a consulta by what the body begins with.
func sep(delay time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body := bufio.NewReaderSize(r.Body, sepHead)
		head, _ := body.Peek(sepHead) // a consulta is shorter
		answer := Query
		if bytes.Contains(head, []byte("cargaTituloElectronicoRequest")) {
			answer = Upload
		}
		io.Copy(io.Discard, body) //nolint:errcheck // only to take it
		time.Sleep(delay)
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, answer) //nolint:errcheck // the caller is gone
	}
}
