// Package client drives one durable descarga over the REST contract, as any caller could.
// It requests the descarga or finds an existing one, follows it to its end, and saves the
// result in a folder.
//
// It knows nothing of the gateway's internals, so the same code serves a gateway on
// another machine and one started in this process. It spends no quota of the SAT twice:
// it requests a descarga only if none with the same criteria is live or has ended.
package client

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

// Client calls one gateway.
type Client struct {
	base *url.URL
	key  string
	http *http.Client
	// pause is the wait before the first repeat of a call.
	pause time.Duration
}

const (
	connection = 10 * time.Second
	answer     = 2 * time.Minute
	maxBody    = 16 << 20
	// Retries for three quarters of a minute, for nine if somebody has waited for days,
	// or for a second if the address may be wrong.
	attempts        = 8
	patientAttempts = 40
	firstAttempts   = 2
	pause           = 500 * time.Millisecond
	maxPause        = 15 * time.Second
	agent           = "pasarela-descargar"
	contents        = "application/json, application/problem+json"
)

// New returns a client of the gateway at address (http or https). key is the API key;
// empty for a gateway without keys.
func New(address, key string) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(address, "/") + "/")
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		// The address is not shown: it may contain a password.
		return nil, errors.New("la dirección de la pasarela no es una URL como https://pasarela.example:8080")
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: connection}).DialContext,
		TLSHandshakeTimeout: connection, ResponseHeaderTimeout: answer, ForceAttemptHTTP2: true,
		// A ZIP is compressed already, and a known length is worth more.
		DisableCompression: true,
	}
	return &Client{base: base, key: key, pause: pause, http: &http.Client{Transport: transport,
		// The key is for this gateway only.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// Exposed reports whether the key would cross a network unencrypted.
func (c *Client) Exposed() bool {
	ip := net.ParseIP(c.base.Hostname())
	return c.key != "" && c.base.Scheme == "http" && c.base.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

// Close closes the connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// ErrWithoutPasarela means that nobody answers at the address.
var ErrWithoutPasarela = errors.New("no hay quien conteste")

// ErrForeign means that the server at the address is not a gateway.
var ErrForeign = errors.New("lo que contesta no es una pasarela")

// Problem is a refusal by the gateway.
type Problem struct {
	rest.Problema
	// Resource is the answer's Location, if any.
	Resource string
	wait     time.Duration
}

func (p *Problem) Error() string {
	text := cmp.Or(p.Detail, p.Title)
	if p.Backend != "" && p.Codigo != "" {
		text += fmt.Sprintf(" (%s %s: %s)", strings.ToUpper(p.Backend), p.Codigo, p.Mensaje)
	}
	return text
}

// request is a call. A body is sent as JSON.
type request struct {
	method, path string
	query        url.Values
	body         any
	headers      map[string]string
	// attempts is the number of attempts; zero means the default.
	attempts int
}

func (p request) times() int { return cmp.Or(p.attempts, attempts) }

// call makes a call and decodes its JSON. It repeats the call if the gateway is away,
// breaks off, or says that it may be repeated: calls that change something carry an
// Idempotency-Key.
func (c *Client) call(ctx context.Context, p request, out any) (http.Header, error) {
	for attempt := 1; ; attempt++ {
		resp, err := c.open(ctx, p)
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
		err = errors.Join(err, resp.Body.Close())
		switch {
		case err == nil && json.Unmarshal(text, out) == nil:
			return resp.Header, nil
		case err == nil:
			return nil, fmt.Errorf("%w: %s %s no contestó JSON", ErrForeign, p.method, p.path)
		case attempt == p.times():
			return nil, fmt.Errorf("%w en %s: cortó su respuesta", ErrWithoutPasarela, c.base.Host)
		}
		if err := sleep(ctx, c.pause); err != nil {
			return nil, err
		}
	}
}

// open makes a call until it succeeds, as far as it may be repeated. Close the answer's
// body.
func (c *Client) open(ctx context.Context, p request) (*http.Response, error) {
	wait := c.pause
	for attempt := 1; ; attempt++ {
		resp, err := c.send(ctx, p)
		if err == nil {
			return resp, nil
		}
		var problem *Problem
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, &problem) && !problem.Reintentable, errors.Is(err, ErrForeign), attempt == p.times():
			return nil, err
		case errors.As(err, &problem):
			wait = max(wait, problem.wait)
		}
		if err := sleep(ctx, min(wait, maxPause)); err != nil {
			return nil, err
		}
		wait *= 2
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (c *Client) send(ctx context.Context, p request) (*http.Response, error) {
	req, err := c.assemble(ctx, p)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w en %s: %w", ErrWithoutPasarela, c.base.Host, withoutAddress(err))
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		return resp, nil
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	problem := &Problem{Resource: resp.Header.Get("Location")}
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	problem.wait = time.Duration(seconds) * time.Second
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(text, &problem.Problema)
	}
	switch {
	case err == nil && problem.Type != "":
		return nil, problem
	case resp.StatusCode >= http.StatusInternalServerError:
		// A proxy in front of a restarting gateway.
		return nil, fmt.Errorf("%w en %s: contestó %d", ErrWithoutPasarela, c.base.Host, resp.StatusCode)
	}
	return nil, fmt.Errorf("%w: contestó %d a %s %s", ErrForeign, resp.StatusCode, p.method, p.path)
}

// withoutAddress removes net/http's prefix of a failure: method and address.
func withoutAddress(err error) error {
	var de *url.Error
	if errors.As(err, &de) {
		return de.Err
	}
	return err
}

func (c *Client) assemble(ctx context.Context, p request) (*http.Request, error) {
	target := c.base.JoinPath(p.path)
	target.RawQuery = p.query.Encode()
	var body io.Reader = http.NoBody
	if p.body != nil {
		text, err := json.Marshal(p.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, p.method, target.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Accept", contents)
	if p.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	for name, value := range p.headers {
		req.Header.Set(name, value)
	}
	return req, nil
}
