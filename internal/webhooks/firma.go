package webhooks

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// bytesSecreto is within the 24 to 64 bytes of the specification.
const bytesSecreto = 32

// nuevoSecreto makes a secret as the specification writes it.
func nuevoSecreto() (string, error) {
	var raw [bytesSecreto]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return "", fmt.Errorf("webhooks: %w", err)
	}
	return "whsec_" + base64.StdEncoding.EncodeToString(raw[:]), nil
}

// firmas signs a message with each secret of its endpoint that is in force,
// the last one first.
func (s *Servicio) firmas(ctx context.Context, destino, id, cuerpo string, instante time.Time) ([]string, error) {
	sellados, err := s.cfg.Store.SecretosWebhook(ctx, destino, s.cfg.Clock.Earliest())
	if err != nil {
		return nil, err
	}
	var out []string
	var cerrados error
	for _, sellado := range sellados {
		secreto, err := s.cfg.Sello.abre(ctx, destino, sellado)
		if err != nil { // of an earlier key: the endpoint was given another secret since, or nothing signs
			cerrados = errors.Join(cerrados, err)
			continue
		}
		firma, err := firma(secreto, id, cuerpo, instante)
		if err != nil {
			return nil, err
		}
		out = append(out, firma)
	}
	if len(out) == 0 {
		return nil, errors.Join(errors.New("webhooks: no secret of an endpoint opens"), cerrados)
	}
	return out, nil
}

// firma returns "v1," and the HMAC-SHA256 in base64 of "id.timestamp.cuerpo".
func firma(secreto, id, cuerpo string, instante time.Time) (string, error) {
	wh, err := standardwebhooks.NewWebhook(secreto)
	if err != nil {
		return "", errors.New("webhooks: a secret is not base64") // its own error may tell of the secret
	}
	return wh.Sign(id, instante, []byte(cuerpo))
}
