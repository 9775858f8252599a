// Package cliente drives one durable descarga over the REST contract, as any
// caller could: asks for it or finds the one that is there already, follows it to
// its end, and leaves what came in a folder.
//
// It knows nothing of the gateway's insides, so the same code serves a gateway on
// another machine and one that was started for the occasion. It spends nothing at
// the SAT that was spent before: it asks for a descarga only where none with the
// same criteria lives or has ended.
package cliente

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/gen/rest"
)

// Cliente calls one gateway.
type Cliente struct {
	base  *url.URL
	clave string
	http  *http.Client
	// pausa is the wait before a call is repeated, the first time.
	pausa time.Duration
}

const (
	conexion  = 10 * time.Second
	respuesta = 2 * time.Minute
	maxCuerpo = 16 << 20
	// Three quarters of a minute; nine where somebody has waited for days; a second
	// where the address may be wrong.
	intentos         = 8
	intentosPaciente = 40
	intentosPrimeros = 2
	pausa            = 500 * time.Millisecond
	maxPausa         = 15 * time.Second
	agente           = "pasarela-descargar"
	contenidos       = "application/json, application/problem+json"
)

// Nuevo makes a client of the gateway at direccion (http or https). clave is the
// API key; empty for a gateway without keys.
func Nuevo(direccion, clave string) (*Cliente, error) {
	base, err := url.Parse(strings.TrimRight(direccion, "/") + "/")
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		// The address is not shown: it may hold a password.
		return nil, errors.New("la dirección de la pasarela no es una URL como https://pasarela.example:8080")
	}
	transporte := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: conexion}).DialContext,
		TLSHandshakeTimeout: conexion, ResponseHeaderTimeout: respuesta, ForceAttemptHTTP2: true,
		// A ZIP is deflated already, and a length that is known is worth more.
		DisableCompression: true,
	}
	return &Cliente{base: base, clave: clave, pausa: pausa, http: &http.Client{Transport: transporte,
		// The key is for this gateway and nobody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// Expuesta tells whether the key would cross a network in the clear.
func (c *Cliente) Expuesta() bool {
	ip := net.ParseIP(c.base.Hostname())
	return c.clave != "" && c.base.Scheme == "http" && c.base.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

// Cierra lets go of the connections.
func (c *Cliente) Cierra() { c.http.CloseIdleConnections() }

// ErrSinPasarela is that nobody answers at the address.
var ErrSinPasarela = errors.New("no hay quien conteste")

// ErrAjena is that what answers at the address is not a gateway.
var ErrAjena = errors.New("lo que contesta no es una pasarela")

// Problema is an answer of the gateway that says no.
type Problema struct {
	rest.Problema
	// Recurso is the Location that came along, if any.
	Recurso string
	espera  time.Duration
}

func (p *Problema) Error() string {
	texto := cmp.Or(p.Detail, p.Title)
	if p.Backend != "" && p.Codigo != "" {
		texto += fmt.Sprintf(" (%s %s: %s)", strings.ToUpper(p.Backend), p.Codigo, p.Mensaje)
	}
	return texto
}

// peticion is a call. A body is sent as JSON.
type peticion struct {
	metodo, ruta string
	query        url.Values
	cuerpo       any
	encabezados  map[string]string
	// intentos is how often it may be sent in all; zero for the usual.
	intentos int
}

func (p peticion) veces() int { return cmp.Or(p.intentos, intentos) }

// llama does a call and decodes its JSON. Calls may be repeated when the gateway
// is not there, breaks off, or says that it may be asked again: those that change
// something carry an Idempotency-Key.
func (c *Cliente) llama(ctx context.Context, p peticion, out any) (http.Header, error) {
	for intento := 1; ; intento++ {
		resp, err := c.abre(ctx, p)
		if err != nil {
			return nil, err
		}
		texto, err := io.ReadAll(io.LimitReader(resp.Body, maxCuerpo))
		err = errors.Join(err, resp.Body.Close())
		switch {
		case err == nil && json.Unmarshal(texto, out) == nil:
			return resp.Header, nil
		case err == nil:
			return nil, fmt.Errorf("%w: %s %s no contestó JSON", ErrAjena, p.metodo, p.ruta)
		case intento == p.veces():
			return nil, fmt.Errorf("%w en %s: cortó su respuesta", ErrSinPasarela, c.base.Host)
		}
		if err := duerme(ctx, c.pausa); err != nil {
			return nil, err
		}
	}
}

// abre does a call until it is answered with a success, and repeats what may be
// repeated. Close the answer's body.
func (c *Cliente) abre(ctx context.Context, p peticion) (*http.Response, error) {
	espera := c.pausa
	for intento := 1; ; intento++ {
		resp, err := c.envia(ctx, p)
		if err == nil {
			return resp, nil
		}
		var problema *Problema
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, &problema) && !problema.Reintentable, errors.Is(err, ErrAjena), intento == p.veces():
			return nil, err
		case errors.As(err, &problema):
			espera = max(espera, problema.espera)
		}
		if err := duerme(ctx, min(espera, maxPausa)); err != nil {
			return nil, err
		}
		espera *= 2
	}
}

func duerme(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (c *Cliente) envia(ctx context.Context, p peticion) (*http.Response, error) {
	req, err := c.arma(ctx, p)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w en %s: %w", ErrSinPasarela, c.base.Host, sinDireccion(err))
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		return resp, nil
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	problema := &Problema{Recurso: resp.Header.Get("Location")}
	segundos, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	problema.espera = time.Duration(segundos) * time.Second
	texto, err := io.ReadAll(io.LimitReader(resp.Body, maxCuerpo))
	if err == nil {
		err = json.Unmarshal(texto, &problema.Problema)
	}
	switch {
	case err == nil && problema.Type != "":
		return nil, problema
	case resp.StatusCode >= http.StatusInternalServerError:
		// A proxy in front of a gateway that is starting again.
		return nil, fmt.Errorf("%w en %s: contestó %d", ErrSinPasarela, c.base.Host, resp.StatusCode)
	}
	return nil, fmt.Errorf("%w: contestó %d a %s %s", ErrAjena, resp.StatusCode, p.metodo, p.ruta)
}

// sinDireccion takes off what net/http puts before a failure: method and address.
func sinDireccion(err error) error {
	var de *url.Error
	if errors.As(err, &de) {
		return de.Err
	}
	return err
}

func (c *Cliente) arma(ctx context.Context, p peticion) (*http.Request, error) {
	destino := c.base.JoinPath(p.ruta)
	destino.RawQuery = p.query.Encode()
	var cuerpo io.Reader = http.NoBody
	if p.cuerpo != nil {
		texto, err := json.Marshal(p.cuerpo)
		if err != nil {
			return nil, err
		}
		cuerpo = bytes.NewReader(texto)
	}
	req, err := http.NewRequestWithContext(ctx, p.metodo, destino.String(), cuerpo)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", agente)
	req.Header.Set("Accept", contenidos)
	if p.cuerpo != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.clave != "" {
		req.Header.Set("Authorization", "Bearer "+c.clave)
	}
	for nombre, valor := range p.encabezados {
		req.Header.Set(nombre, valor)
	}
	return req, nil
}
