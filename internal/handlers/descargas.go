package handlers

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sat/descargas"
)

// Engine creates and ends durable downloads.
type Engine interface {
	// Create stores a descarga. The same key with the same petition returns the
	// first descarga, repeated. The same criteria while another lives are a KindConflicto
	// with that one's path in Resource. key is empty for none.
	Create(ctx context.Context, key string, p gateway.PeticionDescarga) (d gateway.Descarga, repeated bool, err error)
	// Cancel stops a descarga; a final one is returned unchanged.
	Cancel(ctx context.Context, id string) (gateway.Descarga, error)
}

// Descargas shows durable downloads. An unknown cursor is an *Error of KindMalformada;
// for the first two methods an unknown id is one of KindNoEncontrado.
type Descargas interface {
	// Registered returns one descarga without its Solicitudes and counts.
	Registered(ctx context.Context, id string) (gateway.Descarga, error)
	// Descarga returns one descarga with its Solicitudes and counts.
	Descarga(ctx context.Context, id string) (gateway.Descarga, error)
	// List returns a page, newest first, and the cursor of the next; empty for the last.
	List(ctx context.Context, f gateway.DescargasFilter) (page []gateway.Descarga, next string, err error)
	// Eventos returns up to limit events with a Number above despues, in order.
	Eventos(ctx context.Context, id string, after int64, limit int) ([]gateway.EventoDescarga, error)
	// WaitEvento returns nil as soon as there is an event after despues or the descarga
	// is final, and ctx's error if ctx ends first.
	WaitEvento(ctx context.Context, id string, after int64) error
	// Paquetes returns a page of packages and the cursor of the next.
	Paquetes(ctx context.Context, id, cursor string, limit int) (page []gateway.PaqueteDescarga, next string, err error)
}

// normalLimit is the default length of a page.
const normalLimit = 100

func limit(given int) int {
	if given == 0 {
		return normalLimit
	}
	return given
}

// visible returns the descarga, as registered, if the caller's key has access to its RFC.
func (h *handler) visible(ctx context.Context, id string) (gateway.Descarga, error) {
	d, err := h.cfg.Descargas.Registered(ctx, id)
	return d, seen(ctx, d, err)
}

// seen returns err, or ErrNotExist if the caller's key has no access to d's RFC: a missing
// descarga and a hidden one must look alike.
func seen(ctx context.Context, d gateway.Descarga, err error) error {
	if gateway.IsKind(err, gateway.KindNoEncontrado) || err == nil && !callerFrom(ctx).sees(d.Request.Solicitud.RFCSolicitante) {
		return descargas.ErrNotExist
	}
	return err
}

func (h *handler) CrearDescarga(w http.ResponseWriter, r *http.Request, params rest.CrearDescargaParams) error {
	var body rest.PeticionDescarga
	if err := decode(r, &body); err != nil {
		return err
	}
	if err := allow(r.Context(), body.RFCSolicitante); err != nil {
		return err
	}
	p := descargaRequest(body)
	p.Dueno, p.Clave = owner(r.Context()), callerFrom(r.Context()).key.Name
	d, again, err := h.cfg.Engine.Create(r.Context(), scopedKey(r, params.IdempotencyKey), p)
	replayed(w, again)
	if err != nil {
		return err
	}
	w.Header().Set("Location", descargaPath(d.ID))
	h.retryAfter(w, d)
	return writeJSON(w, http.StatusAccepted, descarga(d))
}

func descargaRequest(b rest.PeticionDescarga) gateway.PeticionDescarga {
	p := gateway.PeticionDescarga{
		Solicitud: gateway.Solicitud{
			Servicio: gateway.Servicio(b.Servicio), TipoDescarga: string(b.TipoDescarga), RFCSolicitante: b.RFCSolicitante,
			FechaInicial: b.FechaInicial, FechaFinal: b.FechaFinal, RFCEmisor: b.RFCEmisor, RFCReceptores: b.RFCReceptores,
			TipoSolicitud: string(b.TipoSolicitud), EstadoComprobante: string(b.EstadoComprobante),
			TipoComprobante: string(b.TipoComprobante), Complemento: b.Complemento, RFCACuentaTerceros: b.RFCACuentaTerceros,
		},
		Deadline: time.Duration(b.PlazoHoras) * time.Hour,
	}
	if b.Programacion != nil {
		p.Programacion = &gateway.Programacion{Hora: b.Programacion.Hora, Overlap: b.Programacion.TraslapeDias}
	}
	return p
}

