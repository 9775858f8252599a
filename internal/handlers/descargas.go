package handlers

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/descargas"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Descargas keeps durable downloads. A cursor that none of its own pages gave is
// an *Error of KindMalformada; an id that it does not know, of KindNoEncontrado.
type Descargas interface {
	// Crea notes a descarga. The same clave with the same petition gives the same
	// descarga, repetida; the same criteria while another lives are KindConflicto
	// with that one's path in Recurso. clave is empty for none.
	Crea(ctx context.Context, clave string, p gateway.PeticionDescarga) (d gateway.Descarga, repetida bool, err error)
	// Descarga returns one with its Solicitudes.
	Descarga(ctx context.Context, id string) (gateway.Descarga, error)
	// Lista returns a page, the newest first, and the cursor of the next; empty for the last.
	Lista(ctx context.Context, f gateway.FiltroDescargas) (pagina []gateway.Descarga, siguiente string, err error)
	// Cancela stops one; a final one is returned as it is.
	Cancela(ctx context.Context, id string) (gateway.Descarga, error)
	// Eventos returns up to limite events whose Numero is over despues, in order.
	Eventos(ctx context.Context, id string, despues int64, limite int) ([]gateway.EventoDescarga, error)
	// EsperaEvento returns nil once there is an event after despues or the descarga
	// is final, and ctx's error when that ends first.
	EsperaEvento(ctx context.Context, id string, despues int64) error
	// Paquetes returns a page of the packages and the cursor of the next.
	Paquetes(ctx context.Context, id, cursor string, limite int) (pagina []gateway.PaqueteDescarga, siguiente string, err error)
}

// limiteNormal is how long a page is where the caller does not say.
const limiteNormal = 100

func limite(given int) int {
	if given == 0 {
		return limiteNormal
	}
	return given
}

// visible returns the descarga if the caller's key sees its RFC.
func (h *handler) visible(ctx context.Context, id string) (gateway.Descarga, error) {
	d, err := h.cfg.Descargas.Descarga(ctx, id)
	switch {
	case gateway.IsKind(err, gateway.KindNoEncontrado):
		return gateway.Descarga{}, descargas.ErrNoExiste
	case err != nil:
		return gateway.Descarga{}, err
	case !callerFrom(ctx).sees(d.Peticion.Solicitud.RFCSolicitante):
		return gateway.Descarga{}, descargas.ErrNoExiste
	}
	return d, nil
}

func (h *handler) crearDescarga(w http.ResponseWriter, r *http.Request, params rest.CrearDescargaParams) error {
	var body rest.PeticionDescarga
	if err := decode(r, &body); err != nil {
		return err
	}
	if err := permite(r.Context(), body.RFCSolicitante); err != nil {
		return err
	}
	p := peticion(body)
	p.Dueno, p.Clave = owner(r.Context()), callerFrom(r.Context()).key.Name
	d, again, err := h.cfg.Descargas.Crea(r.Context(), clave(r, params.IdempotencyKey), p)
	replayed(w, again)
	if err != nil {
		return err
	}
	w.Header().Set("Location", rutaDescarga(d.ID))
	h.retryAfter(w, d)
	return writeJSON(w, http.StatusAccepted, h.descarga(d))
}

func peticion(b rest.PeticionDescarga) gateway.PeticionDescarga {
	p := gateway.PeticionDescarga{
		Solicitud: gateway.Solicitud{
			Servicio: gateway.Servicio(b.Servicio), TipoDescarga: string(b.TipoDescarga), RFCSolicitante: b.RFCSolicitante,
			FechaInicial: b.FechaInicial, FechaFinal: b.FechaFinal, RFCEmisor: b.RFCEmisor, RFCReceptores: b.RFCReceptores,
			TipoSolicitud: string(b.TipoSolicitud), EstadoComprobante: string(b.EstadoComprobante),
			TipoComprobante: string(b.TipoComprobante), Complemento: b.Complemento, RFCACuentaTerceros: b.RFCACuentaTerceros,
		},
		Plazo: time.Duration(b.PlazoHoras) * time.Hour,
	}
	if b.Programacion != nil {
		p.Programacion = &gateway.Programacion{Hora: b.Programacion.Hora, Traslape: b.Programacion.TraslapeDias}
	}
	return p
}

