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
	"github.com/pasarela-mx/pasarela/internal/firmado"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/lotes"
	"github.com/pasarela-mx/pasarela/internal/paquetes"
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
	Lectura     Lectura
	// DescribeCodigo and DescribeEstado say what the SAT means by a code, and by an
	// EstadoSolicitud.
	DescribeCodigo, DescribeEstado func(codigo string) string
	EFirmas                        func() ([]efirma.Status, error)
	Lotes                          *lotes.Servicio
	// CuentaSEP is in use unless a caller sends an account of its own.
	CuentaSEP gateway.CuentaSEP
	Addendas  gateway.Addendas
	Firmado   *firmado.Servicio
	// Llavero seals contracts that are given by their fields.
	Llavero firmado.Keyring
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
	gateway.Autenticador
	Verifica(ctx context.Context, servicio gateway.Servicio, rfc, idSolicitud string) (gateway.EstadoSolicitud, error)
}

// Solicitudes presents solicitudes by way of the ledger.
type Solicitudes interface {
	Presenta(ctx context.Context, clave string, s gateway.Solicitud) (gateway.SolicitudAceptada, bool, error)
}

// Paquetes opens packages.
type Paquetes interface {
	Abre(ctx context.Context, p gateway.Paquete) (paquetes.Contenido, error)
	// AbreDudoso returns what is kept, though it be no whole ZIP.
	AbreDudoso(ctx context.Context, p gateway.Paquete) (paquetes.Contenido, error)
	// AbreGuardado returns what is kept and downloads nothing.
	AbreGuardado(ctx context.Context, p gateway.Paquete, dudoso bool) (paquetes.Contenido, error)
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
	"cancelarTitulo":         apikeys.ScopeCancelar,

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
		r.Method(method, "/", wrap(inicio))
		r.Method(method, "/docs", h.cfg.Docs)
		r.Method(method, "/docs/*", h.cfg.Docs)
	}
}

// inicio leads people to the pages. To a program the root is no route, as it
// always was: a wrong base address must not look like a right one.
func inicio(w http.ResponseWriter, r *http.Request) error {
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
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.obtenerTokenSAT(w, r, servicio) })(w, r)
}

func (h *handler) CrearSolicitud(w http.ResponseWriter, r *http.Request, servicio rest.Servicio, params rest.CrearSolicitudParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.crearSolicitud(w, r, servicio, params) })(w, r)
}

func (h *handler) VerificarSolicitud(w http.ResponseWriter, r *http.Request, servicio rest.Servicio, id rest.IDSolicitud, params rest.VerificarSolicitudParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.verificar(w, r, servicio, id, params) })(w, r)
}

func (h *handler) DescargarPaquete(w http.ResponseWriter, r *http.Request, servicio rest.Servicio, id rest.IDPaquete, params rest.DescargarPaqueteParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.descargar(w, r, servicio, id, params) })(w, r)
}

func (h *handler) CrearDescarga(w http.ResponseWriter, r *http.Request, params rest.CrearDescargaParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.crearDescarga(w, r, params) })(w, r)
}

func (h *handler) ListarDescargas(w http.ResponseWriter, r *http.Request, params rest.ListarDescargasParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.listarDescargas(w, r, params) })(w, r)
}

func (h *handler) ObtenerDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.obtenerDescarga(w, r, id) })(w, r)
}

func (h *handler) CancelarDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.cancelarDescarga(w, r, id) })(w, r)
}

func (h *handler) ListarEventosDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.ListarEventosDescargaParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.listarEventosDescarga(w, r, id, params) })(w, r)
}

func (h *handler) SeguirDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.SeguirDescargaParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.seguirDescarga(w, r, id, params) })(w, r)
}

func (h *handler) ListarPaquetesDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.ListarPaquetesDescargaParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.listarPaquetesDescarga(w, r, id, params)
	})(w, r)
}

func (h *handler) ListarMetadatosDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.ListarMetadatosDescargaParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.metadatos().lista(w, r, id, params)
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
		return h.resumenes().lista(w, r, id, rest.ListarMetadatosDescargaParams(params))
	})(w, r)
}

func (h *handler) ExportarCFDIsNDJSON(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.ExportarCFDIsNDJSONParams) {
	h.compressed(wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.resumenes().ndjson(w, r, id, params.Parcial)
	}))(w, r)
}

func (h *handler) ExportarCFDIsCSV(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.ExportarCFDIsCSVParams) {
	h.compressed(wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.resumenes().csv(w, r, id, rest.ExportarMetadatosCSVParams(params))
	}))(w, r)
}

func (h *handler) ObtenerCFDIDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, uuid rest.UUID) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.obtenerCFDI(w, r, id, uuid) })(w, r)
}

func (h *handler) ListarEfirmas(w http.ResponseWriter, r *http.Request) { wrap(h.listarEFirmas)(w, r) }

func (h *handler) ObtenerEfirma(w http.ResponseWriter, r *http.Request, rfc rest.RFCEnRuta) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.obtenerEFirma(w, r, rfc) })(w, r)
}

