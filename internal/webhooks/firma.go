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

// secretBytes is within the specification's 24 to 64 bytes.
const secretBytes = 32

// newSecret returns a new secret in the specification's form.
func newSecret() (string, error) {
	var raw [secretBytes]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return "", fmt.Errorf("webhooks: %w", err)
	}
	return "whsec_" + base64.StdEncoding.EncodeToString(raw[:]), nil
}

// firmas signs a message with every current secret of its endpoint, the newest first.
func (s *Servicio) firmas(ctx context.Context, target, id, body string, instant time.Time) ([]string, error) {
	sealed, err := s.cfg.Targets.Secrets(ctx, target, s.cfg.Clock.Earliest())
	if err != nil {
		return nil, err
	}
	var out []string
	var closed error
	for _, sealedOne := range sealed {
		secret, err := s.cfg.Sello.open(ctx, target, sealedOne)
		if err != nil { // of an earlier key: the endpoint was given another secret since, or nothing signs
			closed = errors.Join(closed, err)
			continue
		}
		firma, err := firma(secret, id, body, instant)
		if err != nil {
			return nil, err
		}
		out = append(out, firma)
	}
	if len(out) == 0 {
		return nil, errors.Join(errors.New("webhooks: no secret of an endpoint opens"), closed)
	}
	return out, nil
}

// firma returns "v1," and the base64 HMAC-SHA256 of "id.timestamp.cuerpo".
func firma(secret, id, body string, instant time.Time) (string, error) {
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return "", errors.New("webhooks: a secret is not base64") // its own error may reveal the secret
	}
	return wh.Sign(id, instant, []byte(body))
}
