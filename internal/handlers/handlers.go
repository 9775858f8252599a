// Package handlers is the REST surface: it turns requests of the contract in
// api/openapi.yaml into calls of the vocabulary's ports, and results and
// failures into answers. It knows no SOAP and no backend, refuses what the
// contract does not describe, and is the only place where a kind of failure
// becomes an HTTP status.
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

// maxBody bounds the JSON bodies of every route so far; the largest legal one
// is under two KiB.
const maxBody = 64 << 10

// Config is what the surface needs.
type Config struct {
	SAT         SAT
	Solicitudes Solicitudes
	Paquetes    Paquetes
	Descargas   Descargas
	Reading     Reading
	// DescribeCodigo and DescribeEstado say what the SAT means by a code, and by an
	// EstadoSolicitud.
	DescribeCodigo, DescribeEstado func(codigo string) string
	EFirmas                        func() ([]efirma.Status, error)
	Lotes                          *lotes.Servicio
	// CuentaSEP is in use unless a caller sends an account of its own.
	CuentaSEP gateway.CuentaSEP
	Addendas  gateway.Addendas
	Signed    *firmado.Servicio
	// Keyring seals contracts that are given by their fields.
	Keyring firmado.Keyring
	// CuentaPADE is in use unless a caller sends an account of its own.
	CuentaPADE gateway.CuentaPADE
	// CuentasPADE are the accounts that the PAC has refused.
	CuentasPADE CuentasPADE
	Webhooks    *webhooks.Servicio
	// Keys finds an API key's entry, or says with an error of apikeys why it is not taken
	// from that address now; nil lets every caller of this machine in.
	Keys func(key string, from netip.Addr) (apikeys.Key, error)
	// Spec is the contract that requests are held against.
	Spec *Spec
	// Docs are the pages for people, /docs and all below; nil for none.
	Docs    http.Handler
	Log     zerolog.Logger
	Now     func() time.Time
	Observe func(route, method string, status int, took time.Duration)
	// Stopping is closed when the gateway stops, so that streams end and only reads are
	// served; nil for never.
	Stopping <-chan struct{}
}

// SAT is what is asked of the SAT directly.
type SAT interface {
	gateway.Authenticator
	Verify(ctx context.Context, servicio gateway.Servicio, rfc, idSolicitud string) (gateway.EstadoSolicitud, error)
}

// Solicitudes presents solicitudes by way of the ledger.
type Solicitudes interface {
	Submit(ctx context.Context, key string, s gateway.Solicitud) (gateway.SolicitudAceptada, bool, error)
}

// Paquetes opens packages.
type Paquetes interface {
	Open(ctx context.Context, p gateway.Paquete) (paquetes.Content, error)
	// OpenDubious returns what is kept, though it be no whole ZIP.
	OpenDubious(ctx context.Context, p gateway.Paquete) (paquetes.Content, error)
	// OpenSaved returns what is kept and downloads nothing.
	OpenSaved(ctx context.Context, p gateway.Paquete, dubious bool) (paquetes.Content, error)
}

// handler implements the generated interface.
type handler struct {
	cfg       Config
	intruders *intruders
	// bodies is bodiesRoom.
	bodies *semaphore.Weighted
	// compressed answers with gzip whoever takes it. Nothing that must come through at
	// once passes it, nor what is sent from a file.
	compressed func(http.Handler) http.HandlerFunc
}

var _ rest.ServerInterface = (*handler)(nil)

