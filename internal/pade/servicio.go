package pade

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// The bounds of reading a service's WSDL and its imports.
const (
	maxWSDL      = 1 << 20 // bytes, of all its documents
	maxDocuments = 16
	maxImports   = 4 // nesting depth
	timeoutWSDL  = 30 * time.Second
)

// contract is what a service's WSDL or the configuration says.
type contract struct {
	namespace string // of every operation, if configured
	// operations is nil if the offered operations are unknown.
	operations []string
	namespaces map[string]string // by operation
}

// offers reports whether an operation may be called.
func (c contract) offers(operation string) bool {
	return c.operations == nil || slices.Contains(c.operations, operation)
}

// of returns the namespace of an operation.
func (c contract) of(operation string) string { return cmp.Or(c.namespaces[operation], c.namespace) }

// service is one of the PAC's services. Its contract is learnt at first use.
type service struct {
	url       string
	namespace string // configured; empty to ask the service
	setting   string // the setting of the namespace
	base      http.RoundTripper

	mu     sync.Mutex
	learnt *contract
	// lacking is why the contract could not be learnt the last time, at failed.
	lacking error
	failed  time.Time
	flight  singleflight.Group
	// patience bounds a read; zero means timeoutWSDL.
	patience time.Duration
}

// remembered is how long a failed read is not repeated, so that callers do not ask a
// hanging service one after the other.
const remembered = 5 * time.Second

// contract returns the namespaces and the offered operations. It takes only names from
// the WSDL: its addresses are not https and are never followed (pade.md §2.1).
func (s *service) contract(ctx context.Context) (contract, error) {
	if s.namespace != "" {
		return contract{namespace: s.namespace}, nil
	}
	if known, err := s.known(); known != nil || err != nil {
		return *cmp.Or(known, &contract{}), err
	}
	// One read serves all callers and outlives the first of them.
	flight := s.flight.DoChan("", func() (_ any, err error) {
		if known, err := s.known(); known != nil || err != nil { // it may have ended since
			return known, err
		}
		learnt, err := s.read(context.WithoutCancel(ctx))
		s.keep(learnt, err)
		return learnt, err
	})
	select {
	case <-ctx.Done():
		return contract{}, interrupted(ctx.Err())
	case got := <-flight:
		learnt, _ := got.Val.(*contract)
		return *cmp.Or(learnt, &contract{}), got.Err
	}
}

// known returns the contract, or the reason of a recent failure.
func (s *service) known() (*contract, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lacking != nil && time.Since(s.failed) < remembered {
		return nil, s.lacking
	}
	return s.learnt, nil
}

func (s *service) keep(learnt *contract, lacking error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.learnt, s.lacking, s.failed = learnt, lacking, time.Now()
}

// read learns the contract; its error is an *Error of the vocabulary.
func (s *service) read(ctx context.Context) (_ *contract, err error) {
	defer func() {
		if r := recover(); r != nil { // singleflight would end the process with it
			err = fmt.Errorf("pade: panic while a WSDL was read: %T", r)
		}
	}()
	learnt, err := s.learn(ctx)
	var lacking notEnough
	switch {
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return nil, System().Untrusted(err)
	case errors.As(err, &lacking):
		return nil, &gateway.Error{Kind: gateway.KindMensajeRechazado, Own: gateway.OwnWSDLInsuficiente, Backend: backend, Unsent: true, Err: err,
			Detail: "El WSDL del servicio de Prodigia no basta para conocer su espacio de nombres: " + string(lacking) + " La petición no salió. Configure " + s.setting + "."}
	case err != nil:
		return nil, &gateway.Error{Kind: gateway.KindNoDisponible, Own: gateway.OwnWSDLInalcanzable, Backend: backend, Retryable: true, Unsent: true, RetryAfter: remembered, Err: err,
			Detail: "No se pudo leer el contrato (WSDL) del servicio de Prodigia para conocer su espacio de nombres; la petición no salió. Configure " + s.setting + " o repita más tarde."}
	}
	return &learnt, nil
}

// forget makes the next call read the WSDL again, because its content is outdated.
func (s *service) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.learnt, s.lacking = nil, nil
}

// notEnough says, in Spanish, what a readable WSDL lacks.
type notEnough string

