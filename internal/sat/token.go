package sat

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/gen/soap/sat/autenticacion"
	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/signing"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
)

var errNoToken = errors.New("sat: AutenticaResult is empty")

// tokenSource gives transport the token of one call.
type tokenSource struct {
	client   *Client
	servicio gateway.Servicio
	cred     *efirma.Credential
}

func (t *tokenSource) Token(ctx context.Context) (string, error) {
	token, err := t.client.token(ctx, t.servicio, t.cred)
	if err != nil {
		// The operation that the token is for has not been sent.
		return "", unsent(failure(&t.client.ops.authenticate, err))
	}
	return token.Value, nil
}

func (t *tokenSource) Reject(token string) {
	t.client.tokens.Reject(tokenKey(t.servicio, t.cred), token)
}

func tokenKey(servicio gateway.Servicio, cred *efirma.Credential) signing.TokenKey {
	return signing.TokenKey{Servicio: string(servicio), RFC: cred.RFC, Serial: cred.Serial}
}

func (c *Client) token(ctx context.Context, servicio gateway.Servicio, cred *efirma.Credential) (signing.Token, error) {
	return c.tokens.Get(ctx, tokenKey(servicio, cred), func(ctx context.Context) (signing.Token, error) {
		token, err := c.fetchToken(ctx, servicio, cred)
		c.cfg.OnToken(servicio, err)
		return token, err
	})
}

// fetchToken calls Authenticate. The token is taken to live five minutes from our
// own instant of asking, or less where the answer's Timestamp says less: the
// JWT inside promises ten, the header five, and the shorter is the safe one
// (sat.md §3).
func (c *Client) fetchToken(ctx context.Context, servicio gateway.Servicio, cred *efirma.Credential) (signing.Token, error) {
	call := &transport.Call{Operation: &c.ops.authenticate, Servicio: string(servicio), RFC: cred.RFC, Credential: cred}
	asked := c.cfg.Now()
	response, err := c.stubs[servicio].authenticate.AutenticaContext(transport.WithCall(ctx, call), &autenticacion.Autentica{})
	if err != nil {
		return signing.Token{}, err
	}
	value := strings.TrimSpace(response.AutenticaResult)
	if value == "" {
		return signing.Token{}, &transport.Error{Class: transport.ClassMalformed, Sent: true, Err: errNoToken}
	}
	life := signing.TimestampWindow
	if told := call.Answer.Expires.Sub(call.Answer.Created); told > 0 && told < life {
		life = told
	}
	return signing.Token{Value: value, Created: asked.UTC().Truncate(time.Second), Expires: asked.Add(life).UTC().Truncate(time.Second)}, nil
}