// scopes says what each operation asks of a key. Which ones are public the
// contract says; any other without a row is refused to everybody with keys.
var scopes = map[string]string{
	"obtenerTokenSat":    apikeys.ScopeToken,
	"crearSolicitud":     apikeys.ScopeSolicitudes,
	"verificarSolicitud": apikeys.ScopeSolicitudes,
	"descargarPaquete":   apikeys.ScopePaquetes,
	"listarEfirmas":      apikeys.ScopeEFirmas,
	"obtenerEfirma":      apikeys.ScopeEFirmas,

	"crearDescarga":          apikeys.ScopeDescargas,
	"listarDescargas":        apikeys.ScopeDescargas,
	"obtenerDescarga":        apikeys.ScopeDescargas,
	"cancelarDescarga":       apikeys.ScopeDescargas,
	"listarEventosDescarga":  apikeys.ScopeDescargas,
	"seguirDescarga":         apikeys.ScopeDescargas,
	"listarPaquetesDescarga": apikeys.ScopeDescargas,
	// What packages hold is read with what opens packages.
	"listarMetadatosDescarga": apikeys.ScopePaquetes,
	"exportarMetadatosNdjson": apikeys.ScopePaquetes,
	"exportarMetadatosCsv":    apikeys.ScopePaquetes,
	"listarCfdisDescarga":     apikeys.ScopePaquetes,
	"exportarCfdisNdjson":     apikeys.ScopePaquetes,
	"exportarCfdisCsv":        apikeys.ScopePaquetes,
	"obtenerCfdiDescarga":     apikeys.ScopePaquetes,

	"emitirTitulos":          apikeys.ScopeTitulos,
	"validarTitulos":         apikeys.ScopeTitulos,
	"listarCatalogosSep":     apikeys.ScopeTitulos,
	"obtenerCatalogoSep":     apikeys.ScopeTitulos,
	"cargarLote":             apikeys.ScopeLotes,
	"consultarLote":          apikeys.ScopeLotes,
	"obtenerResultadoLote":   apikeys.ScopeLotes,
	"exportarResultadoLote":  apikeys.ScopeLotes,
	"descargarLibroLote":     apikeys.ScopeLotes,
	"descargarResultadoLote": apikeys.ScopeLotes,
	"cancelarTitulo":         apikeys.ScopeCancel,

	"procesarAddenda":        apikeys.ScopeAddendas,
	"adjuntarAddenda":        apikeys.ScopeAddendas,
	"firmarContrato":         apikeys.ScopeContratos,
	"firmarManifiesto":       apikeys.ScopeContratos,
	"firmarContratoAdhesion": apikeys.ScopeContratos,
	"desbloquearCuentaPade":  apikeys.ScopePADE,

	"listarWebhooks":         apikeys.ScopeWebhooks,
	"crearWebhook":           apikeys.ScopeWebhooks,
	"obtenerWebhook":         apikeys.ScopeWebhooks,
	"actualizarWebhook":      apikeys.ScopeWebhooks,
	"eliminarWebhook":        apikeys.ScopeWebhooks,
	"rotarSecretoWebhook":    apikeys.ScopeWebhooks,
	"probarWebhook":          apikeys.ScopeWebhooks,
	"listarEntregasWebhook":  apikeys.ScopeWebhooks,
	"reenviarEntregaWebhook": apikeys.ScopeWebhooks,
}

// New returns the whole surface. Each request passes, in this order:
//
//	identify   X-Request-Id and trace, in and out
//	access     one log line and the metrics, around everything below
//	recovered  a panic becomes a problem
//	local      without keys, only names of this machine are answered
//	head       HEAD is answered by what answers GET
//	           -- routing: pages for people stop here --
//	authorize  the key, and its scope for the operation
//	begins     once the gateway stops, reads alone
//	validate   the contract: parameters and body
//	           the handler, which checks the key's RFCs
func New(cfg Config) http.Handler {
	h := &handler{cfg: cfg, intruders: newIntruders(), bodies: semaphore.NewWeighted(bodiesRoom), compressed: compressed()}
	r := chi.NewRouter()
	r.Use(identify, h.access, recovered, h.local)
	r.Use(head(r))
	r.NotFound(noRoute(cfg.Spec.doc))
	r.MethodNotAllowed(methodNotAllowed(r))
	rest.HandlerWithOptions(h, rest.ChiServerOptions{
		BaseRouter:       r.With(h.authorize(cfg.Spec.doc), h.begins, validate(cfg.Spec)),
		ErrorHandlerFunc: func(w http.ResponseWriter, r *http.Request, err error) { writeProblem(w, r, badParameter(err)) },
	})
	h.pages(r)
	return r
}

// pages adds the routes that are no operations: what people read in a browser.
// They are public, as the contract is, and know nothing that it does not say.
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

// start leads people to the pages. To a program the root is no route, as it
// always was: a wrong base address must not look like a right one.
func start(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Vary", "Accept")
	if r.Header.Get("Accept") == "" || prefers(r, "application/json", "text/html") != "text/html" {
		return errNoRoute
	}
	// Relative, which http.Redirect would not leave it: a proxy may put a path before it.
	w.Header().Set("Location", "docs")
	w.WriteHeader(http.StatusFound)
	return nil
}

