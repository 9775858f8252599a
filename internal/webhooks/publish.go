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

// maxTrials bounds the pending tests of one endpoint.
const maxTrials = 10

// Publish stores a delivery for every endpoint that subscribes to e and may receive
// events about its RFC: all of them or none. Publishing the same Key again stores nothing
// new, so a caller that crashed publishes again.
func (s *Servicio) Publish(ctx context.Context, e Evento) error {
	if e.Key == "" || !slices.Contains(Eventos(), e.Tipo) {
		return errors.New("webhooks: an event without a key, or of no known type")
	}
	targets, err := s.cfg.Targets.Active(ctx)
	if err != nil {
		return err
	}
	text, err := body(e.Tipo, e.Instant, e.Data)
	if err != nil {
		return err
	}
	var entregas []Entrega
	now := s.current()
	for _, d := range targets {
		if !slices.Contains(d.Eventos, e.Tipo) {
			continue
		}
		// If this is unknown now, it is asked again before the message leaves.
		if hear, err := s.hear(d, e.Data.RFCSolicitante); hear || err != nil {
			entregas = append(entregas, Entrega{ID: idEntrega(d.ID, e.Tipo, e.Key), Target: d.ID, Evento: e.Tipo, Body: text, Created: now})
		}
	}
	return s.add(ctx, entregas)
}

// hear reports whether d may receive events about rfc: its owner registered it for that
// RFC, and a key of the owner still has access to it.
func (s *Servicio) hear(d store.WebhookTarget, rfc string) (bool, error) {
	if !slices.Contains(d.RFCs, "*") && !slices.Contains(d.RFCs, rfc) {
		return false, nil
	}
	if s.cfg.Reach == nil {
		return true, nil
	}
	return s.cfg.Reach(d.Owner, rfc)
}

// add stores deliveries that are due at once.
func (s *Servicio) add(ctx context.Context, entregas []Entrega) error {
	if len(entregas) == 0 {
		return nil
	}
	if _, err := s.cfg.Entregas.Add(ctx, entregas); err != nil {
		return err
	}
	s.cfg.Wake()
	return nil
}

// idEntrega returns the webhook-id of an event for an endpoint. It is always the same,
// and different for every endpoint, because endpoints share no secret.
func idEntrega(target, tipo, key string) string {
	sum := sha256.Sum256([]byte(target + "\x00" + tipo + "\x00" + key))
	return "msg_" + encode(sum[:16])
}

// encode returns 16 bytes as 26 letters and digits.
func encode(raw []byte) string {
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw))
}

// Trial sends a test event to one endpoint, whatever it subscribes to.
func (s *Servicio) Trial(ctx context.Context, owner, id string) (Entrega, error) {
	d, err := s.its(ctx, owner, id)
	if err != nil {
		return Entrega{}, err
	}
	if !d.Active {
		return Entrega{}, inactive()
	}
	n, err := s.cfg.Entregas.CountPending(ctx, id, EventoTrial)
	if err != nil {
		return Entrega{}, err
	}
	if n >= maxTrials {
		return Entrega{}, &gateway.Error{Kind: gateway.KindLimite, Own: gateway.OwnPruebasAlTope, Retryable: true, RetryAfter: time.Minute,
			Detail: "Ya hay 10 pruebas de este webhook que no se han podido entregar. Vea sus entregas."}
	}
	now := s.current()
	text, err := body(EventoTrial, now, struct {
		IDWebhook string `json:"idWebhook"`
	}{id})
	if err != nil {
		return Entrega{}, err
	}
	e := Entrega{ID: "msg_" + random(), Target: id, Evento: EventoTrial, Body: text, Created: now}
	if err := s.add(ctx, []Entrega{e}); err != nil {
		return Entrega{}, err
	}
	e.Estado, e.Next, e.Turn = store.EntregaPendiente, now, 1
	return e, nil
}

func inactive() error {
	return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnWebhookInactivo, Detail: "El webhook está inactivo. Actívelo primero: PUT con activo en true."}
}

// Entregas returns up to limit deliveries of an endpoint, newest first, with the last
// attempts of each, and the cursor of the next page; empty at the end.
func (s *Servicio) Entregas(ctx context.Context, owner, id, cursor string, limit int) ([]Entrega, string, error) {
	if _, err := s.its(ctx, owner, id); err != nil {
		return nil, "", err
	}
	var before Entrega
	if cursor != "" {
		var err error
		if before, err = s.cfg.Entregas.Get(ctx, cursor); errors.Is(err, store.ErrNotFound) || err == nil && before.Target != id {
			return nil, "", &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnEntregaDepurada, Detail: "La página que se pide ya no existe. Empiece por la primera.",
				Fields: []gateway.Field{{Campo: "cursor", Detalle: "No es de la lista de entregas de este webhook, o esa entrega ya se depuró."}}}
		} else if err != nil {
			return nil, "", err
		}
	}
	rows, err := s.cfg.Entregas.Page(ctx, id, before, limit+1, shownAttempts)
	if err != nil || len(rows) <= limit {
		return rows, "", err
	}
	return rows[:limit], rows[limit-1].ID, nil
}

// shownAttempts exceeds the attempts of one round.
const shownAttempts = 20

// Resend sends a delivery again, whatever its state: the same webhook-id and bytes, with
// a new timestamp and a new round of attempts.
func (s *Servicio) Resend(ctx context.Context, owner, id, entrega string) (Entrega, error) {
	d, err := s.its(ctx, owner, id)
	if err != nil {
		return Entrega{}, err
	}
	if !d.Active {
		return Entrega{}, inactive()
	}
	now := s.current()
	e, err := s.cfg.Entregas.Reopen(ctx, id, entrega, now)
	if errors.Is(err, store.ErrNotFound) {
		return Entrega{}, notFound(gateway.OwnEntregaInexistente, "entrega de este webhook")
	}
	if err != nil {
		return Entrega{}, err
	}
	s.cfg.Wake()
	return e, nil
}
