package webhooks

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

const (
	// MaxTargets bounds the endpoints of one API key.
	MaxTargets = 20
	// maxSecrets bounds the secrets of one endpoint that sign at the same time.
	maxSecrets = 5
	// Overlap is how long an earlier secret goes on signing by default.
	Overlap = 24 * time.Hour
	// MaxOverlap is the longest overlap that a caller may choose.
	MaxOverlap = 7 * 24 * time.Hour
)

// The reasons why an endpoint is not active.
const (
	MotivoPausado    = "pausado"  // its owner paused it
	MotivoWithdrawal = "retirado" // it answered 410
)

// Target is a registered endpoint as its owner sees it.
type Target struct {
	ID            string
	URL           string
	Eventos, RFCs []string
	Active        bool
	Motivo        string
	Created       time.Time
}

// Registration is what the owner of an endpoint chooses. RFCs are some of those that the
// owner's key has access to, which the caller has checked; "*" means all of them.
type Registration struct {
	URL           string
	Eventos, RFCs []string
	Active        bool
}

func notFound(own gateway.OwnCode, que string) error {
	return &gateway.Error{Kind: gateway.KindNoEncontrado, Own: own, Detail: "No hay " + que + " con ese identificador, o es de otra clave de API."}
}

func noWebhook() error { return notFound(gateway.OwnWebhookInexistente, "webhook") }

// Create registers an endpoint of owner and returns it with its secret, which is never
// shown again.
func (s *Servicio) Create(ctx context.Context, owner string, a Registration) (Target, string, error) {
	row, err := s.row(ctx, store.WebhookTarget{ID: "whd_" + random(), Owner: owner, Created: s.current()}, a)
	if err != nil {
		return Target{}, "", err
	}
	secret, sealed, err := s.secret(ctx, row.ID)
	if err != nil {
		return Target{}, "", err
	}
	err = s.cfg.Targets.Create(ctx, row, sealed, MaxTargets)
	if errors.Is(err, store.ErrFull) {
		return Target{}, "", &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnWebhooksAlTope, Detail: "Esta clave de API ya tiene 20 webhooks. Borre alguno, o cambie uno que ya tenga."}
	}
	if err != nil {
		return Target{}, "", err
	}
	return shown(row, a.URL), secret, nil
}

// random returns an id of 122 random bits, which cannot be guessed.
func random() string {
	id := uuid.New()
	return encode(id[:])
}

// row writes the owner's choices into row.
func (s *Servicio) row(ctx context.Context, row store.WebhookTarget, a Registration) (store.WebhookTarget, error) {
	u, err := s.cfg.Red.Check(a.URL)
	if err != nil {
		return row, err
	}
	for _, e := range a.Eventos {
		if !slices.Contains(Eventos(), e) {
			return row, &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnEventoDesconocido, Detail: "El webhook pide un evento que no existe.",
				Fields: []gateway.Field{{Campo: "eventos", Detalle: "No es uno de los valores válidos.", ValoresValidos: Eventos()}}}
		}
	}
	if row.URL, err = s.cfg.Sello.seal(ctx, row.ID, a.URL); err != nil {
		return row, err
	}
	row.Host, row.Eventos, row.RFCs, row.Active, row.Motivo = u.Host, a.Eventos, a.RFCs, a.Active, ""
	if !a.Active {
		row.Motivo = MotivoPausado
	}
	return row, nil
}

func (s *Servicio) secret(ctx context.Context, id string) (secret, sealed string, err error) {
	if secret, err = newSecret(); err != nil {
		return "", "", err
	}
	sealed, err = s.cfg.Sello.seal(ctx, id, secret)
	return secret, sealed, err
}

func shown(row store.WebhookTarget, url string) Target {
	return Target{ID: row.ID, URL: url, Eventos: row.Eventos, RFCs: row.RFCs, Active: row.Active, Motivo: row.Motivo, Created: row.Created}
}

// List returns the endpoints of owner, oldest first.
func (s *Servicio) List(ctx context.Context, owner string) ([]Target, error) {
	rows, err := s.cfg.Targets.Of(ctx, owner)
	if err != nil {
		return nil, err
	}
	out := make([]Target, 0, len(rows))
	for _, row := range rows {
		out = append(out, shown(row, s.address(ctx, row)))
	}
	return out, nil
}

// its returns the row of an endpoint, if owner owns it.
func (s *Servicio) its(ctx context.Context, owner, id string) (store.WebhookTarget, error) {
	row, err := s.cfg.Targets.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && row.Owner != owner {
		return row, noWebhook()
	}
	return row, err
}

// Obtain returns one endpoint of owner.
func (s *Servicio) Obtain(ctx context.Context, owner, id string) (Target, error) {
	row, err := s.its(ctx, owner, id)
	if err != nil {
		return Target{}, err
	}
	return shown(row, s.address(ctx, row)), nil
}

// address decrypts an endpoint's address. It returns "" if the key is another one: the
// owner must still see the endpoint, to change its address or remove it.
func (s *Servicio) address(ctx context.Context, row store.WebhookTarget) string {
	url, err := s.cfg.Sello.open(ctx, row.ID, row.URL)
	if err != nil {
		s.cfg.Log.Error().Err(err).Str("webhook", row.ID).Msg("a webhook's address does not open")
	}
	return url
}

// Change replaces the owner's choices and keeps the secret. Deactivating an endpoint
// cancels its pending deliveries.
func (s *Servicio) Change(ctx context.Context, owner, id string, a Registration) (Target, error) {
	row, err := s.its(ctx, owner, id)
	if err != nil {
		return Target{}, err
	}
	if row, err = s.row(ctx, row, a); err != nil {
		return Target{}, err
	}
	err = s.cfg.Targets.Change(ctx, row)
	if errors.Is(err, store.ErrNotFound) {
		return Target{}, noWebhook()
	}
	return shown(row, a.URL), err
}

// Delete removes an endpoint with its secrets and its log.
func (s *Servicio) Delete(ctx context.Context, owner, id string) error {
	if _, err := s.its(ctx, owner, id); err != nil {
		return err
	}
	err := s.cfg.Targets.Delete(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return noWebhook()
	}
	return err
}

// Rotate gives an endpoint a new secret, which is never shown again. The earlier one also
// signs for overlap; Rotate returns when that ends.
func (s *Servicio) Rotate(ctx context.Context, owner, id string, overlap time.Duration) (string, time.Time, error) {
	if _, err := s.its(ctx, owner, id); err != nil {
		return "", time.Time{}, err
	}
	secret, sealed, err := s.secret(ctx, id)
	if err != nil {
		return "", time.Time{}, err
	}
	expire := s.cfg.Clock.Latest().Add(min(max(overlap, 0), MaxOverlap))
	err = s.cfg.Targets.Rotate(ctx, id, sealed, s.cfg.Clock.Earliest(), expire, maxSecrets)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", time.Time{}, noWebhook()
	case errors.Is(err, store.ErrFull):
		return "", time.Time{}, &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnSecretosAlTope,
			Detail: "Ya firman 5 secretos de este webhook a la vez. Espere a que venza alguno, o bórrelo y regístrelo de nuevo."}
	case err != nil:
		return "", time.Time{}, err
	}
	s.cfg.Log.Info().Str("webhook", id).Time("anteriorHasta", expire).Msg("webhook secret rotated")
	return secret, expire, nil
}
