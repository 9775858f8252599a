package ref

import (
	"bytes"
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
// line, JSON in and out, a signed SOAP call between. No contract, no keys, no
// retries, no storage.
type Floor struct {
	Signer *Signer
	Client *http.Client
	// Verify maps a path of the floor to the upstream address behind it.
	Verify   map[string]string
	Descarga string
	RFC      string
}

// Handler answers POST on each path of Verify with
// {"idSolicitud","rfcSolicitante"}, and GET /paquetes/{id}?base64=std|simd.
func (f *Floor) Handler(log zerolog.Logger, registry prometheus.Registerer) http.Handler {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "floor_requests_total", Help: "Requests."}, []string{"route", "status"})
	registry.MustRegister(requests)
	r := chi.NewRouter()
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
	for path, url := range f.Verify {
		r.Post(path, handle(func(w http.ResponseWriter, r *http.Request) error { return f.verify(w, r, url) }))
	}
	r.Get("/paquetes/{id}", handle(f.paquete))
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
	resp, err := f.post(r, url, actionVerify, envelope)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	whole, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var answer verifyAnswer
	if err := xml.NewDecoder(bytes.NewReader(whole)).Decode(&answer); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(answer.Result)
}

func (f *Floor) paquete(w http.ResponseWriter, r *http.Request) error {
	dec, ok := Decoders()[r.FormValue("base64")]
	if !ok {
		return errNoPaquete
	}
	envelope, err := f.Signer.Download(chi.URLParam(r, "id"), f.RFC)
	if err != nil {
		return err
	}
	resp, err := f.post(r, f.Descarga, actionDownload, envelope)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	w.Header().Set("Content-Type", "application/zip")
	return Stream(w, resp.Body, dec)
}

func (f *Floor) post(r *http.Request, url, action, envelope string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, url, strings.NewReader(envelope))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header.Set("SOAPAction", action)
	req.Header.Set("Authorization", token)
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := f.Client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.Join(errUpstream, resp.Body.Close())
	}
	return resp, nil
}
