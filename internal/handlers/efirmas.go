package handlers

import (
	"math"
	"net/http"
	"time"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// soon is how long before its end an e.firma is shown as expiring.
const soon = 30 * 24 * time.Hour

// The states of an e.firma (EstadoEfirma).
const (
	efirmaVigente   = "vigente"
	efirmaPorVencer = "por_vencer"
	efirmaRechazada = "rechazada"
)

func (h *handler) ListarEfirmas(w http.ResponseWriter, r *http.Request) error {
	statuses, err := h.cfg.EFirmas()
	if err != nil {
		return unreadableEFirmas(err)
	}
	out := rest.ListaEfirmas{Efirmas: []rest.Efirma{}}
	for _, s := range statuses {
		if callerFrom(r.Context()).key.Sees(s.RFC) {
			out.Efirmas = append(out.Efirmas, h.efirma(s))
		}
	}
	return writeJSON(w, http.StatusOK, out)
}

func (h *handler) ObtenerEfirma(w http.ResponseWriter, r *http.Request, rfc rest.RFCEnRuta) error {
	if err := allow(r.Context(), rfc); err != nil {
		return err
	}
	statuses, err := h.cfg.EFirmas()
	if err != nil {
		return unreadableEFirmas(err)
	}
	for _, s := range statuses {
		if s.RFC == rfc {
			return writeJSON(w, http.StatusOK, h.efirma(s))
		}
	}
	return &gateway.Error{Kind: gateway.KindNoEncontrado, Own: gateway.OwnEfirmaInexistente, Detail: "No hay e.firma de ese RFC. Cópiela a la carpeta " + rfc + " de GATEWAY_EFIRMA_DIR."}
}

func unreadableEFirmas(err error) error {
	return gateway.OwnFailure(err, "No se pudo leer el directorio de e.firmas. Revise GATEWAY_EFIRMA_DIR y el límite de archivos abiertos.")
}

// efirma converts the public data of one e.firma.
func (h *handler) efirma(s efirma.Status) rest.Efirma {
	out := rest.Efirma{RFC: s.RFC, Estado: efirmaVigente}
	if c := s.Credential; c != nil {
		left := c.NotAfter.Sub(h.cfg.Now())
		days := int(math.Floor(left.Hours() / 24))
		out.Nombre, out.NumeroSerie, out.DiasRestantes = c.Nombre, c.Serial, &days
		out.ValidaDesde, out.ValidaHasta = c.NotBefore.UTC(), c.NotAfter.UTC()
		if left <= soon {
			out.Estado = efirmaPorVencer
		}
	}
	if s.Err != nil {
		out.Estado = efirmaRechazada
		out.MotivoCodigo, out.Motivo = string(s.Err.Problem), s.Err.Detail
	}
	return out
}
