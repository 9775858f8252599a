package handlers

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/webhooks"
)

// entregasPorPagina is how many deliveries a page has, unless said otherwise.
const entregasPorPagina = 50

func (h *handler) crearWebhook(w http.ResponseWriter, r *http.Request) error {
	alta, err := altaWebhook(r)
	if err != nil {
		return err
	}
	d, secreto, err := h.cfg.Webhooks.Crea(r.Context(), owner(r.Context()), alta)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/webhooks/"+d.ID)
	w.Header().Set("Cache-Control", "no-store")
	return writeJSON(w, http.StatusCreated, rest.WebhookCreado{Webhook: webhook(d), Secreto: secreto})
}

// altaWebhook reads the body; every RFC in it must be the key's.
func altaWebhook(r *http.Request) (webhooks.Alta, error) {
	var body rest.PeticionWebhook
	if err := decode(r, &body); err != nil {
		return webhooks.Alta{}, err
	}
	alta := webhooks.Alta{URL: body.URL, RFCs: body.Rfcs, Activo: body.Activo == nil || *body.Activo}
	for _, e := range body.Eventos {
		alta.Eventos = append(alta.Eventos, string(e))
	}
	for _, rfc := range body.Rfcs {
		if err := permite(r.Context(), rfc); err != nil {
			return webhooks.Alta{}, err
		}
	}
	if len(alta.RFCs) == 0 {
		alta.RFCs = callerFrom(r.Context()).key.RFCs
	}
	return alta, nil
}

func webhook(d webhooks.Destino) rest.Webhook {
	out := rest.Webhook{IDWebhook: d.ID, URL: d.URL, Rfcs: d.RFCs, Activo: d.Activo, MotivoCodigo: rest.MotivoInactivo(d.Motivo), Creacion: d.Creado.UTC(), Eventos: []rest.EventoWebhook{}}
	for _, e := range d.Eventos {
		out.Eventos = append(out.Eventos, rest.EventoWebhook(e))
	}
	return out
}

func (h *handler) listarWebhooks(w http.ResponseWriter, r *http.Request) error {
	all, err := h.cfg.Webhooks.Lista(r.Context(), owner(r.Context()))
	if err != nil {
		return err
	}
	out := rest.ListaWebhooks{Webhooks: []rest.Webhook{}}
	for _, d := range all {
		out.Webhooks = append(out.Webhooks, webhook(d))
	}
	return writeJSON(w, http.StatusOK, out)
}

func (h *handler) obtenerWebhook(w http.ResponseWriter, r *http.Request, id string) error {
	d, err := h.cfg.Webhooks.Obtiene(r.Context(), owner(r.Context()), id)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, webhook(d))
}

func (h *handler) actualizarWebhook(w http.ResponseWriter, r *http.Request, id string) error {
	alta, err := altaWebhook(r)
	if err != nil {
		return err
	}
	d, err := h.cfg.Webhooks.Cambia(r.Context(), owner(r.Context()), id, alta)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, webhook(d))
}

func (h *handler) eliminarWebhook(w http.ResponseWriter, r *http.Request, id string) error {
	if err := h.cfg.Webhooks.Borra(r.Context(), owner(r.Context()), id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *handler) rotarSecreto(w http.ResponseWriter, r *http.Request, id string, horas *int) error {
	traslape := webhooks.Traslape
	if horas != nil {
		traslape = time.Duration(*horas) * time.Hour
	}
	secreto, hasta, err := h.cfg.Webhooks.Rota(r.Context(), owner(r.Context()), id, traslape)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return writeJSON(w, http.StatusOK, rest.SecretoWebhook{Secreto: secreto, AnteriorHasta: hasta.UTC()})
}

func (h *handler) probarWebhook(w http.ResponseWriter, r *http.Request, id string) error {
	e, err := h.cfg.Webhooks.Prueba(r.Context(), owner(r.Context()), id)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, entrega(e))
}

func (h *handler) listarEntregas(w http.ResponseWriter, r *http.Request, id string, params rest.ListarEntregasWebhookParams) error {
	limite := params.Limite
	if limite == 0 {
		limite = entregasPorPagina
	}
	pagina, siguiente, err := h.cfg.Webhooks.Entregas(r.Context(), owner(r.Context()), id, params.Cursor, limite)
	if err != nil {
		return err
	}
	out := rest.ListaEntregasWebhook{Entregas: []rest.EntregaWebhook{}, Siguiente: siguiente}
	for _, e := range pagina {
		out.Entregas = append(out.Entregas, entrega(e))
	}
	if siguiente != "" {
		query := url.Values{"cursor": {siguiente}, "limite": {strconv.Itoa(limite)}}
		w.Header().Set("Link", "</v1/webhooks/"+id+"/entregas?"+query.Encode()+`>; rel="next"`)
	}
	return writeJSON(w, http.StatusOK, out)
}

func (h *handler) reenviarEntrega(w http.ResponseWriter, r *http.Request, id, idEntrega string) error {
	e, err := h.cfg.Webhooks.Reenvia(r.Context(), owner(r.Context()), id, idEntrega)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, entrega(e))
}

func entrega(e webhooks.Entrega) rest.EntregaWebhook {
	out := rest.EntregaWebhook{IDEntrega: e.ID, Evento: e.Evento, Estado: rest.EstadoEntrega(e.Estado), Cuerpo: e.Cuerpo, Creacion: e.Creado.UTC(),
		Intentos: []rest.IntentoDeEntrega{}}
	if !e.Siguiente.IsZero() {
		out.SiguienteIntento = e.Siguiente.UTC()
	}
	for _, i := range e.Intentos {
		out.Intentos = append(out.Intentos, rest.IntentoDeEntrega{Cuando: i.Inicio.UTC(), Resultado: rest.ResultadoIntento(i.Resultado),
			Status: i.Status, Milisegundos: i.Duracion.Milliseconds()})
	}
	return out
}