func (h *handler) ObtenerTokenSAT(w http.ResponseWriter, r *http.Request, servicio rest.Servicio) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.getTokenSAT(w, r, servicio) })(w, r)
}

func (h *handler) CrearSolicitud(w http.ResponseWriter, r *http.Request, servicio rest.Servicio, params rest.CrearSolicitudParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.createSolicitud(w, r, servicio, params) })(w, r)
}

func (h *handler) VerificarSolicitud(w http.ResponseWriter, r *http.Request, servicio rest.Servicio, id rest.IDSolicitud, params rest.VerificarSolicitudParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.verify(w, r, servicio, id, params) })(w, r)
}

func (h *handler) DescargarPaquete(w http.ResponseWriter, r *http.Request, servicio rest.Servicio, id rest.IDPaquete, params rest.DescargarPaqueteParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.download(w, r, servicio, id, params) })(w, r)
}

func (h *handler) CrearDescarga(w http.ResponseWriter, r *http.Request, params rest.CrearDescargaParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.createDescarga(w, r, params) })(w, r)
}

func (h *handler) ListarDescargas(w http.ResponseWriter, r *http.Request, params rest.ListarDescargasParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.listDescargas(w, r, params) })(w, r)
}

func (h *handler) ObtenerDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.getDescarga(w, r, id) })(w, r)
}

func (h *handler) CancelarDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.cancelDescarga(w, r, id) })(w, r)
}

func (h *handler) ListarEventosDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.ListarEventosDescargaParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.listEventosDescarga(w, r, id, params) })(w, r)
}

func (h *handler) SeguirDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.SeguirDescargaParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.followDescarga(w, r, id, params) })(w, r)
}

func (h *handler) ListarPaquetesDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.ListarPaquetesDescargaParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.listPaquetesDescarga(w, r, id, params)
	})(w, r)
}

func (h *handler) ListarMetadatosDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.ListarMetadatosDescargaParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.metadatos().list(w, r, id, params)
	})(w, r)
}

func (h *handler) ExportarMetadatosNDJSON(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.ExportarMetadatosNDJSONParams) {
	h.compressed(wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.metadatos().ndjson(w, r, id, params.Parcial)
	}))(w, r)
}

func (h *handler) ExportarMetadatosCSV(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.ExportarMetadatosCSVParams) {
	h.compressed(wrap(func(w http.ResponseWriter, r *http.Request) error { return h.metadatos().csv(w, r, id, params) }))(w, r)
}

func (h *handler) ListarCFDIsDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.ListarCFDIsDescargaParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.summaries().list(w, r, id, rest.ListarMetadatosDescargaParams(params))
	})(w, r)
}

func (h *handler) ExportarCFDIsNDJSON(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.ExportarCFDIsNDJSONParams) {
	h.compressed(wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.summaries().ndjson(w, r, id, params.Parcial)
	}))(w, r)
}

func (h *handler) ExportarCFDIsCSV(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.ExportarCFDIsCSVParams) {
	h.compressed(wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.summaries().csv(w, r, id, rest.ExportarMetadatosCSVParams(params))
	}))(w, r)
}

func (h *handler) ObtenerCFDIDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, uuid rest.UUID) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.getCFDI(w, r, id, uuid) })(w, r)
}

func (h *handler) ListarEfirmas(w http.ResponseWriter, r *http.Request) { wrap(h.listEFirmas)(w, r) }

func (h *handler) ObtenerEfirma(w http.ResponseWriter, r *http.Request, rfc rest.RFCEnRuta) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.getEFirma(w, r, rfc) })(w, r)
}

func (h *handler) CargarLote(w http.ResponseWriter, r *http.Request, params rest.CargarLoteParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.uploadLote(w, r, params) })(w, r)
}

func (h *handler) ConsultarLote(w http.ResponseWriter, r *http.Request, number rest.NumeroLote, _ rest.ConsultarLoteParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.queryLote(w, r, number) })(w, r)
}

func (h *handler) ObtenerResultadoLote(w http.ResponseWriter, r *http.Request, number rest.NumeroLote, _ rest.ObtenerResultadoLoteParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.getLoteResult(w, r, number) })(w, r)
}

