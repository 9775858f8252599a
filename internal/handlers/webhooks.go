package handlers

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/webhooks"
)

// entregasPerPage is the default number of deliveries per page.
const entregasPerPage = 50

func (h *handler) CrearWebhook(w http.ResponseWriter, r *http.Request) error {
	registration, err := webhookRegistration(r)
	if err != nil {
		return err
	}
	d, secret, err := h.cfg.Webhooks.Create(r.Context(), owner(r.Context()), registration)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/webhooks/"+d.ID)
	w.Header().Set("Cache-Control", "no-store")
	return writeJSON(w, http.StatusCreated, rest.WebhookCreado{Webhook: webhook(d), Secreto: secret})
}

// webhookRegistration reads the body. The key must have access to every RFC in it.
func webhookRegistration(r *http.Request) (webhooks.Registration, error) {
	var body rest.PeticionWebhook
	if err := decode(r, &body); err != nil {
		return webhooks.Registration{}, err
	}
	registration := webhooks.Registration{URL: body.URL, RFCs: body.Rfcs, Active: body.Activo == nil || *body.Activo}
	for _, e := range body.Eventos {
		registration.Eventos = append(registration.Eventos, string(e))
	}
	for _, rfc := range body.Rfcs {
		if err := allow(r.Context(), rfc); err != nil {
			return webhooks.Registration{}, err
		}
	}
	if len(registration.RFCs) == 0 {
		registration.RFCs = callerFrom(r.Context()).key.RFCs
	}
	return registration, nil
}

func webhook(d webhooks.Target) rest.Webhook {
	out := rest.Webhook{IDWebhook: d.ID, URL: d.URL, Rfcs: d.RFCs, Activo: d.Active, MotivoCodigo: d.Motivo, Creacion: d.Created.UTC(), Eventos: []rest.EventoWebhook{}}
	for _, e := range d.Eventos {
		out.Eventos = append(out.Eventos, rest.EventoWebhook(e))
	}
	return out
}

func (h *handler) ListarWebhooks(w http.ResponseWriter, r *http.Request) error {
	all, err := h.cfg.Webhooks.List(r.Context(), owner(r.Context()))
	if err != nil {
		return err
	}
	out := rest.ListaWebhooks{Webhooks: []rest.Webhook{}}
	for _, d := range all {
		out.Webhooks = append(out.Webhooks, webhook(d))
	}
	return writeJSON(w, http.StatusOK, out)
}

func (h *handler) ObtenerWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook) error {
	d, err := h.cfg.Webhooks.Obtain(r.Context(), owner(r.Context()), id)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, webhook(d))
}

func (h *handler) ActualizarWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook) error {
	registration, err := webhookRegistration(r)
	if err != nil {
		return err
	}
	d, err := h.cfg.Webhooks.Change(r.Context(), owner(r.Context()), id, registration)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, webhook(d))
}

func (h *handler) EliminarWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook) error {
	if err := h.cfg.Webhooks.Delete(r.Context(), owner(r.Context()), id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *handler) RotarSecretoWebhook(w http.ResponseWriter, r *http.Request,
	id rest.IDWebhook, params rest.RotarSecretoWebhookParams,
) error {
	overlap := webhooks.Overlap
	if params.TraslapeHoras != nil {
		overlap = time.Duration(*params.TraslapeHoras) * time.Hour
	}
	secret, until, err := h.cfg.Webhooks.Rotate(r.Context(), owner(r.Context()), id, overlap)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return writeJSON(w, http.StatusOK, rest.SecretoWebhook{Secreto: secret, AnteriorHasta: until.UTC()})
}

func (h *handler) ProbarWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook) error {
	e, err := h.cfg.Webhooks.Trial(r.Context(), owner(r.Context()), id)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, entrega(e))
}

func (h *handler) ListarEntregasWebhook(w http.ResponseWriter, r *http.Request,
	id rest.IDWebhook, params rest.ListarEntregasWebhookParams,
) error {
	limit := params.Limite
	if limit == 0 {
		limit = entregasPerPage
	}
	page, next, err := h.cfg.Webhooks.Entregas(r.Context(), owner(r.Context()), id, params.Cursor, limit)
	if err != nil {
		return err
	}
	out := rest.ListaEntregasWebhook{Entregas: []rest.EntregaWebhook{}, Siguiente: next}
	for _, e := range page {
		out.Entregas = append(out.Entregas, entrega(e))
	}
	if next != "" {
		query := url.Values{"cursor": {next}, "limite": {strconv.Itoa(limit)}}
		w.Header().Set("Link", "</v1/webhooks/"+id+"/entregas?"+query.Encode()+`>; rel="next"`)
	}
	return writeJSON(w, http.StatusOK, out)
}

func (h *handler) ReenviarEntregaWebhook(w http.ResponseWriter, r *http.Request, id rest.IDWebhook, idEntrega rest.IDEntrega) error {
	e, err := h.cfg.Webhooks.Resend(r.Context(), owner(r.Context()), id, idEntrega)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, entrega(e))
}

func entrega(e webhooks.Entrega) rest.EntregaWebhook {
	out := rest.EntregaWebhook{IDEntrega: e.ID, Evento: e.Evento, Estado: e.Estado, Cuerpo: e.Body, Creacion: e.Created.UTC(),
		Intentos: []rest.IntentoDeEntrega{}}
	if !e.Next.IsZero() {
		out.SiguienteIntento = e.Next.UTC()
	}
	for _, i := range e.Attempts {
		out.Intentos = append(out.Intentos, rest.IntentoDeEntrega{Cuando: i.Start.UTC(), Resultado: i.Result,
			Status: i.Status, Milisegundos: i.Duration.Milliseconds()})
	}
	return out
}
