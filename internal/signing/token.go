package signing

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// renewBefore is the least time that a cached token must have left: a slow call must
// reach the SAT before it expires.
const renewBefore = 60 * time.Second

// Token is an access token and its life on our own clock.
type Token struct {
	Value            string
	Created, Expires time.Time
}

// TokenKey identifies a token. Each family refuses the other's tokens (sat.md §2), and a
// new e.firma (a new Serial) needs a new token.
type TokenKey struct{ Servicio, RFC, Serial string }

// Tokens caches one token per key and renews it a minute before it expires. Concurrent
// callers share one fetch. The zero value is not usable; see NewTokens.
type Tokens struct {
	now    func() time.Time
	mu     sync.Mutex
	tokens map[TokenKey]Token
	flight singleflight.Group
}

// NewTokens returns an empty cache on the given clock.
func NewTokens(now func() time.Time) *Tokens {
	return &Tokens{now: now, tokens: make(map[TokenKey]Token)}
}

// Get returns the key's token and fetches one if none has enough time left. Concurrent
// callers share the fetch, which goes on if the caller that started it leaves. If an
// early renewal fails, the old token is used until it expires.
func (t *Tokens) Get(ctx context.Context, key TokenKey, fetch func(context.Context) (Token, error)) (Token, error) {
	token, left := t.cached(key)
	if left > renewBefore {
		return token, nil
	}
	flight := t.flight.DoChan(key.Servicio+"|"+key.RFC+"|"+key.Serial, func() (_ any, err error) {
		// singleflight would end the process with it.
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("signing: panic in a token's fetch: %T", r)
			}
		}()
		// A fetch that ended between the look above and this one has done the work.
		if token, left := t.cached(key); left > renewBefore {
			return token, nil
		}
		token, err := fetch(context.WithoutCancel(ctx))
		if err != nil {
			return Token{}, err
		}
		t.mu.Lock()
		t.tokens[key] = token
		t.mu.Unlock()
		return token, nil
	})
	select {
	case <-ctx.Done():
		return Token{}, ctx.Err()
	case result := <-flight:
		if token, ok := result.Val.(Token); ok && result.Err == nil {
			return token, nil
		}
		if token, left := t.cached(key); left > 0 {
			return token, nil
		}
		return Token{}, result.Err
	}
}

// Reject forgets the key's token if it is still value, because the SAT answered 300 to
// it. Callers that were refused with the same token cause one new fetch.
func (t *Tokens) Reject(key TokenKey, value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tokens[key].Value == value {
		delete(t.tokens, key)
	}
}

// cached returns the key's token and the time that it has left. It has none left if it
// was made in the future: the clock has been set back since.
func (t *Tokens) cached(key TokenKey) (Token, time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	token, ok := t.tokens[key]
	now := t.now()
	if !ok || now.Before(token.Created) {
		return Token{}, 0
	}
	return token, token.Expires.Sub(now)
}
