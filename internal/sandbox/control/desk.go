package control

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
	"github.com/pasarela-mx/pasarela/wsdl"
)

// TipoXML is the Content-Type of every answer in SOAP.
const TipoXML = "text/xml; charset=utf-8"

// Unknown is the operation of a call that names none, in the counters and the log.
const Unknown = "desconocida"

// Capture is a SOAP request as received. The SAT's token is taken out; the credentials of the
// SEP and of PADE are in the body.
type Capture struct {
	Servicio, Operation string
	Header              http.Header
	Body                []byte
}

// Desk is what every simulated system works with. Only Capture may be nil.
type Desk struct {
	Seed      uint64
	Autoridad *autoridad.Autoridad
	Clock     *Clock
	Knobs     *Knobs // holding at least those of the system
	Fallas    *Fallas
	Counters  *Counters
	Journal   *Journal
	Log       zerolog.Logger
	Capture   func(Capture) // holds whole messages in memory: for tests
}

// Accept reports whether a request says that it is XML, and with which parameters. Any other has been refused.
func (d Desk) Accept(w http.ResponseWriter, r *http.Request) (params map[string]string, ok bool) {
	tipo, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || tipo != "text/xml" {
		d.Bodiless(w, http.StatusUnsupportedMediaType)
		return nil, false
	}
	return params, true
}

// Read reads a message of so many bytes at the most. One that cannot be read has been refused.
func (d Desk) Read(w http.ResponseWriter, r *http.Request, most int64) (body []byte, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		d.Bodiless(w, ReadingStatus(err))
	}
	return body, err == nil
}

// ReadingStatus is the status of a message that could not be read.
func ReadingStatus(err error) int {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// Bodiless answers a status alone.
func (d Desk) Bodiless(w http.ResponseWriter, status int) {
	d.Counters.Codigo(fmt.Sprintf("HTTP %d", status))
	w.WriteHeader(status)
}

// Arrive counts a call of an operation and shows it to who captures.
func (d Desk) Arrive(r *http.Request, servicio, operation string, body []byte) {
	d.Counters.Call(servicio, operation)
	if d.Capture != nil {
		h := r.Header.Clone()
		h.Del("Authorization")
		d.Capture(Capture{Servicio: servicio, Operation: operation, Header: h, Body: body})
	}
}

// Take spends the fault that touches a call and puts the headers that it asks for.
func (d Desk) Take(w http.ResponseWriter, servicio, operation string, mensaje []byte) Falla {
	f, _ := d.Fallas.Take(servicio, operation, mensaje)
	f.Headers(w.Header(), d.Clock.Real())
	return f
}

// Contrato reads a WSDL and writes the address of the service in it.
func Contrato(name, url string) ([]byte, error) {
	const mark = `<soap:address location="`
	b, err := wsdl.FS.ReadFile(name)
	before, after, has := bytes.Cut(b, []byte(mark))
	if err != nil || !has {
		return b, err
	}
	var out bytes.Buffer
	out.Write(before)
	out.WriteString(mark)
	_ = xml.EscapeText(&out, []byte(url)) // a buffer does not fail
	out.Write(after[bytes.IndexByte(after, '"'):])
	return out.Bytes(), nil
}

// WriteContrato answers a WSDL.
func WriteContrato(w http.ResponseWriter, tipo string, b []byte) {
	w.Header().Set("Content-Type", tipo)
	_, _ = bytes.NewReader(b).WriteTo(w) // not Write, where gosec sees HTML: it is escaped, and XML
}
