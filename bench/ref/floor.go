// Package ref holds the small programs that the gateway is measured against:
// the least code that does the same work. They take well-formed answers for
// granted, survive no failure and keep nothing: a floor, unfit for anything else.
package ref

import (
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
	actionVerify   = `"` + nsDescarga + `/IVerificaSolicitudDescargaService/VerificaSolicitudDescarga"`
	actionDownload = `"` + nsDescarga + `/IDescargaMasivaTercerosService/Descargar"`
	token          = `WRAP access_token="bench.not.a.token"`
)

var errUpstream = errors.New("ref: the upstream answered no 200")

// Floor is the least gateway that could be called one: chi, a counter, a log
// line, JSON in and out, a SOAP call between, which is signed for the SAT. No
// contract, no keys, no retries, no storage, and no look at a file.
type Floor struct {
	Signer *Signer
	Client *http.Client
	// Upstream is the source's address, and Slow the prefix of its slow paths.
	Upstream, Slow string
	RFC            string
}

// Handler answers GET /paquetes/{id}?base64=std|simd and, also below Slow: POST
// /verifica with {"idSolicitud","rfcSolicitante"}, GET /lotes/{numeroLote}, and POST
// /lotes with the file as it is, whose base64 is streamed into the envelope.
func (f *Floor) Handler(log zerolog.Logger, registry prometheus.Registerer) http.Handler {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "floor_requests_total", Help: "Requests."}, []string{"route", "status"})
	registry.MustRegister(requests)
	handle := func(next func(http.ResponseWriter, *http.Request, string) error, upstream string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			started, status := time.Now(), http.StatusOK
			err := next(w, r, upstream)
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
	for _, prefix := range []string{"", f.Slow} {
		r.Post(prefix+"/verifica", handle(f.verify, f.Upstream+prefix+"/verifica"))
		r.Get(prefix+"/lotes/{numeroLote}", handle(f.query, f.Upstream+prefix+"/sep/"))
		r.Post(prefix+"/lotes", handle(f.upload, f.Upstream+prefix+"/sep/"))
	}
	r.Get("/paquetes/{id}", handle(f.paquete, f.Upstream+"/descarga"))
	return r
}

func (f *Floor) verify(w http.ResponseWriter, r *http.Request, url string) error {
	var in struct{ IDSolicitud, RfcSolicitante string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return err
	}
	envelope, err := f.Signer.Verify(in.IDSolicitud, in.RfcSolicitante)
	if err != nil {
		return err
	}
	var answer verifyAnswer
	if err := f.ask(r, url, actionVerify, strings.NewReader(envelope), int64(len(envelope)), &answer); err != nil {
		return err
	}
	return writeJSON(w, answer.Result)
}

func (f *Floor) paquete(w http.ResponseWriter, r *http.Request, url string) error {
	dec, ok := Decoders()[r.FormValue("base64")]
	if !ok {
		return errNoPaquete
	}
	envelope, err := f.Signer.Download(chi.URLParam(r, "id"), f.RFC)
	if err != nil {
		return err
	}
	resp, err := f.post(r, url, actionDownload, strings.NewReader(envelope), int64(len(envelope)))
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	w.Header().Set("Content-Type", "application/zip")
	return Stream(w, resp.Body, dec)
}

// ask reads the whole answer into a value, by encoding/xml.
func (f *Floor) ask(r *http.Request, url, action string, body io.Reader, size int64, into any) error {
	resp, err := f.post(r, url, action, body, size)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	return xml.NewDecoder(resp.Body).Decode(into)
}

func (f *Floor) post(r *http.Request, url, action string, body io.Reader, size int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, url, body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header.Set("SOAPAction", action)
	req.Header.Set("Authorization", token)
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := f.Client.Do(req)
	if err == nil && resp.StatusCode != http.StatusOK {
		return nil, errors.Join(errUpstream, resp.Body.Close())
	}
	return resp, err
}

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}
