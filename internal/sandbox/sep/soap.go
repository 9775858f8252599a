package sep

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/beevik/etree"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

const (
	nsSOAP = "http://schemas.xmlsoap.org/soap/envelope/"
	nsMET  = "http://ws.web.mec.sep.mx/schemas"
)

// call is one request, its message read and found to be of the schema.
type call struct {
	op     *operation
	fields map[string]string // the elements of the payload by name, usuario and password too
	file   *os.File          // the upload, decoded; nil when the message had none
	bytes  int64
	falla  control.Falla // zero when none was asked for
}

// answer is what an operation answers: the children of its response element, in order, those that are
// there. Without children, an operation of one way ends with HTTP 202.
type answer struct {
	codigo   string // for the counters
	children []pair
}

type pair struct{ name, text string }

// attend is the way of a POST: the message, the operation that its root names whatever the SOAPAction,
// the fault asked for, the schema, the operation itself.
func (s *Server) attend(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.Accept(w, r); !ok {
		return
	}
	temporal, err := os.CreateTemp("", "sandbox-sep-*")
	if err != nil {
		s.Log.Error().Err(err).Msg("sep: no place for an upload")
		s.Bodiless(w, http.StatusInternalServerError)
		return
	}
	defer func() {
		_ = temporal.Close()
		_ = os.Remove(temporal.Name())
	}()
	body := io.Reader(http.MaxBytesReader(w, r.Body, maxBody))
	var clone bytes.Buffer
	if s.Capture != nil {
		body = io.TeeReader(body, &clone)
	}
	mensaje, err := separate(body, temporal)
	if err != nil {
		s.Bodiless(w, readingEstado(err))
		return
	}
	upload, err := readEnvelope(mensaje.envelope.Bytes())
	if err != nil {
		s.Log.Debug().Err(err).Msg("sep: message refused")
		s.Bodiless(w, http.StatusBadRequest)
		return
	}
	op := byRoot(upload)
	if op == nil {
		s.Counters.Call(Servicio, control.Unknown)
		s.Bodiless(w, http.StatusNotFound)
		return
	}
	s.Arrive(r, Servicio, op.name, clone.Bytes())
	ll := &call{op: op, bytes: mensaje.bytes}
	if mensaje.had {
		ll.file = temporal
	}
	ll.falla = s.Take(w, Servicio, op.name, nil)
	if s.before(w, r, ll) {
		return
	}
	s.answer(w, ll, func() (answer, error) { return s.process(ll, upload, mensaje) })
}

func readingEstado(err error) int {
	if errors.Is(err, errBig) {
		return http.StatusRequestEntityTooLarge
	}
	return control.ReadingStatus(err)
}

// process validates the payload and runs the operation.
func (s *Server) process(ll *call, upload *etree.Element, m *separator) (answer, error) {
	fields, err := ll.op.validate(upload, m)
	if err != nil {
		return answer{}, err
	}
	ll.fields = fields
	if fields["usuario"] != s.Knobs.Text(perUser) || fields["password"] != s.Knobs.Text(perPassword) {
		return ll.op.reject(), nil
	}
	return ll.op.attend(s, ll)
}

// answer runs and answers: what was understood with HTTP 200, a fault with 500.
func (s *Server) answer(w http.ResponseWriter, ll *call, build func() (answer, error)) {
	resp, err := build()
	var f *soapFault
	switch {
	case errors.As(err, &f):
		s.write(w, http.StatusInternalServerError, f.codigo, f.body(), ll.falla)
		return
	case err != nil:
		s.Log.Error().Err(err).Str("operacion", ll.op.name).Msg("sep: internal error")
		s.write(w, http.StatusInternalServerError, "Server", (&soapFault{codigo: "Server", text: "Error interno"}).body(), ll.falla)
		return
	}
	s.Log.Debug().Str("operacion", ll.op.name).Str("codigo", resp.codigo).Int64("bytes", ll.bytes).
		Str("falla", string(ll.falla.Tipo)).Msg("sep")
	if ll.op.oneWay {
		s.write(w, http.StatusAccepted, resp.codigo, "", ll.falla)
		return
	}
	var b strings.Builder
	b.WriteString(`<ns2:` + ll.op.name + `Response xmlns:ns2="` + nsMET + `">`)
	for _, h := range resp.children {
		if h.text == "" {
			b.WriteString("<ns2:" + h.name + "/>")
			continue
		}
		b.WriteString("<ns2:" + h.name + ">" + escape(h.text) + "</ns2:" + h.name + ">")
	}
	b.WriteString(`</ns2:` + ll.op.name + `Response>`)
	s.write(w, http.StatusOK, resp.codigo, b.String(), ll.falla)
}

// write sends an envelope in chunks, as the service does, or nothing for an empty body.
func (s *Server) write(w http.ResponseWriter, estado int, codigo, body string, falla control.Falla) {
	s.Counters.Codigo(codigo)
	if falla.Tipo == control.ResetDespues {
		control.Cut(w)
	}
	if body == "" {
		w.WriteHeader(estado)
		return
	}
	x, tipo := falla.InCodigo(falla.Spoil(w), control.TipoXML)
	w.Header().Set("Content-Type", tipo)
	w.WriteHeader(estado)
	_ = http.NewResponseController(w).Flush()
	_, _ = io.WriteString(x, `<env:Envelope xmlns:env="`+nsSOAP+`"><env:Header/><env:Body>`+body+`</env:Body></env:Envelope>`)
	_ = x.Close()
}

// soapFault is a SOAP fault; it always travels with HTTP 500. motivos are the validator's complaints.
type soapFault struct {
	codigo, text string
	motivos      []string
}

func (f *soapFault) Error() string { return f.codigo + ": " + f.text }

func (f *soapFault) body() string {
	var detail strings.Builder
	for _, m := range f.motivos {
		detail.WriteString(`<spring-ws:ValidationError xmlns:spring-ws="http://springframework.org/spring-ws">` + escape(m) + `</spring-ws:ValidationError>`)
	}
	if detail.Len() > 0 {
		return `<env:Fault><faultcode>env:` + escape(f.codigo) + `</faultcode><faultstring xml:lang="en">` + escape(f.text) + `</faultstring><detail>` + detail.String() + `</detail></env:Fault>`
	}
	return `<env:Fault><faultcode>env:` + escape(f.codigo) + `</faultcode><faultstring xml:lang="en">` + escape(f.text) + `</faultstring></env:Fault>`
}

// readEnvelope returns the root of the payload: the only element in the body of a SOAP 1.1 envelope.
func readEnvelope(b []byte) (*etree.Element, error) {
	root, err := wellformed.Tree(b)
	if err != nil {
		return nil, err
	}
	if !wellformed.Is(root, nsSOAP, "Envelope") {
		return nil, fmt.Errorf("%w: not a SOAP 1.1 envelope", wellformed.ErrMalformed)
	}
	children := root.ChildElements()
	if len(children) == 2 && wellformed.Is(children[0], nsSOAP, "Header") {
		children = children[1:]
	}
	if len(children) != 1 || !wellformed.Is(children[0], nsSOAP, "Body") || len(children[0].ChildElements()) != 1 {
		return nil, fmt.Errorf("%w: not one body with one element", wellformed.ErrMalformed)
	}
	return children[0].ChildElements()[0], nil
}