func (h *handler) CargarLote(w http.ResponseWriter, r *http.Request, params rest.CargarLoteParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.cargarLote(w, r, params) })(w, r)
}

func (h *handler) ConsultarLote(w http.ResponseWriter, r *http.Request, numero rest.NumeroLote, _ rest.ConsultarLoteParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.consultarLote(w, r, numero) })(w, r)
}

func (h *handler) ObtenerResultadoLote(w http.ResponseWriter, r *http.Request, numero rest.NumeroLote, _ rest.ObtenerResultadoLoteParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.obtenerResultadoLote(w, r, numero) })(w, r)
}

func (h *handler) ExportarResultadoLote(w http.ResponseWriter, r *http.Request, numero rest.NumeroLote, params rest.ExportarResultadoLoteParams) {
	h.compressed(wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.exportarResultadoLote(w, r, numero, params.Bom)
	}))(w, r)
}

func (h *handler) DescargarLibroLote(w http.ResponseWriter, r *http.Request, numero rest.NumeroLote, _ rest.DescargarLibroLoteParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.descargarLibroLote(w, r, numero) })(w, r)
}

func (h *handler) DescargarResultadoLote(w http.ResponseWriter, r *http.Request, numero rest.NumeroLote, _ rest.DescargarResultadoLoteParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.descargarResultadoLote(w, r, numero) })(w, r)
}

func (h *handler) CancelarTitulo(w http.ResponseWriter, r *http.Request, folio rest.FolioControl, params rest.CancelarTituloParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.cancelarTitulo(w, r, folio, params) })(w, r)
}

func (h *handler) EmitirTitulos(w http.ResponseWriter, r *http.Request) { wrap(h.emitirTitulos)(w, r) }

func (h *handler) ValidarTitulos(w http.ResponseWriter, r *http.Request, params rest.ValidarTitulosParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.validarTitulos(w, r, params) })(w, r)
}

func (h *handler) ListarCatalogosSEP(w http.ResponseWriter, r *http.Request) {
	wrap(h.listarCatalogos)(w, r)
}

func (h *handler) ObtenerCatalogoSEP(w http.ResponseWriter, r *http.Request, nombre rest.Catalogo) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.obtenerCatalogo(w, r, nombre) })(w, r)
}

func (h *handler) ProcesarAddenda(w http.ResponseWriter, r *http.Request, _ rest.ProcesarAddendaParams) {
	wrap(h.procesarAddenda)(w, r)
}

func (h *handler) AdjuntarAddenda(w http.ResponseWriter, r *http.Request, _ rest.AdjuntarAddendaParams) {
	wrap(h.adjuntarAddenda)(w, r)
}

func (h *handler) FirmarContrato(w http.ResponseWriter, r *http.Request, params rest.FirmarContratoParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.firmarContrato(w, r, params)
	})(w, r)
}

func (h *handler) FirmarManifiesto(w http.ResponseWriter, r *http.Request, params rest.FirmarManifiestoParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.firmarSinCuenta(w, r, gateway.FirmaManifiesto, params)
	})(w, r)
}

func (h *handler) FirmarContratoAdhesion(w http.ResponseWriter, r *http.Request, params rest.FirmarContratoAdhesionParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.firmarSinCuenta(w, r, gateway.FirmaAdhesion, rest.FirmarManifiestoParams(params))
	})(w, r)
}

func (h *handler) DesbloquearCuentaPADE(w http.ResponseWriter, r *http.Request) {
	wrap(h.desbloquearCuentaPADE)(w, r)
}

func (h *handler) ListarWebhooks(w http.ResponseWriter, r *http.Request) {
	wrap(h.listarWebhooks)(w, r)
}

func (h *handler) CrearWebhook(w http.ResponseWriter, r *http.Request) { wrap(h.crearWebhook)(w, r) }

func (h *handler) ObtenerWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.obtenerWebhook(w, r, id) })(w, r)
}

func (h *handler) ActualizarWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.actualizarWebhook(w, r, id) })(w, r)
}

func (h *handler) EliminarWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.eliminarWebhook(w, r, id) })(w, r)
}

func (h *handler) RotarSecretoWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook, params rest.RotarSecretoWebhookParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error {
		return h.rotarSecreto(w, r, id, params.TraslapeHoras)
	})(w, r)
}

func (h *handler) ProbarWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.probarWebhook(w, r, id) })(w, r)
}

func (h *handler) ListarEntregasWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook, params rest.ListarEntregasWebhookParams) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.listarEntregas(w, r, id, params) })(w, r)
}

func (h *handler) ReenviarEntregaWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook, entrega rest.IDEntrega) {
	wrap(func(w http.ResponseWriter, r *http.Request) error { return h.reenviarEntrega(w, r, id, entrega) })(w, r)
}

func (h *handler) ObtenerEspecificacionYAML(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	send(w, http.StatusOK, h.cfg.Spec.yaml)
}

func (h *handler) ObtenerEspecificacionJSON(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	send(w, http.StatusOK, h.cfg.Spec.json)
}
