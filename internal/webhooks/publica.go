package webhooks

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// maxPruebas bounds the tests of one endpoint that wait to be delivered.
const maxPruebas = 10

// Publica enters a delivery for each endpoint that wants e and may hear of its
// RFC, all or none. Publishing the same Clave again
// enters nothing that is there already, so that whoever crashed before it knew
// publishes again.
func (s *Servicio) Publica(ctx context.Context, e Evento) error {
	if e.Clave == "" || !slices.Contains(Eventos(), e.Tipo) {
		return errors.New("webhooks: an event without a key, or of no known type")
	}
	destinos, err := s.cfg.Store.WebhooksActivos(ctx)
	if err != nil {
		return err
	}
	texto, err := cuerpo(e.Tipo, e.Instante, e.Datos)
	if err != nil {
		return err
	}
	var entregas []Entrega
	now := s.ahora()
	for _, d := range destinos {
		if !slices.Contains(d.Eventos, e.Tipo) {
			continue
		}
		// What cannot be known now is asked again before the message leaves.
		if oye, err := s.oye(d, e.Datos.RFCSolicitante); oye || err != nil {
			entregas = append(entregas, Entrega{ID: idEntrega(d.ID, e.Tipo, e.Clave), Destino: d.ID, Evento: e.Tipo, Cuerpo: texto, Creado: now})
		}
	}
	return s.agrega(ctx, entregas)
}

// oye reports whether d may hear of rfc: its owner said so when it registered it,
// and a key of the owner still sees it.
func (s *Servicio) oye(d store.WebhookDestino, rfc string) (bool, error) {
	if !slices.Contains(d.RFCs, "*") && !slices.Contains(d.RFCs, rfc) {
		return false, nil
	}
	if s.cfg.Alcanza == nil {
		return true, nil
	}
	return s.cfg.Alcanza(d.Dueno, rfc)
}

// agrega enters deliveries, which are due at once.
func (s *Servicio) agrega(ctx context.Context, entregas []Entrega) error {
	if len(entregas) == 0 {
		return nil
	}
	if _, err := s.cfg.Store.AgregaEntregas(ctx, entregas); err != nil {
		return err
	}
	s.cfg.Wake()
	return nil
}

// idEntrega is the webhook-id of an event for an endpoint: always the same, and
// different for every endpoint, as no secret is shared.
func idEntrega(destino, tipo, clave string) string {
	sum := sha256.Sum256([]byte(destino + "\x00" + tipo + "\x00" + clave))
	return "msg_" + codifica(sum[:16])
}

// codifica writes 16 bytes as 26 letters and digits.
func codifica(raw []byte) string {
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw))
}

// Prueba sends an event of its own kind to one endpoint, whatever it wants.
func (s *Servicio) Prueba(ctx context.Context, dueno, id string) (Entrega, error) {
	d, err := s.suyo(ctx, dueno, id)
	if err != nil {
		return Entrega{}, err
	}
	if !d.Activo {
		return Entrega{}, inactivo()
	}
	n, err := s.cfg.Store.CuentaPendientes(ctx, id, EventoPrueba)
	if err != nil {
		return Entrega{}, err
	}
	if n >= maxPruebas {
		return Entrega{}, &gateway.Error{Kind: gateway.KindLimite, Own: gateway.OwnPruebasAlTope, Reintentable: true, RetryAfter: time.Minute,
			Detail: "Ya hay 10 pruebas de este webhook que no se han podido entregar. Vea sus entregas."}
	}
	now := s.ahora()
	texto, err := cuerpo(EventoPrueba, now, struct {
		IDWebhook string `json:"idWebhook"`
	}{id})
	if err != nil {
		return Entrega{}, err
	}
	e := Entrega{ID: "msg_" + azaroso(), Destino: id, Evento: EventoPrueba, Cuerpo: texto, Creado: now}
	if err := s.agrega(ctx, []Entrega{e}); err != nil {
		return Entrega{}, err
	}
	e.Estado, e.Siguiente, e.Turno = store.EntregaPendiente, now, 1
	return e, nil
}

func inactivo() error {
	return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnWebhookInactivo, Detail: "El webhook está inactivo. Actívelo primero: PUT con activo en true."}
}

// Entregas returns up to limite deliveries of an endpoint, the newest first, with
// the last attempts of each, and the cursor of the next page; empty at the end.
func (s *Servicio) Entregas(ctx context.Context, dueno, id, cursor string, limite int) ([]Entrega, string, error) {
	if _, err := s.suyo(ctx, dueno, id); err != nil {
		return nil, "", err
	}
	var antes Entrega
	if cursor != "" {
		var err error
		if antes, err = s.cfg.Store.Entrega(ctx, cursor); errors.Is(err, store.ErrNotFound) || err == nil && antes.Destino != id {
			return nil, "", &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnEntregaDepurada, Detail: "La página que se pide ya no existe. Empiece por la primera.",
				Campos: []gateway.Campo{{Campo: "cursor", Detalle: "No es de la lista de entregas de este webhook, o esa entrega ya se depuró."}}}
		} else if err != nil {
			return nil, "", err
		}
	}
	rows, err := s.cfg.Store.Entregas(ctx, id, antes, limite+1, intentosMostrados)
	if err != nil || len(rows) <= limite {
		return rows, "", err
	}
	return rows[:limite], rows[limite-1].ID, nil
}

// intentosMostrados are more than a round has.
const intentosMostrados = 20

// Reenvia sends a delivery again, whatever became of it: the same webhook-id and
// bytes, with a new timestamp and a new round of attempts.
func (s *Servicio) Reenvia(ctx context.Context, dueno, id, entrega string) (Entrega, error) {
	d, err := s.suyo(ctx, dueno, id)
	if err != nil {
		return Entrega{}, err
	}
	if !d.Activo {
		return Entrega{}, inactivo()
	}
	now := s.ahora()
	e, err := s.cfg.Store.ReabreEntrega(ctx, id, entrega, now)
	if errors.Is(err, store.ErrNotFound) {
		return Entrega{}, noEncontrado(gateway.OwnEntregaInexistente, "entrega de este webhook")
	}
	if err != nil {
		return Entrega{}, err
	}
	s.cfg.Wake()
	return e, nil
}
