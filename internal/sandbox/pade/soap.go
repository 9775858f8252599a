package pade

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

const (
	tipoLatin = "text/xml ;charset=ISO-8859-1"
	// maxBody is room for a CFDI of 16 MB whose every tag is escaped.
	maxBody = 48 << 20
)

var reDeclared = regexp.MustCompile(`^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']`)

// call is one request whose message was understood.
type call struct {
	op     *operation
	ns     string
	params map[string]string
	latin  bool // came in ISO-8859-1 and is answered so
	falla  control.Falla
}

// datum returns a parameter; null and empty are one to the services.
func (ll *call) datum(name string) string { return ll.params[name] }

// missing returns the parameters that are null or empty, but for modoPrueba, which is never missed.
func (ll *call) missing() []string {
	var names []string
	for _, p := range ll.op.params {
		if p != parModoPrueba && ll.params[p] == "" {
			names = append(names, p)
		}
	}
	return names
}

// soapFault is a SOAP fault; it always travels with HTTP 500 and has no detail.
type soapFault struct{ codigo, text string }

// attend is the way of a POST: the type, the encoding, the envelope, whose wrapper names the operation
// whatever the SOAPAction, the fault asked for, the operation itself.
func (s *Server) attend(w http.ResponseWriter, r *http.Request, p point) {
	attributes, ok := s.Accept(w, r)
	if !ok {
		return
	}
	raw, ok := s.Read(w, r, maxBody)
	if !ok {
		return
	}
	ll := &call{ns: s.Knobs.Text(p.perNamespace)}
	b, missing := ll.decode(raw, attributes["charset"])
	var read *envelope
	if missing == nil {
		read, missing = readEnvelope(b, func(n xml.Name) bool { return n.Space == ll.ns && byName(p, n.Local) != nil })
	}
	if missing != nil {
		s.Counters.Call(Servicio, control.Unknown)
		s.writeFault(w, ll, missing)
		return
	}
	ll.op, ll.params = byName(p, read.operation), read.params
	s.Arrive(r, Servicio, ll.op.name, raw)
	ll.falla = s.Take(w, Servicio, ll.op.name, b)
	if s.before(w, r, ll) {
		return
	}
	s.answer(w, ll, ll.op.attend(s, ll))
}

// decode makes UTF-8 of a message. The encoding of the Content-Type goes before the declared one.
func (ll *call) decode(b []byte, charset string) ([]byte, *soapFault) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if m := reDeclared.FindSubmatch(b); charset == "" && m != nil {
		charset = string(m[1])
	}
	switch strings.ToLower(charset) {
	case "", "utf-8", "us-ascii":
		return b, nil
	case "iso-8859-1":
		ll.latin = true
		width := make([]byte, 0, len(b)+len(b)/8)
		for _, c := range b {
			width = utf8.AppendRune(width, rune(c))
		}
		return width, nil
	}
	return nil, &soapFault{"S:Server", "XML reader error: java.io.UnsupportedEncodingException: " + charset}
}

// answer answers what an operation came to, or what a fault makes of it.
func (s *Server) answer(w http.ResponseWriter, ll *call, r result) {
	s.Log.Debug().Str("operacion", ll.op.name).Str("codigo", r.codigo).Str("falla", string(ll.falla.Tipo)).Msg("pade")
	s.Counters.Codigo(r.codigo)
	returnTo := "<return>" + escapeText(`<?xml version="1.0" encoding="UTF-8"?>`+ll.op.form(s, ll, r)) + "</return>"
	opening := `<ns2:` + ll.op.name + `Response xmlns:ns2="` + escapeAttribute(ll.ns) + `"`
	switch ll.falla.Tipo {
	case control.ResetDespues:
		control.Cut(w)
	case ReturnAusente:
		s.write(w, ll, http.StatusOK, opening+`/>`)
		return
	case ReturnVacio:
		returnTo = "<return></return>"
	}
	s.write(w, ll, http.StatusOK, opening+`>`+returnTo+`</ns2:`+ll.op.name+`Response>`)
}

func (s *Server) writeFault(w http.ResponseWriter, ll *call, f *soapFault) {
	s.Log.Debug().Str("faultcode", f.codigo).Str("faultstring", f.text).Msg("pade: fault")
	s.Counters.Codigo(f.codigo)
	s.write(w, ll, http.StatusInternalServerError, `<S:Fault xmlns:ns4="http://www.w3.org/2003/05/soap-envelope"><faultcode>`+
		escapeText(f.codigo)+`</faultcode><faultstring>`+escapeText(f.text)+`</faultstring></S:Fault>`)
}

// write sends an envelope in the encoding of the request.
func (s *Server) write(w http.ResponseWriter, ll *call, estado int, body string) {
	encoding, tipo := "UTF-8", control.TipoXML
	if ll.latin && ll.falla.Codificacion == "" {
		encoding, tipo, body = "ISO-8859-1", tipoLatin, inLatin(body)
	}
	b, tipo := ll.falla.Rewrite([]byte(`<?xml version='1.0' encoding='`+encoding+`'?><S:Envelope xmlns:S="`+nsSOAP+`"><S:Body>`+body+`</S:Body></S:Envelope>`), tipo)
	w.Header().Set("Content-Type", tipo)
	w.WriteHeader(estado)
	_, _ = ll.falla.Spoil(w).Write(b)
}

func inLatin(text string) string {
	b := make([]byte, 0, len(text))
	for _, c := range text {
		if c > 0xFF {
			b = fmt.Appendf(b, "&#%d;", c)
			continue
		}
		b = append(b, byte(c)) //nolint:gosec // G115: looked at above
	}
	return string(b)
}
