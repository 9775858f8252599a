// Package fuente is the fastest thing that answers like the SAT and the SEP:
// fixed answers to Authenticate, Verify, consulta and carga, and packages of any
// size from memory. It stands behind what the benchmark measures, so that the upstream is never the
// bottleneck.
//
// It verifies nothing, counts nothing and refuses nothing: to test a client,
// use the sandbox.
package fuente

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// Slow is the prefix of the paths that answer after Delay.
const Slow = "/lento"

// Delay is how long the slow paths wait: what a near system takes to answer.
const Delay = 20 * time.Millisecond

const (
	envelopeStart = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">`
	bodyStart     = `<s:Body xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">`
	envelopeEnd   = `</s:Body></s:Envelope>`
	contentType   = "text/xml; charset=utf-8"
	timestampForm = "2006-01-02T15:04:05.000Z"
	tokenLife     = 5 * time.Minute
)

// Verify is the answer to VerificaSolicitudDescarga: done, two packages.
const Verify = envelopeStart + bodyStart +
	`<VerificaSolicitudDescargaResponse xmlns="http://DescargaMasivaTerceros.sat.gob.mx">` +
	`<VerificaSolicitudDescargaResult CodEstatus="5000" EstadoSolicitud="3" CodigoEstadoSolicitud="5000" NumeroCFDIs="3012" Mensaje="Solicitud Aceptada">` +
	`<IdsPaquetes>0B6F2B64-7D53-4B0A-9C1A-52B1E2D0F3A7_01</IdsPaquetes><IdsPaquetes>0B6F2B64-7D53-4B0A-9C1A-52B1E2D0F3A7_02</IdsPaquetes>` +
	`</VerificaSolicitudDescargaResult></VerificaSolicitudDescargaResponse>` + envelopeEnd

const (
	paqueteStart = envelopeStart + `<s:Header><h:respuesta CodEstatus="5000" Mensaje="Solicitud Aceptada" xmlns:h="http://DescargaMasivaTerceros.sat.gob.mx"/></s:Header>` +
		bodyStart + `<RespuestaDescargaMasivaTercerosSalida xmlns="http://DescargaMasivaTerceros.sat.gob.mx"><Paquete>`
	paqueteEnd = `</Paquete></RespuestaDescargaMasivaTercerosSalida>` + envelopeEnd
)

// Authenticate is the answer to Authenticate at the instant now.
func Authenticate(now time.Time) string {
	now = now.UTC()
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:u="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd">` +
		`<s:Header><o:Security s:mustUnderstand="1" xmlns:o="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">` +
		`<u:Timestamp u:Id="_0"><u:Created>` + now.Format(timestampForm) + `</u:Created><u:Expires>` + now.Add(tokenLife).Format(timestampForm) +
		`</u:Expires></u:Timestamp></o:Security></s:Header><s:Body><AutenticaResponse xmlns="http://DescargaMasivaTerceros.gob.mx">` +
		`<AutenticaResult>bench.not.a.token%26wrap_subject%3d00</AutenticaResult></AutenticaResponse></s:Body></s:Envelope>`
}

// ID names a package of megabytes (10⁶ bytes of content); n tells equal ones
// apart, as a gateway fetches each id once.
func ID(megabytes, n int) string { return fmt.Sprintf("P%dM-%d_01", megabytes, n) }

var (
	idForm     = regexp.MustCompile(`IdPaquete="P([0-9]+)M-[0-9]+_01"`)
	maxRequest = int64(64 << 10)
)

// Handler answers POST /autentica, /verifica, /descarga and /sep/, and the same
// below Slow. GET /descarga?megas=N is the same envelope for curl.
func Handler(now func() time.Time) http.Handler {
	p := &paquetes{made: make(map[int]*paquete)}
	mux := http.NewServeMux()
	for prefix, delay := range map[string]time.Duration{"": 0, Slow: Delay} {
		fixed := func(path string, answer func() string) {
			mux.HandleFunc("POST "+prefix+path, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body) //nolint:errcheck // only to keep the connection
				time.Sleep(delay)
				w.Header().Set("Content-Type", contentType)
				io.WriteString(w, answer()) //nolint:errcheck // the caller is gone
			})
		}
		fixed("/autentica", func() string { return Authenticate(now()) })
		fixed("/verifica", func() string { return Verify })
		mux.HandleFunc("POST "+prefix+"/sep/", sep(delay))
	}
	mux.HandleFunc("POST /descarga", func(w http.ResponseWriter, r *http.Request) {
		request, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
		if found := idForm.FindSubmatch(request); err == nil && found != nil {
			p.serve(w, string(found[1]))
			return
		}
		http.Error(w, "no IdPaquete of the form P<megabytes>M-<n>_01", http.StatusBadRequest)
	})
	mux.HandleFunc("GET /descarga", func(w http.ResponseWriter, r *http.Request) { p.serve(w, r.FormValue("megas")) })
	return mux
}

// paquetes makes each size once.
type paquetes struct {
	mu   sync.Mutex
	made map[int]*paquete
}

func (p *paquetes) get(megabytes int) (*paquete, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if made, ok := p.made[megabytes]; ok {
		return made, nil
	}
	made, err := newPaquete(int64(megabytes) * 1e6)
	if err == nil {
		p.made[megabytes] = made
	}
	return made, err
}

func (p *paquetes) serve(w http.ResponseWriter, megabytes string) {
	size, err := strconv.Atoi(megabytes)
	if err != nil {
		http.Error(w, "megas: not a number", http.StatusBadRequest)
		return
	}
	made, err := p.get(size)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	// Without a length, so chunked, as the SAT sends it.
	w.Header().Set("Content-Type", contentType)
	for _, part := range made.parts() {
		if _, err := w.Write(part); err != nil {
			return
		}
	}
}
