package handlers

import (
	"net/http"
	"net/url"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func (h *handler) ObtenerTokenSAT(w http.ResponseWriter, r *http.Request, servicio rest.Servicio) error {
	var body rest.PeticionTokenSAT
	if err := decode(r, &body); err != nil {
		return err
	}
	if err := allow(r.Context(), body.RFC); err != nil {
		return err
	}
	token, err := h.cfg.SAT.Authenticate(r.Context(), gateway.Servicio(servicio), body.RFC)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return writeJSON(w, http.StatusCreated, rest.TokenSAT{Token: token.Value, Creacion: token.Created, Expira: token.Expire})
}

func (h *handler) CrearSolicitud(w http.ResponseWriter, r *http.Request, servicio rest.Servicio, params rest.CrearSolicitudParams) error {
	var body rest.PeticionSolicitud
	if err := decode(r, &body); err != nil {
		return err
	}
	if err := allow(r.Context(), body.RFCSolicitante); err != nil {
		return err
	}
	requested := solicitud(servicio, body)
	got, again, err := h.cfg.Solicitudes.Submit(r.Context(), scopedKey(r, params.IdempotencyKey), requested)
	replayed(w, again)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/sat/"+string(servicio)+"/solicitudes/"+url.PathEscape(got.IDSolicitud)+"?rfcSolicitante="+url.QueryEscape(body.RFCSolicitante))
	return writeJSON(w, http.StatusCreated, rest.SolicitudAceptada{IDSolicitud: got.IDSolicitud, CodEstatus: rest.CodigoSAT(gateway.CodigoSAT(got.CodEstatus)), Mensaje: got.Mensaje, Avisos: requested.Avisos()})
}

func solicitud(servicio rest.Servicio, b rest.PeticionSolicitud) gateway.Solicitud {
	return gateway.Solicitud{
		Servicio: gateway.Servicio(servicio), Version: string(b.Version), TipoDescarga: string(b.TipoDescarga),
		RFCSolicitante: b.RFCSolicitante, FechaInicial: b.FechaInicial, FechaFinal: b.FechaFinal,
		RFCEmisor: b.RFCEmisor, RFCReceptor: b.RFCReceptor, RFCReceptores: b.RFCReceptores,
		TipoSolicitud: string(b.TipoSolicitud), EstadoComprobante: string(b.EstadoComprobante),
		TipoComprobante: string(b.TipoComprobante), Complemento: b.Complemento,
		RFCACuentaTerceros: b.RFCACuentaTerceros, Folio: b.UUID,
	}
}

func (h *handler) VerificarSolicitud(w http.ResponseWriter, r *http.Request,
	servicio rest.Servicio, id rest.IDSolicitud, params rest.VerificarSolicitudParams,
) error {
	if err := allow(r.Context(), params.RFCSolicitante); err != nil {
		return err
	}
	got, err := h.cfg.SAT.Verify(r.Context(), gateway.Servicio(servicio), params.RFCSolicitante, id)
	if err != nil {
		return err
	}
	out := rest.SolicitudVerificada{
		IDSolicitud: got.IDSolicitud, CodEstatus: rest.CodigoSAT(got.CodEstatus), EstadoSolicitud: rest.CodigoSAT(got.Estado),
		Mensaje: got.Mensaje, NumeroCFDIs: max(got.NumeroCFDIs, 0), IdsPaquetes: append([]string{}, got.IDsPaquetes...),
	}
	if got.CodigoEstado.Codigo != "" {
		codigo := rest.CodigoSAT(got.CodigoEstado)
		out.CodigoEstadoSolicitud = &codigo
	}
	return writeJSON(w, http.StatusOK, out)
}