func (h *handler) ExportarResultadoLote(w http.ResponseWriter, r *http.Request, number rest.NumeroLote, params rest.ExportarResultadoLoteParams) {
	h.compressed(wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.exportLoteResult(w, r, number, params.Bom)
	}))(w, r)
}

func (h *handler) DescargarLibroLote(w http.ResponseWriter, r *http.Request, number rest.NumeroLote, _ rest.DescargarLibroLoteParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.downloadLibroLote(w, r, number) })(w, r)
}

func (h *handler) DescargarResultadoLote(w http.ResponseWriter, r *http.Request, number rest.NumeroLote, _ rest.DescargarResultadoLoteParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.downloadLoteResult(w, r, number) })(w, r)
}

func (h *handler) CancelarTitulo(w http.ResponseWriter, r *http.Request, folio rest.FolioControl, params rest.CancelarTituloParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.cancelTitulo(w, r, folio, params) })(w, r)
}

func (h *handler) EmitirTitulos(w http.ResponseWriter, r *http.Request) { wrap(h.issueTitulos)(w, r) }

func (h *handler) ValidarTitulos(w http.ResponseWriter, r *http.Request, params rest.ValidarTitulosParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.validateTitulos(w, r, params) })(w, r)
}

func (h *handler) ListarCatalogosSEP(w http.ResponseWriter, r *http.Request) {
	wrap(h.listCatalogos)(w, r)
}

func (h *handler) ObtenerCatalogoSEP(w http.ResponseWriter, r *http.Request, name rest.Catalogo) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.getCatalogo(w, r, name) })(w, r)
}

func (h *handler) ProcesarAddenda(w http.ResponseWriter, r *http.Request, _ rest.ProcesarAddendaParams) {
	wrap(h.processAddenda)(w, r)
}

func (h *handler) AdjuntarAddenda(w http.ResponseWriter, r *http.Request, _ rest.AdjuntarAddendaParams) {
	wrap(h.attachAddenda)(w, r)
}

func (h *handler) FirmarContrato(w http.ResponseWriter, r *http.Request, params rest.FirmarContratoParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.signContrato(w, r, params)
	})(w, r)
}

func (h *handler) FirmarManifiesto(w http.ResponseWriter, r *http.Request, params rest.FirmarManifiestoParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.signWithoutCuenta(w, r, gateway.FirmaManifiesto, params)
	})(w, r)
}

func (h *handler) FirmarContratoAdhesion(w http.ResponseWriter, r *http.Request, params rest.FirmarContratoAdhesionParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.signWithoutCuenta(w, r, gateway.FirmaAdhesion, rest.FirmarManifiestoParams(params))
	})(w, r)
}

func (h *handler) DesbloquearCuentaPADE(w http.ResponseWriter, r *http.Request) {
	wrap(h.unlockCuentaPADE)(w, r)
}

func (h *handler) ListarWebhooks(w http.ResponseWriter, r *http.Request) {
	wrap(h.listWebhooks)(w, r)
}

func (h *handler) CrearWebhook(w http.ResponseWriter, r *http.Request) { wrap(h.createWebhook)(w, r) }

func (h *handler) ObtenerWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.getWebhook(w, r, id) })(w, r)
}

func (h *handler) ActualizarWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.updateWebhook(w, r, id) })(w, r)
}

func (h *handler) EliminarWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.deleteWebhook(w, r, id) })(w, r)
}

func (h *handler) RotarSecretoWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook, params rest.RotarSecretoWebhookParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.rotateSecret(w, r, id, params.TraslapeHoras)
	})(w, r)
}

func (h *handler) ProbarWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.tryWebhook(w, r, id) })(w, r)
}

func (h *handler) ListarEntregasWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook, params rest.ListarEntregasWebhookParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.listEntregas(w, r, id, params) })(w, r)
}

func (h *handler) ReenviarEntregaWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook, entrega rest.IDEntrega) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.resendEntrega(w, r, id, entrega) })(w, r)
}

func (h *handler) ObtenerEspecificacionYAML(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	send(w, http.StatusOK, h.cfg.Spec.yaml)
}

func (h *handler) ObtenerEspecificacionJSON(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	send(w, http.StatusOK, h.cfg.Spec.json)
}