func (h *handler) ListarDescargas(w http.ResponseWriter, r *http.Request, params rest.ListarDescargasParams) error {
	f := gateway.DescargasFilter{RFC: params.RFCSolicitante, IDProgramacion: params.IDProgramacion,
		CreadaDesde: params.CreacionDesde, CreadaHasta: params.CreacionHasta, Cursor: params.Cursor, Limit: limit(params.Limite)}
	if f.RFC != "" {
		if err := allow(r.Context(), f.RFC); err != nil {
			return err
		}
	}
	if key := callerFrom(r.Context()).key; !key.SeesAll() {
		f.RFCs = append([]string{}, key.RFCs...)
	}
	for _, e := range params.Estado {
		f.Estados = append(f.Estados, gateway.EstadoDescarga(e))
	}
	page, next, err := h.cfg.Descargas.List(r.Context(), f)
	if err != nil {
		return err
	}
	out := rest.ListaDescargas{Descargas: make([]rest.Descarga, 0, len(page)), Siguiente: next}
	for _, d := range page {
		out.Descargas = append(out.Descargas, descarga(d))
	}
	linkNext(w, r, "cursor", next)
	return writeJSON(w, http.StatusOK, out)
}

func (h *handler) ObtenerDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga) error {
	d, err := h.cfg.Descargas.Descarga(r.Context(), id)
	if err := seen(r.Context(), d, err); err != nil {
		return err
	}
	h.retryAfter(w, d)
	return writeJSON(w, http.StatusOK, descarga(d))
}

func (h *handler) CancelarDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga) error {
	if _, err := h.visible(r.Context(), id); err != nil {
		return err
	}
	d, err := h.cfg.Engine.Cancel(r.Context(), id)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, descarga(d))
}

func (h *handler) ListarPaquetesDescarga(w http.ResponseWriter, r *http.Request,
	id rest.IDDescarga, params rest.ListarPaquetesDescargaParams,
) error {
	if _, err := h.visible(r.Context(), id); err != nil {
		return err
	}
	page, next, err := h.cfg.Descargas.Paquetes(r.Context(), id, params.Cursor, limit(params.Limite))
	if err != nil {
		return err
	}
	out := rest.ListaPaquetesDescarga{Paquetes: make([]rest.PaqueteDeDescarga, 0, len(page)), Siguiente: next}
	for _, p := range page {
		out.Paquetes = append(out.Paquetes, descargaPaquete(p))
	}
	linkNext(w, r, "cursor", next)
	return writeJSON(w, http.StatusOK, out)
}

func descargaPath(id string) string { return "/v1/sat/descargas/" + url.PathEscape(id) }

// retryAfter says when the next step of a live descarga is due.
func (h *handler) retryAfter(w http.ResponseWriter, d gateway.Descarga) {
	if !d.Estado.Final() {
		w.Header().Set("Retry-After", strconv.Itoa(h.secondsUntil(d.SiguienteIntento)))
	}
}

// secondsUntil returns the seconds until t, at least one, or a usual wait if t is
// unknown.
func (h *handler) secondsUntil(t time.Time) int {
	if t.IsZero() {
		return defaultRetryAfter
	}
	return max(1, int(math.Ceil(t.Sub(h.cfg.Now()).Seconds())))
}

// linkNext links to the next page (RFC 8288), which differs in one parameter.
func linkNext(w http.ResponseWriter, r *http.Request, name, value string) {
	if value == "" {
		return
	}
	query := r.URL.Query()
	query.Set(name, value)
	next := url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: query.Encode()}
	w.Header().Set("Link", "<"+next.String()+`>; rel="next"`)
}
