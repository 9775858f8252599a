// Package handlers is the REST surface. It turns requests of the contract in
// api/openapi.yaml into calls of the vocabulary's ports, and results and failures into
// answers. It knows no SOAP and no backend, and refuses what the contract does not
// describe. It is the only place where a kind of failure becomes an HTTP status.
package handlers

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/pade/firmado"
	"github.com/pasarela-mx/pasarela/internal/sat/paquetes"
	"github.com/pasarela-mx/pasarela/internal/sep/lotes"
	"github.com/pasarela-mx/pasarela/internal/webhooks"
)

// Config is what the surface needs.
type Config struct {
	SAT         SAT
	Solicitudes Solicitudes
	Paquetes    Paquetes
	Engine      Engine
	Descargas   Descargas
	Reading     Reading
	EFirmas     func() ([]efirma.Status, error)
	Lotes       *lotes.Servicio
	// CuentaSEP is used unless a caller sends its own account.
	CuentaSEP gateway.CuentaSEP
	Addendas  gateway.Addendas
	Signed    *firmado.Servicio
	// Keyring signs contracts that are given as fields.
	Keyring firmado.Keyring
	// CuentaPADE is used unless a caller sends its own account.
	CuentaPADE gateway.CuentaPADE
	// CuentasPADE are the accounts that the PAC refused.
	CuentasPADE CuentasPADE
	Webhooks    *webhooks.Servicio
	// Keys finds the entry of an API key. Its errors are those of apikeys: why the key is
	// not accepted from that address now. Nil admits every caller of this machine.
	Keys func(key string, from netip.Addr) (apikeys.Key, error)
	// Spec is the contract.
	Spec *Spec
	// Docs serves the pages at /docs and below; nil for none.
	Docs    http.Handler
	Log     zerolog.Logger
	Now     func() time.Time
	Observe func(route, method string, status int, took time.Duration)
	// Stopping is closed when the gateway stops: streams end, and only reads are served.
	// Nil means never.
	Stopping <-chan struct{}
}

// SAT makes the direct calls to the SAT.
type SAT interface {
	gateway.Authenticator
	Verify(ctx context.Context, servicio gateway.Servicio, rfc, idSolicitud string) (gateway.EstadoSolicitud, error)
}

// Solicitudes presents solicitudes through the ledger.
type Solicitudes interface {
	Submit(ctx context.Context, key string, s gateway.Solicitud) (gateway.SolicitudAceptada, bool, error)
}

// Paquetes opens packages.
type Paquetes interface {
	Open(ctx context.Context, p gateway.Paquete) (paquetes.Content, error)
	// OpenDubious returns what is stored, even if it is not a complete ZIP.
	OpenDubious(ctx context.Context, p gateway.Paquete) (paquetes.Content, error)
	// OpenSaved returns what is stored and never downloads.
	OpenSaved(ctx context.Context, p gateway.Paquete, dubious bool) (paquetes.Content, error)
}

// handler implements the generated interface.
type handler struct {
	cfg       Config
	intruders *intruders
	// bodies has bodiesRoom bytes.
	bodies *semaphore.Weighted
}

var _ rest.ServerInterface = (*handler)(nil)

// New returns the whole surface. Each request passes, in this order:
//
//	identify   X-Request-Id and trace, in and out
//	access     one log line and the metrics, around everything below
//	recovered  a panic becomes a problem
//	local      without keys, only this machine's names are answered
//	head       HEAD runs the handler of GET
//	           -- routing: pages for people stop here --
//	authorize  the key, and its scope for the operation
//	begins     only reads while the gateway stops
//	validate   the contract: parameters and body
//	           the handler, which checks the key's RFCs
func New(cfg Config) http.Handler {
	h := &handler{cfg: cfg, intruders: newIntruders(), bodies: semaphore.NewWeighted(bodiesRoom)}
	r := chi.NewRouter()
	r.Use(identify, h.access, recovered, h.local)
	r.Use(head(r, cfg.Spec.doc))
	r.NotFound(noRoute(cfg.Spec.doc))
	r.MethodNotAllowed(methodNotAllowed(r, cfg.Spec.doc))
	rest.Route(r.With(h.authorize(cfg.Spec.doc), h.begins, validate(cfg.Spec), compressed(cfg.Spec.doc)), h,
		func(w http.ResponseWriter, r *http.Request, err error) { writeProblem(w, r, badParameter(err)) })
	h.pages(r)
	return r
}

// pages adds the routes for people, which are not operations. They are public, like the
// contract, and show nothing that it does not say.
func (h *handler) pages(r chi.Router) {
	if h.cfg.Docs == nil {
		return
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		r.Method(method, "/", wrap(start))
		r.Method(method, "/docs", h.cfg.Docs)
		r.Method(method, "/docs/*", h.cfg.Docs)
	}
}

// start redirects people to the pages. Programs get 404, so that a wrong base address
// does not look like a right one.
func start(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Vary", "Accept")
	if r.Header.Get("Accept") == "" || prefers(r, "application/json", "text/html") != "text/html" {
		return errNoRoute
	}
	// Relative, because a proxy may add a path; http.Redirect would make it absolute.
	w.Header().Set("Location", "docs")
	w.WriteHeader(http.StatusFound)
	return nil
}

func (h *handler) ObtenerEspecificacionYAML(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	send(w, http.StatusOK, h.cfg.Spec.yaml)
	return nil
}

func (h *handler) ObtenerEspecificacionJSON(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	send(w, http.StatusOK, h.cfg.Spec.json)
	return nil
}