func (h *handler) listarDescargas(w http.ResponseWriter, r *http.Request, params rest.ListarDescargasParams) error {
	f := gateway.FiltroDescargas{RFC: params.RFCSolicitante, IDProgramacion: params.IDProgramacion,
		CreadaDesde: params.CreacionDesde, CreadaHasta: params.CreacionHasta, Cursor: params.Cursor, Limite: limite(params.Limite)}
	if f.RFC != "" {
		if err := permite(r.Context(), f.RFC); err != nil {
			return err
		}
	}
	if key := callerFrom(r.Context()).key; !key.SeesAll() {
		f.RFCs = append([]string{}, key.RFCs...)
	}
	for _, e := range params.Estado {
		f.Estados = append(f.Estados, gateway.EstadoDescarga(e))
	}
	page, next, err := h.cfg.Descargas.Lista(r.Context(), f)
	if err != nil {
		return err
	}
	out := rest.ListaDescargas{Descargas: make([]rest.Descarga, 0, len(page)), Siguiente: next}
	for _, d := range page {
		out.Descargas = append(out.Descargas, h.descarga(d))
	}
	linkNext(w, r, "cursor", next)
	return writeJSON(w, http.StatusOK, out)
}

func (h *handler) obtenerDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga) error {
	d, err := h.visible(r.Context(), id)
	if err != nil {
		return err
	}
	h.retryAfter(w, d)
	return writeJSON(w, http.StatusOK, h.descarga(d))
}

func (h *handler) cancelarDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga) error {
	if _, err := h.visible(r.Context(), id); err != nil {
		return err
	}
	d, err := h.cfg.Descargas.Cancela(r.Context(), id)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, h.descarga(d))
}

func (h *handler) listarPaquetesDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.ListarPaquetesDescargaParams) error {
	if _, err := h.visible(r.Context(), id); err != nil {
		return err
	}
	page, next, err := h.cfg.Descargas.Paquetes(r.Context(), id, params.Cursor, limite(params.Limite))
	if err != nil {
		return err
	}
	out := rest.ListaPaquetesDescarga{Paquetes: make([]rest.PaqueteDeDescarga, 0, len(page)), Siguiente: next}
	for _, p := range page {
		out.Paquetes = append(out.Paquetes, paqueteDeDescarga(p))
	}
	linkNext(w, r, "cursor", next)
	return writeJSON(w, http.StatusOK, out)
}

func rutaDescarga(id string) string { return "/v1/sat/descargas/" + url.PathEscape(id) }

// retryAfter says when something is due of a descarga that lives.
func (h *handler) retryAfter(w http.ResponseWriter, d gateway.Descarga) {
	if !d.Estado.Final() {
		w.Header().Set("Retry-After", strconv.Itoa(h.segundosHasta(d.SiguienteIntento)))
	}
}

// segundosHasta is how long until t, at least a second; a usual wait where t is
// not known.
func (h *handler) segundosHasta(t time.Time) int {
	if t.IsZero() {
		return defaultRetryAfter
	}
	return max(1, int(math.Ceil(t.Sub(h.cfg.Now()).Seconds())))
}

// linkNext names the page behind this one (RFC 8288), which differs in one parameter.
func linkNext(w http.ResponseWriter, r *http.Request, name, value string) {
	if value == "" {
		return
	}
	query := r.URL.Query()
	query.Set(name, value)
	next := url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: query.Encode()}
	w.Header().Set("Link", "<"+next.String()+`>; rel="next"`)
}