func (n notEnough) Error() string { return "pade: the WSDL is not enough: " + string(n) }

// learn reads the WSDL and the WSDLs that it imports.
func (s *service) learn(ctx context.Context) (contract, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.patience, timeoutWSDL))
	defer cancel()
	u, err := url.Parse(s.url)
	if err != nil {
		return contract{}, err
	}
	u.RawQuery = "wsdl"
	w := &walk{base: s.base, origin: u, d: newDescription(), left: maxWSDL, seen: map[string]bool{}}
	if err := w.visit(ctx, u, 0); err != nil {
		return contract{}, err
	}
	learnt, err := w.d.contract(u.Path)
	switch {
	case err == nil:
		return learnt, nil
	case w.passing != nil:
		return contract{}, w.passing
	}
	return contract{}, notEnough(err.Error() + "." + strings.Join(w.notes, ""))
}

// walk visits the documents of a WSDL. It requests all of them from the configured
// address if an import is on the same host: the import's own address is that of the
// service behind its proxies, without https.
type walk struct {
	base   http.RoundTripper
	origin *url.URL
	d      *description
	left   int64           // bytes that may still be read
	seen   map[string]bool // what was requested, by path and query
	notes  []string        // sentences about what was not read, each with a leading space
	// passing is why an import could not be read, if that may be temporary.
	passing error
}

// visit reads the document at u and its imports.
func (w *walk) visit(ctx context.Context, u *url.URL, depth int) error {
	w.seen[u.RequestURI()] = true
	body, charset, err := w.get(ctx, u)
	if err != nil {
		return err
	}
	imports, err := w.d.read(body, charset)
	if err != nil {
		return err
	}
	for _, location := range imports {
		w.enter(ctx, u, location, depth+1)
	}
	return nil
}

// enter reads an import, or notes why not.
func (w *walk) enter(ctx context.Context, from *url.URL, location string, depth int) {
	note := func(why string) { w.notes = append(w.notes, " Importa «"+clip(location)+"», "+why+".") }
	to, err := from.Parse(location)
	if err != nil || !strings.EqualFold(to.Hostname(), w.origin.Hostname()) {
		note("que está en otra dirección y no se sigue")
		return
	}
	to = &url.URL{Scheme: w.origin.Scheme, Host: w.origin.Host, Path: to.Path, RawPath: to.RawPath, RawQuery: to.RawQuery}
	switch {
	case w.seen[to.RequestURI()]:
		return
	case depth > maxImports || len(w.seen) == maxDocuments:
		note("y son demasiados documentos")
		return
	}
	err = w.visit(ctx, to, depth)
	var status badStatus
	switch {
	case errors.Is(err, errNotWSDL): // some import schemas like this
	case errors.As(err, &status) && status < http.StatusInternalServerError:
		note(fmt.Sprintf("que contestó HTTP %d", status))
	case errors.Is(err, errTooLarge):
		note(fmt.Sprintf("y los documentos pasan de %d bytes", maxWSDL))
	case errors.As(err, new(*xmldoc.Error)):
		note("que no es XML bien formado")
	case err != nil:
		w.passing = err
	}
}

var errTooLarge = errors.New("pade: the WSDL is too large")

// badStatus is a status other than 200.
type badStatus int

func (s badStatus) Error() string { return fmt.Sprintf("pade: the WSDL answers HTTP %d", int(s)) }

func (w *walk) get(ctx context.Context, u *url.URL) (body []byte, charset string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, "", err
	}
	resp, err := w.base.RoundTrip(req) // a redirect is a bad status and is not followed
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	if resp.StatusCode != http.StatusOK {
		return nil, "", badStatus(resp.StatusCode)
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, w.left+1))
	if w.left -= int64(len(body)); err == nil && w.left < 0 {
		err = errTooLarge
	}
	_, params, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")) // an invalid header means no charset
	return body, params["charset"], err
}

// pathOf returns the path of an address, or "" if it is not one.
func pathOf(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return ""
	}
	return u.Path
}

// clip makes a text of a WSDL short and one line.
func clip(s string) string {
	return gateway.Clip(strings.Join(strings.Fields(s), " "), 120)
}
