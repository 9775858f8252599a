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
	// MaxDestinos bounds the endpoints of one API key.
	MaxDestinos = 20
	// maxSecretos bounds the secrets of one endpoint that sign at the same time.
	maxSecretos = 5
	// Traslape is how long an earlier secret goes on signing, unless said otherwise.
	Traslape = 24 * time.Hour
	// MaxTraslape bounds what may be said.
	MaxTraslape = 7 * 24 * time.Hour
)

// Why an endpoint is not active.
const (
	MotivoPausado = "pausado"  // its owner said so
	MotivoRetiro  = "retirado" // it answered 410
)

// Destino is a registered endpoint as its owner sees it.
type Destino struct {
	ID            string
	URL           string
	Eventos, RFCs []string
	Activo        bool
	Motivo        string
	Creado        time.Time
}

// Alta is what the owner of an endpoint chooses. RFCs are a part of those that
// the owner's key sees; the caller has checked that. "*" is every one of them.
type Alta struct {
	URL           string
	Eventos, RFCs []string
	Activo        bool
}

func noEncontrado(own gateway.OwnCode, que string) error {
	return &gateway.Error{Kind: gateway.KindNoEncontrado, Own: own, Detail: "No hay " + que + " con ese identificador, o es de otra clave de API."}
}

func noWebhook() error { return noEncontrado(gateway.OwnWebhookInexistente, "webhook") }

// Crea registers an endpoint of dueno, and returns it with its secret, which is
// never shown again.
func (s *Servicio) Crea(ctx context.Context, dueno string, a Alta) (Destino, string, error) {
	row, err := s.fila(ctx, store.WebhookDestino{ID: "whd_" + azaroso(), Dueno: dueno, Creado: s.ahora()}, a)
	if err != nil {
		return Destino{}, "", err
	}
	secreto, sellado, err := s.secreto(ctx, row.ID)
	if err != nil {
		return Destino{}, "", err
	}
	err = s.cfg.Store.CreaWebhook(ctx, row, sellado, MaxDestinos)
	if errors.Is(err, store.ErrLleno) {
		return Destino{}, "", &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnWebhooksAlTope, Detail: "Esta clave de API ya tiene 20 webhooks. Borre alguno, o cambie uno que ya tenga."}
	}
	if err != nil {
		return Destino{}, "", err
	}
	return mostrado(row, a.URL), secreto, nil
}

// azaroso is an id of 122 random bits: no one guesses it.
func azaroso() string {
	id := uuid.New()
	return codifica(id[:])
}

// fila puts what the owner chose into row.
func (s *Servicio) fila(ctx context.Context, row store.WebhookDestino, a Alta) (store.WebhookDestino, error) {
	u, err := s.cfg.Red.Revisa(a.URL)
	if err != nil {
		return row, err
	}
	for _, e := range a.Eventos {
		if !slices.Contains(Eventos(), e) {
			return row, &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnEventoDesconocido, Detail: "El webhook pide un evento que no existe.",
				Campos: []gateway.Campo{{Campo: "eventos", Detalle: "No es uno de los valores válidos.", ValoresValidos: Eventos()}}}
		}
	}
	if row.URL, err = s.cfg.Sello.sella(ctx, row.ID, a.URL); err != nil {
		return row, err
	}
	row.Host, row.Eventos, row.RFCs, row.Activo, row.Motivo = u.Host, a.Eventos, a.RFCs, a.Activo, ""
	if !a.Activo {
		row.Motivo = MotivoPausado
	}
	return row, nil
}

func (s *Servicio) secreto(ctx context.Context, id string) (secreto, sellado string, err error) {
	if secreto, err = nuevoSecreto(); err != nil {
		return "", "", err
	}
	sellado, err = s.cfg.Sello.sella(ctx, id, secreto)
	return secreto, sellado, err
}

