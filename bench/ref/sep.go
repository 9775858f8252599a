package ref

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

const (
	sepOpen  = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header></s:Header><s:Body><`
	sepNS    = ` xmlns="http://ws.web.mec.sep.mx/schemas">`
	sepClose = `></s:Body></s:Envelope>`
)

// sepQuery is the request; encoding/xml writes it.
type sepQuery struct {
	XMLName    xml.Name `xml:"http://ws.web.mec.sep.mx/schemas consultaProcesoTituloElectronicoRequest"`
	NumeroLote string   `xml:"numeroLote"`
	Usuario    string   `xml:"autenticacion>usuario"`
	Password   string   `xml:"autenticacion>password"`
}

// sepAnswer is what is read of any answer.
type sepAnswer struct {
	XMLName xml.Name `xml:"Envelope"`
	Query   struct {
		NumeroLote  string `xml:"numeroLote" json:"numeroLote"`
		EstatusLote int    `xml:"estatusLote" json:"estatusLote"`
		Mensaje     string `xml:"mensaje" json:"mensaje"`
	} `xml:"Body>consultaProcesoTituloElectronicoResponse"`
	Upload struct {
		NumeroLote string `xml:"numeroLote" json:"numeroLote"`
		Mensaje    string `xml:"mensaje" json:"mensaje"`
	} `xml:"Body>cargaTituloElectronicoResponse"`
}

// FloorSEP is the least gateway to the SEP: chi, a counter, a log line, JSON and
// SOAP by the standard library. It looks at no file, keeps nothing, and takes
// the account as given.
type FloorSEP struct {
	Client *http.Client
	// Upstream is the service's address behind each prefix of the floor's paths.
	Upstream map[string]string
}

// Handler answers GET <prefix>/lotes/{numeroLote}, and POST <prefix>/lotes with
// the file as it is, whose base64 is streamed into the envelope.
func (f *FloorSEP) Handler(log zerolog.Logger, registry prometheus.Registerer) http.Handler {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "floor_requests_total", Help: "Requests."}, []string{"route", "status"})
	registry.MustRegister(requests)
	handle := func(next func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			started, status := time.Now(), http.StatusOK
			err := next(w, r)
			if err != nil {
				status = http.StatusBadGateway
				http.Error(w, "upstream", status)
			}
			route := chi.RouteContext(r.Context()).RoutePattern()
			requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
			log.Info().Str("route", route).Int("status", status).Dur("ms", time.Since(started)).Err(err).Msg("access")
		}
	}
	r := chi.NewRouter()
	for prefix, url := range f.Upstream {
		r.Get(prefix+"/lotes/{numeroLote}", handle(func(w http.ResponseWriter, r *http.Request) error { return f.query(w, r, url) }))
		r.Post(prefix+"/lotes", handle(func(w http.ResponseWriter, r *http.Request) error { return f.upload(w, r, url) }))
	}
	return r
}

func (f *FloorSEP) query(w http.ResponseWriter, r *http.Request, url string) error {
	body, err := xml.Marshal(sepQuery{NumeroLote: chi.URLParam(r, "numeroLote"), Usuario: "bench", Password: "bench"})
	if err != nil {
		return err
	}
	// The element without its first and last bracket, which the envelope has.
	envelope := sepOpen + strings.TrimSuffix(strings.TrimPrefix(string(body), "<"), ">") + sepClose
	answer, err := f.post(r, url, strings.NewReader(envelope), int64(len(envelope)))
	if err != nil {
		return err
	}
	return writeJSON(w, answer.Query)
}

func (f *FloorSEP) upload(w http.ResponseWriter, r *http.Request, url string) error {
	const operation = "cargaTituloElectronicoRequest"
	head := sepOpen + operation + sepNS + `<nombreArchivo>lote.zip</nombreArchivo><archivoBase64>`
	tail := `</archivoBase64><autenticacion><usuario>bench</usuario><password>bench</password></autenticacion></` + operation + sepClose
	size := int64(len(head)+len(tail)) + (r.ContentLength+2)/3*4
	answer, err := f.post(r, url, io.MultiReader(strings.NewReader(head), &encoding{src: r.Body}, strings.NewReader(tail)), size)
	if err != nil {
		return err
	}
	return writeJSON(w, answer.Upload)
}

// encoding reads base64 of src, a block at a time.
type encoding struct {
	src       io.Reader
	raw, text []byte
	rest      []byte // of text, unread
}

func (e *encoding) Read(p []byte) (int, error) {
	if e.raw == nil {
		e.raw, e.text = make([]byte, Block/4*3), make([]byte, Block)
	}
	if len(e.rest) == 0 {
		n, err := io.ReadFull(e.src, e.raw)
		if n == 0 {
			return 0, err
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, err
		}
		base64.StdEncoding.Encode(e.text, e.raw[:n])
		e.rest = e.text[:base64.StdEncoding.EncodedLen(n)]
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}

func (f *FloorSEP) post(r *http.Request, url string, body io.Reader, size int64) (*sepAnswer, error) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, url, body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header.Set("SOAPAction", `""`)
	resp, err := f.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	if resp.StatusCode != http.StatusOK {
		return nil, errUpstream
	}
	answer := &sepAnswer{}
	return answer, xml.NewDecoder(resp.Body).Decode(answer)
}