func mostrado(row store.WebhookDestino, url string) Destino {
	return Destino{ID: row.ID, URL: url, Eventos: row.Eventos, RFCs: row.RFCs, Activo: row.Activo, Motivo: row.Motivo, Creado: row.Creado}
}

// Lista returns the endpoints of dueno, oldest first.
func (s *Servicio) Lista(ctx context.Context, dueno string) ([]Destino, error) {
	rows, err := s.cfg.Store.Webhooks(ctx, dueno)
	if err != nil {
		return nil, err
	}
	out := make([]Destino, 0, len(rows))
	for _, row := range rows {
		out = append(out, mostrado(row, s.direccion(ctx, row)))
	}
	return out, nil
}

// suyo returns the row of an endpoint, if it is dueno's.
func (s *Servicio) suyo(ctx context.Context, dueno, id string) (store.WebhookDestino, error) {
	row, err := s.cfg.Store.Webhook(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && row.Dueno != dueno {
		return row, noWebhook()
	}
	return row, err
}

// Obtiene returns one endpoint of dueno.
func (s *Servicio) Obtiene(ctx context.Context, dueno, id string) (Destino, error) {
	row, err := s.suyo(ctx, dueno, id)
	if err != nil {
		return Destino{}, err
	}
	return mostrado(row, s.direccion(ctx, row)), nil
}

// direccion opens an endpoint's address. It is empty when the key is another one:
// its owner must still see the endpoint, to give it another address or remove it.
func (s *Servicio) direccion(ctx context.Context, row store.WebhookDestino) string {
	url, err := s.cfg.Sello.abre(ctx, row.ID, row.URL)
	if err != nil {
		s.cfg.Log.Error().Err(err).Str("webhook", row.ID).Msg("a webhook's address does not open")
	}
	return url
}

// Cambia replaces what the owner chose; the secret stays. What was pending for
// an endpoint that is made inactive is cancelled.
func (s *Servicio) Cambia(ctx context.Context, dueno, id string, a Alta) (Destino, error) {
	row, err := s.suyo(ctx, dueno, id)
	if err != nil {
		return Destino{}, err
	}
	if row, err = s.fila(ctx, row, a); err != nil {
		return Destino{}, err
	}
	err = s.cfg.Store.CambiaWebhook(ctx, row)
	if errors.Is(err, store.ErrNotFound) {
		return Destino{}, noWebhook()
	}
	return mostrado(row, a.URL), err
}

// Borra removes an endpoint with its secrets and its log.
func (s *Servicio) Borra(ctx context.Context, dueno, id string) error {
	if _, err := s.suyo(ctx, dueno, id); err != nil {
		return err
	}
	err := s.cfg.Store.BorraWebhook(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return noWebhook()
	}
	return err
}

// Rota gives an endpoint a new secret, which is never shown again, and lets the
// earlier one sign beside it for traslape. It returns until when.
func (s *Servicio) Rota(ctx context.Context, dueno, id string, traslape time.Duration) (string, time.Time, error) {
	if _, err := s.suyo(ctx, dueno, id); err != nil {
		return "", time.Time{}, err
	}
	secreto, sellado, err := s.secreto(ctx, id)
	if err != nil {
		return "", time.Time{}, err
	}
	vence := s.cfg.Clock.Latest().Add(min(max(traslape, 0), MaxTraslape))
	err = s.cfg.Store.RotaWebhook(ctx, id, sellado, s.cfg.Clock.Earliest(), vence, maxSecretos)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", time.Time{}, noWebhook()
	case errors.Is(err, store.ErrLleno):
		return "", time.Time{}, &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnSecretosAlTope,
			Detail: "Ya firman 5 secretos de este webhook a la vez. Espere a que venza alguno, o bórrelo y regístrelo de nuevo."}
	case err != nil:
		return "", time.Time{}, err
	}
	s.cfg.Log.Info().Str("webhook", id).Time("anteriorHasta", vence).Msg("webhook secret rotated")
	return secreto, vence, nil
}
